"""Commands that say what there is."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.table import Table


def models() -> None:
    """List the models, what they see, and the weights there are for them."""
    from rich.console import Console
    from rich.markup import escape
    from rich.padding import Padding
    from rich.text import Text

    from videxplain.models.architectures import ARCHITECTURES
    from videxplain.models.hubs.sources import SOURCES
    from videxplain.models.weights.checkpoints import public_weights
    from videxplain.models.zoo import available_weights

    table, choices = _table("model", "what", "input at full size"), _table("model", "--weights", "what they are")
    for name in ARCHITECTURES:
        entry = ARCHITECTURES[name]
        config = entry.config
        height, width = config.size
        where = "in a row" if config.sampling == "consecutive" else "over the whole video"
        table.add_row(name, escape(entry.summary), f"{config.num_frames} frames {where}, {width}x{height}")
        for place, (value, note) in enumerate(available_weights(name) + public_weights(name)):
            choices.add_row("" if place else name, value, escape(note))
    console = Console()
    console.print(table)
    console.print()
    console.print(choices)
    console.print("\nThe first of each model is the default; or name a file.\n", highlight=False)
    console.print("Models of other packages; the default is their own weights, or say none, or name a file.\n")
    for prefix, source in SOURCES.items():
        console.print(f"{source.summary}:", style="bold", markup=False, highlight=False)
        names = Text("  ".join(f"{prefix}:{name}" for name in source.names))
        console.print(Padding(names, (0, 0, 1, 2)))


def methods() -> None:
    """List the methods, what they cost and where they come from."""
    from rich.console import Console
    from rich.markup import escape

    from videxplain.attribution.api import METHODS
    from videxplain.attribution.registry import list_methods

    table = _table("method", "family", "what", "cost", "paper")
    for name in list_methods():
        entry = METHODS[name]
        table.add_row(name, entry.family, escape(entry.summary), entry.cost, escape(entry.paper))
    Console().print(table)


def version(asked: bool) -> None:
    """Print the version and stop."""
    if asked:
        from videxplain.version import __version__

        print(f"videxplain {__version__}")
        raise typer.Exit


def _table(first: str, *others: str) -> "Table":
    """A table without lines whose names do not break."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for column in others:
        table.add_column(column, overflow="fold", no_wrap=column.startswith("--"))
    return table
