"""Two audits of the same videos side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from videxplain.audit.clusters import reduced
from videxplain.audit.report.clips import clip_count, write_clip
from videxplain.audit.report.media import MAX_SIDE
from videxplain.audit.report.pages import Pages
from videxplain.audit.result import Audit
from videxplain.errors import VidexplainError
from videxplain.files import make_folder, output_folder
from videxplain.progress import Progress


def build_comparison(
    first: Audit,
    second: Audit,
    out: str | Path,
    *,
    clips: str = "all",
    max_side: int = MAX_SIDE,
    progress: Progress | None = None,
) -> Path:
    """Write one page on which both networks explain the same clip, in step.

    Args:
        first: An audit.
        second: Another, of the same data set.
        out: The folder to write.
        clips: Which clips get videos and maps: ``"all"``, ``"confused"`` (a network is wrong, or the two differ), or a
            number of clips. Confused clips then come first.
        max_side: The longer side of these videos, in pixels.
        progress: Called with the number of clips written and the number of all clips.

    Returns:
        The page.

    Raises:
        VidexplainError: The audits have no explained video in common, or ``clips`` is something else.
    """
    pairs = _pairs(first, second)
    if not pairs:
        raise VidexplainError(f"{first.folder} and {second.folder} have no explained video in common")
    chosen = _chosen(pairs, clips)
    names = _names(first, second)
    out = Path(out)
    with output_folder(out):
        folders = ("media-a", "media-b")
        for folder in folders:
            make_folder(out / folder)
        for done, pair in enumerate(chosen):
            for audit, number, folder in zip((first, second), pair["numbers"], folders, strict=True):
                write_clip(audit, number, out / folder, max_side)
            if progress:
                progress(done + 1, len(chosen))
        pages = Pages(
            out,
            title=f"{names[0]} and {names[1]} on {Path(first.settings.data).name}",
            footer=f"{first.folder} and {second.folder}",
            notes=(),
            pages=(("compare.html", "Side by side"),),
        )
        pages.write("compare", "compare.html", figures=_figures(pairs, names))
        labels = list(dict.fromkeys([*first.settings.labels, *second.settings.labels]))
        pages.write_assets(_script_data(pairs, labels, names, folders), {})
    return out / "compare.html"


def _script_data(
    pairs: Sequence[dict[str, Any]], labels: Sequence[str], names: Sequence[str], folders: Sequence[str]
) -> dict[str, Any]:
    """What the scripts of the page read. They need the columns of lists too, which are empty here."""
    index = {label: k for k, label in enumerate(labels)}
    columns = ("name", "path", "truth", "prediction", "probability", "group", "trust", "odd")
    return {
        "title": "side by side",
        "labels": list(labels),
        "columns": {name: [] for name in columns},
        "names": list(names),
        "folders": list(folders),
        "pairs": [
            {
                "path": pair["path"],
                "truth": index.get(pair["truth"], -1) if pair["truth"] else -1,
                "predictions": [index[label] for label in pair["predictions"]],
                "probabilities": pair["probabilities"],
                "likeness": pair["likeness"],
                "files": pair["files"],
            }
            for pair in pairs
        ],
    }


def _pairs(first: Audit, second: Audit) -> list[dict[str, Any]]:
    """The videos that both audits have explained, matched by their paths in the data set."""
    place = {path: i for i, path in enumerate(second.videos["path"])}
    pairs = []
    for i, path in enumerate(first.videos["path"]):
        j = place.get(path)
        if j is None:
            continue
        rows = first.videos.iloc[i], second.videos.iloc[j]
        if any(isinstance(row["error"], str) for row in rows):
            continue
        maps = [reduced(audit.maps(number)) for audit, number in ((first, i), (second, j))]
        pairs.append(
            {
                "path": path,
                "numbers": (i, j),
                "files": [str(row["name"]) for row in rows],
                "truth": rows[0]["truth"] if isinstance(rows[0]["truth"], str) else "",
                "predictions": [str(row["prediction"]) for row in rows],
                "probabilities": [round(float(row["probability"]), 4) for row in rows],
                "likeness": _likeness(*maps),
            }
        )
    return pairs


def _likeness(one: np.ndarray, other: np.ndarray) -> float | None:
    """Pearson correlation of two reduced maps; None if one is the same everywhere."""
    if one.std() == 0 or other.std() == 0:
        return None
    return round(float(np.corrcoef(one, other)[0, 1]), 4)


def _chosen(pairs: list[dict[str, Any]], clips: str) -> list[dict[str, Any]]:
    differ = [p for p in pairs if len({*p["predictions"], *filter(None, [p["truth"]])}) > 1]
    count = clip_count(clips)
    if count is None:
        return pairs if clips == "all" else differ
    return (differ + [pair for pair in pairs if pair not in differ])[:count]


def _names(first: Audit, second: Audit) -> tuple[str, str]:
    names = first.settings.model, second.settings.model
    if names[0] != names[1]:
        return names
    return f"{names[0]} ({first.folder.name})", f"{names[1]} ({second.folder.name})"


def _figures(pairs: list[dict[str, Any]], names: tuple[str, str]) -> list[tuple[str, str, str]]:
    known = [pair for pair in pairs if pair["truth"]]
    figures = [("clips", f"{len(pairs):,}", "explained by both")]
    for k, name in enumerate(names):
        if known:
            share = sum(pair["predictions"][k] == pair["truth"] for pair in known) / len(known)
            figures.append((f"{name} is right", f"{100 * share:.1f} %", "top-1 accuracy"))
    same = sum(len(set(pair["predictions"])) == 1 for pair in pairs) / len(pairs)
    figures.append(("same prediction", f"{100 * same:.1f} %", "of the clips"))
    likeness = [pair["likeness"] for pair in pairs if pair["likeness"] is not None]
    if likeness:
        figures.append(("correlation of the maps", f"{float(np.median(likeness)):.2f}", "median over clips"))
    return figures
