"""Frames read one by one, and extracted to disk."""

import json
import os
import re
import shutil
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.data.trees import ODD_NAMES, hmdb51_tree, names, ucf101_tree, write_clip
from videxplain.data.clip import read_clip
from videxplain.data.datasets.extraction import Task, extract
from videxplain.data.datasets.frames import frame_count, prepare, read_video_frames
from videxplain.data.datasets.open import available_splits, open_dataset
from videxplain.data.datasets.prepared import FrameFolder, source_video
from videxplain.data.video import DamagedVideoWarning
from videxplain.errors import VidexplainError

VALUES = [10 * i for i in range(12)]


def values(frames):
    """The one value that each frame is filled with; the sides of a JPEG picture may differ by a step."""
    assert (np.ptp(frames.astype(int), axis=(1, 2, 3)) <= 2).all()
    return frames[:, 12, 16, 1].tolist()


@pytest.fixture(params=["video", "prepared", "pictures"])
def filmed(request, tmp_path):
    """The same twelve frames as a file, as a prepared folder, as a folder of anyone's pictures."""
    video = write_clip(tmp_path / "clip.avi", VALUES)
    folder = tmp_path / "frames"
    if request.param == "prepared":
        extract(Task(video, folder, None))
    elif request.param == "pictures":
        folder.mkdir()
        for index, value in enumerate(VALUES):
            cv2.imwrite(str(folder / f"{index}.png"), np.full((24, 32, 3), value, np.uint8))
    return video if request.param == "video" else folder


@pytest.mark.parametrize(
    "indices", [[0], [11], [3, 4, 5], [9, 2, 2, 0], range(12), np.array([5, 5, 5]), np.minimum(np.arange(9, 25), 11)]
)
def test_frames_come_in_the_order_asked_for(filmed, indices):
    frames = read_video_frames(filmed, indices)
    assert frames.shape == (len(indices), 24, 32, 3)
    assert frames.dtype == np.uint8
    np.testing.assert_allclose(values(frames), [VALUES[i] for i in indices], atol=1)


def test_frames_are_counted(filmed):
    assert frame_count(filmed) == 12


@pytest.mark.parametrize("indices", [[12], [3, 40]])
def test_a_frame_that_is_not_there_is_one_line(filmed, indices):
    with pytest.raises(VidexplainError, match=rf"{re.escape(str(filmed))}") as raised:
        read_video_frames(filmed, indices)
    assert "\n" not in str(raised.value)
    assert str(indices[-1]) in str(raised.value)


@pytest.mark.parametrize("indices", [[], [-1, 3]])
def test_frames_are_named_by_numbers_from_zero(filmed, indices):
    with pytest.raises(VidexplainError, match="are counted from 0, and at least one is to be read"):
        read_video_frames(filmed, indices)


def test_only_the_frames_asked_for_are_read_from_a_prepared_folder(tmp_path):
    extract(Task(write_clip(tmp_path / "clip.avi", VALUES), tmp_path / "frames", None))
    for index in range(12):
        if index not in (2, 7):
            (tmp_path / f"frames/{index + 1:06d}.jpg").write_bytes(b"not a picture")
    assert values(read_video_frames(tmp_path / "frames", [7, 2])) == pytest.approx([70, 20], abs=1)
    with pytest.raises(VidexplainError, match=r"000004\.jpg is not an image: delete .* and run"):
        read_video_frames(tmp_path / "frames", [3])


def test_only_the_frames_asked_for_are_read_from_a_folder_of_pictures(tmp_path):
    for index in range(12):
        picture = np.full((24, 32, 3), VALUES[index], np.uint8)
        good = index in (0, 2, 7)  # the first one says how large they are
        (tmp_path / f"{index}.png").write_bytes(
            cv2.imencode(".png", picture)[1].tobytes() if good else b"not a picture"
        )
    assert values(read_video_frames(tmp_path, [7, 2])) == [70, 20]


@pytest.mark.filterwarnings("ignore::videxplain.data.video.DamagedVideoWarning")
@pytest.mark.parametrize(("kept", "refused"), [(0.5, True), (0.95, False)])
def test_a_video_that_lacks_more_than_a_tenth_is_damaged(tmp_path, noise, write_video, kept, refused):
    path = write_video("clip.mp4", noise, codec="mpeg4", pix_fmt="yuv420p", options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: round(kept * len(data))])
    if refused:
        with pytest.raises(VidexplainError, match=r"clip\.mp4 is damaged: it declares 96 frames, [345]\d decode"):
            frame_count(path)
    else:
        assert 87 <= frame_count(path) < 96


