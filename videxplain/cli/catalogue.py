"""Commands that say what there is."""

import typer


def models() -> None:
    """List the models and their weights."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from videxplain.models.architectures import ARCHITECTURES
    from videxplain.models.zoo import available_weights

    table = Table(box=None, pad_edge=False)
    for column in ("model", "what", "input", "weights"):
        table.add_column(column, overflow="fold")
    for name in ARCHITECTURES:
        entry = ARCHITECTURES[name]
        config = entry.config
        height, width = config.size
        where = "in a row" if config.sampling == "consecutive" else "over the whole video"
        expects = f"{config.num_frames} frames {where}, {width}x{height}"
        weights = "\n".join(f"{value}: {note}" for value, note in available_weights(name))
        table.add_row(name, escape(entry.summary), expects, escape(weights))
    Console().print(table)


def methods() -> None:
    """List the methods, what they cost and where they come from."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from videxplain.attribution.api import METHODS

    table = Table(box=None, pad_edge=False)
    for column in ("method", "family", "what", "cost", "paper"):
        table.add_column(column, overflow="fold")
    for name in METHODS:
        entry = METHODS[name]
        table.add_row(name, entry.family, escape(entry.summary), entry.cost, escape(entry.paper))
    Console().print(table)


def version(asked: bool) -> None:
    """Print the version and stop."""
    if asked:
        from videxplain.version import __version__

        print(f"videxplain {__version__}")
        raise typer.Exit
