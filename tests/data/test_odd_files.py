"""Files that are whole but odd, and files whose faults the decoder covers up."""

import struct
import warnings
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from videxplain.data.clip import read_clip
from videxplain.data.datasets.extraction import check_complete
from videxplain.data.stream import FileFrames
from videxplain.data.video import DamagedVideoWarning, VariableRateWarning, VideoReader, read_frames
from videxplain.errors import VidexplainError

RNG = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def flip_bits(path: Path, count: int) -> Path:
    """Flip single bits in the middle of a file, so that its frames are all there and some are wrong."""
    data = bytearray(path.read_bytes())
    for at in RNG.integers(int(0.4 * len(data)), int(0.6 * len(data)), count):
        data[at] ^= 16
    path.write_bytes(data)
    return path


@pytest.fixture
def noise() -> np.ndarray:
    return RNG.integers(0, 256, (20, 48, 64, 3)).astype(np.uint8)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.avi", "mpeg4"), ("a.mkv", "libx264")])
def test_frames_that_the_decoder_fills_in_are_told(write_video, noise, name, codec):
    path = flip_bits(write_video(name, noise, codec=codec, pix_fmt="yuv420p"), 20)
    reader = VideoReader(path)
    with pytest.warns(DamagedVideoWarning) as told:
        count = len(list(reader))
    assert len(told) == 1
    assert 1 <= reader.damaged_frames <= count <= 20
    frames = "a damaged frame" if reader.damaged_frames == 1 else f"{reader.damaged_frames} damaged frames"
    words = f"has {frames}, in which the decoder filled in what is missing"
    assert str(told[0].message).startswith(f"{path} ")
    assert str(told[0].message).endswith(words)


def test_damage_within_a_range_is_told_and_damage_behind_it_is_not(write_video, noise):
    path = flip_bits(write_video("a.mp4", noise, codec="libx264", pix_fmt="yuv420p", options={"g": "2"}), 20)
    list(VideoReader(path, 0, 4))
    with pytest.warns(DamagedVideoWarning, match="damaged frames?, in which"):
        list(VideoReader(path, 4, 14))


def test_a_video_of_which_much_was_filled_in_is_no_training_data(write_video, noise):
    path = flip_bits(write_video("a.mp4", noise, codec="libx264", pix_fmt="yuv420p"), 60)
    reader = VideoReader(path)
    with pytest.warns(DamagedVideoWarning):
        count = reader.count()
    assert reader.damaged_frames > 2
    with pytest.raises(VidexplainError, match=rf"declares 20 frames, {count} decode, \d+ of them only in part$"):
        check_complete(reader, count)


def test_moments_without_a_picture_of_their_own_are_no_damage_of_an_avi(write_video, noise):
    """Capture programs write empty chunks where the picture stays; the header counts them."""
    times = [40 * i for i in range(24) if i % 4 != 3]
    path = write_video("a.avi", noise[: len(times)], codec="mpeg4", pix_fmt="yuv420p", rate=25, times_ms=times)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 23
    with pytest.warns(VariableRateWarning) as told:
        source = FileFrames(path)
    assert len(told) == 1
    assert VideoReader(path).declared_frames == source.num_frames == 18
    np.testing.assert_allclose(source.times * 1000, times)
    data = path.read_bytes()
    path.write_bytes(data[: int(0.6 * len(data))])  # now frames are missing, and the index with them
    with pytest.warns(DamagedVideoWarning, match="declares 23 frames, 1"):
        assert len(read_frames(path)[0]) < 18


def test_files_put_one_after_the_other_have_the_rate_of_each(write_video, numbered):
    """``cat a.ts b.ts``: the times begin anew in the middle."""
    path = write_video("a.ts", numbered(20), codec="mpeg2video", pix_fmt="yuv420p", rate=25, container="mpegts")
    path.write_bytes(2 * path.read_bytes())
    source = FileFrames(path)
    assert (source.num_frames, source.fps) == (40, 25.0)
    np.testing.assert_allclose(source.times, np.arange(40) / 25)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_pauses_of_a_recording_are_in_its_times(write_video, name):
    times = [40 * i + 8000 * (i >= 30) + 5000 * (i >= 70) for i in range(90)]
    frames = np.zeros((90, 32, 32, 3), np.uint8)
    path = write_video(name, frames, codec="libx264", pix_fmt="yuv420p", rate=1000, times_ms=times)
    words = r"has 25 frames/s, and 8\.04 s without a frame after frame 29, the longest of 2 gaps$"
    with pytest.warns(VariableRateWarning, match=words) as told:
        source = FileFrames(path)
    assert len(told) == 1
    np.testing.assert_allclose(source.times * 1000, times, atol=1)
    assert source.fps == pytest.approx(25)


def test_a_clip_whose_last_frames_are_lost_has_no_variable_rate(write_video, numbered):
    """The frames in between were stored behind those that are there."""
    times = [*range(0, 480, 40), 640]
    path = write_video("a.mkv", numbered(len(times)), codec="ffv1", rate=25, times_ms=times)
    np.testing.assert_allclose(FileFrames(path).times, np.arange(len(times)) / 25)


def test_narrow_pixels_of_a_turned_picture_are_flat(write_video):
    """A phone that stores pixels twice as wide as high, and was held upright."""
    picture = RNG.integers(0, 256, (24, 32, 3)).astype(np.uint8)
    path = write_video("a.mov", [picture] * 2, codec="png", pix_fmt="rgb24")
    data = bytearray(path.read_bytes())
    at, one = data.index(b"tkhd") + 44, 1 << 16
    data[at : at + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    data[at + 36 : at + 44] = struct.pack(">2I", 64 * one, 24 * one)  # shown 64 wide, so that a pixel is 2:1
    path.write_bytes(data)
    frames, _ = read_frames(path)
    np.testing.assert_array_equal(frames[0], np.rot90(picture, -1))
    assert VideoReader(path).pixel_aspect == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["", ".", "./", Path()])
def test_an_empty_name_is_not_the_folder_where_one_is(name, tmp_path, monkeypatch):
    for i in range(3):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((16, 16, 3), i, np.uint8))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VidexplainError) as raised:
        read_clip(name)
    said = "the clip has no name, or is '.', the folder where you are: name a file, or a folder of images by its "
    assert str(raised.value) == f"{said}whole path"
    assert read_clip(tmp_path).num_frames == 3
