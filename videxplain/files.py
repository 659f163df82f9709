"""Files that appear complete or not at all."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, ENOSPC
from pathlib import Path
from typing import Any

from videxplain.errors import VidexplainError
from videxplain.owner import is_leftover, temporary_name

# A name ends in what a writer goes by; a long ending is no file type, and would not fit beside the rest of the name.
_LONGEST_SUFFIX = 16
_CUT_SHORT = re.compile(r"\d+ requested and \d+ written")
_cleared: set[Path] = set()
"""Folders in which this process has looked for leftovers; once is enough, and a folder may hold many files."""


def as_path(path: str | Path) -> Path:
    """The path.

    Raises:
        VidexplainError: It is something else than text or a path.
    """
    try:
        return Path(path)
    except TypeError:
        raise VidexplainError(f"a file is named by text or a Path, not {type(path).__name__}") from None


class AbandonedError(Exception):
    """Ends a `replacing` block for a reason that has nothing to do with the file."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its place when the block ends without an error.

    Whether the folder can be written is found out on entry, before any work is done. When the block
    raises, the temporary file is removed and what was at ``path`` before is untouched. An ``OSError``
    becomes a one-line `VidexplainError`. Temporary files that killed processes left in the folder are removed.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise VidexplainError(f"cannot write {path}: it is a folder")
        if not path.parent.is_dir():
            raise VidexplainError(f"cannot write {path}: the folder {path.parent} does not exist")
        temporary = path.parent / temporary_name(path.suffix[:_LONGEST_SUFFIX])
        temporary.open("xb").close()
    except OSError as error:
        raise VidexplainError(f"cannot write {path}: {_reason(error)}") from error
    if path.parent not in _cleared:
        remove_leftovers(path.parent)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise VidexplainError(f"cannot write {path}: {_reason(error)}") from error
    except UnicodeEncodeError as error:
        raise VidexplainError(f"cannot write {path}: file names are {error.encoding} here") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """The name for a temporary folder beside ``path`` that takes its place when the block ends without an error.

    The block makes the folder. When the block raises, the folder is removed and what was at ``path`` before is
    untouched. An ``OSError`` becomes a one-line `VidexplainError`.
    """
    path = Path(path)
    make_folder(path.parent)
    if path.parent not in _cleared:
        remove_leftovers(path.parent)
    temporary = path.parent / temporary_name("")
    try:
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
    except OSError as error:
        raise VidexplainError(f"cannot write {path}: {_reason(error)}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _reason(error: OSError) -> str:
    """Why the system did not write. Of a full disk NumPy says only how many numbers it has written."""
    if _CUT_SHORT.fullmatch(str(error)):
        return os.strerror(ENOSPC)
    return error.strerror or str(error)


def make_folder(path: str | Path) -> Path:
    """Make a folder and its parents, unless it is there.

    Raises:
        VidexplainError: It cannot be made.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VidexplainError(f"cannot write to {path}: {error.strerror or error}") from None
    return path


def remove_leftovers(folder: Path) -> None:
    """Remove what processes of this machine left behind in ``folder`` when they were killed.

    Temporary files and folders of living processes and of other machines stay.
    """
    _cleared.add(folder)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_leftover(entry.name):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    with suppress(OSError):  # another process may be quicker
                        Path(entry.path).unlink()


_OF_FILES = {
    *(".mp4", ".gif", ".png", ".jpg", ".pdf", ".svg"),
    *(".json", ".npz", ".csv", ".tex", ".bib", ".html", ".safetensors"),
}
"""Suffixes of files that commands write. Who names one for a folder expects a file."""


@contextmanager
def output_folder(path: str | Path) -> Iterator[Path]:
    """A folder to write into. It is made with its parents where it is missing, and removed again if the block fails.

    What the block raises passes; folders that were made for it are then removed as far as they are empty.

    Raises:
        VidexplainError: There is no such folder and its name is that of a file, or nothing can be written there.
    """
    path = Path(path)
    if path.suffix.lower() in _OF_FILES and not path.exists():
        raise VidexplainError(f"{path} is the name of a file, and a folder is needed, such as {path.with_suffix('')}")
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    except OSError as error:
        raise VidexplainError(f"cannot write to {path}: {error.strerror or error}") from None
    remove_leftovers(path)
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
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        # A file name that is not UTF-8 holds surrogates, which JSON can escape and UTF-8 cannot hold.
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
    return Path(path)


def parse_json(text: str) -> Any:
    """The value of a text in JSON.

    Raises:
        ValueError: It is no JSON, or is nested deeper than Python can follow, which would be a RecursionError.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_record(path: str | Path, otherwise: str) -> dict[str, Any]:
    """The object in a file of JSON.

    Args:
        path: The file.
        otherwise: What is said of a file that holds no object, behind its path: ``"is damaged: run ... again"``.

    Raises:
        VidexplainError: The file cannot be read, or holds something else.
    """
    try:
        content = parse_json(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise VidexplainError(f"{path} {otherwise}")
    return content


def file_stem(name: str) -> str:
    """A name as part of a file's name: ``torchvision:r3d_18`` becomes ``torchvision-r3d_18``."""
    return "-".join(part for part in re.split(r"[^\w.+-]+", name) if part.strip(".-"))
