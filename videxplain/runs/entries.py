"""The videos of a run: which ones of a data set, and what they are called in its tables and files."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videxplain.data.datasets.types import Video, VideoDataset, spread_evenly
from videxplain.errors import VidexplainError

LIST = "list"
"""The layout of a data set that is a list of videos."""
_ESCAPED = re.compile(r"\\u(dc[89a-f][0-9a-f])")
"""What tables have instead of a byte that is not UTF-8."""
_LONGEST_STEM = 200
"""Bytes of a name; file systems take 255 with what is added."""


@dataclass(frozen=True)
class Entry:
    """A video of a run.

    Attributes:
        number: Its number in the run, from 0.
        path: The file, or the folder of frames.
        shown: The path in tables: relative to the folder of the data set or list if the video lies in it.
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
        limit: How many videos, spread evenly over the subset; None for all.
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
    if not videos:
        others = " or ".join(f"--subset {part}" for part, some in parts.items() if some)
        raise VidexplainError(f"{data.root} has no {subset} videos: say {others}")
    videos = list(spread_evenly(videos, limit))
    folder = _folder_of(data.root, data.layout)
    shown = [_as_text(_relative(video.path, folder)) for video in videos]
    stems = [_stem(path) for path in shown]
    return tuple(
        Entry(
            number=number,
            path=video.path,
            shown=path,
            name=name,
            group=_as_text(video.group),
            truth=_as_text(data.labels[video.label]) if labelled and video.label >= 0 else None,
        )
        for number, (video, path, name) in enumerate(zip(videos, shown, _told_apart(stems), strict=True))
    )


def _told_apart(stems: Sequence[str]) -> list[str]:
    """The names of videos: their stems. A stem of several videos, whatever the case, is followed by their numbers."""
    often = Counter(stem.casefold() for stem in stems)
    width = len(str(max(len(stems) - 1, 0)))
    taken = {stem for stem, count in often.items() if count == 1}
    names = []
    for number, stem in enumerate(stems):
        name = stem
        if often[stem.casefold()] > 1:
            name = f"{stem}-{number:0{width}d}"
            while name.casefold() in taken:  # another video is called so
                name += f"-{number}"
            taken.add(name.casefold())
        names.append(name)
    return names


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


def _stem(path: str) -> str:
    """The name of a file without suffix, as part of the names of other files, which have some bytes more."""
    stem = re.sub(r"[^\w.+-]+", "-", Path(path).stem).strip(".-")
    return stem.encode()[:_LONGEST_STEM].decode(errors="ignore").strip(".-") or "clip"


def path_of(shown: str, data: Path, kind: str) -> Path:
    """The path of a video.

    Args:
        shown: Its path in tables.
        data: The data set: a folder, or a list of videos.
        kind: The layout of the data set.
    """
    return _folder_of(data, kind) / _ESCAPED.sub(lambda found: chr(int(found[1], 16)), shown)


def _folder_of(data: Path, kind: str) -> Path:
    return data.parent if kind == LIST else data


def _as_text(name: str) -> str:
    """A name with escapes for the bytes of file names that are not UTF-8, because tables hold UTF-8 only."""
    return name.encode("utf-8", "backslashreplace").decode()


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
