"""The layer that a method explains: named by the caller, or found in a pass of the network."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from videxplain.attribution.engine import forward, rows_of, trace
from videxplain.attribution.layers import FusedLayers, LayerCall, first_layer, hook_output, named_layers, resolve
from videxplain.attribution.registry import METHODS, Method
from videxplain.attribution.rows.layer_rows import is_known
from videxplain.attribution.rows.probing import other_clip
from videxplain.attribution.tokens import TokenReader, lay_out, tensor_and_grid, width_of_norm
from videxplain.attribution.traceable import differ, frozen_pass
from videxplain.errors import VidexplainError
from videxplain.exclusive import of_this_thread
from videxplain.models.config import TokenLayout
from videxplain.network_answers import NetworkAnswers
from videxplain.untouched import begin_pass, untouched


def find_layer(
    method: Method, module: nn.Module, x: Tensor, layer: str | nn.Module | None, tokens: TokenLayout | None = None
) -> LayerCall | FusedLayers | None:
    """The layer or layers that ``method`` explains; None for a method that explains the input.

    Args:
        method: The method.
        module: The network.
        x: Its input ``(N, C, T, H, W)``.
        layer: A dotted name, several joined by ``+``, or the layer itself; None for the method's default.
        tokens: How the tokens of a transformer lie; None for what its configuration or the pass says.

    Raises:
        VidexplainError: The network has no such layer, or the method takes none or takes one. Or it is a plain
            function, and the method needs layers or gradients.
    """
    if getattr(module, "only_called", False) and not method.only_calls:
        working = [name for name in METHODS if METHODS[name].only_calls]
        raise VidexplainError(
            f"{method.name} needs the layers or gradients of a network, and this is a plain function: take "
            f"{', '.join(working[:-1])} or {working[-1]}"
        )
    if method.layer is None:
        if layer is not None:
            raise VidexplainError(f"{method.name} explains the input, so it takes no layer")
        return None
    if layer is None and method.layer == "input":
        return None
    if isinstance(module, torch.jit.ScriptModule):
        raise VidexplainError(
            f"{method.name} looks into a layer, and a scripted or traced network shows none: explain the network as it "
            "was before torch.jit, or take a method that explains the input, such as saliency or occlusion"
        )
    if layer is None:
        return default_layer(module, x, tokens) if method.layer == "last" else first_layer(module)
    if isinstance(layer, nn.Module):
        return resolve(module, layer)
    if not isinstance(layer, str):
        raise VidexplainError(
            f"a layer is a name or a part of the model, not {type(layer).__name__}; several names are joined by +"
        )
    layers = named_layers(module, layer)
    if len(layers) == 1:
        return layers[0]
    if method.family != "cam":
        raise VidexplainError(f"{method.name} looks at one layer; the cam methods fuse several")
    if len(set(layers)) < len(layers):
        raise VidexplainError(f"layer '{layer}' names a layer twice")
    return FusedLayers(layers)


def default_layer(module: nn.Module, x: Tensor, tokens: TokenLayout | None = None) -> LayerCall:
    """The configured layer, or the last one that still has extent in space and, in a 3D network, in time."""
    config = getattr(module, "config", None)
    if config is not None and getattr(config, "default_layer", None):
        return resolve(module, config.default_layer)

    def found() -> LayerCall:
        layer = _last_with_extent(module, x, tokens)
        if not is_known(module, layer.name) and _goes_past(module, x[:1], layer):
            _PASSED.of(module)[(layer,)] = True
        return layer

    return _FOUND.ask(module, (*x.shape[1:], tokens), found)


def note_of_default(module: nn.Module, layer: object) -> str:
    """What a reader of a map at a default layer must know: that it shows a part; empty where it shows all."""
    if (layer,) not in _PASSED.of(module):
        return ""
    return (
        f"the answer also depends on what goes past layer '{layer}', such as another stream or a skip connection, and "
        "the map shows what goes through it alone: name a layer in which all comes together, or several joined by +"
    )


def _goes_past(module: nn.Module, x: Tensor, layer: LayerCall) -> bool:
    """Whether the answer to another clip is another one although the layer puts out what it did for this one."""
    kept: list[Any] = []

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        kept.append(output)

    def answer(clip: Tensor, hook: Callable[..., Any]) -> Tensor:
        with untouched(module), torch.no_grad(), ExitStack() as hooks:
            hooks.callback(hook_output(module, layer, hook))
            return forward(module, clip.clone())

    def held(clip: Tensor) -> Tensor:
        outputs = iter(kept)
        return answer(clip, lambda _, __, output: next(outputs, output))

    try:
        plain = answer(x, keep)
    except VidexplainError:  # no logits: the pass that is explained says it
        return False
    return not differ(plain, held(x)) and differ(plain, held(other_clip(x)))


def _last_with_extent(module: nn.Module, x: Tensor, tokens: TokenLayout | None) -> LayerCall:
    reader = TokenReader(module, x[:1], tokens)
    found: list[str] = []
    shapes: dict[str, list[torch.Size]] = {}
    of_tokens: list[str] = []

    def watch(name: str) -> Callable[..., None]:
        def hook(layer: nn.Module, __: object, output: object) -> None:
            values, _ = tensor_and_grid(output)
            # What is put out inside torch.func.vmap cannot be kept.
            if values is None or torch._C._functorch.is_functorch_wrapped_tensor(values):
                return
            if not values.is_floating_point():  # numbers of places, or frequencies
                return
            of_calls = shapes.setdefault(name, [])
            of_calls.append(values.shape)
            if values.ndim not in (3, 4, 5):
                return
            try:
                form = reader.layout(layer, output)
            except VidexplainError:  # tokens that lie otherwise, such as those of a window
                return
            if values.ndim == 3 and form is None:
                return
            shape = of_calls[-1] = lay_out(values, form).shape
            in_time = len(shape) == 4 or shape[2] > 1 or x.shape[2] == 1
            if in_time and min(shape[-2:]) > 1:
                found.append(name)
                if form is not None and any(width_of_norm(m) is not None for m in layer.modules()):
                    of_tokens.append(name)

        return hook

    with untouched(module), torch.no_grad(), ExitStack() as hooks:
        hooks.enter_context(reader.watching())
        for name, m in module.named_modules():
            if name and not isinstance(m, torch.jit.ScriptModule):
                hooks.callback(m.register_forward_hook(of_this_thread(watch(name))).remove)
        begin_pass(module)
        with frozen_pass():
            module(x[:1].clone())
    if not found:
        raise VidexplainError("no layer of the model has extent in space; name one that can be laid out as a video")
    if of_tokens:
        return _last_that_is_read(module, x[:1], of_tokens, tokens)
    last = LayerCall(found[-1])
    uses = len(rows_of(module, x[:1], last, tokens, shapes[last.name]).found.uses)
    return LayerCall(last.name, uses - 1) if uses > 1 else last


def _last_that_is_read(module: nn.Module, x: Tensor, names: list[str], tokens: TokenLayout | None) -> LayerCall:
    """The last block or normalisation on whose tokens the answer depends.

    Behind the last attention only a class token may be read, or the first of the grid, and gradients at all others are
    zero.
    """
    at_one_place = None
    for name in reversed(list(dict.fromkeys(names))):
        layer = LayerCall(name)
        with trace(module, x, [layer], tokens=tokens) as run:
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


_FOUND = NetworkAnswers[LayerCall]()
"""The default layer of a network for each shape of its input, so that it is looked for once."""
_PASSED = NetworkAnswers[bool]()
"""Default layers that a part of what the answer depends on goes past."""
