"""The table of architectures that come with videxplain.

A new one is a function here. Its first parameter is the :class:`ModelConfig`, the others are its options.
"""

from functools import partial
from typing import TYPE_CHECKING

from videxplain.models.architecture import ARCHITECTURES, register_model
from videxplain.models.config import ModelConfig

if TYPE_CHECKING:
    from torch import nn

    from videxplain.models.networks.lrcn import Readout
    from videxplain.models.networks.non_local import Mode

__all__ = ["ARCHITECTURES", "c3d", "i3d", "i3d_inception", "late_fusion", "lrcn", "non_local", "register_model"]


def _ours(network: "nn.Module") -> None:
    from videxplain.models.networks.initialise import initialise

    initialise(network)


architecture = partial(register_model, initialise=_ours)


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
    readout: "Readout" = "last",
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
        readout=readout,
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
