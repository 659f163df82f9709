"""Files that play everywhere: other codecs, interlaced, cut, and with names and titles that are not UTF-8."""

import os
import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.data.trees import write_clip
from videxplain.data.clip import read_clip
from videxplain.data.datasets.frames import prepare
from videxplain.data.datasets.open import open_dataset
from videxplain.data.stream import FileFrames
from videxplain.data.video import (
    DamagedVideoWarning,
    SeveralStreamsWarning,
    UnknownRateWarning,
    VariableRateWarning,
    VideoReader,
    count_frames,
    read_frames,
)
from videxplain.errors import VidexplainError


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def bars(height: int, width: int) -> np.ndarray:
    """Four upright bars: red, green, blue and grey."""
    colours = np.array([(200, 30, 40), (30, 190, 50), (20, 40, 210), (128, 128, 128)], np.uint8)
    return np.repeat(np.repeat(colours[None], height, 0), width // 4, 1)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "size", "options"),
    [
        ("a.mpg", "mpeg2video", "yuv420p", (96, 128), {"flags": "+ilme+ildct"}),
        ("a.mp4", "libx264", "yuv420p", (96, 128), {"flags": "+ilme+ildct", "x264-params": "tff=1"}),
        ("a.mov", "prores_ks", "yuv422p10le", (96, 128), {"flags": "+ildct"}),
        ("a.avi", "dvvideo", "yuv420p", (576, 720), {}),
        ("a.mkv", "libsvtav1", "yuv420p", (96, 128), {"preset": "12"}),
        ("a.mp4", "libsvtav1", "yuv420p10le", (96, 128), {"preset": "12"}),
    ],
)
def test_interlaced_video_and_av1_give_their_pictures(tmp_path, name, codec, pix_fmt, size, options):
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        (stream.height, stream.width), stream.pix_fmt = size, pix_fmt
        stream.bit_rate = 20_000_000
        for _ in range(6):
            picture = av.VideoFrame.from_ndarray(bars(*size), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    frames, fps = read_frames(path)
    assert (frames.shape, fps) == ((6, *size, 3), 25.0)
    for column in range(4):
        middle = (2 * column + 1) * size[1] // 8
        assert np.abs(frames[:, ::7, middle].astype(int) - bars(*size)[0, middle]).max() <= 6


@pytest.mark.parametrize("shown_from", [0, 10, 25])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_frames_that_an_edit_list_hides_are_neither_shown_nor_damage(write_video, numbered, shown_from, b_frames):
    whole = write_video(
        "whole.mp4", numbered(40), codec="libx264", pix_fmt="yuv420p", keyframe_every=100, b_frames=b_frames
    )
    path = cut_without_encoding(whole, shown_from)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 40  # what the container counts
    reader = VideoReader(path)
    assert reader.declared_frames == reader.count() == 40 - shown_from
    found = [int(frame[0, 0, 0]) for frame in reader]
    np.testing.assert_allclose(found, [10 + 5 * i for i in range(shown_from, 40)], atol=3)


def cut_without_encoding(whole: Path, shown_from: int) -> Path:
    """All packets of a file, and an edit list by which it begins ``shown_from`` frames later."""
    path = whole.with_name("cut.mp4")
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        old = source.streams.video[0]
        new = target.add_stream_from_template(old)
        for packet in source.demux(old):
            if packet.dts is not None:
                shift = round(shown_from / 25 / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, new
                target.mux(packet)
    return path


def test_a_cut_video_is_prepared_and_one_that_lacks_frames_is_not(write_video, numbered, tmp_path):
    whole = write_video("whole.mp4", numbered(40), codec="libx264", pix_fmt="yuv420p", keyframe_every=100)
    cut = cut_without_encoding(whole, 25)
    for place in ("train/a/cut.mp4", "test/a/cut.mp4"):
        (tmp_path / "data" / place).parent.mkdir(parents=True)
        (tmp_path / "data" / place).write_bytes(cut.read_bytes())
    with pytest.warns(DamagedVideoWarning, match="declares 30 frames, 2"):
        count_frames(truncated(write_video("b.avi", numbered(30, 64, 64), codec="mpeg4", pix_fmt="yuv420p")))
    report = prepare(open_dataset(tmp_path / "data"), tmp_path / "frames")
    assert (report.extracted, report.frames, report.skipped) == (2, 30, ())


def truncated(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    return path


def test_a_title_that_is_not_utf8_is_no_obstacle(tmp_path):
    path = tmp_path / "titled.avi"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Zürich"
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for _ in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(bars(64, 96), format="rgb24")))
        container.mux(stream.encode())
    data = path.read_bytes()
    assert "Zürich".encode() in data
    path.write_bytes(data.replace("Zürich".encode(), b"Z\xfc\xfcrich"))
    assert count_frames(path) == 4


@pytest.mark.skipif(os.name != "posix", reason="file names are not bytes here")
def test_a_name_that_is_not_utf8_is_only_a_name(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe\xe9.avi"))
    write_clip(tmp_path / "plain.avi", [10, 20]).rename(path)
    assert [int(frame[0, 0, 0]) for frame in VideoReader(path)] == [10, 20]
    path.write_bytes(b"noise")
    with pytest.raises(VidexplainError, match="is not a video"):
        VideoReader(path)


def test_an_address_and_standard_input_are_named_as_they_were_given():
    for given in ("https://example.com/a.mp4", "rtsp://cam/1"):
        with pytest.raises(VidexplainError, match=f"^{given} is an address: download the video and name the file$"):
            read_clip(given)
    with pytest.raises(VidexplainError, match=r"^no such file: -; video is not read from standard input"):
        read_clip("-")


def test_a_folder_of_videos_says_which_it_holds(tmp_path):
    for name in ("one.mp4", "two.AVI", "three.mkv", "four.mov", ".hidden.mp4"):
        (tmp_path / name).touch()
    with pytest.raises(VidexplainError, match=r"is a folder of videos \(four\.mov, one\.mp4, three\.mkv, \.\.\.\)"):
        read_clip(tmp_path)


def test_a_playlist_is_no_video(tmp_path, write_video, numbered):
    write_video("a.ts", numbered(4), codec="mpeg4", pix_fmt="yuv420p", container="mpegts")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(VidexplainError, match=r"list\.m3u8 is not a video that can be decoded"):
        read_clip(tmp_path / "list.m3u8")
    write_video("b.ts", numbered(4, 64, 64), codec="libx264", pix_fmt="yuv420p", container="mpegts")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nb.ts\n#EXT-X-ENDLIST\n")
    (tmp_path / "clip.mp4").write_text("ffconcat version 1.0\nfile b.ts\n")
    for name in ("list.m3u8", "clip.mp4"):
        with pytest.raises(VidexplainError, match=rf"{name} is a playlist, which is not a video .*: name the video$"):
            read_clip(tmp_path / name)


def test_a_bare_stream_has_the_rate_that_its_codec_says_or_none(write_video, numbered):
    frames = numbered(12, 64, 64)
    path = write_video("a.h264", frames, codec="libx264", pix_fmt="yuv420p", container="h264", rate=10)
    clip = read_clip(path)
    assert (clip.num_frames, clip.fps, clip.rate_known) == (12, 10, True)
    np.testing.assert_allclose(clip.times, np.arange(12) / 10)
    path = write_video("a.mjpeg", frames, codec="mjpeg", pix_fmt="yuvj420p", container="mjpeg", rate=10)
    with pytest.warns(UnknownRateWarning, match="declares no frame rate; 25 frames/s are assumed"):
        assert not read_clip(path).rate_known
    np.testing.assert_allclose(read_clip(path, fps=10).times, np.arange(12) / 10)


def test_a_second_video_in_a_file_is_told(tmp_path, numbered):
    path = tmp_path / "dashcam.mkv"
    with av.open(str(path), "w") as output:
        streams = [output.add_stream("ffv1", rate=25) for _ in range(2)]
        for stream, size in zip(streams, (64, 32), strict=True):
            stream.height, stream.width, stream.pix_fmt = size, size, "bgr0"
        for pair in zip(numbered(6, 64, 64), numbered(6, 32, 32), strict=True):
            for stream, frame in zip(streams, pair, strict=True):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        for stream in streams:
            output.mux(stream.encode())
    with pytest.warns(SeveralStreamsWarning, match="has 2 video streams, of which only one is read, of 64x64 pixels$"):
        assert read_clip(path).size == (64, 64)


@pytest.mark.parametrize(
    ("a", "d", "turned"), [(-1, 1, np.s_[:, ::-1]), (1, -1, np.s_[::-1]), (-1, -1, np.s_[::-1, ::-1])]
)
def test_a_mirrored_picture_is_turned_back(write_video, a, d, turned):
    picture = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    path = write_video("a.mov", [picture], codec="png", pix_fmt="rgb24")
    data = bytearray(path.read_bytes())
    at, one = data.index(b"tkhd") + 44, 1 << 16
    data[at : at + 4] = (a * one).to_bytes(4, "big", signed=True)
    data[at + 16 : at + 20] = (d * one).to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    np.testing.assert_array_equal(read_frames(path)[0][0], picture[turned])


def test_pixels_that_are_not_square_are_said_and_frames_stay_as_stored(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(64, 51)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(bars(96, 128), format="rgb24")))
        container.mux(stream.encode())
    reader = VideoReader(path)
    assert (reader.size, reader.pixel_aspect) == ((96, 128), pytest.approx(64 / 51))


def test_a_variable_rate_is_said_once_and_gives_each_frame_its_time(write_video, numbered):
    times = [0, 20, 120, 150, 400, 420, 600, 690, 700, 900]
    path = write_video("a.mkv", numbered(10), codec="libx264", pix_fmt="yuv420p", rate=1000, times_ms=times)
    words = r"a\.mkv has a variable frame rate: 10 frames/s on average, with 10 to 250 ms from frame to frame$"
    with pytest.warns(VariableRateWarning, match=words) as told:
        source = FileFrames(path)
    assert len(told) == 1
    np.testing.assert_allclose(source.times * 1000, times)
    with pytest.warns(VariableRateWarning):
        np.testing.assert_allclose(read_clip(path, 3, 7).times * 1000, times[3:7])


@pytest.mark.parametrize(
    "times",
    [
        [0, 33, 67, 100, 133, 167, 200],  # 30 frames/s in milliseconds
        [0, 40, 80, 200, 240, 280, 320, *range(360, 1400, 40)],  # packets were lost
    ],
)
def test_rounded_times_and_small_gaps_are_no_variable_rate(write_video, numbered, times):
    path = write_video("a.mkv", numbered(len(times)), codec="ffv1", rate=25, times_ms=times)
    source = FileFrames(path)
    np.testing.assert_array_equal(source.times, np.arange(len(times)) / source.fps)


def test_a_cover_picture_is_no_video(tmp_path):
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("mp3", rate=44100)
        picture = container.add_stream("png", rate=1)
        picture.height, picture.width, picture.pix_fmt = 32, 32, "rgb24"
        picture.disposition = av.stream.Disposition.attached_pic
        container.mux(picture.encode(av.VideoFrame.from_ndarray(bars(32, 32), format="rgb24")))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1152 * 2), np.int16), format="s16", layout="stereo")
        silence.sample_rate = 44100
        container.mux(sound.encode(silence))
        container.mux(sound.encode())
    with pytest.raises(VidexplainError, match=r"song\.mp3 has no video stream"):
        VideoReader(path)


