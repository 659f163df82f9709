from pathlib import Path

import cv2
import numpy as np
import pytest

from videxplain.data.clip import Clip, read_clip
from videxplain.errors import VidexplainError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (4, 20, 30, 3)).astype(np.uint8)


def test_a_clip_knows_its_frames_and_is_read_like_a_video():
    clip = Clip(COLOUR, 12.5, [3, 5, 7, 9], "a/b.avi")
    assert (clip.num_frames, len(clip), clip.size, clip.fps, clip.path) == (4, 4, (20, 30), 12.5, Path("a/b.avi"))
    assert clip.indices.tolist() == [3, 5, 7, 9]
    assert clip.indices.dtype == np.int64
    for frame, expected in zip(clip, COLOUR, strict=True):
        np.testing.assert_array_equal(frame, expected)
    assert repr(clip) == "Clip(4 frames of 30x20 at 12.5 fps, 'a/b.avi')"


def test_indices_count_from_zero_when_nothing_else_is_said():
    assert Clip(COLOUR).indices.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("grey", [COLOUR[..., 0], COLOUR[..., :1]], ids=["THW", "THW1"])
def test_grey_is_repeated_to_three_channels(grey):
    np.testing.assert_array_equal(Clip(grey).frames, np.stack([COLOUR[..., 0]] * 3, axis=-1))


def test_alpha_is_dropped():
    clip = Clip(np.concatenate([COLOUR, COLOUR[..., :1]], axis=3))
    np.testing.assert_array_equal(clip.frames, COLOUR)
    assert clip.frames.flags.c_contiguous


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        (COLOUR / np.float32(255), r"uint8 with values 0 to 255, not float32"),
        (COLOUR[0, :, :, 0], r"\(T, H, W, 3\), not \(20, 30\)"),
        (COLOUR[0], r"\(20, 30, 3\) is one image, which is frames\[None\]"),
        (COLOUR[..., :2], r"\(T, H, W, 3\), not \(4, 20, 30, 2\)"),
        (COLOUR[:0], r"\(T, H, W, 3\), not \(0, 20, 30, 3\)"),
    ],
)
def test_what_is_no_stack_of_frames_is_refused(frames, says):
    with pytest.raises(VidexplainError, match=says):
        Clip(frames)


@pytest.mark.parametrize("fps", [0, -25.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(fps):
    with pytest.raises(VidexplainError, match="frame rate is a positive number"):
        Clip(COLOUR, fps)


@pytest.mark.parametrize("indices", [[0, 1], [[0, 1, 2, 3]], [0.0, 0.5, 1.0, 1.5]])
def test_indices_are_one_integer_per_frame(indices):
    with pytest.raises(VidexplainError, match="one integer for each of 4 frames"):
        Clip(COLOUR, indices=indices)


def test_read_clip_remembers_where_the_frames_lay(tmp_path):
    for i in range(12):
        cv2.imwrite(str(tmp_path / f"frame_{i}.png"), np.full((8, 10, 3), 20 * i, np.uint8))
    clip = read_clip(tmp_path, 9, 30)
    assert clip.indices.tolist() == [9, 10, 11]
    assert clip.frames[:, 0, 0, 0].tolist() == [180, 200, 220]
    assert (clip.fps, clip.path, clip.size) == (25.0, tmp_path, (8, 10))
