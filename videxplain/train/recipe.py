"""Recipes: all settings of a training run, as a YAML file."""

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
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

        if self.sparsity and self.freeze_trunk:
            raise VidexplainError("sparsity has no use with freeze_trunk: the layer that it is about is not trained")

    def as_dict(self) -> dict[str, Any]:
        """As :func:`recipe_from` takes it, of plain values."""
        content = dataclasses.asdict(self) | {"options": dict(self.options), "logger": list(self.logger)}
        return content | {"data": [dataclasses.asdict(source) for source in self.data]}

    def write(self, path: Path) -> None:
        """Write the file that :func:`read_recipe` reads."""
        import yaml

        with replacing(path) as temporary:
            temporary.write_text(yaml.safe_dump(self.as_dict(), sort_keys=False), encoding="utf-8")


def read_recipe(path: Path, changes: Sequence[str] = (), roots: Sequence[str | Path] = ()) -> Recipe:
    """Read a recipe from a file.

    Args:
        path: The file.
        changes: ``key=value`` each, the value as in YAML; ``options.width=16`` and ``data.split=2`` reach inside.
        roots: Folders of the datasets in place of those in the file.

    Raises:
        VidexplainError: No such file, not YAML, or a key or value that means nothing.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VidexplainError(f"cannot read recipe {path}: {error.strerror or error}") from None
    except RecursionError:
        raise VidexplainError(f"{path} is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:  # also numbers of thousands of digits, and no text at all
        raise VidexplainError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise VidexplainError(f"{path} is no recipe: lines of 'key: value' are needed")
    if roots and len(_listed(content.get("data") or [])) != len(roots):
        content.pop("describes", None)  # words about other datasets
    for change in changes:
        _apply(content, change)
    if roots:
        content["data"] = _with_roots(content.get("data"), roots)
    try:
        return recipe_from(content)
    except VidexplainError as error:
        raise VidexplainError(f"{path}: {error}") from None


def recipe_from(content: Mapping[str, Any]) -> Recipe:
    """A recipe of plain values; raises for a key or a type that does not belong."""
    types = {entry.name: entry.type for entry in fields(Recipe)}
    for name in content:
        if name not in types:
            raise unknown("key", name, types)
    for name in ("model", "data"):
        if not content.get(name):
            raise VidexplainError(f"{name} is missing" + ("; name the dataset with --data" if name == "data" else ""))
    values = dict(content)
    values["data"] = tuple(_source(entry) for entry in _listed(values["data"]))
    if "logger" in values:
        values["logger"] = tuple(_listed(values["logger"]))
    if not isinstance(values.setdefault("options", {}), dict):
        raise VidexplainError("options are 'name: value' each")
    for name, value in values.items():
        values[name] = _checked(name, value, types[name])
    return Recipe(**values)


def _checked(name: str, value: Any, kind: Any) -> Any:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    if kind not in names:
        return value
    if kind is float and isinstance(value, int | str) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):  # YAML takes 1e-4 for text, because it lacks the point
            return float(value)
    if type(value) is not kind:
        raise VidexplainError(f"{name} is {names[kind]}, not {_short(value)}")
    return value


def _short(value: Any) -> str:
    try:
        return repr(value)[:60]
    except ValueError:  # whole numbers of thousands of digits have no text
        return "a number of thousands of digits"


def _shown(value: float) -> str:
    """A number in six digits; a whole number may be too large for that."""
    try:
        return f"{value:.6g}"
    except OverflowError:
        return "a number of hundreds of digits"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _source(entry: Any) -> DataSource:
    if isinstance(entry, DataSource):
        return entry
    if isinstance(entry, str):
        return DataSource(entry)
    names = [name.name for name in fields(DataSource)]
    if not isinstance(entry, dict) or "root" not in entry:
        raise VidexplainError("data is a folder, or has root, kind and split, or is a list of two such")
    for name in entry:
        if name not in names:
            raise unknown("key of data", name, names)
    if not isinstance(entry["root"], str) or not isinstance(entry.get("kind", ""), str):
        raise VidexplainError("root and kind of data are text")
    if type(entry.get("split", 1)) is not int:
        raise VidexplainError(f"split of data is 1, 2 or 3, not {entry['split']!r}")
    return DataSource(**entry)


def _with_roots(data: Any, roots: Sequence[str | Path]) -> list[dict[str, Any]]:
    """The datasets of a recipe in other folders; kind and split stay as they are if there are as many."""
    entries = [entry if isinstance(entry, dict) else {} for entry in _listed(data)] if data else []
    if len(entries) != len(roots):
        entries = [{} for _ in roots]
    return [entry | {"root": str(root)} for entry, root in zip(entries, roots, strict=True)]


def _apply(content: dict[str, Any], change: str) -> None:
    import yaml

    key, equals, text = change.partition("=")
    if not equals or not key:
        raise VidexplainError(f"--set is KEY=VALUE, such as epochs=10 or options.width=16, not '{change}'")
    *outer, last = key.strip().split(".")
    for name in outer:
        inner = content.setdefault(name, {})
        if isinstance(inner, str) and name == "data":
            inner = content[name] = {"root": inner}
        if not isinstance(inner, dict):
            raise VidexplainError(f"--set {key}: {name} has no keys of its own here")
        content = inner
    try:
        content[last] = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise VidexplainError(f"--set {key}: '{text}' is not a YAML value") from None
