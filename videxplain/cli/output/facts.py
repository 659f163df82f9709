"""Facts and lists of them on the terminal, folded at its width."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from videxplain.cli.output.console import clean, console, say

if TYPE_CHECKING:
    from videxplain.models.config import ModelConfig

_NARROWEST = 20
"""Letters of the least width to which a text is folded."""


def print_fact(label: str, text: str) -> None:
    """Print a label and a text that is folded beside it."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, width=len("--weights"))
    table.add_column(overflow="fold")
    table.add_row(clean(label), clean(text))
    console().print(table)


def print_rows(rows: Sequence[tuple[str, ...]], first: int = 0) -> None:
    """Print rows, folded at the width of a terminal; elsewhere each is one line. A third column stands at the right.

    Args:
        rows: Two or three texts each.
        first: The least width of the first column.
    """
    out = console()
    first = max([first, *(len(row[0]) for row in rows)])
    last = max((len(row[2]) for row in rows if len(row) > 2), default=0)
    middle = max(len(row[1]) for row in rows)
    if out.is_terminal:
        middle = min(middle, max(out.width - first - 2 - (last + 2 if last else 0), _NARROWEST))
    for row in rows:
        start, *rest = textwrap.wrap(row[1], middle) or [""]
        end = f"  {row[2]}" if len(row) > 2 else ""
        say(f"{row[0]:{first}}  {start:{middle}}{end}".rstrip())
        for line in rest:
            say(f"{'':{first}}  {line}")


def input_words(config: "ModelConfig") -> str:
    """How many frames of which size a network takes: ``16 frames, 112x112``."""
    height, width = config.size
    frames = f"{config.num_frames} {'spread ' if config.sampling == 'uniform' else ''}frames"
    return f"{frames}, {width}x{height}"
