"""Files that appear complete or not at all."""

import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES
from pathlib import Path
from typing import Any

from videxplain.errors import VidexplainError


class AbandonedError(Exception):
    """Ends a `replacing` block for a reason that has nothing to do with the file."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its place when the block ends without an error.

    Whether the folder can be written is found out on entry, before any work is done. When the block
    raises, the temporary file is removed and what was at ``path`` before is untouched. An ``OSError``
    becomes a one-line `VidexplainError`.
    """
    path = Path(path)
    if path.is_dir():
        raise VidexplainError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise VidexplainError(f"cannot write {path}: the folder {path.parent} does not exist")
    temporary = path.parent / f".videxplain-{secrets.token_hex(6)}{path.suffix}"
    try:
        temporary.open("xb").close()
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise VidexplainError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def output_folder(path: str | Path) -> Iterator[Path]:
    """A folder to write into, made with its parents where it is missing; made in vain, it goes again.

    What the block raises passes; folders that were made for it are then removed as far as they are empty.
    """
    path = Path(path)
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    except OSError as error:
        raise VidexplainError(f"cannot write to {path}: {error.strerror or error}") from None
    try:
        yield path
    except BaseException:
        with suppress(OSError):  # not empty: something is already there to keep
            for folder in missing:
                folder.rmdir()
        raise


def write_json(path: str | Path, content: Any) -> Path:
    """Write ``content`` as JSON, whole or not at all: UTF-8, two spaces a level, a newline at the end.

    Returns:
        The path.
    """
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Path(path)


def file_stem(name: str) -> str:
    """A name as part of a file's name: ``torchvision:r3d_18`` becomes ``torchvision-r3d_18``."""
    return "-".join(part for part in re.split(r"[^\w.+-]+", name) if part.strip(".-"))
