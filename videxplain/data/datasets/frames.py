"""Frames of a dataset's videos: read the ones a clip needs, from video files or from folders of JPEG files."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.data.datasets.extraction import check_complete
from videxplain.data.datasets.prepare import PrepareReport, prepare
from videxplain.data.datasets.prepared import FrameFolder, frame_path, is_frame_folder
from videxplain.data.video import VideoReader
from videxplain.errors import VidexplainError

__all__ = ["PrepareReport", "frame_count", "prepare", "read_video_frames"]


def frame_count(path: Path) -> int:
    """How many frames a video has: decoded and counted, or, of prepared frames, as written beside them.

    Raises:
        VidexplainError: No such video, nothing in it that decodes, or much less than it declares.
    """
    if is_frame_folder(path):
        return FrameFolder.read(path).frames
    with VideoReader(path) as reader:
        count = reader.count()
        check_complete(reader, count)
    return count


def read_video_frames(path: Path, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
    """Some frames of a video.

    Of a folder of images no others are decoded; a video file is decoded from its beginning to the last one.

    Args:
        path: A video file, or a folder of frames.
        indices: Which frames, counted from 0, in any order; one that is named again is copied.

    Returns:
        ``(T, H, W, 3)`` uint8 RGB, in the order of ``indices``.

    Raises:
        VidexplainError: No such video or frame, or one that does not decode.
    """
    wanted, place = np.unique(np.asarray(indices, np.int64), return_inverse=True)
    if not len(wanted) or wanted[0] < 0:
        raise VidexplainError(f"frames of {path} are counted from 0, and at least one is to be read")
    if is_frame_folder(path):
        frames = [_read_jpeg(path, int(index)) for index in wanted]
    elif path.is_dir():
        reader = VideoReader(path)
        frames = [next(reader.frames(int(index), int(index) + 1)) for index in wanted]
    else:
        frames = _decode(path, wanted)
    return np.stack([frames[position] for position in place])


def _decode(path: Path, wanted: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    first, chosen = int(wanted[0]), set(wanted.tolist())
    with VideoReader(path, first, int(wanted[-1]) + 1) as reader:
        frames = [frame for index, frame in enumerate(reader, start=first) if index in chosen]
    if len(frames) < len(wanted):
        raise VidexplainError(f"{path} ends before frame {wanted[-1]}")
    return frames


def _read_jpeg(folder: Path, index: int) -> NDArray[np.uint8]:
    path = frame_path(folder, index)
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise VidexplainError(f"cannot read frame {index} of {folder}: {error.strerror or error}") from None
    frame = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if frame is None:
        # Its size may be right, which is all that prepare looks at: it would keep the folder.
        raise VidexplainError(f"{path} is not an image: delete {folder} and run 'videxplain prepare' again")
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
