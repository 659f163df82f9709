"""The dataset on disk: UCF101's layout, the evidence beside it, complete or not there."""

import dataclasses
import re

import numpy as np
import pytest

from videxplain.actionfigures import LABELS, read_evidence, render_clip, synthesis, synthesize
from videxplain.data.datasets.open import open_dataset
from videxplain.data.video import read_frames
from videxplain.errors import VidexplainError

SMALL = {"num_frames": 6, "size": (48, 64), "seed": 4}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("figures")
    assert synthesize(root, videos=14 * 8, **SMALL) == 14 * 8
    return root


def test_it_is_laid_out_as_ucf101_and_has_a_name_of_its_own(tree):
    for split, held_out in ((1, {1, 2}), (2, {3, 4}), (3, {5, 6})):
        dataset = open_dataset(tree, split=split)
        assert dataset.name == "actionfigures"
        assert open_dataset(tree, kind="actionfigures", split=split) == dataset
        assert open_dataset(tree, kind="ucf101", split=split) == dataclasses.replace(dataset, layout="ucf101")
        assert dataset.labels == LABELS
        groups = [
            {int(re.search(r"_g(\d\d)_", v.path.name)[1]) for v in part} for part in (dataset.train, dataset.test)
        ]
        assert groups == [set(range(1, 9)) - held_out, held_out]
        assert len(dataset.train) + len(dataset.test) == 14 * 8
        assert all(v.path.parent.name == LABELS[v.label] for v in dataset.test)


def test_names_and_lists_are_those_of_ucf101(tree):
    assert (tree / "UCF-101/SitDown/v_SitDown_g03_c01.avi").is_file()
    lists = tree / "ucfTrainTestlist"
    assert (lists / "classInd.txt").read_text().splitlines()[:2] == ["1 Walk", "2 Run"]
    assert (lists / "trainlist01.txt").read_text().splitlines()[0] == "Walk/v_Walk_g03_c01.avi 1"
    assert (lists / "testlist01.txt").read_text().splitlines()[0] == "Walk/v_Walk_g01_c01.avi"


def test_a_video_is_the_clip_and_its_evidence(tree):
    path = tree / "UCF-101/Throw/v_Throw_g02_c01.avi"
    seed = [4, LABELS.index("Throw"), 2, 1]
    clip = render_clip("Throw", seed=seed, group_seed=[4, 2], num_frames=6, size=(48, 64))
    frames, fps = read_frames(path)
    assert fps == 25
    assert np.abs(frames.astype(int) - clip.frames).mean() < 5
    evidence = read_evidence(path)
    np.testing.assert_array_equal(evidence.limbs, clip.evidence)
    np.testing.assert_array_equal(evidence.people, clip.people)
    np.testing.assert_array_equal(evidence.active, clip.active)
    assert (evidence.camera, evidence.cut) == (clip.camera, clip.cut)


def test_workers_change_nothing_and_what_is_there_is_kept(tree, tmp_path):
    assert synthesize(tmp_path, videos=14, workers=2, **SMALL) == 14
    name = "UCF-101/Jump/v_Jump_g01_c01.avi"
    np.testing.assert_array_equal(read_frames(tmp_path / name)[0], read_frames(tree / name)[0])
    (tmp_path / name).unlink()
    (tmp_path / "evidence/Run/v_Run_g01_c01.npz").unlink()
    seen = []
    assert synthesize(tmp_path, videos=14, **SMALL, progress=lambda done, total: seen.append((done, total))) == 2
    assert seen == [(13, 14), (14, 14)]
    np.testing.assert_array_equal(read_frames(tmp_path / name)[0], read_frames(tree / name)[0])


def test_a_run_that_stops_leaves_nothing_half_written(tmp_path, monkeypatch):
    whole, made = synthesis.write_avi, []

    def stop(path, frames):
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(path)
        whole(path, frames)

    monkeypatch.setattr(synthesis, "write_avi", stop)
    with pytest.raises(KeyboardInterrupt):
        synthesize(tmp_path, videos=14, **SMALL)
    assert sorted(tmp_path.rglob("*.avi")) == sorted(made)
    assert not list(tmp_path.rglob(".videxplain-*"))
    monkeypatch.undo()
    assert synthesize(tmp_path, videos=14, **SMALL) == 11


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"videos": 5}, "14 classes, so at least as many videos"),
        ({"size": (49, 64)}, "even sides, not 64x49"),
        ({"seed": 5}, "holds videos made with seed 4, not 5"),
        ({"num_frames": 7}, "holds videos made with frames 6, not 7"),
    ],
)
def test_what_cannot_be_made(tree, changes, message):
    with pytest.raises(VidexplainError, match=message):
        synthesize(tree, **({"videos": 14} | SMALL | changes))


def test_videos_without_evidence(tmp_path):
    with pytest.raises(VidexplainError, match="videxplain synthesize writes it"):
        read_evidence(tmp_path / "UCF-101/Wave/v_Wave_g01_c01.avi")


@pytest.mark.parametrize("size", [(0, 0), (2, 2), (30, 64), (99998, 64), (64, 10**22)])
def test_a_bad_size_is_refused_before_anything_is_written(tmp_path, size):
    with pytest.raises(VidexplainError, match=r"sides of 32 to 4096 pixels, not 2 of"):
        synthesize(tmp_path / "out", videos=14, num_frames=2, size=size)
    assert list(tmp_path.iterdir()) == []
