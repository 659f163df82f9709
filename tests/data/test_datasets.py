"""Which videos are found, what they show, and which are held out."""

import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.data.trees import ODD_NAMES, hmdb51_tree, names, ucf101_tree, write_clip
from videxplain.data.datasets.open import Video, available_splits, open_dataset, split_validation
from videxplain.data.datasets.types import spread_evenly
from videxplain.errors import VidexplainError


@pytest.mark.parametrize("videos", ["UCF-101", ""])
@pytest.mark.parametrize("split", [1, 2, 3])
def test_ucf101_is_divided_by_its_lists(tmp_path, videos, split):
    dataset = open_dataset(ucf101_tree(tmp_path, videos=videos), split=split)
    assert (dataset.layout, dataset.labels, dataset.split) == ("ucf101", ("Kick", "Archery"), split)
    every = [(c, g, k) for c in dataset.labels for g in range(6) for k in (1, 2)]
    held = [f"{c}/v_{c}_g{g:02d}_c{k:02d}.avi" for c, g, k in every if g % 3 == split - 1]
    assert names(dataset.test) == held
    assert names(dataset.train) == [n for c, g, k in every if (n := f"{c}/v_{c}_g{g:02d}_c{k:02d}.avi") not in held]
    for video in (*dataset.train, *dataset.test):
        assert video.path == tmp_path / videos / dataset.labels[video.label] / video.path.name
        assert f"_{video.group}_" in video.path.name
    assert dataset.missing == ()
    assert available_splits(dataset) == (1, 2, 3)


def test_a_ucf101_video_may_spell_its_class_in_another_way(tmp_path):
    # as the published files do: HandstandPushups/v_HandStandPushups_g01_c01.avi
    root = ucf101_tree(tmp_path)
    name = "Kick/v_KiCK_g01_c09.avi"
    shutil.copy(root / "UCF-101/Kick/v_Kick_g01_c01.avi", root / "UCF-101" / name)
    with (root / "ucfTrainTestlist/trainlist01.txt").open("a") as file:
        file.write(f"{name} 1\n")
    assert open_dataset(root).train[-1] == Video(root / "UCF-101" / name, 0, "g01")


@pytest.mark.parametrize("videos", ["", "hmdb51_org"])
@pytest.mark.parametrize("split", [1, 2, 3])
def test_hmdb51_is_divided_by_its_lists_whatever_the_names(tmp_path, videos, split):
    dataset = open_dataset(hmdb51_tree(tmp_path, videos=videos), split=split)
    assert (dataset.layout, dataset.labels) == ("hmdb51", ("brush_hair", "wave"))
    uses = {name: (use + split - 1) % 3 for name, use in ODD_NAMES.items()}
    parts = {0: dataset.unused, 1: dataset.train, 2: dataset.test}
    for use, part in parts.items():
        found = [video for video in part if video.label == 0]
        assert [video.path.name for video in found] == [name for name, value in uses.items() if value == use]
        assert all(video.path.is_file() for video in found)
    groups = {video.path.name: video.group for part in parts.values() for video in part}
    assert [groups[name] for name in ODD_NAMES] == [
        *["#20_Rhythm"] * 2,
        "Veoh;Alpha&Dog_1",
        "winKen!_(1)",
        "two words",
        "50%_'quoted'",
    ]


def test_missing_files_are_named_and_left_out(tmp_path):
    root = ucf101_tree(tmp_path)
    gone = [root / "UCF-101/Kick" / name for name in ("v_Kick_g01_c02.avi", "v_Kick_g00_c01.avi")]
    for path in gone:
        path.unlink()
    dataset = open_dataset(root)
    assert dataset.missing == tuple(gone)
    assert len(dataset.train) == 16 - 1
    assert len(dataset.test) == 8 - 1
    with pytest.raises(VidexplainError, match=re.escape(f"2 videos are missing, such as {gone[0]}")):
        dataset.refuse_missing()


def test_an_hmdb51_video_that_no_split_uses_is_not_missed(tmp_path):
    root = hmdb51_tree(tmp_path)
    unused = open_dataset(root).unused[0]
    unused.path.unlink()
    assert open_dataset(root).missing == ()
    assert open_dataset(root, split=2).missing == (unused.path,)


