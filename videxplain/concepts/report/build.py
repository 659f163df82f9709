"""The report of one search for concepts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from videxplain.audit.report.pages import Pages
from videxplain.commands import command_line
from videxplain.concepts.report import charts
from videxplain.concepts.report.media import write_place, write_tube
from videxplain.concepts.result import Concepts
from videxplain.concepts.settings import Settings
from videxplain.concepts.tubes import strongest_tube
from videxplain.errors import VidexplainError
from videxplain.files import make_folder
from videxplain.progress import Progress

CLIPS = 4
"""Clips of each concept that get a video, by default."""
_REGION_WORDS = {"limbs": "the limbs that act", "bodies": "bodies", "background": "the background"}
_TOP_CLASSES = 3


def build_report(
    found: Concepts, *, clips: int = CLIPS, notes: Sequence[str] = (), progress: Progress | None = None
) -> Path:
    """Write ``report/`` into the folder of a search for concepts: pages that open from disk.

    Args:
        found: The concepts.
        clips: How many clips of each concept get a video.
        notes: What every page must say.
        progress: Called with the concepts drawn so far and the concepts in all.

    Returns:
        The first page.
    """
    if clips < 1:
        raise VidexplainError(f"--clips is at least 1, not {clips}")
    folder = found.folder / "report"
    make_folder(folder / "media")
    settings = found.settings
    pages = Pages(
        folder,
        "videxplain.concepts.report",
        title=f"Concepts of {settings.model} at {settings.layer} on {Path(settings.data).name}",
        footer=f"{settings.model}, weights: {settings.weights}; layer {settings.layer}; {settings.data}",
        notes=[*found.notes, *notes],
    )
    has_sobol = bool(found.shares["sobol"].notna().all()) and len(found.shares) > 0
    column, title = ("sobol", "Sobol total index") if has_sobol else ("gradient_x_activation", "gradient x activation")
    drawn: dict[str, Any] = {"signed": charts.heatmap(found.shares, "gradient_x_activation", "share")}
    if has_sobol:
        drawn["sobol"] = charts.heatmap(found.shares, "sobol", "total index")
    if len(found.matches):
        drawn["regions"] = charts.regions(found.matches)
    cards = []
    for number, row in enumerate(found.concepts.to_dict("records")):
        own = found.shares[found.shares["concept"] == number]
        drawn[f"classes-{number}"] = charts.classes_of(own, column, title)
        place = f"media/concept-{number}.png"
        write_place(folder / place, found.mean_maps[number])
        card = {
            "number": number,
            "href": f"concept-{number}.html",
            "place": place,
            "facts": _facts(row, found.matches),
            "region": _region(row["region"]),
            "classes": _classes(own, "gradient_x_activation"),
            "clips": _clips(found, number, float(row["scale"]), folder, clips),
            "without": _without(found, number),
            "rows": _rows(own),
        }
        pages.write(
            f"concept-{number}", "concept.html", page="concepts", concept=card, count=settings.concepts, title_of=title
        )
        cards.append(card)
        if progress:
            progress(number + 1, settings.concepts)
    pages.write(
        "index",
        "index.html",
        page="concepts",
        concepts=cards,
        figures=_figures(found),
        sobol=has_sobol,
        regions="regions" in drawn,
        failed=_failed(found.videos),
        facts=_settings(settings),
        command=command_of(settings),
    )
    pages.copy(("concepts.css", "concepts.js"))
    pages.write_charts(drawn)
    return folder / "index.html"


def _clips(found: Concepts, number: int, scale: float, folder: Path, count: int) -> list[dict[str, Any]]:
    """The strongest clips of a concept, with the names of their files."""
    drawn: list[dict[str, Any]] = []
    tubes = found.tubes[found.tubes["concept"] == number]
    for _, row in tubes.iterrows():
        if len(drawn) == count:
            break
        video = int(row["video"])
        maps = found.maps(video)[number]
        tube = strongest_tube(maps, scale)
        if tube is None:
            continue
        name = f"concept-{number}-clip-{len(drawn)}"
        known = found.videos.iloc[video]
        try:
            path = found.path(video)
            write_tube(
                folder / "media",
                name,
                path,
                maps,
                tube,
                scale,
                found.settings.view_box((int(known["height"]), int(known["width"]))),
            )
        except VidexplainError:  # the video has gone since it was measured
            continue
        first, last = tube.frames
        drawn.append(
            {
                "video": f"media/{name}.mp4",
                "strip": f"media/{name}.jpg",
                "path": str(known["path"]),
                "prediction": str(known["prediction"]),
                "truth": known["truth"] if isinstance(known["truth"], str) else "",
                "words": f"frames {first} to {last} of {int(known['frames'])}",
            }
        )
    return drawn


def _without(found: Concepts, number: int) -> dict[str, Any] | None:
    """The clip whose prediction needs the concept most: what the network says with and without it."""
    known = found.videos[found.videos["error"].isna()]
    falls = [row["probability_reconstructed"] - row["probability_without"][number] for row in known.to_dict("records")]
    best = max(range(len(falls)), key=falls.__getitem__)
    row = known.iloc[best]
    if not falls[best] > 0:
        return None
    return {
        "path": str(row["path"]),
        "prediction": str(row["prediction"]),
        "bars": [
            ("as it is", float(row["window_probability"]), float(row["score"])),
            ("all concepts", float(row["probability_reconstructed"]), float(row["score_reconstructed"])),
            (
                f"without concept {number}",
                float(row["probability_without"][number]),
                float(row["score_without"][number]),
            ),
        ],
        "instead": str(row["prediction_without"][number]),
        "error": f"{1 - float(row['explained']):.1%}",
    }


def _facts(row: Mapping[str, Any], matches: "pd.DataFrame") -> list[tuple[str, str]]:
    facts = [
        ("share of all activity", f"{row['weight']:.0%}"),
        ("active in frames", f"{row['frames']:.0%}"),
    ]
    if row["x"] is not None and row["x"] == row["x"]:
        facts.append(("centre from the left / top", f"{row['x']:.0%} / {row['y']:.0%}"))
        facts.append(("spread", f"{row['spread']:.2f}"))
    if isinstance(row["leading"], str):
        facts.append(("strongest for", f"{row['leading']}, {row['leading_share']:.0%} of its activity"))
    for _, one in matches[matches["concept"] == row["concept"]].iterrows():
        facts.append(
            (
                f"{one['region']}",
                f"correlation {_number(one['correlation'])}, by place alone {_number(one['by_place'])}; "
                f"{one['share']:.0%} of its activity on {one['area']:.0%} of the picture",
            )
        )
    return facts


def _region(region: Any) -> str:
    return _REGION_WORDS[region] if isinstance(region, str) else ""


def _classes(shares: "pd.DataFrame", column: str) -> str:
    """The classes that a concept surely speaks for: those whose whole interval is above zero, the largest first."""
    known = shares[shares[f"{column}_low"].notna()]
    if not len(known):
        return "No class has enough videos for an interval of its share."
    sure = known[known[f"{column}_low"] > 0].sort_values(column, ascending=False).head(_TOP_CLASSES)
    if not len(sure):
        return "Its share is surely above zero for no class."
    named = [f"{row['label']} {_share(row, column)}" for row in sure.to_dict("records")]
    return f"Speaks for {', '.join(named)}."


def _rows(shares: "pd.DataFrame") -> list[dict[str, str]]:
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


def _figures(found: Concepts) -> list[tuple[str, str, str]]:
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
        ("activations explained", f"{found.explained:.0%}", "share of the squared activations; the rest is the error"),
        ("predictions that stay", f"{same:.0%}", "when only the concepts are left of the activations"),
    ]
    labelled = known[known["truth"].notna()]
    if len(labelled):
        right = (labelled["truth"] == labelled["prediction"]).mean()
        figures.append(("right", f"{right:.0%}", "of the videos with a label"))
    return figures


def _failed(videos: "pd.DataFrame") -> list[tuple[str, str]]:
    failed = videos[videos["error"].notna()].head(200)
    return [(str(row["path"]), str(row["error"])) for _, row in failed.iterrows()]


def _settings(settings: Settings) -> list[tuple[str, str]]:
    digest = f", SHA-256 {settings.weights_sha256[:16]}" if settings.weights_sha256 else ""
    return [
        ("network", settings.model),
        ("weights", settings.weights + digest),
        ("layer", settings.layer),
        ("data", f"{settings.data}, split {settings.split}, {settings.subset}"),
        ("places sampled", f"{settings.places:,}, seed {settings.seed}"),
        ("Sobol designs", str(settings.designs) if settings.designs else "none"),
    ]


def command_of(settings: Settings) -> str:
    """The command that finds these concepts again, without its ``--out``."""
    return command_line(
        "concepts",
        settings.expects,
        model=settings.model,
        data=settings.data,
        weights=None if settings.weights == "auto" else settings.weights,
        labels=settings.labels_file or None,
        view=None if settings.view == "model" else settings.view,
        layer=settings.layer,
        split=None if settings.split == 1 else settings.split,
        subset=None if settings.subset == "test" else settings.subset,
        limit=settings.limit,
        concepts=settings.concepts,
        places=settings.places,
        designs=settings.designs,
        seed=settings.seed,
    )
