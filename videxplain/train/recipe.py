"""A recipe: all settings of a training run."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sys import float_info
from typing import Any

from videxplain.errors import VidexplainError, unknown
from videxplain.files import replacing

CLIPS = ("uniform", "segments", "one", "five")
LOGGERS = ("csv", "tensorboard", "wandb")
_CHOICES: dict[str, tuple[str, ...]] = {
    "validation": ("group", "random"),
    "clips": CLIPS,
    "augmentation": ("resize", "crop", "flip", "randaugment"),
    "vary_on": ("cpu", "device"),
    "precision": ("fp32", "bf16"),
    "store": ("float32", "float16"),
}
_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, 100_000),
    "batch_size": (1, 65_536),
    "seed": (0, 2**32 - 1),
    "workers": (0, 256),
    "lr": (0, float_info.max),
    "gamma": (0, float_info.max),
    "weight_decay": (0, float_info.max),
    "sparsity": (0, float_info.max),
}
_ABOVE = ("lr", "gamma")
"""Numbers that must be above the lower end of their range."""


@dataclass(frozen=True)
class DataSource:
    """A dataset to learn from; see :func:`videxplain.data.datasets.open.open_dataset`."""

    root: str
    kind: str = "auto"
    split: int = 1


@dataclass(frozen=True)
class Recipe:
    """All settings of a training run.

    Attributes:
        model: Architecture, see ``videxplain models``.
        data: One dataset, or two that are learned together.
        options: Options of the architecture: ``width``, ``depth``, ``size``, ``num_frames``, ...
        validation: How a fifth of the training videos is split off, by ``"group"`` or at ``"random"``.
        clips: How clips are cut from a video. ``"uniform"``: frames spread over the video. ``"segments"``: a random
            frame from each of equal segments. ``"one"``: one random window of neighbouring frames. ``"five"``: five
            windows spread over the video, each of them a clip.
        augmentation: See :class:`videxplain.data.augmentation.Augmentation`.
        horizontal_flip: Whether ``crop`` and ``flip`` mirror clips.
        vertical_flip: Whether ``crop`` and ``flip`` turn clips upside down.
        vary_on: Where clips are augmented and normalised: on the ``"cpu"`` by Albumentations, or, for ``resize`` and
            ``flip``, on the ``"device"`` that trains; see :mod:`videxplain.train.on_device`.
        epochs: How often every training video is seen.
        batch_size: Clips of each dataset in a step.
        lr: Adam's learning rate in the first epoch.
        gamma: Factor of the learning rate after each epoch.
        weight_decay: Adam's.
        sparsity: How much the share of active places in the layer that Grad-CAM shows adds to the loss; see
            :func:`videxplain.train.sparsity.share_of_places`. 0 for no such prior.
        seed: For the validation split, the order, the clips, the augmentation and the new weights.
        precision: ``"fp32"``, or ``"bf16"`` where autocast allows it.
        init: The first weights: ``"none"``, ``"imagenet"`` (inflated for video networks), or a file.
        freeze_trunk: Train only the layers after the image network, or the classifier if there is no image network.
        workers: Processes that prepare clips; 0 prepares them in the training process.
        cache: Whether to keep all decoded frames in memory. Training is refused if they do not fit.
        logger: The loggers of the curves: ``"csv"``, ``"tensorboard"``, ``"wandb"``.
        describes: A description of the weights, which every output of the network shows.
        store: Type of the numbers in the weights file.
    """

    model: str
    data: tuple[DataSource, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    validation: str = "group"
    clips: str = "one"
    augmentation: str = "flip"
    horizontal_flip: bool = True
    vertical_flip: bool = True
    vary_on: str = "cpu"
    epochs: int = 20
    batch_size: int = 16
    lr: float = 1e-4
    gamma: float = 0.9
    weight_decay: float = 0.0
    sparsity: float = 0.0
    seed: int = 0
    precision: str = "fp32"
    init: str = "none"
    freeze_trunk: bool = False
    workers: int = 2
    cache: bool = False
    logger: tuple[str, ...] = ("csv", "tensorboard")
    describes: str = ""
    store: str = "float32"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise unknown(name, getattr(self, name), choices)
        for name in self.logger:
            if name not in LOGGERS:
                raise unknown("logger", name, LOGGERS)
        if not 1 <= len(self.data) <= 2:
            raise VidexplainError(f"a recipe has one dataset or two, not {len(self.data)}")
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if name in _ABOVE and not value > least:
                raise VidexplainError(f"{name} is above {least}, not {_shown(value)}")
            if not value >= least:  # NaN is neither above nor below
                raise VidexplainError(f"{name} is at least {least}, not {_shown(value)}")
            if value > most:
                limit = f"{most:,}" if isinstance(most, int) else f"{most:.3g}"
                raise VidexplainError(f"{name} is at most {limit}, not {_shown(value)}")

        if self.vary_on == "device" and self.augmentation not in ("resize", "flip"):
            raise VidexplainError(f"vary_on: the device knows resize and flip, not {self.augmentation}; say cpu")
        if self.sparsity and self.freeze_trunk:
            raise VidexplainError("sparsity has no use with freeze_trunk: the layer that it is about is not trained")

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain values; see :func:`videxplain.train.recipe_file.recipe_from`."""
        content = dataclasses.asdict(self) | {"options": dict(self.options), "logger": list(self.logger)}
        return content | {"data": [dataclasses.asdict(source) for source in self.data]}

    def write(self, path: Path) -> None:
        """Write the recipe as YAML, for :func:`videxplain.train.recipe_file.read_recipe`."""
        import yaml

        with replacing(path) as temporary:
            temporary.write_text(yaml.safe_dump(self.as_dict(), sort_keys=False), encoding="utf-8")


def _shown(value: float) -> str:
    """A number in six digits; a whole number may be too large for that."""
    try:
        return f"{value:.6g}"
    except OverflowError:
        return "a number of hundreds of digits"