def listing(root: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and the time of its last change."""
    found = ((path, path.stat()) for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): (state.st_size, state.st_mtime_ns) for path, state in found}


def open_all(root):
    dataset = open_dataset(root)
    return dataset, [open_dataset(root, split=s) for s in available_splits(dataset)[1:]]


def prepare_all(root, out, **options):
    first, more = open_all(root)
    return prepare(first, out, more_splits=more, **options)


def test_frames_are_jpeg_of_quality_95(tmp_path):
    rng = np.random.default_rng(0)
    frames = cv2.GaussianBlur(rng.integers(0, 256, (24, 32, 3)).astype(np.uint8), (0, 0), 2)
    (tmp_path / "clip").mkdir()
    cv2.imwrite(str(tmp_path / "clip/0.png"), frames)
    extract(Task(tmp_path / "clip", tmp_path / "out", None))
    expected = cv2.imencode(".jpg", frames, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    assert (tmp_path / "out/000001.jpg").read_bytes() == expected


@pytest.mark.parametrize("workers", [1, 2])
def test_prepared_frames_open_as_the_dataset_they_are_of(tmp_path, workers):
    root, out = ucf101_tree(tmp_path / "data"), tmp_path / "new/frames"
    steps = []
    report = prepare_all(root, out, workers=workers, progress=lambda *step: steps.append(step))
    assert (report.extracted, report.kept, report.frames, report.skipped) == (24, 0, 96, ())
    assert steps == [(i, 24) for i in range(1, 25)]
    for split in (1, 2, 3):
        raw, ready = open_dataset(root, split=split), open_dataset(out, split=split)
        assert (ready.name, ready.layout) == ("data", "ucf101")
        assert (ready.labels, ready.split, ready.missing) == (raw.labels, split, ())
        for before, after in ((raw.train, ready.train), (raw.test, ready.test)):
            assert [f"{name}.avi" for name in names(after)] == names(before)
            assert [(v.label, v.group) for v in after] == [(v.label, v.group) for v in before]
    assert available_splits(open_dataset(out)) == (1, 2, 3)
    video = open_dataset(out).test[0]
    assert video.path == out / "Kick/v_Kick_g00_c01"
    assert sorted(p.name for p in video.path.iterdir()) == [*(f"00000{i}.jpg" for i in (1, 2, 3, 4)), "frames.json"]
    assert values(read_video_frames(video.path, range(4))) == pytest.approx([0, 20, 40, 60], abs=1)
    assert source_video(video.path) == root / "UCF-101/Kick/v_Kick_g00_c01.avi"
    found = FrameFolder.read(video.path)
    assert (found.frames, found.fps, found.size, found.height) == (4, 25.0, (24, 32), None)


def test_hmdb51_with_odd_names_is_prepared(tmp_path):
    root, out = hmdb51_tree(tmp_path / "data"), tmp_path / "frames"
    prepare_all(root, out)
    assert {path.name for path in (out / "brush_hair").iterdir()} == {Path(name).stem for name in ODD_NAMES}
    for split in (1, 2, 3):
        raw, ready = open_dataset(root, split=split), open_dataset(out, split=split)
        for part in ("train", "test", "unused"):
            found = [(f"{v.path.name}.avi", v.label, v.group) for v in getattr(ready, part)]
            assert sorted(found) == sorted((v.path.name, v.label, v.group) for v in getattr(raw, part))
        for video in (*ready.train, *ready.test):
            assert frame_count(video.path) == 2
            assert values(read_video_frames(video.path, [0, 1])) == pytest.approx([0, 100], abs=1)


def test_one_split_alone_is_prepared(tmp_path):
    root, out = hmdb51_tree(tmp_path / "data"), tmp_path / "frames"
    dataset = open_dataset(root, split=2)
    prepare(dataset, out)
    assert len(list(out.rglob("frames.json"))) == len(dataset.train) + len(dataset.test) < 10
    assert names(open_dataset(out, split=2).train) == [name.removesuffix(".avi") for name in names(dataset.train)]
    with pytest.raises(VidexplainError, match=r"frames was prepared for split 2, not for split 1"):
        open_dataset(out)


@pytest.mark.parametrize(("height", "size"), [(12, (12, 16)), (9, (9, 12)), (24, (24, 32)), (48, (24, 32))])
def test_frames_shrink_to_a_height_and_never_grow(tmp_path, height, size):
    (tmp_path / "clip").mkdir()
    grey = np.random.default_rng(0).integers(0, 256, (24, 32)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "clip/0.png"), grey)
    extract(Task(tmp_path / "clip", tmp_path / "out", height))
    frames = read_video_frames(tmp_path / "out", [0])
    assert frames.shape == (1, *size, 3)
    assert FrameFolder.read(tmp_path / "out").size == size
    if height == 12:  # the means of areas of 2 x 2, and a little that JPEG loses
        areas = grey.reshape(12, 2, 16, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(frames[0, ..., 1], areas, atol=9)


def test_what_is_complete_is_kept(tmp_path):
    root, out = ucf101_tree(tmp_path / "data"), tmp_path / "frames"
    prepare_all(root, out)
    before = listing(out)
    report = prepare_all(root, out)
    assert (report.extracted, report.kept, report.frames) == (0, 24, 96)
    after = listing(out)
    assert {name for name in after if after[name] != before.get(name)} == {"index.json"}


def test_a_job_that_was_stopped_goes_on(tmp_path):
    root, out = ucf101_tree(tmp_path / "data"), tmp_path / "frames"

    def stop(done, total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_all(root, out, progress=stop)
    assert not (out / "index.json").exists()
    with pytest.raises(
        VidexplainError, match="is of frames that were not prepared to the end: run 'videxplain prepare' again"
    ):
        open_dataset(out)
    report = prepare_all(root, out)
    assert (report.extracted, report.kept) == (17, 7)
    assert len(open_dataset(out).train) == 16


@pytest.mark.parametrize("full", ["picture", "record"])
def test_a_full_disk_is_no_damage_of_a_video(tmp_path, monkeypatch, full):
    root, out = ucf101_tree(tmp_path / "data"), tmp_path / "frames"
    write = Path.write_bytes
    done = []

    def limited(path, data):
        if path.parent.parent.parent == out and path.suffix == (".jpg" if full == "picture" else ".json"):
            done.append(path.parent)
            if len(done) > 5:
                raise OSError(ENOSPC, os.strerror(ENOSPC))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", limited)
    with pytest.raises(VidexplainError, match=r"^cannot (read or )?write \S+: No space left on device$"):
        prepare_all(root, out)
    assert not (out / "index.json").exists()
    assert not [path for path in out.rglob("*") if path.name.startswith(".videxplain-")]
    if full == "picture":
        assert not done[-1].exists()
    monkeypatch.undo()
    assert prepare_all(root, out).frames == 96
    assert len(open_dataset(out).train) == 16


def test_frames_of_two_heights_are_never_opened_together(tmp_path):
    root, out = ucf101_tree(tmp_path / "data"), tmp_path / "frames"
    prepare_all(root, out)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_all(root, out, height=12, progress=stop)
    with pytest.raises(VidexplainError, match="not prepared to the end"):
        open_dataset(out)
    assert prepare_all(root, out, height=12).kept == 1
    assert {read_video_frames(v.path, [0]).shape for v in open_dataset(out).train} == {(1, 12, 16, 3)}


@pytest.mark.parametrize("stopped", [0, 1, 2])
def test_one_split_of_a_prepared_folder_never_costs_the_others(tmp_path, stopped):
    root, out = ucf101_tree(tmp_path / "data"), tmp_path / "frames"
    prepare_all(root, out)

    def stop(done, total):
        raise KeyboardInterrupt

    for _ in range(stopped):
        with pytest.raises(KeyboardInterrupt):
            prepare(open_dataset(root, split=2), out, height=12, progress=stop)
        assert not (out / "index.json").exists()
    prepare(open_dataset(root, split=2), out, height=12)
    assert sorted(path.name for path in out.iterdir()) == ["Archery", "Kick", "index.json"]
    for split in (1, 2, 3):
        raw, ready = open_dataset(root, split=split), open_dataset(out, split=split)
        assert [f"{name}.avi" for name in names(ready.test)] == names(raw.test)
        # All of one height, which is that of the last call.
        assert {read_video_frames(v.path, [0]).shape for v in ready.test} == {(1, 12, 16, 3)}


def test_a_split_that_would_be_lost_is_named(tmp_path):
    root, out = ucf101_tree(tmp_path / "data", groups=3), tmp_path / "frames"
    prepare_all(root, out)
    before = listing(out)
    (root / "ucfTrainTestlist/trainlist03.txt").unlink()
    with pytest.raises(VidexplainError) as raised:
        prepare(open_dataset(root), out)
    gone = f"no such file: {root}/ucfTrainTestlist/trainlist03.txt"
    assert str(raised.value) == f"{out} would lose split 3, name another folder: {gone}"
    assert listing(out) == before


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "000002.jpg").unlink(),
        lambda folder: cut_short(folder / "000003.jpg"),
        lambda folder: shutil.copy(folder / "000001.jpg", folder / "000005.jpg"),
        lambda folder: (folder / "frames.json").unlink(),
        lambda folder: (folder / "frames.json").write_text("{"),
        lambda folder: (folder / "frames.json").write_text("{}"),
        lambda folder: shutil.rmtree(folder),
    ],
    ids=[
        "a frame is gone",
        "a frame is cut short",
        "a frame too many",
        "no index",
        "half an index",
        "empty index",
        "gone",
    ],
)
def test_what_is_damaged_is_done_again(tmp_path, harm):
    root, out = ucf101_tree(tmp_path / "data", groups=3), tmp_path / "frames"
    prepare_all(root, out)
    before = listing(out)
    folder = out / "Kick/v_Kick_g01_c02"
    harm(folder)
    report = prepare_all(root, out)
    assert (report.extracted, report.kept) == (1, 11)
    after = listing(out)
    assert before.keys() == after.keys()
    changed = {name.rpartition("/")[0] for name in after if after[name] != before[name]}
    assert changed == {"Kick/v_Kick_g01_c02", ""}
    assert values(read_video_frames(folder, range(4))) == pytest.approx([0, 20, 40, 60], abs=1)


def test_another_video_or_another_height_is_done_again(tmp_path):
    root, out = ucf101_tree(tmp_path / "data", groups=3), tmp_path / "frames"
    prepare_all(root, out)
    write_clip(root / "UCF-101/Kick/v_Kick_g01_c02.avi", [200, 100])
    assert prepare_all(root, out).extracted == 1
    assert values(read_video_frames(out / "Kick/v_Kick_g01_c02", [0, 1])) == pytest.approx([200, 100], abs=1)
    assert frame_count(out / "Kick/v_Kick_g01_c02") == 2
    assert len(list((out / "Kick/v_Kick_g01_c02").glob("*.jpg"))) == 2
    assert prepare_all(root, out, height=12).extracted == 12
    assert read_video_frames(out / "Kick/v_Kick_g01_c02", [0]).shape == (1, 12, 16, 3)


def test_a_dataset_that_was_moved_is_kept_and_found(tmp_path):
    root, out = ucf101_tree(tmp_path / "data", groups=3), tmp_path / "frames"
    prepare_all(root, out)
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.move(root, tmp_path / "elsewhere/data"))
    assert prepare_all(moved, out).kept == 12
    assert source_video(out / "Kick/v_Kick_g01_c02") == moved / "UCF-101/Kick/v_Kick_g01_c02.avi"


def test_missing_and_damaged_videos_are_named_and_skipped(tmp_path):
    root, out = ucf101_tree(tmp_path / "data"), tmp_path / "frames"
    videos = root / "UCF-101/Kick"
    (videos / "v_Kick_g00_c01.avi").unlink()
    (videos / "v_Kick_g01_c01.avi").write_bytes(b"")
    (videos / "v_Kick_g02_c01.avi").write_bytes(b"not a video")
    report = prepare_all(root, out)
    assert (report.extracted, report.kept, report.frames) == (21, 0, 84)
    assert report.skipped == (
        (videos / "v_Kick_g00_c01.avi", "no such file"),
        (videos / "v_Kick_g01_c01.avi", f"{videos}/v_Kick_g01_c01.avi is empty"),
        (videos / "v_Kick_g02_c01.avi", f"{videos}/v_Kick_g02_c01.avi is not a video that can be decoded"),
    )
    dataset = open_dataset(out)
    assert set(dataset.missing) == {out / f"Kick/v_Kick_g0{i}_c01" for i in (0, 1, 2)}
    assert dataset.missing_test == (out / "Kick/v_Kick_g00_c01",)
    assert (len(dataset.train), len(dataset.test)) == (14, 7)
    assert not (out / "Kick/v_Kick_g01_c01").exists()


def test_frames_that_are_gone_are_missing(tmp_path):
    root, out = ucf101_tree(tmp_path / "data"), tmp_path / "frames"
    prepare_all(root, out)
    shutil.rmtree(out / "Archery")
    dataset = open_dataset(out)
    assert len(dataset.missing) == 12
    assert len(dataset.missing_test) == 4
    assert {video.label for video in dataset.train} == {0}


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.unlink(), r"1 video is missing, such as .*v_Kick_g01_c01\.avi"),
        (lambda path: path.write_bytes(b"not a video"), r".*v_Kick_g01_c01\.avi is not a video that can be decoded"),
    ],
)
def test_strict_stops_at_the_first_bad_video(tmp_path, harm, message):
    root = ucf101_tree(tmp_path / "data")
    harm(root / "UCF-101/Kick/v_Kick_g01_c01.avi")
    with pytest.raises(VidexplainError, match=f"^{message}$"):
        prepare_all(root, tmp_path / "frames", strict=True)
    assert not (tmp_path / "frames/index.json").exists()


@pytest.mark.parametrize("changed", [False, True], ids=["never good", "good before"])
def test_strict_leaves_a_good_index_good(tmp_path, changed):
    root, out = ucf101_tree(tmp_path / "data"), tmp_path / "frames"
    bad = root / "UCF-101/Kick/v_Kick_g01_c01.avi"
    if not changed:
        bad.write_bytes(b"not a video")
    assert prepare_all(root, out).frames == (96 if changed else 92)
    bad.write_bytes(b"not a video any more")
    before = listing(out)
    with pytest.raises(VidexplainError, match=r"v_Kick_g01_c01\.avi is not a video"):
        prepare_all(root, out, strict=True)
    assert listing(out) == before
    train = open_dataset(out).train
    assert all(read_video_frames(video.path, [0, 3]).shape[0] == 2 for video in train)
    assert prepare_all(root, out).frames == 92
    assert len(open_dataset(out).missing) == 1


def test_a_dataset_of_nothing_but_damaged_videos_is_refused(tmp_path):
    root = ucf101_tree(tmp_path / "data", groups=3)
    for path in root.rglob("*.avi"):
        path.write_bytes(b"not a video")
    with pytest.raises(
        VidexplainError, match=r"no video of .*data can be decoded; the first: .*_g01_c01\.avi is not a"
    ):
        prepare_all(root, tmp_path / "frames")


def test_videos_of_one_name_get_folders_of_their_own(tmp_path):
    root, out = tmp_path / "data", tmp_path / "frames"
    for index, name in enumerate(("train/a/1.avi", "train/a/1.mkv", "train/a/A.avi", "test/a/1.avi", "test/a/a.avi")):
        write_clip(root / name, [40 * index])
    prepare_all(root, out)
    assert sorted(p.name for p in (out / "a").iterdir()) == ["1", "1.avi", "1.mkv", "A", "a.avi"]
    ready = open_dataset(out)
    read = [values(read_video_frames(video.path, [0]))[0] for video in (*ready.train, *ready.test)]
    assert read == pytest.approx([0, 40, 80, 120, 160], abs=1)


def test_a_folder_that_is_not_for_these_frames_is_refused(tmp_path):
    ucf, hmdb, out = ucf101_tree(tmp_path / "ucf"), hmdb51_tree(tmp_path / "hmdb"), tmp_path / "frames"
    prepare_all(ucf, out)
    content = (out / "index.json").read_bytes()
    for root, place, message in (
        (hmdb, out, f"{out} holds frames of another dataset (ucf); name another folder"),
        (hmdb, hmdb, f"the frames of {hmdb} need a folder of their own"),
        (out, tmp_path / "more", f"{out} holds prepared frames already; name the folder of the videos"),
    ):
        with pytest.raises(VidexplainError, match=f"^{re.escape(message)}$"):
            prepare_all(root, place)
    assert (out / "index.json").read_bytes() == content
    with pytest.raises(VidexplainError, match="holds prepared frames laid out as ucf101, not as hmdb51"):
        open_dataset(out, kind="hmdb51")


def test_an_index_that_cannot_be_read_is_one_line(tmp_path):
    root, out = ucf101_tree(tmp_path / "data", groups=3), tmp_path / "frames"
    prepare_all(root, out)
    content = json.loads((out / "index.json").read_text())
    split = content["splits"]["1"]
    for text, message in (
        ("{", "is damaged: run 'videxplain prepare' again"),
        ("[]", "is damaged: run 'videxplain prepare' again"),
        ("[" * 20_000, "is damaged: run 'videxplain prepare' again"),
        (json.dumps(content | {"splits": []}), "is damaged: run 'videxplain prepare' again"),
        (json.dumps(content | {"splits": {"1": split | {"test": [-1]}}}), "is damaged: run 'videxplain prepare' again"),
        (
            json.dumps(content | {"splits": {"1": split | {"test": [999]}}}),
            "is damaged: run 'videxplain prepare' again",
        ),
        (
            json.dumps(content | {"splits": {"1": split | {"missing": [0.5]}}}),
            "is damaged: run 'videxplain prepare' again",
        ),
        (json.dumps(content | {"labels": []}), "is damaged: run 'videxplain prepare' again"),
        (json.dumps(content | {"format": "another"}), "is not of prepared frames, or of another version of them"),
        (json.dumps(content | {"videos": [{}]}), "is damaged: run 'videxplain prepare' again"),
        (json.dumps({k: v for k, v in content.items() if k != "videos"}), "is damaged: run 'videxplain prepare' again"),
    ):
        (out / "index.json").write_text(text)
        with pytest.raises(VidexplainError, match=f"^{re.escape(str(out / 'index.json'))} {message}$"):
            open_dataset(out)
    assert prepare_all(root, out).kept == 12
    assert json.loads((out / "index.json").read_text()) == content


@pytest.mark.skipif(os.geteuid() == 0, reason="an administrator may write anywhere")
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    root = ucf101_tree(tmp_path / "data", groups=3)
    (tmp_path / "frames").mkdir(mode=0o500)
    with pytest.raises(VidexplainError, match=r"cannot write to .*frames: Permission denied"):
        prepare_all(root, tmp_path / "frames")


def test_a_file_in_the_way_of_a_folder_is_one_line(tmp_path):
    root, out = ucf101_tree(tmp_path / "data", groups=3), tmp_path / "frames"
    out.mkdir()
    (out / "Kick").touch()
    with pytest.raises(VidexplainError, match=r"^cannot read or write .*frames/Kick.*$"):
        prepare_all(root, out)


@pytest.mark.parametrize("height", [0, -3])
def test_a_height_below_one_is_refused(tmp_path, height):
    with pytest.raises(VidexplainError, match=f"the height of frames is at least 1 pixel, not {height}"):
        prepare_all(ucf101_tree(tmp_path / "data", groups=3), tmp_path / "frames", height=height)


def test_prepared_frames_have_the_rate_of_their_video(tmp_path):
    video = write_clip(tmp_path / "clip.avi", VALUES)
    extract(Task(video, tmp_path / "frames", None))
    written = FrameFolder.read(tmp_path / "frames")
    assert written.fps == read_clip(video).fps
    replace(written, fps=12.5).write(tmp_path / "frames")
    clip = read_clip(tmp_path / "frames")
    assert clip.fps == 12.5
    np.testing.assert_array_equal(clip.times, np.arange(12) / 12.5)
    (tmp_path / "frames" / "000005.jpg").unlink()
    with pytest.warns(DamagedVideoWarning, match="declares 12 frames, 11 are there$"):
        read_clip(tmp_path / "frames")


def test_prepared_frames_are_shown_when_those_of_their_video_are(tmp_path, write_video, numbered):
    times = [0, 40, 200, 240, 400, 440, 600, 640]
    video = write_video("phone.mkv", numbered(8), times_ms=times)
    extract(Task(video, tmp_path / "frames", None))
    assert FrameFolder.read(tmp_path / "frames").fps == pytest.approx(7 / 0.64)
    clip = read_clip(tmp_path / "frames", 2, 6)
    np.testing.assert_allclose(clip.times, [0.2, 0.24, 0.4, 0.44])
    assert clip.rate_known
