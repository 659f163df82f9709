"""The mode in which a network runs so that relevance can be traced back through it."""

import inspect
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from videxplain.attribution.relevance.graph import is_one_pixelwise_step, is_pixels, layer_behind
from videxplain.attribution.relevance.layer_calls import LAYERS, Function, Handler, Rules, written_out
from videxplain.attribution.relevance.multi_head import multi_head
from videxplain.attribution.relevance.nodes import PixelsNode, SamePixelsNode
from videxplain.attribution.relevance.normalisations import NORMS, batch_norm
from videxplain.attribution.relevance.products import PRODUCTS, works_in_place
from videxplain.attribution.relevance.recurrent_calls import RECURRENT

_OF_PIXELS: dict[str, Handler] = {
    **LAYERS,
    **RECURRENT,
    "batch_norm": written_out(batch_norm),
    "multi_head_attention_forward": written_out(multi_head),
}
"""Calls that know what to do with pixels. Any other call gets them as values."""
_RECTIFIERS = ("relu", "relu_")
_NAMES = {"truediv": "div"}
"""Operators that Tensor has as a method of another name."""
_ARITHMETIC = ("relu", "add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "truediv")


class RelevanceRules(TorchFunctionMode):
    """While active, what a network computes can be traced back by the rules of a composite.

    Calls are replaced and not modules, so functions, modules that are used several times and calls that work in place
    all count. What the network computes stays the same.
    """

    def __init__(self, rules: Rules) -> None:
        """Replace calls by those of ``rules``."""
        super().__init__()
        self._rules = rules

    def __torch_function__(
        self, func: Function, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Give a call its rule."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "__get__" or not torch.is_grad_enabled():
            return func(*args, **kwargs)
        computed = _computed(args, kwargs)
        if not computed:
            return func(*args, **kwargs)
        if name in _OF_PIXELS:
            return _OF_PIXELS[name](self._rules, func, args, kwargs)
        if works_in_place(func, args, kwargs):
            return self._in_place(name, func, args, kwargs)
        return self._called(name, func, args, kwargs, computed)

    def _called(
        self, name: str, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any], computed: list[Tensor]
    ) -> Any:
        if name == "__setitem__":
            return func(*args[:2], _as_values(args[2]))
        if any(is_pixels(value) for value in computed):
            found = func(*args, **kwargs)
            if all(is_pixels(one) for one in _computed(found)):
                return found
            (value, *others) = computed
            if not others and isinstance(found, Tensor) and is_one_pixelwise_step(found, value):
                return SamePixelsNode.apply(value, (found.detach(),))
            args, kwargs = _as_values(args), _as_values(kwargs)
        if name in _HANDLERS:
            found = _HANDLERS[name](self._rules, func, args, kwargs)
            if found is not NotImplemented:
                return found
        return func(*args, **kwargs)

    def _in_place(self, name: str, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call that writes into its first argument: the same out of place, written there afterwards."""
        value = args[0] if args else kwargs["input"]
        plain = name.strip("_").removeprefix("i") if name.startswith("__i") else name.removesuffix("_")
        computed = _computed(args, kwargs)
        of_pixels = any(is_pixels(one) for one in computed)
        if name in _RECTIFIERS and not of_pixels:
            return rectified(self._rules, func, args, kwargs)
        if plain not in _HANDLERS and not (of_pixels and plain in _ARITHMETIC):
            return func(*args, **kwargs)
        if plain == name:  # a function with inplace=True
            out = self._called(plain, func, *_not_in_place(func, args, kwargs), computed)
        else:
            out_of_place = getattr(Tensor, _NAMES.get(plain, plain), None) or getattr(F, plain)
            out = self._called(plain, out_of_place, args, kwargs, computed)
        return value.copy_(out)


def rectified(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A ReLU, in place or not. The layer before it remembers what comes out instead of what went in."""
    value = args[0] if args else kwargs["input"]
    layer = layer_behind(value.grad_fn)
    if layer is None or value._version != value.grad_fn.version:  # something was written into it since
        return func(*args, **kwargs)
    out = func(*args, **kwargs)
    layer.remember_rectified(out)
    return out


_HANDLERS: dict[str, Handler] = {**NORMS, **PRODUCTS, "relu": rectified}
"""Calls that take values; of pixels they take them as values."""


def _computed(*given: Any) -> list[Tensor]:
    """The tensors among arguments that are computed from the clip."""
    found: list[Tensor] = []
    for one in given:
        if isinstance(one, Tensor):
            if one.requires_grad:
                found.append(one)
        elif isinstance(one, list | tuple):
            found.extend(_computed(*one))
        elif isinstance(one, dict):
            found.extend(_computed(*one.values()))
    return found


def _as_values(given: Any) -> Any:
    """Arguments in which pixels give back relevance, and the rest of the network sees values like any other."""
    if isinstance(given, Tensor):
        return PixelsNode.apply(given) if given.requires_grad and is_pixels(given) else given
    if isinstance(given, list | tuple):
        parts = [_as_values(one) for one in given]
        return parts if isinstance(given, list) else tuple(parts)
    if isinstance(given, dict):
        return {name: _as_values(one) for name, one in given.items()}
    return given


def _not_in_place(
    func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a function of torch.nn.functional, to work out of place."""
    given = inspect.signature(func).bind(*args, **kwargs).arguments
    value = given.pop("input")
    return (value,), {**given, "inplace": False}
