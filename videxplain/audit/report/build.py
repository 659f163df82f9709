"""The report of one audit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from videxplain.audit.clusters import Cluster, find_clusters
from videxplain.audit.report.data import chart_data, list_data
from videxplain.audit.report.gather import CURVE_POINTS, Gathered, class_of, features_of, gather, to_grid
from videxplain.audit.report.media import MAX_SIDE, write_map, write_media
from videxplain.audit.report.pages import PAGES, Pages
from videxplain.audit.report.statistics import RELIANCE, confusion, overview
from videxplain.audit.report.words import cards_of, footer_of, percent, settings_in_words
from videxplain.audit.result import Audit
from videxplain.errors import VidexplainError
from videxplain.evaluation.confusion import most_confused
from videxplain.files import make_folder
from videxplain.progress import Progress

_CONFUSED_SHOWN = 20
_FAILED_SHOWN = 200
_ODD_SHOWN = 5
_MEMBERS_SHOWN = 24


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
        clips: Which clips get a video and maps of their own: ``"all"``, ``"confused"``, or a number, of which the
            confused and the odd come first.
        max_side: The longer side of these videos in pixels.
        notes: What every page must say.
        progress: Called with the clips written so far and the clips in all.

    Returns:
        The first page.
    """
    folder = audit.folder / "report"
    make_folder(folder / "media")
    table, labels = audit.videos, list(audit.settings.labels)
    explained = np.flatnonzero(table["error"].isna().to_numpy())
    gathered = gather(audit, explained)
    features = features_of(audit, explained)
    predictions = [str(table["prediction"].iloc[i]) for i in explained]
    right = [None if value is None else bool(value) for value in table["correct"].iloc[explained]]
    clusters, oddness = find_clusters(explained.tolist(), predictions, right, gathered.reduced, features)
    odd = dict(zip(explained.tolist(), oddness.tolist(), strict=True))
    chosen = choose_clips(audit, explained, odd, clips)
    moved: dict[str, NDArray[np.float64]] = {}
    failed: set[int] = set()
    for done, number in enumerate(chosen):
        try:
            movement = write_clip(audit, number, folder / "media", max_side)
        except VidexplainError:  # the video has gone since it was explained
            failed.add(number)
        else:
            label = class_of(audit, number)
            moved[label] = moved.get(label, np.zeros(gathered.place[label].shape)) + to_grid(
                movement, gathered.place[label].shape
            )
        if progress:
            progress(done + 1, len(chosen))
    shown = set(chosen) - failed
    words = f"{audit.settings.method} of {audit.settings.model}"
    pages = Pages(
        folder,
        title=f"{words} on {Path(audit.settings.data).name}",
        footer=footer_of(audit, len(explained), len(shown)),
        notes=[*audit.notes, *notes],
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
    data = list_data(audit, explained, odd, shown)
    data["title"] = f"{words} on {Path(audit.settings.data).name}"
    data["command"] = audit.settings.command
    pages.write_assets(data, chart_data(audit, figures, explained, gathered, odd))
    return folder / "index.html"


def choose_clips(audit: Audit, explained: NDArray[np.int64], odd: dict[int, float], clips: str) -> list[int]:
    """The numbers of the videos that get media, in the order of the data set."""
    numbers = explained.tolist()
    wrong = {i for i in numbers if audit.videos["correct"].iloc[i] is False or audit.videos["correct"].iloc[i] == False}  # noqa: E712
    if clips == "all":
        return numbers
    if clips == "confused":
        return sorted(wrong)
    if not clips.isdecimal():
        raise VidexplainError(f"--clips is all, confused or a number, not '{clips}'")
    # Confused and odd clips take turns, so that neither kind crowds the other out.
    by_odd = sorted(numbers, key=lambda i: -odd.get(i, 0.0))
    first = [i for i in by_odd if i in wrong]
    second = [i for i in by_odd if i not in wrong]
    turns = [i for pair in zip(first, second, strict=False) for i in pair]
    turns += first[len(second) :] + second[len(first) :]
    return sorted(turns[: int(clips)])


def write_clip(audit: Audit, number: int, folder: Path, max_side: int) -> NDArray[np.float32]:
    """Write the media of one video of an audit; gives its mean movement (see :func:`write_media`)."""
    row = audit.videos.iloc[number].to_dict()
    best = np.argsort(-np.asarray(row["probabilities"]), kind="stable")[:5]
    row["top"] = [[audit.settings.labels[k], float(row["probabilities"][k])] for k in best]
    maps = {"prediction": (f"why {row['prediction']}", audit.maps(number))}
    if row["correct"] is not None and not row["correct"] and isinstance(row["truth"], str):
        for what, words in (
            ("truth", f"what speaks for {row['truth']}"),
            ("contrast", f"why {row['prediction']} rather than {row['truth']}"),
        ):
            try:
                maps[what] = (words, audit.maps(number, what))
            except VidexplainError:  # the truth is no class of the network
                continue
    box = audit.settings.view_box((int(row["height"]), int(row["width"])))
    return write_media(folder, str(row["name"]), audit.path(number), row, maps, max_side=max_side, box=box)["movement"]


def _described(audit: Audit, cluster: Cluster, folder: Path, gathered: Gathered) -> dict[str, Any]:
    names = [str(audit.videos["name"].iloc[i]) for i in cluster.members]
    right = "" if cluster.accuracy is None else f", {cluster.accuracy:.0%} right"
    far = f"{cluster.oddness:.1f} deviations from the usual"
    picture = f"media/cluster-{cluster.members[0]}.png"
    place = sum(
        to_grid(np.maximum(audit.maps(i), 0).sum(0), gathered.place[class_of(audit, i)].shape)
        for i in cluster.members[:_MEMBERS_SHOWN]
    )
    write_map(folder / picture, np.asarray(place, np.float32))
    return {
        "words": f"{cluster.label}: {len(names)} clips, {cluster.share:.0%} of the class{right}; {far}",
        "members": names[:_MEMBERS_SHOWN],
        "map": picture,
        "href": "odd.html",
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
        odd=clusters[:_ODD_SHOWN],
        facts=settings_in_words(audit),
        command=audit.settings.command + " --clip VIDEO",
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
        curve = gathered.curve.get(label)
        points = (
            ""
            if curve is None
            else " ".join(
                f"{100 * i / (CURVE_POINTS - 1):.1f},{28 - 26 * value / max(curve.max(), 1e-12):.1f}"
                for i, value in enumerate(curve)
            )
        )
        rows.append(
            {
                "anchor": f"class-{place}",
                "href": "clips.html#" + urlencode({by: label}),
                "label": label,
                "videos": int(row["videos"]),
                "curve": points,
                **pictures,
                **{name: percent(row[name]) for name in ("accuracy", "middle", "border", "concentration", "motion")},
                "trust": "–" if row["trust"] is None or row["trust"] != row["trust"] else f"{row['trust']:.2f}",
            }
        )
    pages.write("classes", "classes.html", rows=rows)