def test_a_folder_with_train_and_test_is_taken_as_it_is(tmp_path):
    for name in ("train/a/1.avi", "train/b/1.avi", "train/b/2.AVI", "test/a/1.avi", "test/c/9.avi"):
        write_clip(tmp_path / name, [0])
    dataset = open_dataset(tmp_path)
    assert (dataset.layout, dataset.labels) == ("folder", ("a", "b", "c"))
    assert [(v.path.relative_to(tmp_path).as_posix(), v.label) for v in dataset.train] == [
        ("train/a/1.avi", 0),
        ("train/b/1.avi", 1),
        ("train/b/2.AVI", 1),
    ]
    assert [(v.path.relative_to(tmp_path).as_posix(), v.label) for v in dataset.test] == [
        ("test/a/1.avi", 0),
        ("test/c/9.avi", 2),
    ]
    assert available_splits(dataset) == (1,)


def test_a_folder_of_classes_holds_out_a_fifth_of_every_class_by_group(tmp_path):
    for label in ("a", "b"):
        for group in range(10):
            for clip in range(2):
                path = tmp_path / label / f"film{group}_{label}_x_{clip}.avi"
                path.parent.mkdir(exist_ok=True)
                path.touch()
    drawn = [open_dataset(tmp_path, split=split) for split in (1, 2, 3)]
    for dataset in drawn:
        assert Counter(video.label for video in dataset.test) == {0: 4, 1: 4}
        assert Counter(video.label for video in dataset.train) == {0: 16, 1: 16}
        assert {v.group for v in dataset.train} & {v.group for v in dataset.test} == set()
    assert len({dataset.test for dataset in drawn}) == 3
    assert open_dataset(tmp_path, split=2) == drawn[1]


def test_classes_of_hmdb51_are_in_the_order_of_their_names(tmp_path):
    # A class whose name begins another's: sorted with "_test_split1.txt" behind them, the first two would swap.
    classes = ("kick", "kick_ball", "kiss")
    root = hmdb51_tree(tmp_path, {label: {f"a_{label}_0.avi": 1, f"b_{label}_1.avi": 2} for label in classes})
    dataset = open_dataset(root)
    assert dataset.labels == classes
    assert [(video.label, video.path.name) for video in dataset.test] == [
        (0, "b_kick_1.avi"),
        (1, "b_kick_ball_1.avi"),
        (2, "b_kiss_1.avi"),
    ]


def test_only_videos_count_in_a_folder(tmp_path):
    for index in range(2):
        write_clip(tmp_path / f"a/{index}.avi", [0])
        write_clip(tmp_path / f"b#;&! (1)/{index} ;#.avi", [0])
    for other in ("a/readme.txt", "a/.hidden.avi", ".git/1.avi", "masks/1.npz", "readme.txt"):
        (tmp_path / other).parent.mkdir(exist_ok=True)
        (tmp_path / other).touch()
    for folder, file in (("a/frames", "1.png"), ("a/nothing", "1.txt")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).touch()
    dataset = open_dataset(tmp_path)
    assert dataset.labels == ("a", "b#;&! (1)")
    assert sorted(names((*dataset.train, *dataset.test))) == [
        *("a/0.avi", "a/1.avi", "a/frames"),
        *("b#;&! (1)/0 ;#.avi", "b#;&! (1)/1 ;#.avi"),
    ]


def test_the_same_name_in_two_classes_makes_no_group(tmp_path):
    for label in ("a", "b"):
        for index in range(2):
            write_clip(tmp_path / label / f"{index}.avi", [0])
    dataset = open_dataset(tmp_path)
    assert {video.group for video in (*dataset.train, *dataset.test)} == {"a/0.avi", "a/1.avi", "b/0.avi", "b/1.avi"}


def spoil(root: Path, file: str, text: str | None) -> None:
    path = root / "ucfTrainTestlist" / file
    path.unlink()
    if text is not None:
        path.write_text(text)


