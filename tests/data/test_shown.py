"""Square pixels, and the seconds at which frames are shown."""

from fractions import Fraction

import av
import numpy as np
import pytest

from videxplain.data.clip import Clip, read_clip
from videxplain.data.shown import ShownFrames, irregular_times, shown_frame, shown_size, source_times
from videxplain.data.stream import ClipFrames, FileFrames
from videxplain.data.video import VideoReader
from videxplain.errors import VidexplainError


@pytest.mark.parametrize(
    ("size", "aspect", "wanted"),
    [
        ((576, 720), 16 / 15, (576, 768)),  # PAL
        ((480, 720), 8 / 9, (540, 720)),  # NTSC: no side becomes smaller
        ((1080, 1440), 4 / 3, (1080, 1920)),  # HDV
        ((96, 128), 64 / 51, (96, 161)),
        ((96, 128), 1.0, (96, 128)),
    ],
)
def test_frames_are_shown_in_square_pixels(size, aspect, wanted):
    assert shown_size(size, aspect) == wanted


def test_a_circle_that_is_stored_narrow_is_shown_round():
    y, x = np.mgrid[0:60, 0:60]
    inside = ((y - 30) / 20) ** 2 + ((x - 30) / 10) ** 2 < 1  # 40 tall, 20 wide
    frame = np.repeat(inside[..., None].astype(np.uint8) * 255, 3, axis=2)
    shown = shown_frame(frame, 2.0)[..., 0] > 127
    assert shown.shape == (60, 120)
    assert shown.any(0).sum() == pytest.approx(shown.any(1).sum(), abs=2)


def test_square_pixels_are_left_alone():
    frame = np.zeros((4, 6, 3), np.uint8)
    assert shown_frame(frame, 1.0) is frame


def written(path, aspect):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        for grey in (20, 120, 220):
            picture = np.full((48, 64, 3), grey, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_file_and_a_clip_know_the_shape_of_their_pixels(tmp_path):
    path = written(tmp_path / "a.mp4", Fraction(3, 2))
    for source in (FileFrames(path), ClipFrames(read_clip(path))):
        assert source.size == (48, 64)
        shown = ShownFrames(source)
        assert shown.size == (48, 96)
        frames = list(shown.frames(1))
        assert [frame.shape for frame in frames] == [(48, 96, 3)] * 2
        assert np.abs(np.mean(frames, (1, 2, 3)) - [120, 220]).max() < 3


def test_a_ratio_that_makes_no_sense_is_taken_for_square(tmp_path):
    assert VideoReader(written(tmp_path / "a.mp4", Fraction(200, 1))).pixel_aspect == 1


@pytest.mark.parametrize("aspect", [0.0, -1.0, float("nan"), float("inf")])
def test_a_clip_refuses_pixels_of_no_shape(aspect):
    with pytest.raises(VidexplainError, match="pixel_aspect is a positive number, not"):
        Clip(np.zeros((1, 4, 4, 3), np.uint8), pixel_aspect=aspect)


def test_times_begin_at_the_first_frame_of_the_source():
    frames = np.zeros((4, 4, 4, 3), np.uint8)
    clip = Clip(frames, times=[2.0, 2.5, 2.6, 4.0])
    np.testing.assert_allclose(source_times(ClipFrames(clip)), [0, 0.5, 0.6, 2.0])
    np.testing.assert_allclose(irregular_times(ClipFrames(clip)), [0, 0.5, 0.6, 2.0])


@pytest.mark.parametrize("times", [None, [1.0, 1.04, 1.08, 1.12], [3.0, 2.0, 1.0, 0.0], [0.0, 0.0, 1.0, 2.0]])
def test_times_that_say_nothing_new_or_do_not_grow_are_left_to_the_frame_rate(times):
    assert irregular_times(ClipFrames(Clip(np.zeros((4, 4, 4, 3), np.uint8), times=times))) is None


def test_every_second_frame_is_shown_twice_as_long():
    clip = Clip(np.zeros((3, 4, 4, 3), np.uint8), fps=10, indices=[4, 6, 8])
    np.testing.assert_allclose(irregular_times(ClipFrames(clip)), [0, 0.2, 0.4])
