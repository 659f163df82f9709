"""What a dataset is, however it lies on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videxplain.errors import VidexplainError

SPLITS = (1, 2, 3)
UNLABELLED = -1


@dataclass(frozen=True)
class Video:
    """One video of a dataset.

    Attributes:
        path: A video file, or a folder of frames.
        label: Which of the dataset's labels it shows; `UNLABELLED` where nobody says.
        group: Videos of one group come from the same recording, or look alike for another reason: what is learned
            from some must not be measured on the others.
    """

    path: Path
    label: int
    group: str


@dataclass(frozen=True)
class VideoDataset:
    """One split of a dataset.

    Attributes:
        name: What it is called in tables, figures and file names: its folder's own name, or the one that was given.
            Only UCF101 and HMDB51 themselves are ``"ucf101"`` and ``"hmdb51"``, and rendered clips ``"actionfigures"``.
        root: The folder or the list that was opened.
        labels: Names of the classes.
        train: Videos to learn from.
        test: Videos that are held out.
        missing: What the split names and the disk does not have; neither in ``train`` nor in ``test``.
        split: The number of the split.
        unused: Videos of the dataset that this split leaves out.
        missing_test: Those of ``missing`` that the split holds out; the others are to learn from.
        layout: How it lies on disk: ``"ucf101"``, ``"hmdb51"``, ``"actionfigures"``, ``"folder"``, ``"list"`` or
            ``"unlabelled"``.
    """

    name: str
    root: Path
    labels: tuple[str, ...]
    train: tuple[Video, ...]
    test: tuple[Video, ...]
    missing: tuple[Path, ...] = ()
    split: int = 1
    unused: tuple[Video, ...] = ()
    missing_test: tuple[Path, ...] = ()
    layout: str = "folder"

    def refuse_missing(self) -> None:
        """Raise where videos are missing."""
        if self.missing:
            number = "1 video is" if len(self.missing) == 1 else f"{len(self.missing):,} videos are"
            raise VidexplainError(f"{number} missing, such as {self.missing[0]}")

    def refuse_unlabelled(self) -> None:
        """Raise where nobody says what the videos show."""
        if not self.labels:
            raise VidexplainError(f"the videos of {self.root} have no labels")


def spread_evenly(videos: Sequence[Video], limit: int | None) -> Sequence[Video]:
    """``limit`` of the videos, spread evenly over all; all of them if there are no more, or if there is no limit.

    Raises:
        VidexplainError: The limit is below 1.
    """
    if limit is None:
        return videos
    if limit < 1:
        raise VidexplainError(f"limit is at least 1, not {limit}")
    kept = min(limit, len(videos))
    return [videos[place * len(videos) // kept] for place in range(kept)]


def own_name(root: Path) -> str:
    """What a dataset is called after the folder or the list that holds it."""
    place = root.resolve()
    return (place.stem if place.is_file() else place.name) or "dataset"
