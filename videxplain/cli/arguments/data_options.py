"""The options of commands that read a data set; each is described once."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

DATA_PANEL = "Data"
"""The heading of these options in the help."""

_ANY_DATA = "UCF101, HMDB51, a folder of classes, a folder of videos, prepared frames, or a CSV or Parquet list."
AnyData: TypeAlias = Annotated[Path, typer.Option(help=_ANY_DATA, rich_help_panel=DATA_PANEL, show_default=False)]
OptionalAnyData: TypeAlias = Annotated[Path | None, typer.Option(help=_ANY_DATA, rich_help_panel=DATA_PANEL)]
LabelledData: TypeAlias = Annotated[
    Path,
    typer.Option(
        help="A data set: UCF101, HMDB51, a folder of classes, or prepared frames.", rich_help_panel=DATA_PANEL
    ),
]
Kind: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="auto|ucf101|hmdb51|actionfigures|folder",
        help="How the data set is laid out.",
        rich_help_panel=DATA_PANEL,
    ),
]
Split: TypeAlias = Annotated[int, typer.Option(help="1, 2 or 3.", rich_help_panel=DATA_PANEL)]
Subset: TypeAlias = Annotated[
    str, typer.Option(metavar="test|train|all", help="Which videos.", rich_help_panel=DATA_PANEL)
]
Limit: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="At most this many videos, spread over all.", rich_help_panel=DATA_PANEL)
]
Strict: TypeAlias = Annotated[
    bool, typer.Option("--strict", help="Stop at a missing or damaged video.", rich_help_panel=DATA_PANEL)
]
