"""Datasets on disk: which videos they have, what these show, and which are held out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from videxplain.data.datasets.folders import is_divided, open_folder
from videxplain.data.datasets.official import official_splits, open_actionfigures, open_hmdb51, open_ucf101, recognise
from videxplain.data.datasets.prepared import is_prepared, open_prepared, prepared_splits
from videxplain.data.datasets.types import SPLITS, Video, VideoDataset
from videxplain.data.datasets.validation import split_validation
from videxplain.errors import VidexplainError, unknown

__all__ = ["KINDS", "SPLITS", "Video", "VideoDataset", "available_splits", "open_dataset", "split_validation"]

_OPENERS: dict[str, Callable[[Path, int], VideoDataset]] = {
    "ucf101": open_ucf101,
    "hmdb51": open_hmdb51,
    "actionfigures": open_actionfigures,
    "folder": open_folder,
}
KINDS = ("auto", *_OPENERS)


def open_dataset(root: str | Path, *, kind: str = "auto", split: int = 1) -> VideoDataset:
    """Find the videos of one split; nothing is decoded.

    Args:
        root: A folder laid out in one of these ways:

            - UCF101: ``UCF-101/<Class>/v_<Class>_g01_c01.avi``, or the class folders directly, and
              ``ucfTrainTestlist/``;
            - ActionFigures, which ``videxplain synthesize`` writes: the same, and ``actionfigures.json``;
            - HMDB51: ``<class>/*.avi``, or ``hmdb51_org/<class>/*.avi``, and ``testTrainMulti_7030_splits/``;
            - folder: ``train/<class>/*`` and ``test/<class>/*``, or ``<class>/*``, of which each split then holds out
              another fifth, drawn by group;
            - what ``videxplain prepare`` wrote, which has the name and the splits of what it was made from.
        kind: ``"ucf101"``, ``"hmdb51"``, ``"actionfigures"``, ``"folder"``, or ``"auto"`` to see which it is.
        split: 1, 2 or 3.

    Raises:
        VidexplainError: No such folder, kind or split, a list that cannot be understood, or no videos to train or
            to test with.
    """
    root = Path(root)
    if kind not in KINDS:
        raise unknown("kind of dataset", kind, KINDS)
    if split not in SPLITS:
        raise VidexplainError(f"a dataset has splits 1, 2 and 3, not {split}")
    if not root.is_dir():
        raise VidexplainError(f"{root} is not a folder" if root.exists() else f"no such folder: {root}")
    try:
        dataset = _open(root, kind, split)
    except OSError as error:
        raise VidexplainError(f"cannot read {error.filename or root}: {error.strerror or error}") from None
    for part, videos in (("train", dataset.train), ("test", dataset.test)):
        if not videos:
            raise VidexplainError(f"split {split} of {root} has no {part} videos{_gone(dataset.missing)}")
    return dataset


def available_splits(dataset: VideoDataset) -> tuple[int, ...]:
    """The splits that the folder of a dataset can be opened with."""
    if is_prepared(dataset.root):
        return prepared_splits(dataset.root)
    if dataset.name == "folder":
        return (1,) if is_divided(dataset.root) else SPLITS
    return official_splits(dataset.root, dataset.name)


def _open(root: Path, kind: str, split: int) -> VideoDataset:
    if is_prepared(root):
        dataset = open_prepared(root, split)
        if (dataset.name, kind) == ("actionfigures", "ucf101"):
            return replace(dataset, name=kind)  # as the videos do, which are laid out so
        if kind not in ("auto", dataset.name):
            raise VidexplainError(f"{root} holds prepared frames of {dataset.name}, not of {kind}")
        return dataset
    return _OPENERS[recognise(root) if kind == "auto" else kind](root, split)


def _gone(missing: Sequence[Path]) -> str:
    return f": {len(missing):,} that it names are missing, such as {missing[0]}" if missing else ""