def test_the_rate_of_a_file_whose_frames_were_left_out_is_the_mean(write_video, numbered):
    times = [0, 40, 80, 120, 160, 360, 560, 600, 800, 1000]  # declared: 25 frames/s
    path = write_video("a.mkv", numbered(10), codec="ffv1", rate=25, times_ms=times)
    with pytest.warns(VariableRateWarning, match=r"9 frames/s on average, with 40 to 200 ms"):
        source = FileFrames(path)
    assert source.fps == pytest.approx(9)
    with pytest.warns(VariableRateWarning):
        assert read_clip(path).fps == pytest.approx(9)


def animation(path, count=3):
    pictures = [Image.new("RGB", (16, 12), (80 * i, 0, 0)) for i in range(count)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100, lossless=True)
    return path


def test_an_animated_png_is_a_video_and_an_animated_webp_is_refused(tmp_path):
    clip = read_clip(animation(tmp_path / "a.png"))
    assert clip.frames[:, 0, 0, 0].tolist() == [0, 80, 160]
    with pytest.raises(VidexplainError, match=r"a\.webp is an animation in WebP, which cannot be decoded: convert it"):
        read_clip(animation(tmp_path / "a.webp"))
    for still in ("b.png", "b.webp"):
        assert len(read_clip(animation(tmp_path / still, 1))) == 1
