"""Datasets on disk: which videos they have, what these show, and which are held out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from videxplain.data.datasets.folders import has_videos, is_divided, open_folder, open_unlabelled
from videxplain.data.datasets.lists import is_list, open_list
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


def open_dataset(
    root: str | Path, *, kind: str = "auto", split: int = 1, name: str | None = None, for_training: bool = True
) -> VideoDataset:
    """Find the videos of one split; nothing is decoded.

    Args:
        root: A list of videos (CSV, TSV or Parquet with the columns ``path`` and ``label``, and ``split`` and
            ``group`` where there are some), or a folder laid out in one of these ways:

            - UCF101: ``UCF-101/<Class>/v_<Class>_g01_c01.avi``, or the class folders directly, and
              ``ucfTrainTestlist/``;
            - ActionFigures, which ``videxplain synthesize`` writes: the same, and ``actionfigures.json``;
            - HMDB51: ``<class>/*.avi``, or ``hmdb51_org/<class>/*.avi``, and ``testTrainMulti_7030_splits/``;
            - folder: ``train/<class>/*`` and ``test/<class>/*``, or ``<class>/*``, of which each split then holds out
              another fifth, drawn by group;
            - what ``videxplain prepare`` wrote, which has the name and the splits of what it was made from.
        kind: ``"ucf101"``, ``"hmdb51"``, ``"actionfigures"``, ``"folder"``, or ``"auto"`` to see which it is.
        split: 1, 2 or 3.
        name: What to call it; by default its folder's own name (see `VideoDataset.name`).
        for_training: Whether there must be videos to learn from. If not, lists without a column ``split`` and folders
            of videos without labels are accepted too; all their videos are test videos.

    Raises:
        VidexplainError: No such folder, kind or split, a list that cannot be understood, or no videos to train or
            to test with.
    """
    root = Path(root)
    if kind not in KINDS:
        raise unknown("kind of dataset", kind, KINDS)
    if split not in SPLITS:
        raise VidexplainError(f"a dataset has splits 1, 2 and 3, not {split}")
    try:
        if not root.is_dir() and not is_list(root):
            raise VidexplainError(f"{root} is not a folder or a list" if root.exists() else f"no such folder: {root}")
        dataset = _open(root, kind, split, for_training)
    except OSError as error:
        raise VidexplainError(f"cannot read {error.filename or root}: {error.strerror or error}") from None
    if not for_training and dataset.layout == "list" and not (dataset.train or dataset.test):
        raise VidexplainError(f"{root} has no videos{_gone(dataset.missing)}")
    for part, videos in (("train", dataset.train), ("test", dataset.test)):
        if not for_training and (dataset.train or dataset.test):
            continue
        if not videos and part == "train" and dataset.layout == "list":
            raise VidexplainError(f"{root} has no train videos: say train or test in a column 'split'")
        if not videos:
            raise VidexplainError(f"split {split} of {root} has no {part} videos{_gone(dataset.missing)}")
    if both := {video.path for video in dataset.train} & {video.path for video in dataset.test}:
        raise VidexplainError(f"split {split} of {root} has {min(both)} in both train and test")
    return replace(dataset, name=name) if name else dataset


def available_splits(dataset: VideoDataset) -> tuple[int, ...]:
    """The splits that the folder of a dataset can be opened with."""
    if is_prepared(dataset.root):
        return prepared_splits(dataset.root)
    if dataset.layout in ("list", "unlabelled"):
        return (1,)
    if dataset.layout == "folder":
        return (1,) if is_divided(dataset.root) else SPLITS
    return official_splits(dataset.root, dataset.layout)


def _open(root: Path, kind: str, split: int, for_training: bool) -> VideoDataset:
    if root.is_file():
        if kind != "auto":
            raise VidexplainError(f"{root} is a list of videos, and not laid out as {kind}")
        return open_list(root, split)
    if is_prepared(root):
        dataset = open_prepared(root, split)
        if (dataset.layout, kind) == ("actionfigures", "ucf101"):
            return replace(dataset, layout=kind)  # as the videos do, which are laid out so
        if kind not in ("auto", dataset.layout):
            raise VidexplainError(f"{root} holds prepared frames laid out as {dataset.layout}, not as {kind}")
        return dataset
    found = recognise(root) if kind == "auto" else kind
    if not for_training and kind == "auto" and found == "folder" and has_videos(root):
        return open_unlabelled(root)
    return _OPENERS[found](root, split)


def _gone(missing: Sequence[Path]) -> str:
    are = "is" if len(missing) == 1 else "are"
    return f": {len(missing):,} that it names {are} missing, such as {missing[0]}" if missing else ""
