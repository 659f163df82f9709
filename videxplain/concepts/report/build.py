"""The report of one search for concepts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from videxplain.audit.report.pages import Pages
from videxplain.audit.report.words import percent
from videxplain.concepts.report import charts
from videxplain.concepts.report.media import write_place, write_tube
from videxplain.concepts.report.words import (
    class_words,
    command_of,
    concept_facts,
    figures_of,
    region_words,
    settings_in_words,
    share_rows,
)
from videxplain.concepts.result import Concepts
from videxplain.concepts.tubes import strongest_tube
from videxplain.data.fingerprint import fingerprint
from videxplain.errors import VidexplainError
from videxplain.files import make_folder
from videxplain.progress import Progress

CLIPS = 4
"""Clips of each concept that get a video, by default."""
_FAILED_SHOWN = 200


def build_report(
    found: Concepts, *, clips: int = CLIPS, notes: Sequence[str] = (), progress: Progress | None = None
) -> Path:
    """Write ``report/`` into the folder of a search for concepts: pages that open from disk.

    Args:
        found: The concepts.
        clips: How many clips of each concept get a video.
        notes: Notes for every page, besides those of the search.
        progress: Called with the number of concepts drawn and the number of all concepts.

    Returns:
        The first page.

    Raises:
        VidexplainError: ``clips`` is below 1, or the folder cannot be written.
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
        footer=f"{settings.model}, weights: {settings.weights_named}; layer {settings.layer}; {settings.data}",
        notes=[*found.notes, *notes, *_gone(found)],
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
        card = _card(found, row, own, folder, clips)
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
        figures=figures_of(found),
        sobol=has_sobol,
        regions="regions" in drawn,
        failed=_failed(found.videos),
        facts=settings_in_words(settings),
        command=command_of(settings),
    )
    pages.copy(("concepts.css", "concepts.js"))
    pages.write_charts(drawn)
    return folder / "index.html"


def _gone(found: Concepts) -> list[str]:
    """Notes about videos that are not what or where they were when they were measured; empty if all are."""
    known = [int(i) for i in found.videos.index[found.videos["error"].isna()]]
    lost: dict[str, list[Path]] = {"gone": [], "changed": []}
    for video in known:
        if how := _lost(found, video):
            lost[how].append(found.path(video))
    return [
        f"{len(paths):,} of {len(known):,} videos have {how}, such as {paths[0]}: the report does not show them"
        for how, paths in lost.items()
        if paths
    ]


def _lost(found: Concepts, video: int) -> str:
    """``"gone"`` or ``"changed"``; empty if the video is the one that was measured."""
    path, known = found.path(video), found.videos.iloc[video].get("fingerprint")
    if not path.exists():
        return "gone"
    try:
        changed = isinstance(known, str) and known != fingerprint(path)
    except VidexplainError:
        return "gone"
    return "changed" if changed else ""


def _card(found: Concepts, row: Mapping[str, Any], shares: pd.DataFrame, folder: Path, clips: int) -> dict[str, Any]:
    """What the pages show of one concept; its pictures and clips are written into ``folder``.

    Args:
        found: The concepts.
        row: The row of the concept.
        shares: Its shares of the classes.
        folder: The folder of the report.
        clips: How many clips get a video.
    """
    number = int(row["concept"])
    place = f"media/concept-{number}.png"
    write_place(folder / place, found.mean_maps[number])
    return {
        "number": number,
        "href": f"concept-{number}.html",
        "place": place,
        "facts": concept_facts(row, found.matches),
        "region": region_words(row["region"]),
        "classes": class_words(shares),
        "clips": _clips(found, number, float(row["scale"]), folder, clips),
        "without": _without(found, number),
        "rows": share_rows(shares),
    }


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
        path = found.path(video)
        if _lost(found, video):
            continue
        box = found.settings.view_box((int(known["height"]), int(known["width"])))
        write_tube(folder / "media", name, path, maps, tube, scale, box)
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
    """The clip whose prediction needs the concept most: probabilities and scores with it and without it."""
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
        "error": percent(1 - float(row["explained"]), 1),
    }


def _failed(videos: pd.DataFrame) -> list[tuple[str, str]]:
    failed = videos[videos["error"].notna()].head(_FAILED_SHOWN)
    return [(str(row["path"]), str(row["error"])) for _, row in failed.iterrows()]
