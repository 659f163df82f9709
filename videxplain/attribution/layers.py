"""Layers by name, and their outputs as video."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from videxplain.errors import VidexplainError, unknown


@dataclass(frozen=True)
class LayerCall:
    """A layer by its dotted name and, where one pass uses it more than once, which use is meant.

    Written ``name`` or ``name:use``, the first use being 0.
    """

    name: str
    use: int | None = None

    def __str__(self) -> str:
        return self.name if self.use is None else f"{self.name}:{self.use}"


@dataclass(frozen=True)
class FusedLayers:
    """Several layers whose maps become one; written ``layer3+layer4``."""

    layers: tuple[LayerCall, ...]

    def __str__(self) -> str:
        return "+".join(map(str, self.layers))


@dataclass(frozen=True)
class BatchShape:
    """How many samples and frames went into the network."""

    samples: int
    frames: int


def resolve(module: nn.Module, layer: str | nn.Module) -> LayerCall:
    """A layer of ``module`` by its dotted name (``"layer4"``, ``"blocks.2.relu:1"``), or the layer itself.

    Raises:
        VidexplainError: The network has no such layer.
    """
    names = {part: name for name, part in module.named_modules() if name}
    if isinstance(layer, nn.Module):
        if layer not in names:
            raise VidexplainError(f"the given layer, a {type(layer).__name__}, is not a part of the model")
        return LayerCall(names[layer])
    name, colon, use = layer.partition(":")
    if colon and not use.isdigit():
        raise VidexplainError(f"layer '{layer}': after the colon comes the number of the use, 0 for the first")
    if name not in names.values():
        raise unknown("layer", name, names.values())
    return LayerCall(name, int(use) if colon else None)


def first_layer(module: nn.Module) -> LayerCall:
    """The configured first layer, or the first convolution in the order of the module tree."""
    config = getattr(module, "config", None)
    if config is not None and getattr(config, "first_layer", None):
        return resolve(module, config.first_layer)
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            return LayerCall(name)
    raise VidexplainError("the model has no convolution; name a layer")


def as_video(calls: Sequence[Tensor], layer: LayerCall, shape: BatchShape) -> Tensor:
    """Put the outputs of all calls of a layer back into one ``(N, C, T, h, w)``.

    A layer of a 3D network gives that at once. A 2D layer sees frames folded into the batch (samples outermost),
    one frame a call, or a few of them a call; the calls are then in the order of time.
    """
    frames = [_unfold(call, layer, shape) for call in calls]
    uses = count_uses([call.shape for call in calls], shape)
    if uses == 1:
        if layer.use:
            raise VidexplainError(f"layer '{layer.name}' is used once in a pass; there is no use {layer.use}")
        return frames[0] if len(frames) == 1 else torch.cat(frames, dim=2)
    if layer.use is None or layer.use >= uses:
        names = ", ".join(f"'{layer.name}:{i}'" for i in range(uses))
        raise VidexplainError(f"layer '{layer.name}' is used {uses} times in a pass; say which use is meant: {names}")
    return torch.cat(frames[layer.use :: uses], dim=2)


def count_uses(calls: Sequence[torch.Size], shape: BatchShape) -> int:
    """How often a layer looked at the whole clip, from the shapes of the outputs of its ``calls``."""
    # A 3D layer covers all of time in a call (at its own rate), a 2D layer as many frames as it was given.
    covered = sum(shape.frames if len(call) == 5 else call[0] // shape.samples for call in calls)
    return max(1, covered // shape.frames) if len(calls) > 1 else 1


def _unfold(output: Tensor, layer: LayerCall, shape: BatchShape) -> Tensor:
    if output.ndim == 5 and len(output) == shape.samples:
        return output
    if output.ndim == 4 and len(output) % shape.samples == 0:
        return output.unflatten(0, (shape.samples, -1)).transpose(1, 2)
    raise VidexplainError(
        f"layer '{layer}' puts out {tuple(output.shape)}, which has no extent in space; name a layer with output "
        "(N, C, T, h, w), (frames, C, h, w) in a 2D network, or (N, tokens, D) in a transformer"
    )
