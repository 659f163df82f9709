"""Whether a video is still the one that a result was made from."""

import hashlib
from pathlib import Path

from videxplain.data.images import numbered_images, reading

_SAMPLE = 1 << 16
"""Bytes that are read at the beginning, in the middle and at the end of a file."""


def fingerprint(path: Path) -> str:
    """A digest of a video's size and of parts of its bytes, 32 hexadecimal digits; its name and date do not count.

    It takes milliseconds for a file of any length. Of a folder of images, the names and sizes of all count, and parts
    of three.

    Raises:
        VidexplainError: It cannot be read.
    """
    digest = hashlib.sha256()
    with reading(path):
        if not path.is_dir():
            _add(digest, path)
        else:
            images = numbered_images(path)
            for image in images:
                digest.update(f"{image.name}\0{image.stat().st_size}\0".encode("utf-8", "surrogateescape"))
            for image in (images[0], images[len(images) // 2], images[-1]):
                _add(digest, image)
    return digest.hexdigest()[:32]


def _add(digest: "hashlib._Hash", path: Path) -> None:
    with path.open("rb") as file:
        size = path.stat().st_size
        digest.update(f"{size}\0".encode())
        for start in (0, (size - _SAMPLE) // 2, size - _SAMPLE):
            file.seek(max(0, start))
            digest.update(file.read(_SAMPLE))
