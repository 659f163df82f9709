import itertools
import threading
import time
import warnings
import weakref

import cv2
import numpy as np
import pytest

from tests.attribution.networks import BrightSquares
from tests.oracles import windows as oracle
from videxplain.data import video
from videxplain.data.clip import Clip
from videxplain.data.sampling import covering_windows, interleaved_sets
from videxplain.data.stream import ClipFrames, FileFrames, consecutive_windows, interleaved_windows, read_ahead
from videxplain.data.transforms import to_model_input
from videxplain.data.video import DamagedVideoWarning
from videxplain.errors import VidexplainError
from videxplain.explanation.api import explain


def noise(num_frames: int, height: int = 6, width: int = 8) -> np.ndarray:
    """Frames of which no two are alike."""
    return np.random.default_rng(0).integers(0, 256, (num_frames, height, width, 3)).astype(np.uint8)


def prepare(frame: np.ndarray) -> np.ndarray:
    return to_model_input(frame[None], size=(5, 4), mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))


def cut_to(path, num_frames: int) -> None:
    """Shorten an AVI file to so many frames; what its header declares stays."""
    data = path.read_bytes()
    at = data.index(b"movi") + 4
    for _ in range(num_frames):
        assert data[at : at + 4] == b"00dc"
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    path.write_bytes(data[:at])


def damage(told: list[warnings.WarningMessage]) -> list[str]:
    return [str(w.message) for w in told if w.category is DamagedVideoWarning]


class Recorded:
    """A source that notes what is asked of it and how many frames leave it."""

    path, fps = None, 25.0

    def __init__(self, frames: np.ndarray, num_frames: int | None = None) -> None:
        self._frames = frames
        self.size, self.num_frames = frames.shape[1:3], num_frames or len(frames)
        self.asked: list[tuple[int, int | None]] = []
        self.decoded = self.open = 0

    def frames(self, start=0, stop=None):
        self.asked.append((start, stop))
        self.open += 1
        try:
            for frame in self._frames[start:stop]:
                self.decoded += 1
                yield frame
        finally:
            self.open -= 1


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """For every decoder that is opened, how many frames it decodes."""
    counts: list[int] = []
    pictures = video.pictures

    def counted(path):
        number = len(counts)
        counts.append(0)
        for picture in pictures(path):
            counts[number] += 1
            yield picture

    monkeypatch.setattr(video, "pictures", counted)
    return counts


# --- sources


@pytest.mark.parametrize("kind", ["file", "folder", "clip"])
@pytest.mark.parametrize(("start", "stop"), [(0, None), (3, None), (2, 9), (5, 400)])
def test_every_source_gives_the_same_stretch_whenever_it_is_asked(write_video, tmp_path, kind, start, stop):
    frames = noise(12)
    if kind == "file":
        source = FileFrames(write_video("a.mkv", frames), start, stop)
    elif kind == "folder":
        for i, frame in enumerate(frames):
            cv2.imwrite(str(tmp_path / f"{i}.png"), frame[..., ::-1])
        source = FileFrames(tmp_path, start, stop)
    else:
        source = ClipFrames(Clip(frames[start:stop], 25.0, path=tmp_path))
    expected = frames[start:stop]
    assert (source.num_frames, source.size, source.fps) == (len(expected), (6, 8), 25.0)
    assert source.path == (tmp_path / "a.mkv" if kind == "file" else tmp_path)
    for first, last in [(0, None), (0, None), (2, None), (1, 4), (0, 99), (4, 4), (len(expected) - 1, None)]:
        read = list(source.frames(first, last))
        assert len(read) == len(expected[first:last])
        for frame, other in zip(read, expected[first:last], strict=True):
            np.testing.assert_array_equal(frame, other)


def test_a_range_without_frames_is_refused_when_the_source_is_made(write_video):
    path = write_video("a.mkv", noise(6))
    with pytest.raises(VidexplainError, match=r"has 6 frames, so there is no frame 6"):
        FileFrames(path, 6)
    with pytest.raises(VidexplainError, match=r"^frames 4:4 is not a range"):
        FileFrames(path, 4, 4)


def test_a_file_is_decoded_once_to_count_and_once_a_pass(write_video, decoded):
    source = FileFrames(write_video("a.mkv", noise(12)))
    assert decoded == [1, 12]  # opening decodes one frame
    list(source.frames())
    assert decoded == [1, 12, 12]
    list(source.frames(4, 6))
    assert decoded == [1, 12, 12, 6]


