"""The report of one audit."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from videxplain.audit.clusters import Cluster, find_clusters
from videxplain.audit.report.clips import choose_clips, write_clip
from videxplain.audit.report.data import chart_data, list_data
from videxplain.audit.report.gather import CURVE_POINTS, Gathered, class_of, features_of, gather, to_grid
from videxplain.audit.report.media import MAX_SIDE, write_map
from videxplain.audit.report.pages import PAGES, Pages
from videxplain.audit.report.statistics import RELIANCE, confusion, overview
from videxplain.audit.report.words import cards_of, footer_of, percent, settings_in_words
from videxplain.audit.result import Audit
from videxplain.data.stream import FileFrames
from videxplain.errors import VidexplainError
from videxplain.evaluation.confusion import most_confused
from videxplain.files import make_folder
from videxplain.progress import Progress

_CONFUSED_SHOWN = 20
_FAILED_SHOWN = 200
_ODD_SHOWN = 5
_MEMBERS_SHOWN = 24


class VideosGoneWarning(UserWarning):
    """Videos of an audit are not where they were, so the report cannot show them."""


def build_report(
    audit: Audit,
    *,
    clips: str = "all",
    max_side: int = MAX_SIDE,
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> Path:
    """Write ``report/`` into the folder of an audit: pages that open from disk.

    Args:
        audit: The audit.
        clips: Which clips get a video and maps: ``"all"``, ``"confused"``, or a number of clips. Confused and odd clips
            then come first.
        max_side: The longer side of these videos, in pixels.
        notes: Notes for every page, besides those of the audit.
        progress: Called with the number of clips written and the number of all clips.

    Returns:
        The first page.

    Raises:
        VidexplainError: ``clips`` is something else, or the folder cannot be written.
    """
    folder = audit.folder / "report"
    make_folder(folder / "media")
    table, labels = audit.videos, list(audit.settings.labels)
    explained = np.flatnonzero(table["error"].isna().to_numpy())
    gathered = gather(audit, explained)
    clusters, odd = _clusters(audit, explained, gathered)
    chosen = choose_clips(audit, explained, odd, clips)
    written, moved, lost = _write_clips(audit, chosen, folder / "media", gathered, max_side, progress)
    if lost:
        warnings.warn(lost, VideosGoneWarning, stacklevel=2)
    title = audit.settings.title
    pages = Pages(
        folder,
        title=title,
        footer=footer_of(audit, len(explained), len(written)),
        notes=[*audit.notes, *notes, *([lost] if lost else [])],
        pages=PAGES if table["truth"].notna().any() else [page for page in PAGES if page[0] != "confusion.html"],
    )
    counts = confusion(table.iloc[explained], labels)
    described = [_described(audit, cluster, folder, gathered) for cluster in clusters]
    figures = overview(table, labels)
    _write_overview(pages, audit, figures, counts, described)
    _write_lists(pages, audit)
    _write_classes(pages, audit, folder, gathered, moved)
    pages.write("odd", "odd.html", clusters=described)
    pages.write("clip", "clip.html")
    data = list_data(audit, explained, odd, written)
    data["title"] = title
    data["repeat"] = audit.settings.repeated("\0").split("\0")
    pages.write_assets(data, chart_data(audit, figures, explained, gathered, odd))
    return folder / "index.html"


def _clusters(audit: Audit, explained: NDArray[np.int64], gathered: Gathered) -> tuple[list[Cluster], dict[int, float]]:
    """The clusters of explanations, and how unlike its class each explained video is, by its number."""
    features = features_of(audit, explained)
    predictions = [str(audit.videos["prediction"].iloc[i]) for i in explained]
    right = [None if value is None else bool(value) for value in audit.videos["correct"].iloc[explained]]
    clusters, oddness = find_clusters(explained.tolist(), predictions, right, gathered.reduced, features)
    return clusters, dict(zip(explained.tolist(), oddness.tolist(), strict=True))


def _write_clips(
    audit: Audit, chosen: Sequence[int], folder: Path, gathered: Gathered, max_side: int, progress: Progress | None
) -> tuple[set[int], dict[str, NDArray[np.float64]], str]:
    """Write the media of clips.

    Returns:
        The clips that were written, the sum of the movement of each class, and a line about videos that have gone since
        they were explained; empty if there are none.
    """
    written: set[int] = set()
    moved: dict[str, NDArray[np.float64]] = {}
    first = ""
    for done, number in enumerate(chosen, start=1):
        if problem := _changed(audit, number):
            first = first or problem
        else:
            movement = write_clip(audit, number, folder, max_side)
            written.add(number)
            label = class_of(audit, number)
            grid = gathered.place[label].shape
            moved[label] = moved.get(label, np.zeros(grid)) + to_grid(movement, grid)
        if progress:
            progress(done, len(chosen))
    lost = len(chosen) - len(written)
    line = f"{lost:,} of {len(chosen):,} clips have no video here: {first}"
    if not Path(audit.settings.data).is_absolute():
        line += "; run 'videxplain audit report' in the folder in which the audit was run"
    return written, moved, line if lost else ""


def _changed(audit: Audit, number: int) -> str:
    """Why a video cannot be shown any more; empty if it can."""
    try:
        source = FileFrames(audit.path(number))
    except VidexplainError as error:
        return str(error)
    row = audit.videos.iloc[number]
    if source.num_frames != int(row["frames"]):
        return f"{audit.path(number)} has changed: {source.num_frames} frames, not {int(row['frames'])}"
    known = row.get("fingerprint")  # audits of earlier versions have none
    changed = isinstance(known, str) and known != source.fingerprint
    return f"{audit.path(number)} has changed since the audit" if changed else ""


def _described(audit: Audit, cluster: Cluster, folder: Path, gathered: Gathered) -> dict[str, Any]:
    names = [str(audit.videos["name"].iloc[i]) for i in cluster.members]
    right = "" if cluster.accuracy is None else f", {percent(cluster.accuracy)} right"
    is_odd = cluster.oddness > 0
    far = f"{cluster.oddness:.1f} deviations from the usual" if is_odd else "no further from the usual than most clips"
    picture = f"media/cluster-{cluster.members[0]}.png"
    place = sum(
        to_grid(np.maximum(audit.maps(i), 0).sum(0), gathered.place[class_of(audit, i)].shape)
        for i in cluster.members[:_MEMBERS_SHOWN]
    )
    write_map(folder / picture, np.asarray(place, np.float32))
    return {
        "words": f"{cluster.label}: {len(names)} clips, {percent(cluster.share)} of the class{right}; {far}",
        "members": names[:_MEMBERS_SHOWN],
        "map": picture,
        "href": "odd.html",
        "is_odd": is_odd,
    }


def _write_overview(
    pages: Pages, audit: Audit, figures: dict[str, Any], counts: NDArray[np.int64], clusters: Sequence[dict[str, Any]]
) -> None:
    table, labels = audit.videos, audit.settings.labels
    pairs = [
        {
            "truth": truth,
            "prediction": prediction,
            "count": count,
            "share": share,
            "href": "confusion.html#" + urlencode({"truth": truth, "prediction": prediction}),
        }
        for truth, prediction, count, share in most_confused(counts, labels, _CONFUSED_SHOWN)
    ]
    failed = [(str(row["path"]), str(row["error"])) for _, row in table[table["error"].notna()].iterrows()]
    for place, cluster in enumerate(clusters):
        cluster["href"] = f"odd.html#cluster-{place}"
    has_reliance = any(figures[name] is not None for name in RELIANCE)
    pages.write(
        "index",
        "index.html",
        figures=cards_of(figures),
        calibration=percent(figures.get("calibration_error"), 1) if "calibration" in figures else "",
        reliance=has_reliance,
        unfamiliar=bool(figures["unfamiliar"]),
        confused=pairs,
        odd=[cluster for cluster in clusters if cluster["is_odd"]][:_ODD_SHOWN],
        facts=settings_in_words(audit),
        command=audit.settings.repeated("VIDEO"),
        failed=failed[:_FAILED_SHOWN],
        more_failed=f"and {len(failed) - _FAILED_SHOWN:,} more, in videos.parquet"
        if len(failed) > _FAILED_SHOWN
        else "",
    )


def _write_lists(pages: Pages, audit: Audit) -> None:
    if audit.videos["truth"].notna().any():
        pages.write("confusion", "clips.html", heading="Confusion matrix", matrix=True)
    pages.write("clips", "clips.html", heading="Clips", matrix=False)


def _write_classes(
    pages: Pages, audit: Audit, folder: Path, gathered: Gathered, moved: dict[str, NDArray[np.float64]]
) -> None:
    rows = []
    by = "truth" if audit.videos["truth"].notna().any() else "prediction"
    for place, (_, row) in enumerate(audit.classes.iterrows()):
        label = str(row["label"])
        if not row["videos"]:
            continue
        pictures = {}
        for kind, values in (("map", gathered.place.get(label)), ("movement", moved.get(label))):
            pictures[kind] = ""
            if values is not None:
                pictures[kind] = f"media/class-{place}-{kind}.png"
                write_map(folder / pictures[kind], values.astype(np.float32))
        rows.append(
            {
                "anchor": f"class-{place}",
                "href": "clips.html#" + urlencode({by: label}),
                "label": label,
                "videos": int(row["videos"]),
                "curve": _curve_points(gathered.curve.get(label)),
                **pictures,
                **{name: percent(row[name]) for name in ("accuracy", "middle", "border", "concentration", "motion")},
                "trust": "–" if row["trust"] is None or row["trust"] != row["trust"] else f"{row['trust']:.2f}",
            }
        )
    trusted = any(row["trust"] != "–" or row["motion"] != "–" for row in rows)
    pages.write("classes", "classes.html", rows=rows, trusted=trusted)


def _curve_points(curve: NDArray[np.float64] | None) -> str:
    """The points of a curve in an SVG of 100 x 30; empty without a curve."""
    if curve is None:
        return ""
    high = max(curve.max(), 1e-12)
    return " ".join(f"{100 * i / (CURVE_POINTS - 1):.1f},{28 - 26 * value / high:.1f}" for i, value in enumerate(curve))
