"""What a dataset is like, in numbers."""

import numpy as np
import pytest

from tests.data.trees import hmdb51_tree, write_clip
from videxplain.data.datasets.frames import prepare
from videxplain.data.datasets.open import open_dataset
from videxplain.data.datasets.summary import summarise
from videxplain.errors import VidexplainError

# class -> (frames, frames per second, (height, width)) of each video; the first three of each are for training
VIDEOS = {
    "jump": [(4, 25, (24, 32)), (6, 25, (24, 32)), (10, 5, (24, 40)), (8, 25, (24, 32))],
    "run": [(2, 10, (24, 32)), (30, 25, (24, 32))],
}


@pytest.fixture
def root(tmp_path):
    for label, videos in VIDEOS.items():
        for index, (frames, fps, size) in enumerate(videos):
            part = "test" if index == len(videos) - 1 else "train"
            values = [8 * i for i in range(frames)]
            write_clip(tmp_path / f"data/{part}/{label}/{index}.avi", values, size=size, fps=fps)
    return tmp_path / "data"


@pytest.mark.parametrize("workers", [1, 2])
def test_videos_are_measured(root, workers):
    steps = []
    summary = summarise(open_dataset(root), workers=workers, progress=lambda *step: steps.append(step))
    assert summary.frames.tolist() == [4, 6, 10, 2, 8, 30]
    np.testing.assert_allclose(summary.seconds, [0.16, 0.24, 2.0, 0.2, 0.32, 1.2])
    assert summary.sizes() == [("32x24", 5), ("40x24", 1)]
    assert summary.rates() == [("25", 4), ("5", 1), ("10", 1)]
    assert summary.per_class(summary.dataset.train).tolist() == [3, 1]
    assert summary.per_class(summary.dataset.test).tolist() == [1, 1]
    assert summary.skipped == ()
    assert steps == [(i, 6) for i in range(1, 7)]


def test_the_numbers_are_written_down(root):
    found = summarise(open_dataset(root)).as_dict()
    assert found == {
        "dataset": "data",
        "layout": "folder",
        "split": 1,
        "classes": 2,
        "videos": 6,
        "clips_per_class": {
            "jump": {"train": 3, "test": 1, "unused": 0},
            "run": {"train": 1, "test": 1, "unused": 0},
        },
        "frames": {"total": 60, "min": 2, "median": 7, "mean": 10, "max": 30},
        "seconds": {"total": 4.12, "min": 0.16, "median": 0.28, "mean": 0.687, "max": 2.0},
        "sizes": {"32x24": 5, "40x24": 1},
        "frame_rates": {"25": 4, "5": 1, "10": 1},
        "skipped": {},
    }


def test_the_sample_of_a_class_is_the_middle_frame_of_its_middle_video(root):
    jump, run = summarise(open_dataset(root)).samples()
    assert jump.shape == (24, 40, 3)
    assert np.unique(jump).tolist() == [8 * 5]  # frame 5 of 10; the third of four videos
    assert np.unique(run).tolist() == [8 * 15]  # frame 15 of 30; the second of two


def test_videos_that_a_split_leaves_out_belong_to_the_dataset(tmp_path):
    summary = summarise(open_dataset(hmdb51_tree(tmp_path)))
    assert len(summary.measured) == 10
    assert {part: sum(count) for part, count in counts(summary).items()} == {"train": 4, "test": 3, "unused": 3}


def counts(summary):
    per_class = summary.as_dict()["clips_per_class"].values()
    return {part: [one[part] for one in per_class] for part in ("train", "test", "unused")}


def test_prepared_frames_give_the_same_numbers(root, tmp_path):
    raw = open_dataset(root)
    prepare(raw, tmp_path / "frames")
    assert summarise(open_dataset(tmp_path / "frames")).as_dict() == summarise(raw).as_dict()


def test_missing_and_damaged_videos_are_named_and_left_out(tmp_path):
    dataset = open_dataset(hmdb51_tree(tmp_path))
    missing, damaged = dataset.train[0].path, dataset.test[0].path
    missing.unlink()
    damaged.write_bytes(b"not a video")
    dataset = open_dataset(tmp_path)
    summary = summarise(dataset)
    assert summary.skipped == (
        (missing, "no such file"),
        (damaged, f"{damaged} is not a video that can be decoded"),
    )
    assert len(summary.measured) == 8
    with pytest.raises(VidexplainError, match="1 video is missing, such as"):
        summarise(dataset, strict=True)


def test_strict_stops_at_a_damaged_video(tmp_path):
    dataset = open_dataset(hmdb51_tree(tmp_path))
    dataset.test[0].path.write_bytes(b"")
    with pytest.raises(VidexplainError, match=r"\.avi is empty$"):
        summarise(dataset, strict=True)


def test_a_class_whose_videos_are_all_damaged_has_no_sample(root):
    for path in root.glob("*/run/*"):
        path.write_bytes(b"")
    jump, run = summarise(open_dataset(root)).samples()
    assert jump is not None
    assert run is None
    for path in root.glob("*/jump/*"):
        path.write_bytes(b"")
    with pytest.raises(VidexplainError, match=r"no video of .*data can be decoded; the first: .*0\.avi is empty"):
        summarise(open_dataset(root))
