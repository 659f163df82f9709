"""Any folder of classes: one folder of videos for each."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from videxplain.data.datasets.official import hmdb_source, ucf_group
from videxplain.data.datasets.prepared import is_frame_folder
from videxplain.data.datasets.types import UNLABELLED, Video, VideoDataset, own_name
from videxplain.data.datasets.validation import split_validation
from videxplain.data.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from videxplain.errors import VidexplainError

PARTS = ("train", "test")


def open_folder(root: Path, split: int) -> VideoDataset:
    """``train`` and ``test`` where they are there; otherwise a fifth of every class is held out, by group.

    Videos are files with a video's suffix, and folders of images. Where names are made as those of UCF101 or HMDB51,
    they tell the groups; otherwise every video is a group of its own.
    """
    if is_divided(root):
        if split != 1:
            raise VidexplainError(f"{root} has folders train and test, which are split 1; there is no split {split}")
        found = [_classes(root / part) for part in PARTS]
        labels = tuple(sorted(found[0].keys() | found[1].keys()))
        train, test = (tuple(_videos(classes, labels)) for classes in found)
        return VideoDataset(own_name(root), root, labels, train, test, split=split)
    classes = _classes(root)
    labels = tuple(sorted(classes))
    if not labels:
        if has_videos(root):
            raise VidexplainError(f"{root} is a folder of videos without labels: put them into one folder a class")
        raise VidexplainError(f"{root} holds no dataset: no folders with videos in them ({', '.join(VIDEO_SUFFIXES)})")
    train, test = split_validation(tuple(_videos(classes, labels)), by="group", seed=split)
    return VideoDataset(own_name(root), root, labels, train, test, split=split)


def open_unlabelled(root: Path) -> VideoDataset:
    """A folder of videos without labels; all of them are test videos."""
    videos = tuple(Video(path, UNLABELLED, path.name) for path in _visible(root) if _is_video(path))
    return VideoDataset(own_name(root), root, (), (), videos, layout="unlabelled")


def has_videos(root: Path) -> bool:
    """Whether video files lie in the folder itself."""
    return any(path.suffix.lower() in VIDEO_SUFFIXES and path.is_file() for path in _visible(root))


def is_divided(root: Path) -> bool:
    """Whether training and test videos lie in folders of their own."""
    there = [part for part in PARTS if (root / part).is_dir()]
    if len(there) == 1:
        raise VidexplainError(f"{root} has a folder {there[0]}: there should be {' and '.join(PARTS)}, or neither")
    return bool(there)


def _classes(folder: Path) -> dict[str, list[Path]]:
    """The videos of every folder that has any."""
    classes = {path.name: [p for p in _visible(path) if _is_video(p)] for path in _visible(folder) if path.is_dir()}
    return {name: videos for name, videos in classes.items() if videos}


def _videos(classes: dict[str, list[Path]], labels: Iterable[str]) -> Iterator[Video]:
    for number, label in enumerate(labels):
        for path in classes.get(label, []):
            name = path.name
            yield Video(path, number, ucf_group(name) or hmdb_source(name, label) or f"{label}/{name}")


def _is_video(path: Path) -> bool:
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return path.is_file()
    if not path.is_dir():
        return False
    if is_frame_folder(path):
        raise VidexplainError(f"{path} is of frames that were not prepared to the end: run 'videxplain prepare' again")
    return any(one.suffix.lower() in IMAGE_SUFFIXES for one in _visible(path))


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
