"""One video to a folder of JPEG frames."""

import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.data.datasets.prepared import FRAMES_FILE, FrameFolder, frame_path, is_frame_folder, withdraw_index
from videxplain.data.video import VideoReader
from videxplain.errors import VidexplainError

JPEG_QUALITY = 95

# A container's own count is often off by a frame or two; what lacks more than this share is damaged.
_LOST = 0.1


@dataclass(frozen=True)
class Task:
    """One extraction.

    Attributes:
        video: The video, a file or a folder of images.
        folder: Where its frames go.
        height: Their height in pixels, or None for that of the video.
        indexed: The dataset whose index names the folder, or None.
        strict: Whether a damaged video stops everything, so that what is there has to stay as it is.
    """

    video: Path
    folder: Path
    height: int | None
    indexed: Path | None = None
    strict: bool = False


@dataclass(frozen=True)
class Outcome:
    """The result of one extraction.

    Attributes:
        frames: How many frames the folder has now.
        kept: Whether they were all there before.
        damage: Why the video has no frames, or None.
    """

    frames: int
    kept: bool = False
    damage: str | None = None


def extract(task: Task) -> Outcome:
    """Write the frames of a video, unless they are all there; ``frames.json``, which says so, is written last."""
    found = _complete(task)
    if found:
        return Outcome(found.frames, kept=True)
    if task.indexed:
        if task.strict and (damage := _damage(task.video)):
            return Outcome(0, damage=damage)
        withdraw_index(task.indexed)
    _clear(task.folder)
    try:
        with warnings.catch_warnings(action="ignore"):  # what matters of them becomes an outcome
            done = _write_frames(task)
    except VidexplainError as error:
        _remove(task.folder)
        return Outcome(0, damage=str(error))
    except BaseException:
        _remove(task.folder)
        raise
    done.write(task.folder)  # an error here is the disk's and no damage of the video
    return Outcome(done.frames)


def check_complete(reader: VideoReader, count: int) -> None:
    """Refuse a video of which much less decodes than it declares; what the decoder has filled in does not count."""
    declared, filled = reader.declared_frames, reader.damaged_frames
    if count - filled < (1 - _LOST) * (declared or count):
        has = f"it declares {declared} frames, {count} decode" if declared else f"{count} frames decode"
        parts = f", {filled} of them only in part" if filled else ""
        raise VidexplainError(f"{reader.path} is damaged: {has}{parts}")


def _damage(video: Path) -> str | None:
    """What is wrong with a video, found by decoding it."""
    try:
        with warnings.catch_warnings(action="ignore"), VideoReader(video) as reader:
            check_complete(reader, reader.count())
    except VidexplainError as error:
        return str(error)
    return None


def _write_frames(task: Task) -> FrameFolder:
    state = task.video.stat()
    count = written = 0
    with VideoReader(task.video) as reader:
        size = reader.size
        for frame in reader:
            smaller = _shrink(frame, task.height)
            size = smaller.shape[:2]
            written += _write_jpeg(frame_path(task.folder, count), smaller)
            count += 1
    check_complete(reader, count)
    times = reader.times()  # the pass has come to the end, so this decodes nothing
    even = np.allclose(times, np.arange(count) / reader.fps, rtol=0, atol=1e-6)
    return FrameFolder(
        source=_relative(task.video, task.folder),
        source_bytes=state.st_size,
        source_modified_ns=state.st_mtime_ns,
        height=task.height,
        frames=count,
        frames_bytes=written,
        fps=reader.fps,
        size=size,
        seconds=None if even else times.tolist(),
    )


def _complete(task: Task) -> FrameFolder | None:
    """The folder's ``frames.json``, if it is of this video and this height, and all frames are there in full size."""
    if not is_frame_folder(task.folder):
        return None
    try:
        found, state = FrameFolder.read(task.folder), task.video.stat()
    except (VidexplainError, OSError):
        return None
    asked = (state.st_size, state.st_mtime_ns, task.height)
    with os.scandir(task.folder) as files:
        sizes = [file.stat().st_size for file in files if file.name.endswith(".jpg")]
    there = (found.source_bytes, found.source_modified_ns, found.height)
    if asked != there or len(sizes) != found.frames or sum(sizes) != found.frames_bytes:
        return None
    source = _relative(task.video, task.folder)
    if found.source != source:  # the video or the folder was moved
        found = replace(found, source=source)
        found.write(task.folder)
    return found


def _remove(folder: Path) -> None:
    """Remove the folder of a video with the frames that are in it."""
    _clear(folder)
    folder.rmdir()


def _clear(folder: Path) -> None:
    """Make the folder, or remove what an earlier run left in it, ``frames.json`` first."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FRAMES_FILE).unlink(missing_ok=True)
    for path in folder.glob("*.jpg"):
        path.unlink()


def _shrink(frame: NDArray[np.uint8], height: int | None) -> NDArray[np.uint8]:
    rows, columns = frame.shape[:2]
    if height is None or height >= rows:
        return frame
    return np.asarray(
        cv2.resize(frame, (max(1, round(columns * height / rows)), height), interpolation=cv2.INTER_AREA), np.uint8
    )


def _write_jpeg(path: Path, frame: NDArray[np.uint8]) -> int:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    try:
        return path.write_bytes(data.tobytes())
    except OSError as error:  # one of a write does not name the file
        raise OSError(error.errno, error.strerror, str(path)) from None


def _relative(video: Path, folder: Path) -> str:
    return os.path.relpath(video.resolve(), folder.resolve())
