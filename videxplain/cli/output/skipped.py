"""The videos that a command left out, on standard error."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from videxplain.cli.output.console import problem

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 10
"""The most videos that are named; the report lists all."""


def print_skipped(skipped: Sequence[tuple[Path, str]]) -> None:
    """Print a line for each video, with the reason."""
    for path, reason in skipped:
        problem("skipped", reason if str(path) in reason else f"{path}: {reason}")


def print_skipped_and_count(skipped: Sequence[tuple[Path, str]]) -> None:
    """Print a line for each video, with the reason, and their number if there are any."""
    print_skipped(skipped)
    if skipped:
        problem("skipped", f"{len(skipped):,} videos in all")


def print_failed(videos: "pd.DataFrame") -> None:
    """Print the first videos that a report could not explain, and their number.

    Args:
        videos: A row for each video, with the columns ``path`` and ``error``.
    """
    failed = videos[videos["error"].notna()]
    for _, row in failed.head(_SHOWN).iterrows():
        problem("skipped", f"{row['path']}: {row['error']}")
    if len(failed):
        problem("skipped", f"{len(failed):,} of {len(videos):,} videos, listed in the report")