@pytest.mark.parametrize(
    ("options", "spoiled", "message"),
    [
        ({"split": 4}, (), "a dataset has splits 1, 2 and 3, not 4"),
        ({"kind": "ucf"}, (), "unknown kind of dataset 'ucf'; did you mean ucf101?"),
        (
            {"kind": "kinetics"},
            (),
            "unknown kind of dataset 'kinetics'; known: auto, ucf101, hmdb51, actionfigures, folder",
        ),
        ({"kind": "hmdb51"}, (), "{root} is not laid out as HMDB51: it has no folder testTrainMulti_7030_splits"),
        (
            {"kind": "actionfigures"},
            (),
            "{root} was not written by videxplain synthesize: it has no actionfigures.json",
        ),
        ({}, ("trainlist01.txt", None), "no such file: {root}/ucfTrainTestlist/trainlist01.txt"),
        ({}, ("trainlist01.txt", "\n \n"), "split 1 of {root} has no train videos"),
        ({}, ("testlist01.txt", ""), "split 1 of {root} has no test videos"),
        (
            {},
            ("trainlist01.txt", "Kick/v_Kick_g77_c01.avi 1\nKick/v_Kick_g78_c01.avi 1\n"),
            "split 1 of {root} has no train videos: 2 that it names are missing, "
            "such as {root}/UCF-101/Kick/v_Kick_g77_c01.avi",
        ),
        (
            {},
            ("trainlist01.txt", "\nPunch/v_Punch_g01_c01.avi 1\n"),
            "{root}/ucfTrainTestlist/trainlist01.txt, line 2: 'Punch/v_Punch_g01_c01.avi 1' is not <Class>/<video> "
            "with a class of classInd.txt",
        ),
        (
            {},
            ("trainlist01.txt", "../../Kick/v_Kick_g01_c01.avi 1\n"),
            "{root}/ucfTrainTestlist/trainlist01.txt, line 1: '../../Kick/v_Kick_g01_c01.avi 1' is not "
            "<Class>/<video> with a class of classInd.txt",
        ),
        (
            {},
            ("classInd.txt", "1 Kick\n3 Archery\n"),
            "{root}/ucfTrainTestlist/classInd.txt, line 2: '3 Archery' is not '2 <Class>'",
        ),
    ],
)
def test_what_is_wrong_with_ucf101_is_one_line(tmp_path, options, spoiled, message):
    root = ucf101_tree(tmp_path, groups=3, clips=1)
    if spoiled:
        spoil(root, *spoiled)
    with pytest.raises(VidexplainError) as raised:
        open_dataset(root, **options)
    assert str(raised.value) == message.format(root=root)


@pytest.mark.parametrize("line", ["film_wave_1.avi", "film_wave_1.avi 3", "2"])
def test_a_line_of_hmdb51_that_says_nothing_is_named(tmp_path, line):
    path = hmdb51_tree(tmp_path) / "testTrainMulti_7030_splits/wave_test_split1.txt"
    path.write_text(f"\n{line}\n")
    with pytest.raises(VidexplainError) as raised:
        open_dataset(tmp_path)
    assert str(raised.value) == f"{path}, line 2: '{line}' is not <video> 0, 1 or 2"


def test_a_place_without_a_dataset_is_one_line(tmp_path):
    (tmp_path / "empty/a").mkdir(parents=True)
    (tmp_path / "file").touch()
    write_clip(tmp_path / "half/train/a/1.avi", [0])
    write_clip(tmp_path / "one/a/1.avi", [0])
    for name, message in {
        "nowhere": "no such folder: {}",
        "file": "{} is not a folder or a list",
        "empty": "{} holds no dataset: no folders with videos in them (.avi, .mp4, ",
        "half": "{} has a folder train: there should be train and test, or neither",
        "one": "split 1 of {} has no test videos",
    }.items():
        with pytest.raises(VidexplainError) as raised:
            open_dataset(tmp_path / name)
        assert str(raised.value).startswith(message.format(tmp_path / name))
        assert "\n" not in str(raised.value)


def videos(groups: dict[str, tuple[int, ...]]) -> list[Video]:
    """For each group, how many videos it has of each class."""
    return [
        Video(Path(f"{group}-{label}-{i}"), label, group)
        for group, counts in groups.items()
        for label, count in enumerate(counts)
        for i in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("sizes", "held"),
    [
        # The fifth of 10 groups of 3 is 6 videos, which two groups have.
        ([3] * 10, 6),
        # A fifth is 1.4: one is nearer than two. A fifth is 2.6: three are nearer than two.
        ([1] * 7, 1),
        ([1] * 13, 3),
        # A fifth is 2.4. One group of 4 is nearer than none, and one of 4 nearer than two.
        ([4] * 3, 4),
        # A fifth is 1.6 of 8; a group of 4 is further away than none, but one there must be.
        ([4] * 2, 4),
        # A single group stays in training.
        ([5], 0),
    ],
)
def test_about_a_fifth_of_a_class_is_held_out_in_whole_groups(sizes, held, seed):
    given = videos({f"g{i}": (size,) for i, size in enumerate(sizes)})
    train, validation = split_validation(given, seed=seed)
    assert len(validation) == held
    assert {v.group for v in train} & {v.group for v in validation} == set()
    assert sorted((*train, *validation), key=given.index) == given
    assert list(train) == [v for v in given if v in train]
    assert list(validation) == [v for v in given if v in validation]


