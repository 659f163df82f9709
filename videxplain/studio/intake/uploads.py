"""Uploads: a file is written piece by piece, and then named by its content."""

import hashlib
import secrets
import shutil
from collections.abc import AsyncIterator

from videxplain.errors import VidexplainError
from videxplain.studio.intake.read_clip import SOURCE
from videxplain.studio.intake.signatures import SIGNATURE_BYTES, is_video_container
from videxplain.studio.settings import Studio
from videxplain.studio.storage.store import Store

_FREE_BYTES = 512 * 2**20
"""Uploads are refused if less of the disk would be left free."""


async def receive_clip(studio: Studio, chunks: AsyncIterator[bytes]) -> str:
    """Write an uploaded file into the folder of clips.

    Args:
        studio: The studio.
        chunks: The bytes, piece by piece.

    Returns:
        The SHA-256 of the file.

    Raises:
        VidexplainError: The file is empty, too large or not a video, or the disk is full.
    """
    if shutil.disk_usage(studio.folder).free < _FREE_BYTES + studio.limits.upload_bytes:
        raise VidexplainError("the disk of the studio is full: nothing can be uploaded now")
    arriving = studio.incoming / secrets.token_hex(16)
    digest, size, head, known = hashlib.sha256(), 0, b"", False
    try:
        with arriving.open("xb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > studio.limits.upload_bytes:
                    raise VidexplainError(f"a clip has at most {studio.limits.upload_bytes // 2**20:,} MB")
                if not known:
                    head += chunk[:SIGNATURE_BYTES]
                    if len(head) >= SIGNATURE_BYTES:
                        _check(head)
                        known = True
                digest.update(chunk)
                file.write(chunk)
            if not known:
                _check(head)
        sha = digest.hexdigest()
        folder = studio.clips / sha
        folder.mkdir(mode=0o700, exist_ok=True)
        arriving.replace(folder / SOURCE)
    except OSError as error:
        raise VidexplainError(f"the file could not be stored: {error.strerror or error}") from None
    finally:
        arriving.unlink(missing_ok=True)
    return sha


def _check(head: bytes) -> None:
    if not head:
        raise VidexplainError("the file is empty")
    if not is_video_container(head):
        raise VidexplainError(
            "this is not a video file: MP4, MOV, WebM, MKV, AVI, MPEG, OGG, FLV, WMV and GIF are read"
        )


def clear_incoming(studio: Studio, store: Store) -> None:
    """Remove uploads that were not complete when the studio ended, and clips that are not in the tables."""
    shutil.rmtree(studio.incoming, ignore_errors=True)
    studio.make_folders()
    known = store.clips.all()
    for folder in studio.clips.iterdir():
        if folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)
