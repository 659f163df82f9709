"""What an architecture is: how it is built, what it expects, which options it has; and the registry of them.

Nothing of this imports torch, so that listing models and answering a mistaken name take no time.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError, unknown
from videxplain.models.config import ModelConfig, View
from videxplain.registry import Registry

if TYPE_CHECKING:
    from torch import nn

Builder = Callable[..., "nn.Module"]
Initialise = Callable[["nn.Module"], None]

SHARED_OPTIONS = (
    *("num_classes", "labels", "num_frames", "size", "sampling", "frame_interval", "pad_frames", "mean", "std"),
)
"""Options that every architecture has: fields of its :class:`ModelConfig`."""


@dataclass(frozen=True)
class Architecture:
    """An entry of the table.

    Attributes:
        summary: What it is, in a line.
        config: What it expects at full size.
        build: From a :class:`ModelConfig` and options to the network.
        initialise: Fills a network with random weights, in place. The network is then built without memory, on
            PyTorch's ``meta`` device. None for a network that keeps the initial values which it makes itself.
        shared: Which of ``SHARED_OPTIONS`` it takes.
    """

    summary: str
    config: ModelConfig
    build: Builder
    initialise: Initialise | None = None
    shared: tuple[str, ...] = SHARED_OPTIONS

    @property
    def options(self) -> dict[str, Any]:
        """The options of this architecture with their defaults, beyond those that all have."""
        parameters = list(inspect.signature(self.build).parameters.values())[1:]
        return {parameter.name: parameter.default for parameter in parameters}

    def configure(self, options: Mapping[str, Any]) -> ModelConfig:
        """The configuration with ``options`` applied; raises when one is unknown or makes no sense."""
        known = self.options
        # A view comes with the weights, and is no option that a caller could write.
        shared = (*self.shared, "view") if isinstance(options.get("view"), View) else self.shared
        for name in options:
            if name not in known and name not in shared:
                raise unknown(f"option of {self.config.architecture}", name, [*self.shared, *known])
        fields = {name: options[name] for name in shared if options.get(name) is not None}
        own = {name: options.get(name, default) for name, default in known.items()}
        own = {name: tuple(value) if isinstance(value, list) else value for name, value in own.items()}
        for name, value in fields.items():
            if type(value) is int and value < 1 and name not in ("pad_frames", "mean", "std"):
                raise VidexplainError(f"{name} must be at least 1, not {value}")
        self.check(own)
        return reconfigure(self.config, fields).replace(options=own)

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise where an option of this architecture has a value of another type than its default, or is absurd."""
        for name, value in options.items():
            default = self.options.get(name)
            if type(value) is int and value < 1 and not isinstance(default, float):
                raise VidexplainError(f"{name} must be at least 1, not {value}")
            if value != default and not _is_like(value, default):
                raise VidexplainError(f"{name} of {self.config.architecture} cannot be {str(value)[:40]!r}")

    def network(self, config: ModelConfig) -> "nn.Module":
        """The network of a configuration, its weights as PyTorch makes them."""
        return self.build(config, **config.options)


LARGEST_OPTION = 65_536
"""The largest width, depth or number of blocks that makes sense."""

ARCHITECTURES: Registry[Architecture] = Registry("model")


def register_model(
    summary: str, config: ModelConfig, *, initialise: Initialise | None = None
) -> Callable[[Builder], Builder]:
    """Enter a network into the table of models, so that :func:`videxplain.load_model` and training know its name.

    The decorated function gets the :class:`ModelConfig` and builds the network, which takes videos ``(N, 3, T, H, W)``
    and returns ``(N, K)``. The function's other parameters, with their defaults, become the options of the model.

    Args:
        summary: What it is, in a line.
        config: What it expects. ``config.architecture`` is the name.
        initialise: Fills it with random weights, in place; it is then built without memory, on PyTorch's ``meta``
            device. None keeps the initial values that the network makes itself.

    Raises:
        VidexplainError: The name is taken, or has a colon, which stands behind the name of a package.
    """
    if ":" in config.architecture:
        raise VidexplainError(f"a model cannot be called '{config.architecture}': leave out the colon")

    def enter(build: Builder) -> Builder:
        ARCHITECTURES.add(config.architecture, Architecture(summary, config, build, initialise))
        return build

    return enter


def _is_like(value: object, default: object) -> bool:
    """Whether an option may have this value where its default is that one; None may be a number or several."""
    if isinstance(value, tuple):
        return (default is None or isinstance(default, tuple)) and all(
            type(one) is int and one <= LARGEST_OPTION for one in value
        )
    if default is None:
        return type(value) is int and _fits(value)
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return type(value) is type(default) and (type(value) is not int or _fits(value))


def _fits(count: int) -> bool:
    return 1 <= count <= LARGEST_OPTION


def reconfigure(config: ModelConfig, fields: Mapping[str, Any]) -> ModelConfig:
    """``config`` with some of the ``SHARED_OPTIONS`` changed.

    ``size`` may be one number for a square. Labels alone also set the number of classes.
    """
    fields = dict(fields)
    if isinstance(size := fields.get("size"), int):
        fields["size"] = (size, size)
    for name in ("size", "labels", "mean", "std"):
        if name in fields:
            if not isinstance(fields[name], list | tuple):
                raise VidexplainError(f"{name} is several values, not {str(fields[name])[:40]!r}")
            fields[name] = tuple(fields[name])
    if len(fields.get("size", (1, 1))) != 2:
        raise VidexplainError(f"size {fields['size']}: a height and a width in pixels are needed")
    view = fields.get("view", config.view)
    if view is not None and getattr(view, "crop", None) != fields.get("size", config.size):
        fields["view"] = None  # which is for another size
    if "labels" in fields:
        # The second name of a network with one output is that of the complement.
        complement = config.has_complement and len(fields["labels"]) == 2
        fields.setdefault("num_classes", 1 if complement else len(fields["labels"]))
    elif fields.get("num_classes", config.num_classes) != config.num_classes:
        fields["labels"] = ()
    if fields.get("sampling", config.sampling) == "uniform":
        fields.setdefault("frame_interval", 1)
    if fields.get("frame_interval", 1) != 1 and fields.get("sampling", config.sampling) == "uniform":
        raise VidexplainError(f"{config.architecture} takes frames from all over the video: frame_interval has no use")
    try:
        return config.replace(**fields)
    except ValueError as error:
        raise VidexplainError(str(error)) from None
