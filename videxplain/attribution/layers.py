"""Find the layer to explain, and read what it put out as a video."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from videxplain.attribution.tokens import TokenReader, lay_out, split
from videxplain.errors import VidexplainError, unknown
from videxplain.models.config import TokenLayout


@dataclass(frozen=True)
class LayerCall:
    """A layer by its dotted name and, where one pass uses it more than once, which use is meant.

    Written ``name`` or ``name:use``, the first use being 0.
    """

    name: str
    use: int | None = None
    tokens: TokenLayout | None = None
    """How the network's tokens lie, where it is told; otherwise its configuration or the pass says it."""

    def __str__(self) -> str:
        return self.name if self.use is None else f"{self.name}:{self.use}"


@dataclass(frozen=True)
class FusedLayers:
    """Several layers whose maps become one; written ``layer3+layer4``."""

    layers: tuple[LayerCall, ...]

    def __str__(self) -> str:
        return "+".join(map(str, self.layers))


@dataclass(frozen=True)
class Layout:
    """How many samples and frames went into the network."""

    samples: int
    frames: int


def resolve(module: nn.Module, layer: str, tokens: TokenLayout | None = None) -> LayerCall:
    """The layer called ``layer`` (``"layer4"``, ``"blocks.2.relu:1"``); an unknown name raises with the nearest."""
    name, colon, use = layer.partition(":")
    if colon and not use.isdigit():
        raise VidexplainError(f"layer '{layer}': after the colon comes the number of the use, 0 for the first")
    names = [known for known, _ in module.named_modules() if known]
    if name not in names:
        raise unknown("layer", name, names)
    return LayerCall(name, int(use) if colon else None, tokens)


def default_layer(module: nn.Module, x: Tensor, tokens: TokenLayout | None = None) -> LayerCall:
    """The configured layer, or the last one that still has extent in space and, in a 3D network, in time."""
    config = getattr(module, "config", None)
    if config is not None and getattr(config, "default_layer", None):
        return resolve(module, config.default_layer, tokens)
    known = _FOUND.setdefault(module, {})
    key = (*x.shape[1:], tokens)
    if key not in known:
        known[key] = _last_with_extent(module, x, tokens)
    return known[key]


def first_layer(module: nn.Module) -> LayerCall:
    """The configured first layer, or the first convolution in the order of the module tree."""
    config = getattr(module, "config", None)
    if config is not None and getattr(config, "first_layer", None):
        return resolve(module, config.first_layer)
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            return LayerCall(name)
    raise VidexplainError("the model has no convolution; name a layer")


def as_video(calls: Sequence[Tensor], layer: LayerCall, layout: Layout) -> Tensor:
    """Put the outputs of all calls of a layer back into one ``(N, C, T, h, w)``.

    A layer of a 3D network gives that at once. A 2D layer sees frames folded into the batch (samples outermost),
    one frame a call, or a few of them a call; the calls are then in the order of time.
    """
    frames = [_unfold(call, layer, layout) for call in calls]
    uses = count_uses([call.shape for call in calls], layout)
    if uses == 1:
        if layer.use:
            raise VidexplainError(f"layer '{layer.name}' is used once in a pass; there is no use {layer.use}")
        return frames[0] if len(frames) == 1 else torch.cat(frames, dim=2)
    if layer.use is None or layer.use >= uses:
        names = ", ".join(f"'{layer.name}:{i}'" for i in range(uses))
        raise VidexplainError(f"layer '{layer.name}' is used {uses} times in a pass; say which use is meant: {names}")
    return torch.cat(frames[layer.use :: uses], dim=2)


def count_uses(shapes: Sequence[torch.Size], layout: Layout) -> int:
    """How often a layer looked at the whole clip, given the shapes of all its outputs."""
    # A 3D layer covers all of time in a call (at its own rate), a 2D layer as many frames as it was given.
    covered = sum(layout.frames if len(shape) == 5 else shape[0] // layout.samples for shape in shapes)
    return max(1, covered // layout.frames) if len(shapes) > 1 else 1


def _unfold(output: Tensor, layer: LayerCall, layout: Layout) -> Tensor:
    if output.ndim == 5 and len(output) == layout.samples:
        return output
    if output.ndim == 4 and len(output) % layout.samples == 0:
        return output.unflatten(0, (layout.samples, -1)).transpose(1, 2)
    raise VidexplainError(
        f"layer '{layer}' puts out {tuple(output.shape)}, which has no extent in space; name a layer with output "
        "(N, C, T, h, w), (frames, C, h, w) in a 2D network, or (N, tokens, D) in a transformer"
    )


_FOUND: WeakKeyDictionary[nn.Module, dict[tuple[object, ...], LayerCall]] = WeakKeyDictionary()


def _last_with_extent(module: nn.Module, x: Tensor, tokens: TokenLayout | None) -> LayerCall:
    from videxplain.attribution.engine import untouched

    reader = TokenReader(module, x[:1], tokens)
    found: list[tuple[str, torch.Size]] = []
    of_tokens: list[str] = []

    def watch(name: str) -> object:
        def hook(layer: nn.Module, __: object, output: object) -> None:
            values, _ = split(output)
            if values is None or values.ndim not in (3, 4, 5):
                return
            try:
                form = reader.layout(layer, output)
            except VidexplainError:  # tokens that lie otherwise, such as those of a window
                return
            if values.ndim == 3 and form is None:
                return
            shape = lay_out(values, form).shape
            in_time = len(shape) == 4 or shape[2] > 1 or x.shape[2] == 1
            if in_time and min(shape[-2:]) > 1:
                found.append((name, shape))
                if form is not None and any(isinstance(m, nn.LayerNorm) for m in layer.modules()):
                    of_tokens.append(name)

        return hook

    with ExitStack() as hooks:
        hooks.enter_context(reader.watching())
        for name, m in module.named_modules():
            if name:
                hooks.callback(m.register_forward_hook(watch(name)).remove)
        hooks.enter_context(untouched(module))
        hooks.enter_context(torch.no_grad())
        module(x[:1].clone())
    if not found:
        raise VidexplainError("no layer of the model has extent in space; name one that can be laid out as a video")
    if of_tokens:
        return _last_that_is_read(module, x[:1], of_tokens, tokens)
    last = found[-1][0]
    uses = count_uses([shape for name, shape in found if name == last], Layout(1, x.shape[2]))
    return LayerCall(last, uses - 1 if uses > 1 else None)


def _last_that_is_read(module: nn.Module, x: Tensor, names: list[str], tokens: TokenLayout | None) -> LayerCall:
    """The last block or normalisation on whose tokens the answer depends.

    Behind the last attention only a class token may be read, or the first of the grid, and gradients at all others are
    zero.
    """
    from videxplain.attribution.engine import trace

    at_one_place = None
    for name in reversed(list(dict.fromkeys(names))):
        layer = LayerCall(name, tokens=tokens)
        with trace(module, x, [layer]) as run:
            top = run.logits.amax(1)[None]
            if not top.requires_grad:
                continue
            places = (next(run.gradients(top))[layer].abs().amax(1) > 0).sum()
        if places > 1:
            return layer
        at_one_place = at_one_place or (layer if places else None)
    if at_one_place is not None:
        return at_one_place
    raise VidexplainError("the answer depends on the tokens of no block of the model; name a layer")
