"""What is evaluated: network and videos. It decides the folder of the results."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from videxplain.data.datasets.types import VideoDataset
from videxplain.errors import VidexplainError
from videxplain.evaluation.runs import METRICS, run_of
from videxplain.explanation.api import config_of
from videxplain.files import file_stem, read_record


@dataclass(frozen=True)
class EvaluationSetup:
    """Which network was evaluated on which videos.

    Attributes:
        model: The network's architecture.
        weights: Its weights, in words; ``"none"`` means random.
        dataset: Name of the dataset.
        split: Its split.
        subset: ``"test"``, ``"validation"`` or ``"train"``.
        limit: How many videos at most; None for all.
        precision: ``"fp32"`` or ``"bf16"``.
        weights_file: Name of the weights' file; empty if there was none.
        weights_sha256: SHA-256 of that file.
        state_sha256: SHA-256 of the state of a network that a file of Python has made; empty for others.
        view: The part of the frames that the network saw, in words; empty for whole frames.
        views: Clips in time x crops of multi-view testing, such as ``"10x3"``; empty for other evaluations.
    """

    model: str
    weights: str
    dataset: str
    split: int = 1
    subset: str = "test"
    limit: int | None = None
    precision: str = "fp32"
    weights_file: str = ""
    weights_sha256: str = ""
    state_sha256: str = ""
    view: str = ""
    views: str = ""

    @property
    def words(self) -> str:
        """The setup in one line, for titles."""
        some = "" if self.limit is None else f", at most {self.limit:,} videos"
        views = f", {self.views} views" if self.views else ""
        return f"{self.model} on {self.dataset} split {self.split}, {self.subset}{some}{views}"

    def default_folder(self, weights: str | Path) -> Path:
        """The default folder of the results.

        Weights of a run: ``<run>/evaluation/<dataset>-<subset>``; others: ``evaluation/<model>-<dataset>-<subset>`` in
        the working directory. A split other than 1, a limit and views are part of the name:
        ``ucf101-split2-test-100-10x3``.

        Args:
            weights: The file of weights, or a name of weights.
        """
        split = "" if self.split == 1 else f"-split{self.split}"
        limit = "" if self.limit is None else f"-{self.limit}"
        views = f"-{self.views}" if self.views else ""
        name = f"{file_stem(self.dataset)}{split}-{self.subset}{limit}{views}"
        run = run_of(weights)
        return Path("evaluation") / f"{file_stem(self.model)}-{name}" if run is None else run / "evaluation" / name

    def refuse_other(self, folder: Path) -> None:
        """Raise if a folder holds another evaluation. The same one may be written again, also in another precision.

        Raises:
            VidexplainError: The folder holds an evaluation of another network or of other videos.
        """
        path = folder / METRICS
        if not path.is_file():
            return
        held = read_record(path, "is in the way and cannot be read: choose another folder")
        mine = dataclasses.asdict(self)
        # Two runs may describe their weights in the same words.
        known = [name for name in ("weights_sha256", "state_sha256") if mine[name] and held.get(name)]
        for name in ("model", "weights", "dataset", "split", "subset", "limit", "view", "views", *known):
            there = held.get(name, "" if name in ("view", "views") else None)
            if there != mine[name]:
                had, have = (f"{name} {value}" if value else f"no {name}" for value in (there, mine[name]))
                raise VidexplainError(
                    f"{folder} holds an evaluation with {had}, and this one has {have}: choose another folder, or say "
                    "--overwrite"
                )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``metrics.json``; a limit or a file of weights is left out if there is none."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value not in (None, "")}


def setup_of(
    model: nn.Module, dataset: VideoDataset, subset: str, limit: int | None, precision: str, views: str = ""
) -> EvaluationSetup:
    """The setup of an evaluation.

    Args:
        model: A network with a ``config``.
        dataset: The dataset.
        subset: ``"test"``, ``"validation"`` or ``"train"``.
        limit: How many videos at most; None for all.
        precision: ``"fp32"`` or ``"bf16"``.
        views: Clips in time x crops, such as ``"10x3"``; empty for the usual clips.
    """
    config = config_of(model)
    return EvaluationSetup(
        config.architecture,
        config.weights,
        dataset.name,
        dataset.split,
        subset,
        limit,
        precision,
        config.weights_file,
        config.weights_sha256,
        config.state_sha256,
        config.view.words if config.view else "",
        views,
    )
