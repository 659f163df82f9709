import gc
import os
import re
import struct
import subprocess
import sys
import threading
import warnings
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from videxplain.data import video
from videxplain.data.header import Header
from videxplain.data.video import DamagedVideoWarning, VideoReader, count_frames, read_frames
from videxplain.errors import VidexplainError

CLIPS = Path(__file__).parents[2].parent / "shared" / "clips"
RNG = np.random.default_rng(0)
# OpenCV 4 fills a cut JPEG up with grey, and its libpng prints past OpenCV's log.
OPENCV_4 = cv2.__version__.startswith("4.")


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def quadrants(height: int = 48, width: int = 64) -> np.ndarray:
    """Red, green, blue and grey, all different corners, none of them at the limits of the range."""
    frame = np.empty((height, width, 3), np.uint8)
    frame[: height // 2, : width // 2] = (200, 30, 40)
    frame[: height // 2, width // 2 :] = (30, 190, 50)
    frame[height // 2 :, : width // 2] = (20, 40, 210)
    frame[height // 2 :, width // 2 :] = 128
    return frame


def assert_corners(frame: np.ndarray, expected: np.ndarray, tolerance: int) -> None:
    assert frame.shape == expected.shape
    for y in (frame.shape[0] // 4, 3 * frame.shape[0] // 4):
        for x in (frame.shape[1] // 4, 3 * frame.shape[1] // 4):
            np.testing.assert_allclose(frame[y, x].astype(int), expected[y, x].astype(int), atol=tolerance)


def levels(frames) -> list[int]:
    return [int(frame[0, 0, 0]) for frame in frames]


# --- what is read


@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 63), (33, 65), (1, 1), (3, 5)])
def test_a_lossless_file_gives_its_frames_exactly(write_video, height, width):
    frames = RNG.integers(0, 256, (4, height, width, 3)).astype(np.uint8)
    path = write_video("a.mkv", frames)
    read, fps = read_frames(path)
    np.testing.assert_array_equal(read, frames)
    assert read.dtype == np.uint8
    assert fps == 25.0
    assert VideoReader(path).size == (height, width)
    assert count_frames(path) == 4


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "tolerance"),
    [
        ("a.mp4", "libx264", "yuv420p", 4),
        ("a.mp4", "libx264", "yuv420p10le", 4),
        ("a.mkv", "ffv1", "yuv420p10le", 4),
        ("a.avi", "mpeg4", "yuv420p", 6),
        ("a.webm", "libvpx-vp9", "yuv420p", 4),
        ("a.webm", "libvpx-vp9", "yuva420p", 4),
        ("a.mov", "png", "rgba", 0),
        ("a.avi", "rawvideo", "bgr24", 0),
    ],
)
def test_colours_are_rgb_whatever_the_file_holds(write_video, name, codec, pix_fmt, tolerance):
    path = write_video(name, [quadrants()] * 2, codec=codec, pix_fmt=pix_fmt)
    assert_corners(read_frames(path)[0][1], quadrants(), tolerance)


@pytest.mark.parametrize(("codec", "pix_fmt"), [("ffv1", "gray"), ("ffv1", "gray10le"), ("rawvideo", "gray")])
def test_grey_video_becomes_rgb(write_video, codec, pix_fmt):
    grey = quadrants()[..., 1]
    path = write_video("a.mkv", [grey] * 2, codec=codec, pix_fmt=pix_fmt, source="gray")
    frame = read_frames(path)[0][0]
    np.testing.assert_allclose(frame.astype(int), np.stack([grey] * 3, axis=-1).astype(int), atol=1)


@pytest.mark.parametrize(("height", "width"), [(47, 63), (47, 64), (48, 63)])
def test_odd_sizes_of_compressed_video_are_kept(write_video, height, width):
    path = write_video("a.webm", [quadrants(height, width)] * 2, codec="libvpx-vp9", pix_fmt="yuv420p")
    assert_corners(read_frames(path)[0][0], quadrants(height, width), 4)


@pytest.mark.parametrize(
    ("degrees", "matrix"), [(90, (0, 1, -1, 0)), (180, (-1, 0, 0, -1)), (270, (0, -1, 1, 0))], ids=str
)
def test_the_rotation_flag_turns_the_frames(write_video, degrees, matrix):
    path = write_video("phone.mp4", [quadrants()] * 2, codec="libx264", pix_fmt="yuv420p")
    data = bytearray(path.read_bytes())
    at = (
        data.index(b"tkhd") + 44
    )  # where version 0 of the track header keeps its 3x3 matrix, 16.16 and 2.30 fixed point
    one = 1 << 16
    assert struct.unpack(">9i", data[at : at + 36]) == (one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    a, b, c, d = (one * v for v in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    turned = np.rot90(quadrants(), -degrees // 90)  # clockwise
    assert VideoReader(path).size == turned.shape[:2]
    assert_corners(read_frames(path)[0][0], turned, 4)


# --- rate and number


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(25), Fraction(10), Fraction(60)])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_the_rate_is_the_fraction_the_file_declares(write_video, numbered, name, rate):
    path = write_video(name, numbered(12), codec="mpeg4", pix_fmt="yuv420p", rate=rate)
    assert VideoReader(path).fps == pytest.approx(float(rate), rel=1e-6)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_variable_rate_gives_the_mean_rate_and_not_the_tick_of_the_clock(write_video, numbered, name):
    steps = RNG.integers(11, 97, 30)
    path = write_video(
        name, numbered(31), codec="libx264", pix_fmt="yuv420p", rate=1000, times_ms=[0, *np.cumsum(steps).tolist()]
    )
    # 30 steps; mp4 counts 31 frames against the duration, which holds the last frame's time on screen as well
    assert VideoReader(path).fps == pytest.approx(30 / (steps.sum() / 1000), rel=0.04)


def test_lost_packets_are_no_change_of_rate(write_video, numbered):
    # 20 frames at 25 per second, and two seconds missing in the middle
    times = [40 * i + (2000 if i >= 10 else 0) for i in range(20)]
    path = write_video("a.mkv", numbered(20), codec="libx264", pix_fmt="yuv420p", rate=25, times_ms=times)
    assert VideoReader(path).fps == 25.0


def test_frames_stored_out_of_order_come_in_order_and_at_their_rate(write_video, numbered):
    path = write_video("a.mkv", numbered(23), codec="mpeg4", pix_fmt="yuv420p", b_frames=1)
    with av.open(str(path)) as container:
        assert (np.diff([p.pts for p in container.demux(video=0) if p.pts is not None]) < 0).any()
    assert VideoReader(path).fps == 25.0
    np.testing.assert_allclose(levels(VideoReader(path)), [10 + 5 * i for i in range(23)], atol=2)


@pytest.mark.parametrize("fps", [None, 0.0, float("nan"), float("inf")])
def test_a_file_without_a_rate_gets_25_and_a_warning(write_video, numbered, monkeypatch, fps):
    path = write_video("a.mkv", numbered(2))
    monkeypatch.setattr(video, "read_header", lambda path: Header(fps, None, None))
    with pytest.warns(UserWarning, match=r"a\.mkv declares no frame rate; 25 frames/s are assumed"):
        assert VideoReader(path).fps == 25.0


# This FLV file says that it lasts nine frames, since decoding is delayed by two: nothing is missing.
@pytest.mark.parametrize(
    ("name", "declared"), [("a.avi", 7), ("a.mp4", 7), ("a.mkv", None), ("a.ts", None), ("a.flv", None)]
)
def test_only_a_count_of_frames_is_a_declared_number(write_video, numbered, name, declared):
    codec = "libx264" if name == "a.flv" else "mpeg4"
    container = "mpegts" if name == "a.ts" else None
    path = write_video(name, numbered(7), codec=codec, pix_fmt="yuv420p", container=container, b_frames=2)
    reader = VideoReader(path)
    assert reader.declared_frames == declared
    assert reader.count() == count_frames(path) == len(list(reader)) == 7


@pytest.mark.parametrize("name", ["a.avi", "a.mp4", "a.mkv"])
def test_a_file_of_one_frame(write_video, name):
    path = write_video(name, [quadrants()], codec="mpeg4", pix_fmt="yuv420p")
    assert count_frames(path) == 1
    assert_corners(read_frames(path)[0][0], quadrants(), 6)
    with pytest.raises(VidexplainError, match=r"has 1 frame, so there is no frame 1"):
        VideoReader(path, 1)


# --- ranges and passes


@pytest.mark.parametrize(
    ("start", "stop", "frames"),
    [(0, None, range(12)), (3, None, range(3, 12)), (3, 7, range(3, 7)), (11, 12, [11]), (10, 99, [10, 11])],
)
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_range_gives_its_frames_in_order_on_every_pass(write_video, numbered, tmp_path, kind, start, stop, frames):
    if kind == "file":
        path = write_video("a.mkv", numbered(12), codec="libx264", pix_fmt="yuv444p", keyframe_every=12)
    else:
        path = write_images(tmp_path / "clip", {f"{i}.png": f for i, f in enumerate(numbered(12))})
    expected = [10 + 5 * i for i in frames]
    with VideoReader(path, start, stop) as reader:
        for _ in range(2):
            np.testing.assert_allclose(levels(reader), expected, atol=1)
        assert reader.count() == len(expected)
    np.testing.assert_allclose(levels(read_frames(path, start, stop)[0]), expected, atol=1)


def test_passes_do_not_disturb_each_other(write_video, numbered):
    reader = VideoReader(write_video("a.mkv", numbered(6)), 1)
    first, second = iter(reader), iter(reader)
    assert levels([next(first), next(first), next(second), next(first), next(second)]) == [15, 20, 15, 25, 20]


def test_a_pass_can_be_handed_to_another_thread(write_video, numbered):
    frames = iter(VideoReader(write_video("a.mkv", numbered(6)), 2))
    read = [next(frames)]
    thread = threading.Thread(target=lambda: read.extend(frames))
    thread.start()
    thread.join()
    assert levels(read) == [20, 25, 30, 35]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to see open files")
def test_no_file_stays_open(write_video, numbered):
    path = write_video("a.mkv", numbered(6))

    def opened() -> int:
        links = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if fd_exists(fd)]  # noqa: PTH115, PTH208
        return links.count(str(path))

    def fd_exists(fd: str) -> bool:
        return Path(f"/proc/self/fd/{fd}").is_symlink()

    with VideoReader(path) as reader:
        assert opened() == 1
    assert opened() == 0
    frames = iter(reader)
    next(frames)
    assert opened() == 1
    frames.close()
    read_frames(path, 0, 2)
    count_frames(path)
    with pytest.raises(VidexplainError):
        VideoReader(path, 50)
    gc.collect()
    assert opened() == 0


@pytest.mark.parametrize(("start", "stop"), [(-1, None), (-3, -1), (5, 5), (5, 2), (0, 0)])
def test_a_range_that_is_none_is_refused(write_video, numbered, start, stop):
    with pytest.raises(VidexplainError, match=rf"^frames {start}:{'' if stop is None else stop} is not a range"):
        VideoReader(write_video("a.mkv", numbered(6)), start, stop)


@pytest.mark.parametrize("start", [6, 7, 1000])
def test_a_start_beyond_the_end_says_how_many_frames_there_are(write_video, numbered, tmp_path, start):
    images = write_images(tmp_path / "clip", {f"{i}.png": f for i, f in enumerate(numbered(6))})
    for path in (write_video("a.mkv", numbered(6)), images):
        with pytest.raises(VidexplainError, match=rf"has 6 frames, so there is no frame {start}"):
            VideoReader(path, start)


# --- names


@pytest.mark.parametrize(
    "name",
    [
        "frame_%d.avi",
        "%03d.avi",
        "100% real.avi",
        "#437_How_To_Ride_A_Bike_ride_bike_f_cm_np1_ba_med_0.avi",
        "a;b&c!d(e)[f]{g} 'h' \"i\".avi",
        "what?*.avi",
        "x:y.avi",
        "-i.avi",
        "ünïcodé 视频.avi",
        "no_suffix",
        ("n" * 240) + ".avi",
    ],
)
def test_any_file_name_is_only_a_name(write_video, numbered, tmp_path, monkeypatch, name):
    frames = numbered(3)
    for i in range(1, 4):  # what a pattern would match
        cv2.imwrite(str(tmp_path / f"frame_{i}.png"), np.zeros((8, 8, 3), np.uint8))
    path = write_video(name, frames, container="avi")
    monkeypatch.chdir(tmp_path)
    for way in (path, str(path), Path(name)):
        assert levels(read_frames(way)[0]) == [10, 15, 20]
        assert count_frames(way) == 3


@pytest.mark.parametrize("name", ["%d.png", "img_%03d.png", "1.png"])
def test_an_image_is_a_clip_of_one_frame_and_never_a_pattern(tmp_path, name):
    folder = write_images(tmp_path / "clip", {f"{i}.png": np.full((8, 8, 3), 10 * i, np.uint8) for i in (1, 2, 3)})
    write_images(folder, {f"img_{i:03d}.png": np.full((8, 8, 3), 10 * i, np.uint8) for i in (1, 2, 3)})
    write_images(folder, {name: np.full((8, 8, 3), 99, np.uint8)})
    assert levels(read_frames(folder / name)[0]) == [99]


# --- folders of images


def write_images(folder: Path, images: dict[str, np.ndarray]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, image in images.items():
        bgr = image[..., [2, 1, 0, 3][: image.shape[2]]] if image.ndim == 3 else image
        written, data = cv2.imencode(Path(name).suffix, bgr)
        assert written
        (folder / name).write_bytes(data.tobytes())
    return folder


def test_numbered_images_come_in_the_order_of_their_numbers(tmp_path):
    names = ["f²1.png", "f²2.png", "f²10.png", "F²11.png", "f²99.png", "f²0100.png", "f²١٠١.png"]
    images = {name: np.full((4, 4, 3), 10 * i, np.uint8) for i, name in enumerate(names)}
    folder = write_images(tmp_path / "clip", dict(reversed(images.items())))
    (folder / "notes.txt").write_text("not an image")
    (folder / "._frame1.png").write_bytes(b"what another system leaves there")
    with pytest.warns(DamagedVideoWarning, match=r"as their numbers show: after f²2\.png comes f²10\.png$"):
        reader = VideoReader(folder)
    assert levels(reader) == [0, 10, 20, 30, 40, 50, 60]
    assert (reader.fps, reader.size, reader.declared_frames, reader.count()) == (25.0, (4, 4), 7, 7)


def test_images_of_several_clips_in_one_folder_are_not_one_clip(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    names = [f"{name}_{number:05d}.png" for name in ("img", "flow_x", "flow_y") for number in (1, 2, 3)]
    folder = write_images(tmp_path / "clip", dict.fromkeys(names, image))
    with pytest.raises(VidexplainError, match=r"clips \(flow_x_\* and flow_y_\* have the same numbers\)") as error:
        VideoReader(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("thumbnail.png", r"holds numbered images, and thumbnail\.png has no number: remove it, or number it$"),
        ("img_2.jpg", r"holds one frame twice, img_2\.jpg and img_2\.png: remove one of the two$"),
        ("img_02.png", r"holds one number twice, img_02\.png and img_2\.png: remove one of the two$"),
        ("thumb_1.png", r"as their names are of several kinds \(img_\* and thumb_\*\): give all of them one name"),
        (
            "img_2 (1).png",
            r"as their names are of several kinds \(img_\* and img_\* \(\*\)\): give all of them one name",
        ),
        ("img_-1.png", r"as their names are of several kinds \(img_\* and img_-\*\): give all of them one name"),
        ("img_0a.png", r"as their names are of several kinds \(img_\* and img_\*a\): give all of them one name"),
    ],
)
def test_an_image_that_is_no_frame_is_named(tmp_path, other, message):
    names = [*(f"img_{number}.png" for number in range(4)), other]
    folder = write_images(tmp_path / "clip", dict.fromkeys(names, np.zeros((4, 4, 3), np.uint8)))
    with pytest.raises(VidexplainError, match=message):
        VideoReader(folder)


@pytest.mark.parametrize(
    "stems",
    [
        ["0", "0.25", "0.5", "0.75", "1"],  # even steps
        ["t0.033", "t0.066", "t0.1", "t1.05", "t1.2"],  # a zero in front
        ["s1.1", "s1.2", "s1.9", "s1.10", "s1.11", "s2.1"],  # a zero at the end
        ["v1.2.8", "v1.2.9", "v1.2.10"],  # two points
        ["left1", "left2", "right3", "right4"],
    ],
)
def test_points_in_names_are_those_of_fractions_or_between_counters(tmp_path, stems):
    images = {f"{stem}.png": np.full((4, 4, 3), 10 * i, np.uint8) for i, stem in enumerate(stems)}
    assert levels(VideoReader(write_images(tmp_path / "clip", images))) == [10 * i for i in range(len(stems))]


def test_names_that_can_be_put_in_order_in_two_ways_are_refused(tmp_path):
    names = ["f1.png", "f1.5.png", "f1.25.png", "f2.png"]
    folder = write_images(tmp_path / "clip", dict.fromkeys(names, np.zeros((4, 4, 3), np.uint8)))
    message = r"can be put in order in two ways: f1\.5\.png or f1\.25\.png comes first, .* same number of digits$"
    with pytest.raises(VidexplainError, match=message):
        VideoReader(folder)


def test_images_without_numbers_come_in_the_order_of_their_names_and_whole_seconds_first(tmp_path):
    for names in (["a.png", "b.png", "C.png"], ["t_0.png", "t_0.1.png", "t_0.2.png", "t_1.png", "t_1.1.png"]):
        images = {name: np.full((4, 4, 3), 10 * i, np.uint8) for i, name in enumerate(names)}
        folder = write_images(tmp_path / names[0][0], dict(reversed(images.items())))
        assert levels(VideoReader(folder)) == [10 * i for i in range(len(names))]


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"])
def test_every_kind_of_image_is_read_as_rgb(tmp_path, suffix):
    folder = write_images(tmp_path / "clip", {f"0{suffix}": quadrants(), f"1{suffix}": quadrants()})
    frames, fps = read_frames(folder)
    assert fps == 25.0
    lossless = suffix.lower() not in (".jpg", ".jpeg", ".webp")
    assert_corners(frames[1], quadrants(), 0 if lossless else 8)


def test_grey_alpha_and_16_bit_images_become_rgb(tmp_path):
    plain = RNG.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    images = {
        "0.png": plain[..., 0],
        "1.png": np.concatenate([plain, plain[..., :1]], axis=2),
        "2.png": plain.astype(np.uint16) * 256 + 255,
    }
    frames, _ = read_frames(write_images(tmp_path / "clip", images))
    np.testing.assert_array_equal(frames[0], np.stack([plain[..., 0]] * 3, axis=-1))
    np.testing.assert_array_equal(frames[1], plain)
    np.testing.assert_array_equal(frames[2], plain)


def test_numbers_that_leave_some_out_are_told_and_even_steps_are_not(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    for place, stems in enumerate(
        (["a0", "a5", "a10"], ["8_59", "9_00", "9_01"], ["x", "y"], ["left1", "right5", "right6"])
    ):
        write_images(tmp_path / str(place), {f"{stem}.png": image for stem in stems})
        VideoReader(tmp_path / str(place))
    folder = write_images(tmp_path / "gap", {f"a{number}.png": image for number in (1, 2, 5, 6)})
    with pytest.warns(
        DamagedVideoWarning, match=r"has images missing, as their numbers show: after a2\.png comes a5\.png$"
    ):
        VideoReader(folder)


def test_a_file_with_several_pictures_is_no_frame(tmp_path):
    (tmp_path / "clip").mkdir()
    pictures = [Image.fromarray(np.full((8, 8, 3), 50 * i, np.uint8)) for i in range(3)]
    for suffix in ("tif", "webp", "png"):
        path = tmp_path / "clip" / f"0.{suffix}"
        pictures[0].save(path, save_all=True, append_images=pictures[1:])
        with pytest.raises(
            VidexplainError, match=rf"0\.{suffix} holds several pictures, and a frame is one: save each"
        ):
            VideoReader(tmp_path / "clip")
        path.unlink()
    pages = tmp_path / "pages.tif"
    pictures[0].save(pages, save_all=True, append_images=pictures[1:])
    with pytest.raises(VidexplainError, match="holds several pictures"):
        VideoReader(pages)
    pictures[0].save(pages)
    assert VideoReader(pages).count() == 1


def test_images_of_different_sizes_name_both(tmp_path):
    sizes = {"1.png": (8, 10), "2.png": (8, 10), "3.png": (8, 12)}
    folder = write_images(tmp_path / "clip", {name: np.zeros((*size, 3), np.uint8) for name, size in sizes.items()})
    with pytest.raises(VidexplainError, match=r"1\.png is 10x8, .*3\.png is 12x8"):
        read_frames(folder)
    assert len(read_frames(folder, 0, 2)[0]) == 2


@pytest.mark.parametrize(
    "suffix",
    [
        ".png",
        pytest.param(".jpg", marks=pytest.mark.skipif(OPENCV_4, reason="OpenCV 4 fills it up")),
        ".bmp",
        ".tif",
        ".webp",
    ],
)
def test_an_image_cut_short_is_named_and_not_filled_up(tmp_path, suffix):
    noise = RNG.integers(0, 256, (60, 60, 3)).astype(np.uint8)
    folder = write_images(tmp_path / "clip", {f"{i}{suffix}": noise for i in range(3)})
    data = (folder / f"1{suffix}").read_bytes()
    for kept in (len(data) // 2, 0):
        (folder / f"1{suffix}").write_bytes(data[:kept])
        with pytest.raises(VidexplainError, match=rf"1\{suffix} is not an image that can be decoded"):
            read_frames(folder)


def test_an_image_that_went_away_between_passes_is_named(tmp_path, numbered):
    folder = write_images(tmp_path / "clip", {f"{i}.png": f for i, f in enumerate(numbered(3))})
    reader = VideoReader(folder)
    (folder / "1.png").unlink()
    with pytest.raises(VidexplainError, match=r"cannot read .*1\.png: No such file"):
        list(reader)


# --- what is no video


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.mp4", b"", r"empty\.mp4 is empty"),
        ("noise.mp4", RNG.bytes(5000), r"noise\.mp4 is not a video"),
        ("text.mp4", b"hello\n" * 100, r"text\.mp4 is not a video"),
        ("notes.txt", b"hello\n" * 100, r"notes\.txt is not a video"),
        ("film.srt", b"1\n00:00:00,000 --> 00:00:02,000\nhello\n", r"film\.srt has no video stream"),
        ("noise.png", RNG.bytes(5000), r"noise\.png is not an image"),
        ("empty.png", b"", r"empty\.png is not an image"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    for call in (VideoReader, count_frames, read_frames):
        with pytest.raises(VidexplainError, match=says) as caught:
            call(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        output.mux(stream.encode(sound))
    with pytest.raises(VidexplainError, match=r"sound\.wav has no video stream"):
        VideoReader(path)


def test_places_without_a_video_say_what_they_are(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(VidexplainError, match=r"^no such file: .*nowhere\.mp4$"):
        VideoReader(tmp_path / "nowhere.mp4")
    with pytest.raises(VidexplainError, match=r"^no such file: .*nowhere\.png$"):
        VideoReader(tmp_path / "nowhere.png")
    with pytest.raises(VidexplainError, match=r"holds no images \(\.png, \.jpg"):
        VideoReader(tmp_path)
    with pytest.raises(VidexplainError, match=r"neither a file nor a folder"):
        VideoReader("/dev/null")
    with pytest.raises(VidexplainError, match=r"^cannot read n+: "):
        VideoReader("n" * 300)


def test_a_file_that_may_not_be_read_says_so(write_video, numbered, monkeypatch):
    path = write_video("a.mkv", numbered(2))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(VidexplainError, match=r"^cannot read .*a\.mkv: Permission denied$"):
        VideoReader(path)


# --- damage


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def scramble(path: Path, begin: float, end: float) -> Path:
    data = bytearray(path.read_bytes())
    first, last = int(len(data) * begin), int(len(data) * end)
    data[first:last] = np.random.default_rng(1).bytes(last - first)
    path.write_bytes(data)
    return path


@pytest.fixture(params=["a.avi", "a.mp4"])
def counted(request, write_video, noise) -> Path:
    """A file of 96 frames whose container says so, at its beginning."""
    codec, options = ("mpeg4", {}) if request.param == "a.avi" else ("libx264", {"movflags": "faststart"})
    return write_video(request.param, noise, codec=codec, pix_fmt="yuv420p", options=options)


def test_a_whole_file_is_read_without_a_word(counted):
    assert count_frames(counted) == len(read_frames(counted)[0]) == 96


def test_a_file_cut_short_gives_what_decodes_and_both_numbers(counted, noise):
    cut(counted, 0.5)
    with pytest.warns(DamagedVideoWarning) as told:
        frames, _ = read_frames(counted)
    assert 20 < len(frames) < 66
    # The last frame may be there in part.
    words = rf"{re.escape(str(counted))} declares 96 frames, {len(frames)} decode(, and has a damaged frame, .*)?"
    assert [bool(re.fullmatch(words, str(w.message))) for w in told] == [True]
    with pytest.warns(DamagedVideoWarning) as told:
        assert count_frames(counted) == len(frames)
    assert [bool(re.fullmatch(words, str(w.message))) for w in told] == [True]
    # what decodes is the video: an early frame is its own, up to compression
    assert int(np.argmin([np.abs(frames[15].astype(int) - f).mean() for f in noise])) == 15


@pytest.mark.parametrize("left", [1, 7, 19])
def test_a_file_cut_between_two_frames_gives_exactly_those_before(write_video, left):
    frames = RNG.integers(0, 256, (20, 24, 32, 3)).astype(np.uint8)
    path = write_video("a.avi", frames, codec="rawvideo", pix_fmt="bgr24")
    data = path.read_bytes()
    # uncompressed: behind the name of the list, every frame takes eight bytes of head and its pixels
    path.write_bytes(data[: data.index(b"movi") + 4 + left * (8 + 24 * 32 * 3)])
    with pytest.warns(DamagedVideoWarning, match=f"declares 20 frames, {left} decode$"):
        np.testing.assert_array_equal(read_frames(path)[0], frames[:left])


def test_what_lies_behind_the_damage_is_read_too(counted, noise):
    scramble(counted, 0.3, 0.5)
    with pytest.warns(DamagedVideoWarning, match="declares 96 frames"):
        frames, _ = read_frames(counted)
    assert len(frames) > 60
    distance = [np.abs(frames[-1].astype(int) - f).mean() for f in noise]
    assert int(np.argmin(distance)) == 95


def test_damage_at_the_very_beginning_does_not_hide_the_rest(write_video, noise):
    path = write_video("a.mp4", noise, codec="libx264", pix_fmt="yuv420p")
    scramble(path, 0.01, 0.3)
    with pytest.warns(DamagedVideoWarning, match="declares 96 frames"):
        assert len(read_frames(path)[0]) > 40


def test_damage_is_told_once_and_only_when_the_end_is_reached(counted):
    cut(counted, 0.5)
    reader = VideoReader(counted)
    early = list(VideoReader(counted, 0, 20))  # stops before anything is missing: no warning
    assert len(early) == 20
    with pytest.warns(DamagedVideoWarning) as told:
        counts = {len(list(reader)), len(list(reader)), reader.count()}
    assert len(told) == len(counts) == 1


def test_by_default_damage_is_told_once_a_file(counted):
    cut(counted, 0.5)
    script = (
        "import sys; from videxplain.data.video import *\n"
        "count_frames(sys.argv[1]); read_frames(sys.argv[1]); list(VideoReader(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", script, counted], capture_output=True, text=True, check=True)
    assert done.stderr.count("DamagedVideoWarning") == 1
    assert len(done.stderr.splitlines()) == 2  # the warning and its source line: nothing from the decoder


def test_a_container_that_only_knows_its_length_tells_about_a_large_gap(write_video, noise):
    path = write_video("a.mkv", noise, codec="libx264", pix_fmt="yuv420p")
    cut(path, 0.5)
    with pytest.warns(DamagedVideoWarning, match=r"a\.mkv declares about 96 frames, \d\d decode$"):
        frames, _ = read_frames(path)
    assert 30 < len(frames) < 66


def test_a_header_without_a_frame_is_an_error(write_video, noise):
    path = write_video("a.mkv", noise, codec="libx264", pix_fmt="yuv420p")
    cut(path, 0.005)
    for call in (VideoReader, count_frames, read_frames):
        with pytest.raises(VidexplainError, match=r"^no frame of .*a\.mkv can be decoded$"):
            call(path)


def test_a_start_in_the_lost_part_says_how_much_there_is(counted):
    cut(counted, 0.5)
    with pytest.warns(DamagedVideoWarning):
        count = count_frames(counted)
    with (
        pytest.warns(DamagedVideoWarning),
        pytest.raises(VidexplainError, match=rf"has {count} frames, so there is no"),
    ):
        VideoReader(counted, 90)


def test_opencv_itself_keeps_quiet_and_is_left_as_it_was(tmp_path, counted):
    scramble(counted, 0.3, 0.5)
    (tmp_path / "noise.mp4").write_bytes(RNG.bytes(5000))
    (tmp_path / "noise.png").write_bytes(cv2.imencode(".png", RNG.integers(0, 256, (60, 60, 3)))[1].tobytes()[:4000])
    script = (
        "import sys, warnings, cv2; warnings.simplefilter('ignore'); logging = getattr(cv2.utils, 'logging', cv2)\n"
        "level = logging.getLogLevel()\n"
        "from videxplain.data.video import *; from videxplain.errors import VidexplainError\n"
        "for path in sys.argv[1:]:\n"
        "    try: read_frames(path)\n"
        "    except VidexplainError: pass\n"
        "assert logging.getLogLevel() == level"
    )
    arguments = [counted, tmp_path / "noise.mp4", *([] if OPENCV_4 else [tmp_path / "noise.png"])]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


# --- real clips


@pytest.mark.skipif(not CLIPS.is_dir(), reason="the clips are not beside the repository")
@pytest.mark.parametrize(
    ("name", "count", "fps", "size"),
    [
        ("v_ApplyEyeMakeup_g01_c01.avi", 164, 25.0, (240, 320)),
        ("v_BaseballPitch_g01_c01.avi", 107, 30000 / 1001, (240, 320)),
        ("arm_wrestling.mp4", 280, 28.0, (256, 340)),
    ],
)
def test_real_clips_are_what_another_decoder_reads(name, count, fps, size):
    reader = VideoReader(CLIPS / name)
    assert (reader.size, reader.declared_frames) == (size, count)
    assert reader.fps == pytest.approx(fps)
    read = 0
    with av.open(str(CLIPS / name)) as container:
        for frame, other in zip(reader, container.decode(video=0), strict=True):
            if read % 25 == 0:
                # two builds of the same scaler round colours differently; one frame further is ten times as far
                assert np.abs(frame.astype(int) - other.to_ndarray(format="rgb24")).mean() < 1
            read += 1
    assert read == count == reader.count()


@pytest.mark.parametrize("given", [(1.5,), ("3",), (None,), (0, 2.0), (0, "all")])
def test_a_range_of_other_things_than_numbers_is_refused(given, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"anything")
    with pytest.raises(VidexplainError, match=r"a range of frames is two whole numbers, and .* is none"):
        VideoReader(path, *given)
