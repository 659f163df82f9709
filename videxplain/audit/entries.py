"""The videos of a run: which ones of a data set, and what they are called in its tables and files."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videxplain.data.datasets.types import Video, VideoDataset
from videxplain.errors import VidexplainError


@dataclass(frozen=True)
class Entry:
    """A video of a run.

    Attributes:
        number: Its number in the run, from 0.
        path: The file, or the folder of frames.
        shown: The path in tables: relative to the data set's folder if the video lies in it.
        name: What its page and its maps are called after; no two videos of a run share one.
        group: Its group.
        truth: Its label, or None.
    """

    number: int
    path: Path
    shown: str
    name: str
    group: str
    truth: str | None

    @property
    def columns(self) -> dict[str, Any]:
        """The first columns of its row in every table of videos."""
        return {
            "video": self.number,
            "path": self.shown,
            "name": self.name,
            "group": self.group,
            "truth": self.truth,
        }


def list_entries(
    data: VideoDataset, subset: str, limit: int | None = None, *, labelled: bool = True
) -> tuple[Entry, ...]:
    """List the videos of a data set. Missing videos of the subset are in the list too.

    Args:
        data: The data set.
        subset: ``"test"``, ``"train"`` or ``"all"``.
        limit: The most videos, spread evenly over the subset; None for all.
        labelled: False leaves out the labels.

    Raises:
        VidexplainError: No such subset.
    """
    parts: dict[str, Sequence[Video]] = {
        "test": data.test,
        "train": data.train,
        "all": (*data.train, *data.test, *data.unused),
    }
    if subset not in parts:
        raise VidexplainError(f"--subset is test, train or all, not '{subset}'")
    videos = list(parts[subset])
    if limit is not None:
        videos = videos[:: max(1, -(-len(videos) // limit))]
    shown = [_relative(video.path, data.root) for video in videos]
    stems = [re.sub(r"[^\w.+-]+", "-", Path(path).stem).strip(".-") or "clip" for path in shown]
    often = Counter(stem.casefold() for stem in stems)
    width = len(str(max(len(videos) - 1, 0)))
    return tuple(
        Entry(
            number=number,
            path=video.path,
            shown=path,
            name=stem if often[stem.casefold()] == 1 else f"{stem}-{number:0{width}d}",
            group=video.group,
            truth=data.labels[video.label] if labelled and video.label >= 0 else None,
        )
        for number, (video, path, stem) in enumerate(zip(videos, shown, stems, strict=True))
    )


def data_settings(data: VideoDataset, subset: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """The fields of a run's settings that say which videos it is about."""
    rows = [list(map(str, (entry.shown, entry.truth, entry.group))) for entry in entries]
    return {
        "data": str(data.root),
        "kind": data.layout,
        "split": data.split,
        "subset": subset,
        "videos": len(entries),
        "videos_sha256": hashlib.sha256(json.dumps(rows).encode()).hexdigest(),
    }


def has_masks(data: VideoDataset) -> bool:
    """Whether every video of a data set has masks of its evidence."""
    return data.name == "actionfigures"


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
