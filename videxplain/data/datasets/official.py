"""UCF101 and HMDB51 as they are published: folders of videos, and lists that divide them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from videxplain.data.datasets.types import SPLITS, Video, VideoDataset, own_name
from videxplain.errors import VidexplainError

UCF_LISTS, HMDB_LISTS = "ucfTrainTestlist", "testTrainMulti_7030_splits"
SYNTHESIZED = "actionfigures.json"
"""The file by which a folder says that it was rendered, and how; otherwise it is laid out as UCF101."""
_UCF_VIDEOS, _HMDB_VIDEOS = "UCF-101", "hmdb51_org"
_UCF_NAME = re.compile(r"_(g\d+)_c\d+$")
# The number of classes, the first and the last one tell UCF101 and HMDB51 from what is laid out like them.
_UCF101_LABELS = (101, "ApplyEyeMakeup", "YoYo")
_HMDB51_LABELS = (51, "brush_hair", "wave")
_HMDB_TRAIN, _HMDB_TEST, _HMDB_UNUSED = "1", "2", "0"


def recognise(root: Path) -> str:
    """Which kind of dataset a folder is: what has no lists is a folder of classes."""
    if (root / UCF_LISTS).is_dir():
        return "actionfigures" if (root / SYNTHESIZED).is_file() else "ucf101"
    return "hmdb51" if (root / HMDB_LISTS).is_dir() else "folder"


def official_splits(root: Path, kind: str) -> tuple[int, ...]:
    """The splits of which there are lists; of rendered clips of few groups, those that hold a group out."""
    if kind == "hmdb51":
        return tuple(split for split in SPLITS if any((root / HMDB_LISTS).glob(f"*_test_split{split}.txt")))
    lists = root / UCF_LISTS
    empty = {path.name for path in lists.glob("testlist*.txt") if not path.stat().st_size}
    there = (split for split in SPLITS if (lists / f"trainlist{split:02d}.txt").is_file())
    return tuple(split for split in there if f"testlist{split:02d}.txt" not in empty)


def open_ucf101(root: Path, split: int) -> VideoDataset:
    """Split 1, 2 or 3 of UCF101, or of anything laid out like it.

    Groups of the same number are one group, whatever the class. For UCF101 that is stricter than it has to be; where
    groups share what they look like over all classes, it is needed.
    """
    lists = _lists(root, UCF_LISTS, "UCF101")
    labels = _ucf_labels(lists / "classInd.txt")
    numbers = {label: number for number, label in enumerate(labels)}
    disk = _Disk(root, _UCF_VIDEOS)
    parts: list[tuple[Video, ...]] = []
    counts: list[int] = []
    for part in ("train", "test"):
        path = lists / f"{part}list{split:02d}.txt"
        videos = []
        for where, line in _lines(path):
            # The number behind the name, which test lists lack, says what the folder says.
            match = re.fullmatch(r"([^/]+)/([^/]+\.\w+)(\s+\d+)?", line)
            if not match or match[1] not in numbers:
                raise VidexplainError(f"{where}: '{line}' is not <Class>/<video> with a class of classInd.txt")
            label, name = match[1], match[2]
            videos += disk.video(label, name, numbers[label], ucf_group(name) or f"{label}/{name}")
        parts.append(tuple(videos))
        counts.append(len(disk.missing))
    return VideoDataset(
        _ucf_like_name(root, labels),
        root,
        labels,
        parts[0],
        parts[1],
        tuple(disk.missing),
        split,
        missing_test=tuple(disk.missing[counts[0] :]),
        layout="ucf101",
    )


def open_actionfigures(root: Path, split: int) -> VideoDataset:
    """Split 1, 2 or 3 of what ``videxplain synthesize`` wrote."""
    if not (root / SYNTHESIZED).is_file():
        raise VidexplainError(f"{root} was not written by videxplain synthesize: it has no {SYNTHESIZED}")
    return replace(open_ucf101(root, split), layout="actionfigures")


def open_hmdb51(root: Path, split: int) -> VideoDataset:
    """Split 1, 2 or 3 of HMDB51, or of anything laid out like it; a group is what was cut from one source."""
    lists = _lists(root, HMDB_LISTS, "HMDB51")
    ending = f"_test_split{split}.txt"
    names = (path.name for path in lists.iterdir() if path.name.endswith(ending) and not path.name.startswith("."))
    # By class and not by file: with the ending, kick_ball would come before kick, as nowhere else.
    labels = tuple(sorted(name.removesuffix(ending) for name in names))
    if not labels:
        raise VidexplainError(f"{lists} has no files <class>{ending}")
    disk = _Disk(root, _HMDB_VIDEOS)
    missing_test: list[Path] = []
    parts: dict[str, list[Video]] = {_HMDB_TRAIN: [], _HMDB_TEST: [], _HMDB_UNUSED: []}
    for number, label in enumerate(labels):
        for where, line in _lines(lists / f"{label}{ending}"):
            match = re.fullmatch(r"(.*\S)\s+([012])", line)
            if not match:
                raise VidexplainError(f"{where}: '{line}' is not <video> 0, 1 or 2")
            name, use = match[1], match[2]
            group = hmdb_source(name, label) or f"{label}/{name}"
            before = len(disk.missing)
            parts[use] += disk.video(label, name, number, group, needed=use != _HMDB_UNUSED)
            missing_test += disk.missing[before:] if use == _HMDB_TEST else []
    train, test, unused = (tuple(parts[use]) for use in (_HMDB_TRAIN, _HMDB_TEST, _HMDB_UNUSED))
    name = "hmdb51" if _ends(labels) == _HMDB51_LABELS else own_name(root)
    gone, gone_test = tuple(disk.missing), tuple(missing_test)
    return VideoDataset(name, root, labels, train, test, gone, split, unused, gone_test, layout="hmdb51")


def _ucf_like_name(root: Path, labels: tuple[str, ...]) -> str:
    if (root / SYNTHESIZED).is_file():
        return "actionfigures"
    return "ucf101" if _ends(labels) == _UCF101_LABELS else own_name(root)


def _ends(labels: tuple[str, ...]) -> tuple[int, str, str] | None:
    return (len(labels), labels[0], labels[-1]) if labels else None


def ucf_group(name: str) -> str | None:
    """``"g08"`` of ``"v_Archery_g08_c03.avi"``."""
    match = _UCF_NAME.search(Path(name).stem)
    return match[1] if match else None


def hmdb_source(name: str, label: str) -> str | None:
    """``"April_09"`` of ``"April_09_brush_hair_u_nm_np1_ba_goo_0.avi"``, label ``"brush_hair"``."""
    source, found, _ = name.rpartition(f"_{label}_")
    return source if found and source else None


class _Disk:
    """The videos that are there; every class folder is listed once, which is faster than asking for each file."""

    def __init__(self, root: Path, name: str) -> None:
        self._folder = root / name if (root / name).is_dir() else root
        self._listed: dict[str, set[Path]] = {}
        self.missing: list[Path] = []

    def video(self, label: str, name: str, number: int, group: str, needed: bool = True) -> list[Video]:
        """The video, or nothing when it is missing, which is noted if it is needed."""
        if label not in self._listed:
            folder = self._folder / label
            self._listed[label] = set(folder.iterdir()) if folder.is_dir() else set()
        path = self._folder / label / name
        if path in self._listed[label]:
            return [Video(path, number, group)]
        if needed:
            self.missing.append(path)
        return []


def _lists(root: Path, name: str, dataset: str) -> Path:
    if not (root / name).is_dir():
        raise VidexplainError(f"{root} is not laid out as {dataset}: it has no folder {name}")
    return root / name


def _ucf_labels(path: Path) -> tuple[str, ...]:
    labels: list[str] = []
    for where, line in _lines(path):
        match = re.fullmatch(r"(\d+)\s+(\S.*)", line)
        if not match or int(match[1]) != len(labels) + 1:
            raise VidexplainError(f"{where}: '{line}' is not '{len(labels) + 1} <Class>'")
        labels.append(match[2])
    return tuple(labels)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Where each line is, in words, and the line; blank ones are left out."""
    if not path.is_file():
        raise VidexplainError(f"no such file: {path}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise VidexplainError(f"{path} is not a list in plain text") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield f"{path}, line {number}", line.strip()
