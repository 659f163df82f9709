"""The files of a command: their names, and the check that no other result is overwritten."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from videxplain.claim import claimed
from videxplain.errors import VidexplainError
from videxplain.files import file_stem, output_folder

_KNOWN_KINDS = ("mp4", "gif", "png", "pdf", "svg", "json", "npz", "tex", "bib", "html")
_QUESTION = re.compile(rb'question"?: "?([0-9a-f]{64})')
_SHARE = 1 << 20
"""Bytes at each end of a file in which its metadata lies."""
_LONGEST = 180
"""Bytes of a file's name without its suffix; file systems allow 255, and temporary names are longer."""


def result_paths(
    out: Path,
    clip: Path,
    model: str,
    what: str,
    kinds: Sequence[str],
    *,
    weights: str = "auto",
    target: str | None = None,
) -> list[Path]:
    """The files of one result. Names consist of clip, model and method, and of weights and target if given.

    Args:
        out: The folder.
        clip: The video or folder of images.
        model: As it was given on the command line.
        what: The method or the command.
        kinds: Suffixes without the dot.
        weights: As they were given; the default is not part of the name.
        target: What was explained, if it was given.
    """
    own = "" if weights in ("auto", "bundled") else file_stem(Path(weights).stem)
    name = clip.resolve().name if clip.is_dir() else clip.stem
    rest = "-".join(filter(None, (file_stem(model), own, what, file_stem(target or ""))))
    room = _LONGEST - len(rest.encode())
    shortened = name.encode("utf-8", "surrogateescape")[: max(room, 20)].decode("utf-8", "ignore")
    # If file names are ASCII (LANG=C), os.fsdecode keeps the bytes of other characters.
    return [out / os.fsdecode(f"{shortened}-{rest}.{kind}".encode()) for kind in kinds]


@contextmanager
def result_folder(paths: Sequence[Path]) -> Iterator[None]:
    """The folder for the files of one result, as :func:`videxplain.files.output_folder` makes it.

    No other job can write the same result at the same time: files of two jobs would be mixed.

    Args:
        paths: The files of the result, which differ in their suffix.
    """
    with output_folder(paths[0].parent) as folder, claimed(folder, _without_suffix(paths[0])):
        yield


def _without_suffix(path: Path) -> str:
    return path.name.removesuffix(path.suffix)


def refuse_overwriting(paths: Sequence[Path], question: str, overwrite: bool) -> None:
    """Check that no files of another result are overwritten, or are mixed with those of this one.

    Args:
        paths: The files of one result, which differ in their suffix.
        question: Digest of the question; each file holds it.
        overwrite: Whether ``--overwrite`` was given.

    Raises:
        VidexplainError: A file with this name belongs to another question, or holds none.
    """
    if overwrite:
        return
    known = {kind: paths[0].with_name(f"{_without_suffix(paths[0])}.{kind}") for kind in _KNOWN_KINDS}
    there = [path for path in known.values() if path.exists()]
    questions = {path: found for path in there if (found := _question_of(path))}
    for path, found in questions.items():
        if found != question:
            raise VidexplainError(
                f"{path} exists and was made with other arguments: add --overwrite, or choose another --out"
            )
    if not questions and (lost := [path for path in paths if path.exists()]):
        raise VidexplainError(
            f"{lost[0]} exists and does not say how it was made: add --overwrite, or choose another --out"
        )


def _question_of(path: Path) -> str:
    """The question that a file holds; empty if it holds none."""
    try:
        with path.open("rb") as file:
            found = _QUESTION.search(file.read(_SHARE))
            if not found:
                file.seek(max(0, path.stat().st_size - _SHARE))
                found = _QUESTION.search(file.read())
    except OSError as error:
        raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from None
    return found.group(1).decode() if found else ""