def test_a_pass_stops_at_the_last_frame_that_was_counted(write_video, monkeypatch):
    source = FileFrames(write_video("a.mkv", noise(12)))
    ends = []
    monkeypatch.setattr(video.VideoReader, "_tell_damage", lambda reader, stamps: ends.append(len(stamps)))
    assert len(list(source.frames())) == len(list(source.frames(0, 99))) == 12
    assert ends == []  # damage has been told


def test_a_stretch_is_decoded_up_to_its_end_and_not_beyond(write_video, decoded):
    source = FileFrames(write_video("a.mkv", noise(12)), 2, 5)
    list(source.frames())
    assert source.num_frames == 3
    assert decoded == [3, 5, 5]


def test_damage_is_told_once_a_source_with_both_numbers(write_video):
    frames = noise(20)
    path = write_video("a.avi", frames, codec="rawvideo", pix_fmt="bgr24")
    cut_to(path, 13)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        source = FileFrames(path)
        for _ in range(3):
            np.testing.assert_array_equal(np.stack(list(source.frames())), frames[:13])
    assert source.num_frames == 13
    assert damage(told) == [f"{path} declares 20 frames, 13 decode"]


@pytest.mark.parametrize("sampling", ["consecutive", "uniform"])
def test_explaining_a_damaged_file_tells_of_it_once(write_video, tmp_path, sampling):
    path = write_video("a.avi", noise(20, 32, 32), codec="rawvideo", pix_fmt="bgr24")
    cut_to(path, 13)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = explain(BrightSquares(4, 32, sampling), path, target=1)
        found.save(tmp_path / "out.mp4")
    assert found.num_frames == 13
    assert damage(told) == [f"{path} declares 20 frames, 13 decode"]


def test_explaining_a_whole_file_warns_of_nothing(write_video):
    path = write_video("a.avi", noise(9, 32, 32))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert explain(BrightSquares(4, 32, "consecutive"), path, target=1).num_frames == 9


# --- windows


@pytest.mark.parametrize("length", [1, 2, 5, 8])
@pytest.mark.parametrize("num_frames", [8, 9, 13, 16, 23, 40])
def test_consecutive_windows_are_those_cut_from_memory(num_frames, length):
    frames = noise(num_frames)
    for stride in {1, length // 2 or 1, length}:
        source = Recorded(frames)
        windows = covering_windows(num_frames, length, stride)
        assert [w.tolist() for w in windows] == oracle.covering(num_frames, length, stride)
        found = list(consecutive_windows(source, windows, prepare))
        expected = oracle.prepared(frames, windows, prepare)
        np.testing.assert_array_equal(np.stack(found), np.stack(expected))
        assert source.decoded == num_frames


@pytest.mark.parametrize("length", [1, 2, 5, 8])
@pytest.mark.parametrize("num_frames", [8, 9, 13, 16, 23, 40])
def test_interleaved_windows_are_those_picked_from_memory(num_frames, length):
    frames = noise(num_frames)
    source = Recorded(frames)
    sets = interleaved_sets(num_frames, length)
    assert [s.tolist() for s in sets] == oracle.interleaved(num_frames, length)
    found = list(interleaved_windows(source, sets, prepare))
    np.testing.assert_array_equal(np.stack(found), np.stack(oracle.prepared(frames, sets, prepare)))
    assert source.decoded == num_frames  # each segment by its own decoder, none twice
    assert len(source.asked) == length


@pytest.mark.parametrize("chosen", [[1], [0, 3], [2, 3], [4], []])
@pytest.mark.parametrize("stream", [consecutive_windows, interleaved_windows])
def test_some_of_the_windows_are_the_same_as_among_all(chosen, stream):
    frames = noise(25)
    windows = covering_windows(25, 8, 4) if stream is consecutive_windows else interleaved_sets(25, 5)
    windows = [windows[i] for i in chosen]
    source, calls = Recorded(frames), []
    found = list(stream(source, windows, lambda frame: calls.append(1) or prepare(frame)))
    assert len(calls) == len(np.unique(windows))
    expected = oracle.prepared(frames, windows, prepare)
    assert len(found) == len(expected)
    for x, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, other)
    assert all(start >= min(w.min() for w in windows) for start, _ in source.asked)


