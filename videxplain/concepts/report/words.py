"""What the report of concepts says in words and numbers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from videxplain.audit.report.words import percent
from videxplain.commands import command_line, python_call
from videxplain.concepts.result import Concepts
from videxplain.concepts.settings import Settings

_REGION_WORDS = {"limbs": "the limbs that act", "bodies": "bodies", "background": "the background"}
_TOP_CLASSES = 3


def figures_of(found: Concepts) -> list[tuple[str, str, str]]:
    """The figures of the first page: what is counted, the value, and a hint."""
    known = found.videos[found.videos["error"].isna()]
    same = (known["prediction_reconstructed"] == known["prediction"]).mean()
    figures = [
        (
            "videos",
            f"{len(known):,}",
            f"{len(found.videos) - len(known):,} not read" if len(known) < len(found.videos) else "all read",
        ),
        (
            "concepts",
            f"{found.settings.concepts}",
            f"of layer {found.settings.layer}, {found.factors.channels:,} channels",
        ),
        ("activations explained", percent(found.explained), "share of the squared activations; the rest is the error"),
        ("predictions that stay", percent(same), "when only the concepts are left of the activations"),
    ]
    labelled = known[known["truth"].notna()]
    if len(labelled):
        right = (labelled["truth"] == labelled["prediction"]).mean()
        figures.append(("right", percent(right), "of the videos with a label"))
    return figures


def settings_in_words(settings: Settings) -> list[tuple[str, str]]:
    """The settings of the search, a name and a value each."""
    return [
        ("network", settings.model),
        ("weights", settings.weights_and_digest),
        ("layer", settings.layer),
        ("data", f"{settings.data}, split {settings.split}, {settings.subset}"),
        ("places sampled", f"{settings.places:,}, seed {settings.seed}"),
        ("Sobol designs", str(settings.designs) if settings.designs else "none"),
    ]


def command_of(settings: Settings) -> str:
    """The command that finds these concepts again; a line of Python for a network that was given."""
    subset = None if settings.subset == "test" else settings.subset
    split = None if settings.split == 1 else settings.split
    search = {
        "layer": settings.layer,
        "subset": subset,
        "limit": settings.limit,
        "concepts": settings.concepts,
        "places": settings.places,
        "designs": settings.designs,
        "seed": settings.seed,
    }
    if settings.given:
        data = repr(settings.data) if split is None else python_call("open_dataset", repr(settings.data), split=split)
        return python_call("find_concepts", "network", data, "FOLDER", **search)
    network = settings.network_options
    return command_line(
        "concepts", settings.expects, **network, data=settings.data, split=split, **search, out="FOLDER"
    )


def concept_facts(row: Mapping[str, Any], matches: pd.DataFrame) -> list[tuple[str, str]]:
    """The facts of one concept, a name and a value each."""
    facts = [
        ("share of all activity", percent(row["weight"])),
        ("active in frames", percent(row["frames"])),
    ]
    if row["x"] is not None and row["x"] == row["x"]:
        facts.append(("centre from the left / top", f"{percent(row['x'])} / {percent(row['y'])}"))
        facts.append(("spread", f"{row['spread']:.2f}"))
    if isinstance(row["leading"], str):
        facts.append(("strongest for", f"{row['leading']}, {percent(row['leading_share'])} of its activity"))
    for _, one in matches[matches["concept"] == row["concept"]].iterrows():
        facts.append(
            (
                f"{one['region']}",
                f"correlation {_number(one['correlation'])}, by place alone {_number(one['by_place'])}; "
                f"{percent(one['share'])} of its activity on {percent(one['area'])} of the picture",
            )
        )
    return facts


def region_words(region: Any) -> str:
    """The region that a concept follows, in words; empty without one."""
    return _REGION_WORDS[region] if isinstance(region, str) else ""


def class_words(shares: pd.DataFrame) -> str:
    """The classes whose share of gradient x activation is above zero with its whole interval, the largest first."""
    column = "gradient_x_activation"
    known = shares[shares[f"{column}_low"].notna()]
    if not len(known):
        return "No class has enough videos for an interval of its share."
    sure = known[known[f"{column}_low"] > 0].sort_values(column, ascending=False).head(_TOP_CLASSES)
    if not len(sure):
        return "Its share is surely above zero for no class."
    named = [f"{row['label']} {_share(row, column)}" for row in sure.to_dict("records")]
    return f"Speaks for {', '.join(named)}."


def share_rows(shares: pd.DataFrame) -> list[dict[str, str]]:
    """A row for each class: its videos, and the concept's shares of it."""
    return [
        {
            "label": str(row["label"]),
            "videos": f"{row['videos']}",
            **{column: _share(row, column) for column in ("sobol", "gradient_x_activation", "fall")},
        }
        for row in shares.to_dict("records")
    ]


def _share(row: Mapping[Any, Any], column: str) -> str:
    """A share with its interval, if there is one."""
    value, low, high = (row[column + end] for end in ("", "_low", "_high"))
    if value is None or value != value:
        return "–"
    return _number(value) if low is None or low != low else f"{_number(value)} ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    """Two decimals, and no minus in front of a zero."""
    return f"{round(value, 2) + 0.0:.2f}"
