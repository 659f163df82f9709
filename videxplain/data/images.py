"""Folders of numbered images, read as if they were a video."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.data.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from videxplain.errors import VidexplainError

_NAMED_VIDEOS = 3
_HEADER_BYTES, _WEBP_ANIMATION = 4096, 0x02
_LOG_LEVEL = threading.Lock()


def numbered_images(folder: Path) -> list[Path]:
    """The images of a folder, in the order of the numbers in their names.

    Raises:
        VidexplainError: The folder holds no images, those of several clips, such as colours and flow, or one that is
            no frame of the clip.
    """
    # Names that begin with a dot are what other systems leave beside the images they name.
    files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    if images:
        _check_one_name(folder, images)
        return sorted(images, key=_natural)
    videos = sorted(path.name for path in files if path.suffix.lower() in VIDEO_SUFFIXES)
    if videos:
        names = ", ".join([*videos[:_NAMED_VIDEOS], *(["..."] if len(videos) > _NAMED_VIDEOS else [])])
        raise VidexplainError(f"{folder} is a folder of videos ({names}): name one of them as the clip")
    raise VidexplainError(f"{folder} holds no images ({', '.join(IMAGE_SUFFIXES)})")


def _check_one_name(folder: Path, images: list[Path]) -> None:
    """Raise for images of several clips, such as ``img_1`` and ``flow_x_1``, and for one that is no frame."""
    numbers: dict[str, set[tuple[int, ...]]] = {}
    names: dict[str, str] = {}
    for path in sorted(images):
        found = re.findall(r"\d+", path.stem)
        numbers.setdefault(re.sub(r"\d+", "*", path.stem.casefold()), set()).add(tuple(map(int, found)))
        if (other := names.setdefault(path.stem, path.name)) != path.name:
            raise VidexplainError(f"{folder} holds one frame twice, {other} and {path.name}: remove one of the two")
    bare = next((name for stem, name in names.items() if not re.search(r"\d", stem)), None)
    if bare and any(len(found) > 1 for found in numbers.values()):
        raise VidexplainError(f"{folder} holds numbered images, and {bare} has no number: remove it, or number it")
    for one, other in combinations([name for name, found in numbers.items() if len(found) > 1], 2):
        if len(numbers[one] & numbers[other]) > 1:
            raise VidexplainError(
                f"{folder} holds images of several clips ({one} and {other} have the same numbers): put each into a "
                "folder of its own"
            )


def is_animated(path: Path) -> bool:
    """Whether an image is an animation in PNG, which is decoded like a video.

    Raises:
        VidexplainError: It is an animation in WebP, which cannot be decoded here.
    """
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
    if start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X" and start[20:21] and start[20] & _WEBP_ANIMATION:
        raise VidexplainError(f"{path} is an animation in WebP, which cannot be decoded: convert it to MP4 or GIF")
    return start[:8] == b"\x89PNG\r\n\x1a\n" and b"acTL" in start.partition(b"IDAT")[0]


def read_image(path: Path) -> NDArray[np.uint8]:
    """An image as ``(H, W, 3)`` uint8 RGB. Grey becomes RGB, alpha is dropped, 16 bits become 8.

    Raises:
        VidexplainError: The file cannot be read or is no image.
    """
    # Through bytes: cv2.imread cannot open every file name on every platform.
    with reading(path):
        data = np.frombuffer(path.read_bytes(), np.uint8)
    try:
        with _quiet():
            frame = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
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


def _natural(path: Path) -> tuple[list[str | int], str]:
    # Splitting at numbers puts them at the odd places; the name itself decides between 1.png and 01.png. The suffix is
    # no part of it: a full stop may be part of a number, and 1 comes before 1.5.
    parts = re.split(r"(\d+)", path.stem)
    return [int(part) if i % 2 else part.casefold() for i, part in enumerate(parts)], path.name
