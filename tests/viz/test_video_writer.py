import errno
import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from videxplain.errors import VidexplainError
from videxplain.viz.video import VideoWriter, even, frame_rate, save_video


def moving_ramp(count, height, width):
    """Smooth frames, each different, so that compression keeps them apart."""
    y, x = np.mgrid[0:height, 0:width]
    for index in range(count):
        grey = (x + y + 3 * index) % 256 * 0.4 + 60
        yield np.stack([grey, 200 - grey, np.full_like(grey, 40 + 2 * index)], axis=2).astype(np.uint8)


def decode(path):
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def boxes(path):
    """The names of the top-level boxes of an MP4 file, in order."""
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        names.append(data[at + 4 : at + 8].decode())
        at += int.from_bytes(data[at : at + 4], "big")
    return names


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (25, Fraction(25)),
        (29.97, Fraction(30000, 1001)),
        (30000 / 1001, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (30.0, Fraction(30)),
        (12.5, Fraction(25, 2)),
        (0.5, Fraction(1, 2)),
    ],
)
def test_frame_rate(fps, rate):
    assert frame_rate(fps) == rate


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_frame_rate(fps):
    with pytest.raises(VidexplainError, match="frame rate"):
        frame_rate(fps)


def test_even_repeats_the_last_row_and_column():
    frame = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    padded = even(frame)
    assert padded.shape == (4, 4, 3)
    np.testing.assert_array_equal(padded[:3, :3], frame)
    np.testing.assert_array_equal(padded[3], padded[2])
    np.testing.assert_array_equal(padded[:, 3], padded[:, 2])


@pytest.mark.parametrize("fps", [25.0, 29.97, 7.0])
def test_file_plays_everywhere(tmp_path, fps):
    path = tmp_path / "out.mp4"
    frames = np.stack(list(moving_ramp(40, 96, 128)))
    save_video(path, iter(frames), fps)
    with av.open(str(path)) as container:
        (stream,) = container.streams
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.height, stream.width) == (96, 128)
        assert stream.average_rate == frame_rate(fps)
        assert float(stream.duration * stream.time_base) == pytest.approx(40 / fps, rel=1e-3)
    names = boxes(path)
    assert names.index("moov") < names.index("mdat")
    decoded = decode(path)
    assert decoded.shape == frames.shape
    assert np.abs(decoded.astype(int) - frames).mean() < 3
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("size", [(95, 127), (1, 1), (33, 64)])
def test_odd_sizes_are_padded(tmp_path, size):
    frames = np.stack(list(moving_ramp(3, *size)))
    save_video(tmp_path / "odd.mp4", frames, 10)
    decoded = decode(tmp_path / "odd.mp4")
    assert decoded.shape == (3, size[0] + size[0] % 2, size[1] + size[1] % 2, 3)
    assert np.abs(decoded[:, : size[0], : size[1]].astype(int) - frames).mean() < 8


def test_writer_copies_what_it_is_given(tmp_path):
    frame = np.empty((64, 64, 3), np.uint8)
    with VideoWriter(tmp_path / "a.mp4", 25, (64, 64)) as writer:
        for level in (20, 120, 220):
            frame[:] = level
            writer.write(frame)
        frame[:] = 0
    np.testing.assert_allclose(decode(tmp_path / "a.mp4").mean(axis=(1, 2, 3)), [20, 120, 220], atol=3)


def test_wrong_frames_are_refused(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25, (4, 6)) as writer:
        writer.write(np.zeros((4, 6, 3), np.uint8))
        with pytest.raises(ValueError, match=r"expected \(4, 6, 3\) uint8, got \(6, 4, 3\)"):
            writer.write(np.zeros((6, 4, 3), np.uint8))
        with pytest.raises(ValueError, match="float64"):
            writer.write(np.zeros((4, 6, 3)))


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_nothing_is_left_when_the_frames_stop_with_an_error(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"earlier result")

    def frames():
        yield from moving_ramp(5, 32, 32)
        raise FileNotFoundError(errno.ENOENT, "no such file", "input.avi")

    with pytest.raises(FileNotFoundError, match=r"input\.avi"):
        save_video(path, frames(), 25)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"earlier result"


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_no_frames(tmp_path, suffix):
    with pytest.raises(VidexplainError, match="no frames"):
        save_video(tmp_path / f"out{suffix}", [], 25)
    assert not list(tmp_path.iterdir())


def test_writer_closed_without_frames(tmp_path):
    with pytest.raises(VidexplainError, match="no frames"), VideoWriter(tmp_path / "a.mp4", 25, (4, 4)):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_folder_missing(tmp_path, suffix):
    with pytest.raises(VidexplainError, match=r"the folder .*nowhere does not exist"):
        save_video(tmp_path / "nowhere" / f"a{suffix}", moving_ramp(2, 8, 8), 25)


@pytest.mark.parametrize("name", ["a.avi", "a", "a.mp4.txt"])
def test_other_suffixes(tmp_path, name):
    with pytest.raises(VidexplainError, match=rf"'{name}'.*\.mp4 or \.gif"):
        save_video(tmp_path / name, moving_ramp(2, 8, 8), 25)


@pytest.mark.parametrize("last", [False, True], ids=["while it waits", "after the last frame"])
def test_error_of_the_encoder_reaches_a_caller_who_waits(tmp_path, monkeypatch, last):
    def encode(self, pictures):
        if last:  # a full disk may show only when the file is finished
            assert len(list(pictures)) == 2000
            raise OSError(errno.ENOSPC, "No space left on device")
        while not self._queue.full():
            time.sleep(0.001)
        time.sleep(0.05)  # By now the caller waits for room in the queue.
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(VideoWriter, "_encode", encode)
    raised = []

    def write():
        try:
            save_video(tmp_path / "a.mp4", moving_ramp(2000, 8, 8), 25)
        except VidexplainError as error:
            raised.append(str(error))

    caller = threading.Thread(target=write, daemon=True)
    caller.start()
    caller.join(120)
    assert not caller.is_alive()
    assert raised == [f"cannot write {tmp_path / 'a.mp4'}: No space left on device"]
    assert not list(tmp_path.iterdir())


def test_error_of_the_encoder_reaches_close(tmp_path, monkeypatch):
    def encode(self, pictures):
        next(pictures)
        raise RuntimeError("encoder broke")

    monkeypatch.setattr(VideoWriter, "_encode", encode)
    writer = VideoWriter(tmp_path / "a.mp4", 25, (8, 8))
    writer.write(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(RuntimeError, match="encoder broke"):
        writer.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("failed", [False, True])
def test_an_interrupt_while_the_last_frames_are_encoded_leaves_no_file(tmp_path, monkeypatch, failed):
    def interrupted(timeout=None):
        if timeout is None:
            raise KeyboardInterrupt
        join(timeout)

    def write():
        with writer:
            writer.write(np.zeros((8, 8, 3), np.uint8))
            if failed:
                raise KeyError

    writer = VideoWriter(tmp_path / "a.mp4", 25, (8, 8))
    thread, join = writer._thread, writer._thread.join
    with monkeypatch.context() as patch:
        patch.setattr(thread, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write()
    thread.join(120)
    assert not thread.is_alive()
    assert not list(tmp_path.iterdir())
