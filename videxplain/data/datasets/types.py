"""What a dataset is, however it lies on disk."""

from dataclasses import dataclass
from pathlib import Path

from videxplain.errors import VidexplainError

SPLITS = (1, 2, 3)


@dataclass(frozen=True)
class Video:
    """One video of a dataset.

    Attributes:
        path: A video file, or a folder of frames.
        label: Which of the dataset's labels it shows.
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
        name: ``"ucf101"``, ``"hmdb51"``, ``"actionfigures"`` or ``"folder"``.
        root: The folder that was opened.
        labels: Names of the classes.
        train: Videos to learn from.
        test: Videos that are held out.
        missing: What the split names and the disk does not have; neither in ``train`` nor in ``test``.
        split: The number of the split.
        unused: Videos of the dataset that this split leaves out.
        missing_test: Those of ``missing`` that the split holds out; the others are to learn from.
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

    def refuse_missing(self) -> None:
        """Raise where videos are missing."""
        if self.missing:
            number = "1 video is" if len(self.missing) == 1 else f"{len(self.missing):,} videos are"
            raise VidexplainError(f"{number} missing, such as {self.missing[0]}")
