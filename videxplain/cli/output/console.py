"""The only way to the terminal: results on standard output, warnings and progress on standard error."""

import os
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_BAR = 24
_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that change the direction of the text."""


class _Output:
    """``files`` is where names of written files go with ``--quiet``; None without it."""

    files: TextIO | None = None


def clean(text: object) -> str:
    r"""A text on one line without control characters: ``ESC`` becomes ``\x1b``, a newline becomes a space.

    Labels, file names and error messages come from files of others. Without this they could move the cursor, change
    the title of the terminal or hide what was printed before.
    """
    return "".join(
        " " if one in "\n\r\t\v\f" else one.encode("unicode_escape").decode() if _controls(one) else one
        for one in str(text)
    )


def problem(kind: str, message: object) -> None:
    """One line on standard error."""
    print(f"videxplain: {kind}: {clean(' '.join(str(message).split()))}", file=sys.stderr)


def tell_progress(message: object) -> None:
    """One line on standard error that says how far a long job is; nothing with ``--quiet``."""
    if _Output.files is None:
        problem("progress", message)


def say(message: object) -> None:
    """One line on standard output."""
    print(clean(message))


@contextmanager
def any_encoding() -> Iterator[None]:
    """While active, characters that the terminal's encoding lacks are printed as escapes instead of raising."""
    streams = [one for one in (sys.stdout, sys.stderr) if hasattr(one, "reconfigure")]
    errors = [one.errors for one in streams]
    for one in streams:
        one.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for one, before in zip(streams, errors, strict=True):
            if not one.closed:
                one.reconfigure(errors=before)


def be_quiet() -> None:
    """From now on print only errors, warnings and the names of written files."""
    if _Output.files is None:
        _Output.files, sys.stdout = sys.stdout, Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


def end_quiet() -> None:
    """Print everything again."""
    if _Output.files is not None:
        silent, sys.stdout = sys.stdout, _Output.files
        silent.close()
        _Output.files = None


def console() -> "Console":
    """Standard output; with colours and tables if it is a terminal."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on standard error that disappears at the end; nothing if standard error is not a terminal.

    Call the result with the number of steps done, and the number of all steps or None.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    errors = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    silent = not errors.is_terminal or _Output.files is not None
    with Progress(*columns, console=errors, transient=True, disable=silent) as bars:
        task = bars.add_task(escape(clean(what)), total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def print_predictions(
    predictions: Sequence[tuple[str, float]],
    title: str,
    explained: str = "",
    top: int = 5,
    kind: str = "probability",
) -> None:
    """Print the best classes with their probabilities.

    Args:
        predictions: Classes and their probabilities, the best first.
        title: The line above.
        explained: What is explained. A class is marked, and added if it is not among the best. Something else, such as
            a contrast, gets a line below.
        top: How many classes.
        kind: ``"probability"``, or ``"value"`` for a regression, which gets no bar.
    """
    from rich.table import Table

    out = console()
    # As a title of the table it would be folded to the table's width.
    out.print(clean(title), style="bold", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("class", overflow="fold")
    table.add_column(kind, justify="right")
    table.add_column("")
    block = _printable("█", "#")
    for rank, (label, probability) in enumerate(predictions):
        if rank < top or label == explained:
            mark = "  <- explained" if label == explained else ""
            if kind == "value":
                table.add_row(clean(label), f"{probability:.4g}", mark)
                continue
            length = round(probability * _BAR) if probability == probability else 0
            table.add_row(clean(label), f"{100 * probability:.1f} %", f"{block * length}{mark}")
    out.print(table)
    if explained and explained not in {label for label, _ in predictions}:
        out.print(f"explained: {clean(explained)}")


def print_notes(notes: Sequence[str]) -> None:
    """Print notes that a reader must not miss."""
    for note in notes:
        console().print(f"! {clean(note)}", style="bold red")


def print_banner(lines: Sequence[str]) -> None:
    """Print a warning that nobody can overlook: its first line on a coloured ground, the others below it."""
    from rich.padding import Padding

    out = console()
    for first, line in zip((True, *[False] * len(lines)), lines, strict=False):
        if first:
            out.print(Padding(f"! {clean(line)}", (0, 1)), style="bold white on red")
        else:
            # Lines may be commands to copy, so they are not wrapped.
            out.print(f"  {clean(line)}", style="bold red", soft_wrap=True)


def print_json(content: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print a value as JSON in ASCII, for other programs."""
    import json

    print(json.dumps(content, indent=2))


def print_files(paths: Sequence[Path]) -> None:
    """Print one path a line, not wrapped, so that other programs can read it."""
    for path in paths:
        print(clean(path), file=_Output.files or sys.stdout)


def _controls(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _BIDI


def _printable(wanted: str, otherwise: str) -> str:
    """``wanted``, or ``otherwise`` if the encoding of standard output lacks it."""
    try:
        wanted.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return otherwise
    return wanted
