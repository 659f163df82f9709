"""How a result was made: everything that is needed to make it again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

from videxplain.attribution.targets import Contrast, Target, class_index
from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig
from videxplain.models.provenance import provenance

PACKAGES = ("videxplain", "torch", "numpy", "av", "opencv-python-headless")
"""The packages whose versions are kept."""


@dataclass(frozen=True)
class Origin:
    """Everything that is needed to make a result again, beside the clip.

    Attributes:
        method: Name of the method.
        model: Name of the network.
        weights: Where its weights came from, in words; ``"none"`` for random ones.
        layer: The layer explained, ``"input"``, or ``"all layers"``.
        target: What was explained, in words; empty for a method that uses no score.
        target_index: The class explained, None where it is no single class.
        precision: ``"fp32"`` or ``"bf16"``.
        windows: Passes of the network.
        options: The options that the method was given.
        versions: Version of each package that took part.
        contrast: The two classes of a ``Contrast`` by index, None for any other target.
        stride: Frames from one window to the next, None for half a window.
        token_grid: Steps, rows and columns of a transformer's tokens where they were given.
        output: What the network's output is, such as ``"logits"``.
        weights_file: Name of the weights' file, empty where there was none.
        weights_sha256: SHA-256 of that file, empty where it is not known.
        state_sha256: SHA-256 of the state of a network that a file of Python has made, empty for others.
        question: SHA-256 of what was asked; the files of two results of one question are the same.
        model_options: Keyword arguments that rebuild the network.
        model_input: What one pass reads: ``num_frames``, ``size``, ``sampling``, ``frame_interval``,
            ``pad_frames``, ``mean``, ``std``, and ``view``, how frames are resized and cropped; None where they are
            resized whole.
    """

    method: str
    model: str
    weights: str
    layer: str
    target: str
    target_index: int | None
    precision: str
    windows: int
    options: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    contrast: tuple[int, int] | None = None
    stride: int | None = None
    token_grid: tuple[int, int, int] | None = None
    output: str = "logits"
    weights_file: str = ""
    weights_sha256: str = ""
    state_sha256: str = ""
    question: str = ""
    model_options: dict[str, Any] = field(default_factory=dict)
    model_input: dict[str, Any] = field(default_factory=dict)

    @property
    def provenance(self) -> str:
        """The weights in words, with their file and the start of its SHA-256; empty for random weights."""
        return provenance(self.weights, self.weights_file, self.weights_sha256, self.state_sha256)

    def record(self) -> dict[str, Any]:
        """The same as plain values for JSON."""
        return {
            "question": self.question,
            "method": self.method,
            "layer": self.layer,
            "target": self.target or None,
            "target_index": self.target_index,
            "contrast": self.contrast,
            "options": self.options,
            "precision": self.precision,
            "stride": self.stride,
            "token_grid": self.token_grid,
            "windows": self.windows,
            "model": self.model,
            "model_options": self.model_options,
            "model_input": self.model_input,
            "output": self.output,
            "weights": self.weights,
            "weights_file": self.weights_file or None,
            "weights_sha256": self.weights_sha256 or None,
            "state_sha256": self.state_sha256 or None,
            "versions": self.versions,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Origin":
        """The origin that :meth:`record` has written."""
        pair, grid = record["contrast"], record["token_grid"]
        return cls(
            method=str(record["method"]),
            model=str(record["model"]),
            weights=str(record["weights"]),
            layer=str(record["layer"]),
            target=str(record["target"] or ""),
            target_index=record["target_index"],
            precision=str(record["precision"]),
            windows=int(record["windows"]),
            options=dict(record["options"]),
            versions=dict(record["versions"]),
            contrast=None if pair is None else (int(pair[0]), int(pair[1])),
            stride=record["stride"],
            token_grid=None if grid is None else (int(grid[0]), int(grid[1]), int(grid[2])),
            output=str(record["output"]),
            weights_file=str(record["weights_file"] or ""),
            weights_sha256=str(record["weights_sha256"] or ""),
            state_sha256=str(record.get("state_sha256") or ""),
            question=str(record["question"]),
            model_options=dict(record["model_options"]),
            model_input=dict(record["model_input"]),
        )


def prediction_records(predictions: Sequence[tuple[str, float]], output: str) -> list[dict[str, Any]]:
    """Predictions for JSON: ``label`` and ``probability``, or ``label`` and ``value`` of a regression."""
    return [{"label": label, measured(output): number} for label, number in predictions]


def measured(output: str) -> str:
    """What a network with this output says of each outcome: a ``probability``, or the ``value`` of a regression."""
    return "value" if output == "regression" else "probability"


def of_model(config: ModelConfig) -> dict[str, Any]:
    """The fields of :class:`Origin` that a network's configuration says, and the versions of the packages."""
    return {
        "model": config.architecture,
        "weights": config.weights,
        "output": config.output,
        "weights_file": config.weights_file,
        "weights_sha256": config.weights_sha256,
        "state_sha256": config.state_sha256,
        "model_options": dict(config.options),
        "model_input": {
            "num_frames": config.num_frames,
            "size": config.size,
            "sampling": config.sampling,
            "frame_interval": config.frame_interval,
            "pad_frames": config.pad_frames,
            "mean": config.mean,
            "std": config.std,
            "view": None if config.view is None else asdict(config.view),
        },
        "versions": {name: version(name) for name in PACKAGES},
    }


def contrast_of(target: Target | None, config: ModelConfig) -> tuple[int, int] | None:
    """The two classes of a contrast by index; None for any other target."""
    if not isinstance(target, Contrast):
        return None
    first, second = (
        class_index(one, config.num_outcomes, config.outcome_labels) for one in (target.target, target.against)
    )
    return first, second


def config_of(model: object) -> ModelConfig:
    """The configuration of a network.

    Raises:
        VidexplainError: The network has none, or it is not a network but a name.
    """
    if isinstance(model, str):
        raise VidexplainError(f"'{model}' is a name, not a network: give load_model('{model}')")
    config = getattr(model, "config", None)
    if not isinstance(config, ModelConfig):
        raise VidexplainError(
            f"{type(model).__name__} has no config that says what it expects; set model.config = ModelConfig(...), "
            "or use attribute() on a batch"
        )
    return config
