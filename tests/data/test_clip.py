from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from videxplain.data.clip import Clip, as_clip, read_clip
from videxplain.data.stream import ClipFrames, FileFrames
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


FRAMES = np.random.default_rng(3).integers(0, 256, (5, 6, 8, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    "value",
    [
        Clip(FRAMES),
        FRAMES,
        list(FRAMES),
        tuple(torch.from_numpy(frame) for frame in FRAMES),
        torch.from_numpy(FRAMES),
        FRAMES.astype(np.int64),
        torch.from_numpy(FRAMES).permute(0, 3, 1, 2),
        FRAMES.astype(np.float32) / 255,
        (torch.from_numpy(FRAMES).double() / 255).requires_grad_(),
        FRAMES / 255,
    ],
    ids=["clip", "array", "list", "tensors", "tensor", "int64", "channels-first", "float32", "gradient", "float64"],
)
def test_whatever_holds_a_clip_becomes_one(value):
    clip = as_clip(value)
    np.testing.assert_array_equal(clip.frames, FRAMES)
    assert clip.frames.dtype == np.uint8


def test_a_path_becomes_a_clip(write_video):
    np.testing.assert_array_equal(as_clip(str(write_video("a.mkv", list(FRAMES)))).frames, FRAMES)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (3, "a clip is a Clip, a path, or frames .* not int"),
        (None, "not NoneType"),
        ([], "an empty list is no clip"),
        ([FRAMES[0], FRAMES[0, :4]], r"different sizes are no clip: \(6, 8, 3\) and \(4, 8, 3\)"),
        (FRAMES[None], r"\(1, 5, 6, 8, 3\) is a batch"),
        (FRAMES.astype(np.float32), "frames of float32 hold 0 to 1, not 0 to 255; .* uint8 for 0 to 255"),
        (FRAMES / 127.5 - 1, "hold 0 to 1, not -1 to 1; give frames as they were before normalising"),
        (FRAMES.astype(int) + 1, "frames of int64 hold 0 to 255, not 1 to 256"),
        (np.full((2, 4, 4, 3), np.nan), "NaN"),
        (FRAMES > 100, "frames are numbers, not bool"),
        (np.moveaxis(FRAMES, 3, 0), r"which axis of \(3, 5, 6, 8\) is colour"),
        (np.zeros((3, 3, 6, 8), np.uint8), r"which axis of \(3, 3, 6, 8\) is colour"),
        (np.zeros((0, 4, 4, 3)), r"not \(0, 4, 4, 3\)"),
        (np.array(["a"]), "frames are numbers"),
    ],
)
def test_what_holds_no_clip_is_refused_in_a_line(value, says):
    with pytest.raises(VidexplainError, match=says) as raised:
        as_clip(value)
    assert "\n" not in str(raised.value)


def test_times_are_those_of_the_indices_unless_given():
    assert Clip(FRAMES, 10.0, np.arange(5, 10)).times.tolist() == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert Clip(FRAMES, 10.0, times=[0, 1, 3, 4, 9]).times.tolist() == [0, 1, 3, 4, 9]
    for times in ([0, 1], [0, 1, 2, 3, np.nan]):
        with pytest.raises(VidexplainError, match="times are one number of seconds for each of 5 frames"):
            Clip(FRAMES, 10.0, times=times)


def test_the_rate_of_images_is_what_somebody_says_or_is_not_known(tmp_path, write_video, numbered):
    folder = tmp_path / "clip"
    folder.mkdir()
    for i, frame in enumerate(numbered(4)):
        cv2.imwrite(str(folder / f"{i}.png"), frame)
    said, unsaid = read_clip(folder, fps=10), as_clip(folder)
    assert (said.fps, said.rate_known, said.times.tolist()) == (10.0, True, [0.0, 0.1, 0.2, 0.3])
    assert (unsaid.fps, unsaid.rate_known) == (25.0, False)
    assert as_clip(str(folder), 5).times.tolist() == [0.0, 0.2, 0.4, 0.6]
    assert as_clip(unsaid, 5).times.tolist() == [0.0, 0.2, 0.4, 0.6]
    frames = np.stack(numbered(3))
    assert [Clip(frames).rate_known, Clip(frames, 25).rate_known, as_clip(frames, 30).rate_known] == [False, True, True]
    assert [FileFrames(folder, fps=2).times[-1], FileFrames(folder).rate_known] == [1.5, False]
    assert [ClipFrames(said).rate_known, ClipFrames(unsaid).rate_known] == [True, False]
    video = write_video("a.mkv", numbered(4), rate=20)
    assert (read_clip(video).rate_known, FileFrames(video).rate_known) == (True, True)
    for refused in (lambda: read_clip(video, fps=10), lambda: as_clip(said, 5)):
        with pytest.raises(VidexplainError, match=r"says its frame rate itself \((20|10) frames/s\): leave fps out$"):
            refused()
    for rate in (0, -1, float("nan"), float("inf"), "ten"):
        with pytest.raises(VidexplainError, match="the frame rate is a positive number, not"):
            read_clip(folder, fps=rate)
