"""The table of architectures: how each is built, what it expects, which options it has.

A new one is a function here. Its first parameter is the :class:`ModelConfig`, the others are its options. Nothing of
this imports torch, so that listing models and answering a mistaken name take no time.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError, unknown
from videxplain.models.config import ModelConfig, View
from videxplain.registry import Registry

if TYPE_CHECKING:
    from torch import nn

    from videxplain.models.networks.non_local import Mode

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
            if type(value) is int and value < 1 and name != "pad_frames":
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


def _ours(network: "nn.Module") -> None:
    from videxplain.models.networks.initialise import initialise

    initialise(network)


architecture = partial(register_model, initialise=_ours)


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


@architecture(
    "2D ResNet on each frame, features averaged over time",
    ModelConfig("late_fusion", 101, 5, (224, 224), "uniform", "trunk.layer4", "trunk.conv1"),
)
def late_fusion(
    config: ModelConfig,
    *,
    depth: int = 152,
    width: int = 64,
    strides: tuple[int, int, int, int] = (1, 2, 2, 2),
    latent: int | None = None,
    dropout: float = 0.5,
) -> "nn.Module":
    """See :class:`videxplain.models.networks.late_fusion.LateFusion`."""
    from videxplain.models.networks.late_fusion import LateFusion

    return LateFusion(config.num_classes, depth=depth, width=width, strides=strides, latent=latent, dropout=dropout)


@architecture(
    "2D ResNet on each frame, latent layer, LSTM over the frames",
    ModelConfig("lrcn", 101, 5, (224, 224), "uniform", "trunk.layer4", "trunk.conv1"),
)
def lrcn(
    config: ModelConfig,
    *,
    depth: int = 152,
    width: int = 64,
    strides: tuple[int, int, int, int] = (1, 2, 2, 2),
    latent: int = 512,
    hidden: int = 512,
    layers: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.5,
) -> "nn.Module":
    """See :class:`videxplain.models.networks.lrcn.LRCN`."""
    from videxplain.models.networks.lrcn import LRCN

    return LRCN(
        config.num_classes,
        depth=depth,
        width=width,
        strides=strides,
        latent=latent,
        hidden=hidden,
        layers=layers,
        bidirectional=bidirectional,
        dropout=dropout,
    )


@architecture(
    "eight 3x3x3 convolutions and three fully connected layers",
    ModelConfig("c3d", 487, 16, (112, 112), "consecutive", "relu5b", "conv1a"),
)
def c3d(config: ModelConfig, *, width: int = 64, batch_norm: bool = False, dropout: float = 0.5) -> "nn.Module":
    """See :class:`videxplain.models.networks.c3d.C3D`."""
    from videxplain.models.networks.c3d import C3D

    return C3D(config.num_classes, config.num_frames, config.size, width=width, batch_norm=batch_norm, dropout=dropout)


@architecture(
    "ResNet-50 inflated to video",
    ModelConfig("i3d", 400, 16, (224, 224), "consecutive", "layer4", "conv1"),
)
def i3d(
    config: ModelConfig,
    *,
    depth: int = 50,
    blocks: tuple[int, ...] | None = None,
    width: int = 64,
    time_strides: tuple[int, int, int] = (2, 2, 2),
    strides: tuple[int, int, int, int] = (1, 2, 2, 2),
    caffe2: bool = False,
    dropout: float = 0.5,
) -> "nn.Module":
    """See :class:`videxplain.models.networks.i3d.I3D`."""
    from videxplain.models.networks.i3d import I3D

    return I3D(
        config.num_classes,
        depth=depth,
        blocks=blocks,
        width=width,
        time_strides=time_strides,
        strides=strides,
        caffe2=caffe2,
        dropout=dropout,
    )


@architecture(
    "Inception-v1 inflated to video",
    ModelConfig(
        "i3d_inception",
        400,
        16,
        (224, 224),
        "consecutive",
        "Mixed_5c",
        "Conv3d_1a_7x7.conv3d",
        # The paper scales pixels to [-1, 1].
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    ),
)
def i3d_inception(config: ModelConfig, *, width: int = 64, dropout: float = 0.5) -> "nn.Module":
    """See :class:`videxplain.models.networks.i3d_inception.InceptionI3D`."""
    from videxplain.models.networks.i3d_inception import InceptionI3D

    return InceptionI3D(config.num_classes, width=width, dropout=dropout)


@architecture(
    "i3d with five non-local blocks",
    ModelConfig("non_local", 400, 16, (224, 224), "consecutive", "layer4", "conv1"),
)
def non_local(
    config: ModelConfig,
    *,
    mode: "Mode" = "embedded_gaussian",
    depth: int = 50,
    blocks: tuple[int, ...] | None = None,
    width: int = 64,
    time_strides: tuple[int, int, int] = (2, 2, 2),
    strides: tuple[int, int, int, int] = (1, 2, 2, 2),
    caffe2: bool = False,
    dropout: float = 0.5,
) -> "nn.Module":
    """See :class:`videxplain.models.networks.non_local.NonLocalI3D`."""
    from videxplain.models.networks.non_local import NonLocalI3D

    return NonLocalI3D(
        config.num_classes,
        mode=mode,
        depth=depth,
        blocks=blocks,
        width=width,
        time_strides=time_strides,
        strides=strides,
        caffe2=caffe2,
        dropout=dropout,
    )