@pytest.mark.parametrize("stride", [1, 4, 8])
def test_consecutive_windows_prepare_each_frame_once_and_hold_one_window(stride):
    alive = most = calls = 0

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def counted(frame: np.ndarray) -> np.ndarray:
        nonlocal alive, most, calls
        x = prepare(frame)
        calls, alive = calls + 1, alive + 1
        most = max(most, alive)
        weakref.finalize(x, gone)
        return x

    for window in consecutive_windows(Recorded(noise(61)), covering_windows(61, 8, stride), counted):
        assert window.shape == (3, 8, 5, 4)
    assert (calls, most, alive) == (61, 8, 0)


@pytest.mark.parametrize("stream", [consecutive_windows, interleaved_windows])
def test_a_source_that_ends_before_its_time_is_an_error(stream):
    windows = covering_windows(20, 8, 4) if stream is consecutive_windows else interleaved_sets(20, 5)
    source = Recorded(noise(18), num_frames=20)
    with pytest.raises(VidexplainError, match=r"^the source ended after 18 frames, and had 20 when it was opened$"):
        list(stream(source, windows, prepare))


@pytest.mark.parametrize("stream", [consecutive_windows, interleaved_windows])
def test_windows_that_nobody_wants_any_more_leave_no_decoder_open(stream):
    windows = covering_windows(20, 8, 4) if stream is consecutive_windows else interleaved_sets(20, 5)
    source = Recorded(noise(20))
    stopped = stream(source, windows, prepare)
    next(stopped)
    assert source.open > 0
    stopped.close()
    assert source.open == 0


# --- reading ahead


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "videxplain-read-ahead"]


def until(condition) -> bool:
    """Whether the condition comes true in a time that is long enough for a busy machine."""
    end = time.monotonic() + 120
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    return condition()


@pytest.mark.parametrize("depth", [1, 2, 8])
@pytest.mark.parametrize("count", [0, 1, 50])
def test_reading_ahead_changes_nothing_about_the_items(count, depth):
    assert list(read_ahead(iter(range(count)), depth)) == list(range(count))
    assert list(read_ahead([None] * count, depth)) == [None] * count
    assert reading_threads() == []


@pytest.mark.parametrize("depth", [1, 2, 8])
def test_items_are_made_ahead_in_a_thread_and_no_more_than_asked(depth):
    made: list[str] = []

    def items():
        for i in range(50):
            made.append(threading.current_thread().name)
            yield i

    ahead = read_ahead(items(), depth)
    for taken in range(1, 4):
        next(ahead)
        assert until(lambda: len(made) == taken + depth)  # noqa: B023  (asked at once)
    time.sleep(0.05)
    assert made == ["videxplain-read-ahead"] * (3 + depth)
    ahead.close()


@pytest.mark.parametrize("error", [VidexplainError("no such frame"), KeyError("x"), KeyboardInterrupt()], ids=repr)
def test_what_the_thread_raises_arrives_after_the_items_before_it(error):
    def items():
        yield from range(3)
        raise error

    ahead = read_ahead(items(), 8)
    assert [next(ahead) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(type(error)) as caught:
        next(ahead)
    assert caught.value is error
    assert reading_threads() == []


@pytest.mark.parametrize("depth", [1, 8])
@pytest.mark.parametrize("taken", [1, 5])
def test_closing_early_ends_the_thread_and_closes_the_source(depth, taken):
    closed: list[str] = []
    made = itertools.count()

    def items():
        try:
            for i in range(10**9):
                next(made)
                yield i
        finally:
            closed.append(threading.current_thread().name)

    ahead = read_ahead(items(), depth)
    assert [next(ahead) for _ in range(taken)] == list(range(taken))
    assert len(reading_threads()) == 1
    ahead.close()
    assert next(made) <= taken + depth
    assert reading_threads() == []
    assert closed == ["videxplain-read-ahead"]


def test_an_error_of_the_reader_ends_the_thread():
    closed = []

    def items():
        try:
            yield from range(100)
        finally:
            closed.append(True)

    def use() -> None:
        for i in read_ahead(items()):
            if i == 3:
                raise RuntimeError("the network failed")

    with pytest.raises(RuntimeError, match="the network failed") as caught:
        use()
    del caught
    assert until(lambda: not reading_threads())
    assert closed == [True]


def test_a_file_read_ahead_in_windows_is_the_file(write_video):
    frames = noise(33)
    source = FileFrames(write_video("a.mkv", frames))
    for stream, windows in (
        (consecutive_windows, covering_windows(33, 16, 8)),
        (interleaved_windows, interleaved_sets(33, 5)),
    ):
        found = list(read_ahead(stream(source, windows, prepare)))
        np.testing.assert_array_equal(np.stack(found), np.stack(oracle.prepared(frames, windows, prepare)))
