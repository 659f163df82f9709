import numpy as np
import pytest
from PIL import Image

from videxplain.errors import VidexplainError
from videxplain.viz.gif import GifWriter
from videxplain.viz.video import save_video


def read(path):
    """All frames, and how long each is shown, in milliseconds."""
    frames, milliseconds = [], []
    with Image.open(path) as image:
        loop = image.info.get("loop")
        for index in range(image.n_frames):
            image.seek(index)
            milliseconds.append(image.info["duration"])
            frames.append(np.asarray(image.convert("RGB")))
    return np.stack(frames), milliseconds, loop


def still(count, height=24, width=32):
    """A colourful scene that stands still but for two squares in opposite corners, whose grey changes."""
    y, x = np.mgrid[0:height, 0:width]
    scene = np.stack([x * 255 // width, y * 255 // height, 255 - x * 255 // width], axis=2).astype(np.uint8)
    for index in range(count):
        frame = scene.copy()
        frame[2:6, 2:6] = frame[-4:-2, -4:-2] = 255 * index // max(count - 1, 1)
        yield frame


@pytest.mark.parametrize(
    ("fps", "count", "kept", "first"),
    [
        (25.0, 50, 25, 80),
        (30000 / 1001, 60, 20, 100),
        (10.0, 12, 12, 100),
        (60.0, 61, 13, 80),
        (5.0, 1, 1, 200),
    ],
)
def test_speed_is_kept_and_the_rate_capped(tmp_path, fps, count, kept, first):
    save_video(tmp_path / "a.gif", still(count), fps)
    frames, milliseconds, loop = read(tmp_path / "a.gif")
    assert len(frames) == kept
    assert loop == 0
    assert milliseconds[0] == pytest.approx(first, abs=10)
    assert sum(milliseconds) == pytest.approx(1000 * count / fps, abs=10)


def test_wide_videos_shrink_to_480(tmp_path):
    save_video(tmp_path / "a.gif", (np.full((101, 960, 3), 90, np.uint8) for _ in range(2)), 10)
    frames, _, _ = read(tmp_path / "a.gif")
    assert frames.shape == (2, 50, 480, 3)
    np.testing.assert_allclose(frames, 90, atol=3)


def test_what_stands_still_does_not_flicker(tmp_path):
    frames_in = np.stack(list(still(12)))
    save_video(tmp_path / "a.gif", frames_in, 10)
    frames, _, _ = read(tmp_path / "a.gif")
    assert np.abs(frames.astype(int) - frames_in).mean() < 8
    # The squares change from black to white; between them the very same pixels come again.
    assert np.ptp(frames[:, 4, 4, 0].astype(int)) > 230
    changed = (frames[1:] != frames[:-1]).any(axis=3)[:, 8:-6, 8:-6].mean()
    assert changed < 0.02


def test_colours_of_the_last_frames_are_in_the_palette(tmp_path):
    frames = [np.full((16, 16, 3), (200, 30, 30), np.uint8)] * 6
    frames += [np.full((16, 16, 3), (20, 60, 220), np.uint8)] * 6
    save_video(tmp_path / "a.gif", frames, 10)
    shown, _, _ = read(tmp_path / "a.gif")
    np.testing.assert_allclose(shown[0, 8, 8], (200, 30, 30), atol=6)
    np.testing.assert_allclose(shown[-1, 8, 8], (20, 60, 220), atol=6)


def test_wrong_frames_are_refused(tmp_path):
    with GifWriter(tmp_path / "a.gif", 10, (4, 6)) as writer:
        writer.write(np.zeros((4, 6, 3), np.uint8))
        with pytest.raises(ValueError, match="expected"):
            writer.write(np.zeros((6, 4, 3), np.uint8))


@pytest.mark.parametrize(("fps", "times"), [(0.001, None), (1.0, [0.0, 1.0, 1001.0])])
def test_a_frame_that_is_shown_for_longer_than_a_gif_can_say_is_refused(tmp_path, fps, times):
    with pytest.raises(VidexplainError, match="for 655 seconds at most, and here one is shown for 1000: take mp4"):
        GifWriter(tmp_path / "a.gif", fps, (24, 32), times=times)
    assert list(tmp_path.iterdir()) == []
    save_video(tmp_path / "b.gif", still(2), 1 / 655)
    assert read(tmp_path / "b.gif")[1] == [655000, 655000]


def test_frames_that_follow_too_fast_are_left_out_where_the_rate_varies(tmp_path):
    times = np.concatenate([np.arange(40) * 0.002, 0.1 + 2 * np.arange(4)])
    with GifWriter(tmp_path / "a.gif", 44 / 6.1, (24, 32), times=times) as writer:
        for frame in still(44):
            writer.write(frame)
    _, milliseconds, _ = read(tmp_path / "a.gif")
    assert milliseconds[:-1] == [100, 2000, 2000, 2000]
