"""What a person sees: tables and files on standard output, warnings and progress on standard error."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_BAR = 24


def problem(kind: str, message: object) -> None:
    """One line on standard error."""
    print(f"videxplain: {kind}: {' '.join(str(message).split())}", file=sys.stderr)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on standard error, gone when done; silent where standard error is not a terminal.

    It is told what is done and, where that is known, what there is in all.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def print_predictions(predictions: Sequence[tuple[str, float]], title: str, explained: str = "", top: int = 5) -> None:
    """The best classes with their probabilities; the explained one is marked, and added where it is not among them."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    # As a title of the table it would be folded to the table's width.
    console.print(title, style="bold", markup=False, highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("class", overflow="fold")
    table.add_column("probability", justify="right")
    table.add_column("")
    rows = [(rank, *entry) for rank, entry in enumerate(predictions)]
    for rank, label, probability in rows:
        if rank < top or label == explained:
            mark = "  <- explained" if label == explained else ""
            bar = "█" * round(probability * _BAR)
            table.add_row(escape(label), f"{100 * probability:.1f} %", f"{bar}{mark}")
    console.print(table)


def print_notes(notes: Sequence[str]) -> None:
    """What must not be missed."""
    from rich.console import Console

    console = Console()
    for note in notes:
        console.print(f"! {note}", style="bold red", markup=False, highlight=False)


def print_files(paths: Sequence[Path]) -> None:
    """One path a line, whole, so that it can be piped on."""
    for path in paths:
        print(path)