@pytest.mark.parametrize("seed", range(20))
def test_a_class_without_validation_gets_its_smallest_group_if_no_class_is_lost_by_that(seed):
    # A fifth of class 0 is 2, its groups have 5, 4 and 1; of class 1 there is but one group.
    train, validation = split_validation(videos({"a": (5, 0), "b": (4, 0), "c": (1, 3)}), seed=seed)
    assert {v.label for v in train} == {0, 1}
    assert {v.group for v in validation} == {"b"}


@pytest.mark.parametrize("seed", range(3))
def test_groups_like_those_of_ucf101_leave_four_to_one(seed):
    rng = np.random.default_rng(seed)
    # 18 training groups of 4 to 7 clips in each of 101 classes
    train, validation = split_validation(
        videos({f"g{group:02d}": tuple(rng.integers(4, 8, 101)) for group in range(8, 26)}), seed=seed
    )
    assert 3 / 18 * 0.9 < len(validation) / (len(train) + len(validation)) < 4 / 18 * 1.1
    for label in range(101):
        part = sum(v.label == label for v in validation)
        assert 0.12 < part / (part + sum(v.label == label for v in train)) < 0.28
    assert {v.group for v in train} & {v.group for v in validation} == set()


@pytest.mark.parametrize("seed", range(3))
def test_sources_shared_by_some_classes_leave_four_to_one(seed):
    rng = np.random.default_rng(seed)
    # like HMDB51: 70 clips of each of 51 classes from 400 sources, many of which serve a few classes
    counts = np.zeros((400, 51), int)
    for label in range(51):
        np.add.at(counts[:, label], rng.choice(400, 70), 1)
    _, validation = split_validation(videos({f"s{i}": tuple(row) for i, row in enumerate(counts)}), seed=seed)
    for label in range(51):
        assert sum(v.label == label for v in validation) in range(9, 20)
    assert 0.18 < len(validation) / (51 * 70) < 0.22


def test_drawing_single_videos_is_exact_and_tears_groups_apart():
    given = videos({f"g{i}": (5, 10) for i in range(4)})
    train, validation = split_validation(given, by="random", seed=1)
    assert Counter(v.label for v in validation) == {0: 4, 1: 8}
    assert Counter(v.label for v in train) == {0: 16, 1: 32}
    assert {v.group for v in train} & {v.group for v in validation} != set()
    assert split_validation(given, by="random", seed=1) == (train, validation)
    assert split_validation(given, by="random", seed=2) != (train, validation)


def test_another_way_to_divide_is_refused():
    with pytest.raises(
        VidexplainError, match="unknown way to split off validation videos 'groups'; did you mean group"
    ):
        split_validation([], by="groups")


@pytest.mark.parametrize("tree", [ucf101_tree, hmdb51_tree])
def test_missing_videos_to_test_with_are_told_from_those_to_learn_from(tmp_path, tree):
    root = tree(tmp_path)
    dataset = open_dataset(root)
    learned, tested = dataset.train[0].path, dataset.test[0].path
    for path in (learned, tested):
        path.unlink()
    dataset = open_dataset(root)
    assert set(dataset.missing) == {learned, tested}
    assert dataset.missing_test == (tested,)


@pytest.mark.parametrize(("count", "limit"), [(980, 280), (300, 40), (7, 5), (5, 5), (3, 5), (10, 1)])
def test_a_limit_takes_as_many_videos_as_it_says_spread_over_all(count, limit):
    videos = [Video(Path(f"{number}.mp4"), 0, "") for number in range(count)]
    numbers = [int(video.path.stem) for video in spread_evenly(videos, limit)]
    assert len(numbers) == min(count, limit)
    assert numbers[0] == 0
    gaps = {b - a for a, b in zip(numbers, [*numbers[1:], count], strict=True)}
    assert max(gaps) - min(gaps) <= 1


def test_no_limit_takes_all_videos_and_a_limit_below_one_is_refused():
    videos = [Video(Path("a.mp4"), 0, "")]
    assert spread_evenly(videos, None) == videos
    with pytest.raises(VidexplainError, match="limit is at least 1, not 0"):
        spread_evenly(videos, 0)


def test_a_video_to_learn_from_and_to_test_with_is_refused(tmp_path):
    root = ucf101_tree(tmp_path)
    first = (root / "ucfTrainTestlist" / "trainlist01.txt").read_text().split()[0]
    with (root / "ucfTrainTestlist" / "testlist01.txt").open("a") as file:
        file.write(first + "\n")
    with pytest.raises(VidexplainError, match=rf"^split 1 of {root} has \S+{Path(first).name} in both train and test$"):
        open_dataset(root)
