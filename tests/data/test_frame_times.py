"""When each frame is shown: what a file says of its times, and what is made of it."""

import warnings
from fractions import Fraction

import av
import numpy as np
import pytest

from videxplain.data.frame_times import frame_times
from videxplain.data.stream import FileFrames
from videxplain.data.video import VariableRateWarning, VideoReader


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize(
    ("stamps", "fps", "expected"),
    [
        ([0, 0, 0, 1, 1, 1, 2, 2, 2], 3, np.arange(9) / 3),  # a clock that is too coarse
        ([0, 1, 2, 2, 9, 10, 19, 20], 1, [0, 1, 2, 5.5, 9, 10, 19, 20]),
        ([0, 1, 5, 6, 11, 11], 1, [0, 1, 5, 6, 11, 13.5]),
        ([*range(0, 40, 2), *range(30)], 1, [*range(0, 40, 2), *range(39, 69)]),  # another file behind the first
        ([0, 5, 6, 12, 11, 14, 19], 1, range(7)),  # the clock goes back in the middle: only the numbers are sure
        ([3, 3, 3], 2, [0, 0.5, 1]),
    ],
)
def test_times_of_clocks_that_stand_still_or_begin_anew(stamps, fps, expected):
    np.testing.assert_allclose(frame_times(stamps, fps), expected, atol=1e-12)


@pytest.mark.parametrize(("start", "stop"), [(0, 2), (0, 10), (4, 10)])
def test_a_range_of_constant_rate_has_that_rate_and_not_the_mean_of_the_file(write_video, numbered, start, stop):
    times = [*range(0, 1000, 100), *range(1000, 2000, 20)]
    path = write_video("a.mp4", numbered(30) * 2, codec="libx264", pix_fmt="yuv420p", rate=1000, times_ms=times)
    source = FileFrames(path, start, stop)
    assert source.fps == pytest.approx(10)
    np.testing.assert_allclose(source.times, np.arange(start, stop) / 10)


def test_lost_frames_add_up(write_video, numbered):
    times = [40 * i for i in range(800) if i % 25]  # 24 of 25 frames
    path = write_video("a.mkv", numbered(40) * 19 + numbered(8), codec="ffv1", rate=25, times_ms=times)
    source = FileFrames(path)
    assert source.fps == pytest.approx(24, rel=2e-3)
    np.testing.assert_allclose(source.times, (np.array(times) - 40) / 1000, atol=0.04)


def test_a_rate_that_changes_a_little_gives_each_frame_its_time(write_video, numbered):
    times = [*range(0, 10_000, 40), *range(10_000, 20_000, 32)]
    path = write_video("a.mkv", (numbered(40) * 15)[: len(times)], codec="ffv1", rate=1000, times_ms=times)
    with pytest.warns(VariableRateWarning, match=r"has 28\.12 frames/s on average, from which frames are up to "):
        source = FileFrames(path)
    np.testing.assert_allclose(source.times * 1000, times)


def test_avi_with_a_frame_at_every_second_moment(write_video, numbered):
    path = write_video(
        "a.avi",
        numbered(40),
        codec="libx264",
        pix_fmt="yuv420p",
        rate=Fraction(50),
        b_frames=2,
        times_ms=range(0, 1600, 40),
    )
    with VideoReader(path) as reader:
        assert (reader.fps, reader.declared_frames) == (25, 40)
        np.testing.assert_array_equal(reader.times(), np.arange(40) / 25)


def test_avi_whose_frames_are_stored_out_of_order_has_the_times_of_its_index(write_video, numbered, tmp_path):
    times = [*range(0, 1000, 100), *range(1000, 2000, 20)]
    looks = {"codec": "libx264", "pix_fmt": "yuv420p", "rate": 50, "b_frames": 2}
    stored = write_video("a.ts", numbered(30) * 2, **looks, container="mpegts", times_ms=times)
    path = tmp_path / "a.avi"
    with av.open(str(stored)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    with pytest.warns(VariableRateWarning):
        source = FileFrames(path)
    # The index says when frames are decoded: here the step of 0.1 s comes once more.
    np.testing.assert_allclose(source.times * 1000, times, atol=101)
    assert source.times[-1] - source.times[11] == pytest.approx(0.96, abs=0.03)


@pytest.mark.parametrize(("sound_seconds", "from_ms"), [(6, 0), (1, 4000)])
def test_sound_that_lasts_longer_and_a_late_start_are_no_damage(tmp_path, numbered, sound_seconds, from_ms):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        video, sound = container.add_stream("ffv1", rate=25), container.add_stream("pcm_s16le", rate=8000)
        (video.height, video.width), video.pix_fmt = (24, 32), "bgr0"
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000 * sound_seconds), np.int16), "s16", "mono")
        silence.sample_rate, silence.pts = 8000, 0
        container.mux([*sound.encode(silence), *sound.encode()])
        for i, frame in enumerate(numbered(20)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = from_ms + 40 * i, Fraction(1, 1000)
            container.mux(video.encode(picture))
        container.mux(video.encode())
    with VideoReader(path) as reader:
        assert reader.count() == 20
