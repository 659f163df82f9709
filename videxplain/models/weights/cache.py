"""Files from the network, kept: downloaded once, checked, whole or not at all."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from videxplain.errors import VidexplainError
from videxplain.files import AbandonedError, make_folder, replacing
from videxplain.models.weights.files import sha256_of
from videxplain.progress import Progress

_CHUNK = 1 << 20
_PATIENCE_SECONDS = 30


def cache_folder() -> Path:
    """``$VIDEXPLAIN_CACHE``, or ``videxplain`` in the user's folder for caches."""
    if own := os.environ.get("VIDEXPLAIN_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "videxplain"


def cached(url: str) -> Path:
    """Where the file of an address lies once it is there."""
    parts = urlsplit(url)
    return cache_folder() / (parts.hostname or "") / parts.path.lstrip("/")


def fetch(url: str, sha256: str = "", progress: Progress | None = None) -> Path:
    """The file of an address, downloaded unless it is there already.

    An interrupted download leaves nothing and begins anew.

    Args:
        url: Where it is.
        sha256: The first digits of its SHA-256; empty where nobody has published them. A file that is there already,
            perhaps put there by hand, is checked too.
        progress: Called as the download goes on.

    Raises:
        VidexplainError: It cannot be had, or is not the file that was published.
    """
    path = cached(url)
    if path.is_file():
        found = sha256_of(path)
        if not found.startswith(sha256):
            raise VidexplainError(
                f"'{path}' is not what was published at {url}: its SHA-256 is {found[:8]}, not {sha256}; delete it"
            )
        return path
    make_folder(path.parent)
    try:
        with replacing(path) as temporary:
            _download(url, temporary, sha256, progress)
    except AbandonedError as reason:
        raise VidexplainError(
            f"cannot download {url}: {reason}; get it by other means and put it at '{path}'"
        ) from None
    return path


def _download(url: str, path: Path, sha256: str, progress: Progress | None) -> None:
    """Fill ``path``; `AbandonedError` where the network does not give the file, `OSError` where the disk fails."""
    digest, done, total = hashlib.sha256(), 0, None
    with path.open("wb") as file:
        for chunk, total in _chunks(url):
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total)
    if total is not None and done != total:
        raise AbandonedError(f"it broke off after {done} of {total} bytes")
    if not digest.hexdigest().startswith(sha256):
        raise AbandonedError(f"its SHA-256 is {digest.hexdigest()[:8]}, not {sha256} as published")


def _chunks(url: str) -> Iterator[tuple[bytes, int | None]]:
    """What the server sends, piece by piece, with the number of bytes that it has promised."""
    # Slow to import, and rarely needed.
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=_PATIENCE_SECONDS) as answer:
            length = answer.headers.get("Content-Length")
            while chunk := answer.read(_CHUNK):
                yield chunk, int(length) if length else None
    # No network, no such server, no such file, a connection that broke.
    except (OSError, HTTPException) as error:
        # What urllib wraps says more plainly what happened, but for a status such as 404.
        reason = error if isinstance(error, HTTPError) else getattr(error, "reason", error)
        raise AbandonedError(" ".join(str(reason).split()) or type(error).__name__) from None
