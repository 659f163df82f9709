"""Files that appear complete or not at all."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
