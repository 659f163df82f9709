"""Folders of numbered images, read as if they were a video."""

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.data.image_order import in_order
from videxplain.data.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from videxplain.errors import VidexplainError

_NAMED_VIDEOS = 3
_HEADER_BYTES, _WEBP_ANIMATION = 4096, 0x02
_TIFF_KIND, _TIFF_SMALLER = 254, 0x01
_LOG_LEVEL = threading.Lock()


def numbered_images(folder: Path) -> list[Path]:
    """The images of a folder, in the order of the numbers in their names.

    Raises:
        VidexplainError: The folder holds no images, or images whose order is not known.
    """
    # Names that begin with a dot are what other systems leave beside the images they name.
    files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    if images:
        return in_order(folder, images)
    videos = sorted(path.name for path in files if path.suffix.lower() in VIDEO_SUFFIXES)
    if videos:
        names = ", ".join([*videos[:_NAMED_VIDEOS], *(["..."] if len(videos) > _NAMED_VIDEOS else [])])
        raise VidexplainError(f"{folder} is a folder of videos ({names}): name one of them as the clip")
    raise VidexplainError(f"{folder} holds no images ({', '.join(IMAGE_SUFFIXES)})")


def is_animated(path: Path) -> bool:
    """Whether an image is an animation in PNG, which is decoded like a video.

    Raises:
        VidexplainError: It is an animation in WebP, which cannot be decoded here.
    """
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
    if _is_animated_webp(start):
        raise VidexplainError(f"{path} is an animation in WebP, which cannot be decoded: convert it to MP4 or GIF")
    return _is_animated_png(start)


def _is_animated_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and bool(data[20:21]) and bool(data[20] & _WEBP_ANIMATION)


def _is_animated_png(data: bytes) -> bool:
    return data[:8] == b"\x89PNG\r\n\x1a\n" and b"acTL" in data[:_HEADER_BYTES].partition(b"IDAT")[0]


def _has_pages(data: bytes) -> bool:
    """Whether an image is a TIFF file with more than one page; small versions of a page do not count."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return False
    pages, seen = 0, {0}
    try:
        (place,) = struct.unpack_from(f"{order}I", data, 4)
        while pages < 2 and place not in seen:
            seen.add(place)
            (count,) = struct.unpack_from(f"{order}H", data, place)
            first = struct.unpack_from(f"{order}HHII", data, place + 2)
            # Fields are in the order of their numbers, and this one has the smallest.
            pages += not (first[0] == _TIFF_KIND and first[3] & _TIFF_SMALLER)
            (place,) = struct.unpack_from(f"{order}I", data, place + 2 + 12 * count)
    except struct.error:
        pass  # damaged from here on
    return pages > 1


def read_image(path: Path) -> NDArray[np.uint8]:
    """An image as ``(H, W, 3)`` uint8 RGB. Grey becomes RGB, alpha is dropped, 16 bits become 8.

    Raises:
        VidexplainError: The file cannot be read, is no image, or holds several pictures, such as a TIFF of many pages.
    """
    # Through bytes: cv2.imread cannot open every file name on every platform.
    with reading(path):
        data = path.read_bytes()
    if _is_animated_webp(data) or _is_animated_png(data) or _has_pages(data):
        raise VidexplainError(f"{path} holds several pictures, and a frame is one: save each as an image of its own")
    try:
        with _quiet():
            frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:  # more pixels than OpenCV takes
        frame = None
    if frame is None:
        raise VidexplainError(f"{path} is not an image that can be decoded")
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a line that names ``path``."""
    try:
        yield
    except OSError as error:
        raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence OpenCV's own warnings; a damaged image raises an error of ours."""
    logging = getattr(cv2.utils, "logging", cv2)  # where it is from OpenCV 5 on, and where it was
    with _LOG_LEVEL:  # images are read in threads too, and the level is one for all
        level = logging.getLogLevel()
        logging.setLogLevel(0)
        try:
            yield
        finally:
            logging.setLogLevel(level)
