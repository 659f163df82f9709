"""Calls that multiply computed values: attention, gates, and functions of single numbers."""

import inspect
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from videxplain.attribution.relevance.graph import is_gate
from videxplain.attribution.relevance.layer_calls import Function, Handler, Rules, linear, written_out
from videxplain.attribution.relevance.nodes import Gate, RatioNode, ShareNode
from videxplain.errors import VidexplainError


def share(value: Tensor, part: float) -> Tensor:
    """A factor of a product that gets a part of the product's relevance."""
    found: Tensor = ShareNode.apply(value, part)
    return found


def passed(value: Tensor, out: Tensor, gate: Gate = "never") -> Tensor:
    """A function of single numbers, whose relevance is that of its argument."""
    found: Tensor = RatioNode.apply(value, (out,), gate)
    return found


def factors(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``matmul``, ``bmm``, ``einsum`` and others: computed factors share the relevance (Achtibat et al., eq. 15)."""
    func, args = _as_function(func, args)
    args = tuple(tuple(arg) if isinstance(arg, list) else arg for arg in args)
    if func.__name__ == "einsum" and len(args) == 2 and isinstance(args[1], tuple):
        args = (args[0], *args[1])
    begin = _ADDENDS.get(func.__name__, 0)
    computed = [i for i, arg in enumerate(args) if i >= begin and _is_computed(arg)]
    if any(_is_computed(value) for value in kwargs.values()):
        raise VidexplainError(f"lrp reads the factors of {func.__name__} by position; this network names them")
    if len(computed) < 2:
        return _as_layer(rules, func, args, kwargs)
    rules.used["product"] += 1
    shared = [share(arg, 1 / len(computed)) if i in computed else arg for i, arg in enumerate(args)]
    return func(*shared, **kwargs)


def _as_layer(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A product with a matrix of constants is a linear layer, written out."""
    name = func.__name__
    if name in ("matmul", "mm", "__matmul__") and not kwargs and _is_layer(*args[:2]):
        return linear(rules, args[0], args[1].t())
    if name == "addmm" and not kwargs and not _is_computed(args[0]) and args[0].ndim == 1 and _is_layer(*args[1:3]):
        return linear(rules, args[1], args[2].t(), args[0])
    return NotImplemented


def _is_layer(x: Any, weight: Any) -> bool:
    return _is_computed(x) and x.ndim > 1 and isinstance(weight, Tensor) and weight.ndim == 2


def multiply(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``a * b``: a gate gets nothing (signal-take-all, Arras et al., 2017), otherwise both get half."""
    func, args = _as_function(func, args)
    if len(args) < 2 or not (_is_computed(args[0]) and _is_computed(args[1])):
        return NotImplemented
    one, other = args[:2]
    if is_gate(other):
        rules.used["gate"] += 1
        return func(one, other.detach())
    if is_gate(one):
        rules.used["gate"] += 1
        return func(one.detach(), other)
    rules.used["product"] += 1
    return func(share(one, 0.5), share(other, 0.5))


def divide(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``a / b``: a computed divisor counts as a constant, as in layer normalisation."""
    func, args = _as_function(func, args)
    if len(args) < 2 or not (_is_computed(args[0]) and _is_computed(args[1])):
        return NotImplemented
    rules.used["normalisation"] += 1
    return func(args[0], args[1].detach(), **kwargs)


def single_numbers(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """GELU, sigmoid, tanh and others: the relevance passes as it is (Bach et al., section 2.4)."""
    given = dict(kwargs)
    value = args[0] if args else given.pop("input")
    given.pop("inplace", None)
    rest = list(args[1:])
    place = _place_of_inplace(func)
    if place is not None and len(args) > place:
        rest[place - 1] = False
    if any(_is_computed(one) for one in (*rest, *given.values())) or not _is_computed(value):
        return NotImplemented
    rules.used["activation"] += 1
    out = func(value.detach(), *rest, **given)
    return passed(value, out, _GATES.get(func.__name__.strip("_"), "never"))


@cache
def _place_of_inplace(func: Function) -> int | None:
    """Where in the arguments of a function of torch.nn.functional it says to work in place."""
    try:
        names = list(inspect.signature(func).parameters)
    except (TypeError, ValueError):  # a function of C, which has no such argument
        return None
    return names.index("inplace") if "inplace" in names else None


def works_in_place(func: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether a call writes into its first argument."""
    name = func.__name__
    if name.startswith("__"):
        return name.startswith("__i") and name != "__invert__"
    place = _place_of_inplace(func)
    return (
        name.endswith("_") or bool(kwargs.get("inplace")) or (place is not None and args[place : place + 1] == (True,))
    )


def softmax(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Softmax: ``R_i = x_i (R_i - s_i sum_j R_j)`` (Achtibat et al., eq. 13), or a constant for CP-LRP.

    The first is what its plain gradient gives.
    """
    rules.used["softmax"] += 1
    out = func(*args, **kwargs)
    return out.detach() if rules.composite.attention == "cp" else out


def gated(rules: Rules, input: Tensor, dim: int = -1) -> Tensor:
    """``F.glu``: the second half is a gate."""
    rules.used["gate"] += 1
    signal, gate = input.chunk(2, dim)
    return signal * gate.detach().sigmoid()


def attend(
    rules: Rules,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``F.scaled_dot_product_attention``: PyTorch's own kernel, with the rules of attention.

    The rules halve the relevance at both products and go through the softmax by its gradient. So query and key get a
    quarter of their gradient and the value half of it, and the kernel need not be taken apart.
    """
    rules.used["attention"] += 1
    if rules.composite.attention == "cp":
        query, key = query.detach(), key.detach()
        attn_mask = None if attn_mask is None else attn_mask.detach()
    elif attn_mask is not None and attn_mask.requires_grad:
        raise VidexplainError(
            "lrp has no rule for a mask of attention that is computed from the clip; use composite cp-lrp"
        )
    else:
        weighs, weighed = query.requires_grad or key.requires_grad, value.requires_grad
        outer = 0.5 if weighs and weighed else 1.0
        inner = 0.5 if query.requires_grad and key.requires_grad else 1.0
        query, key = (share(one, outer * inner) if one.requires_grad else one for one in (query, key))
        value = share(value, outer) if weighed else value
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
    )


def normalised_over_channels(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``F.local_response_norm``: division by what is measured around."""
    rules.used["normalisation"] += 1
    value = args[0] if args else kwargs["input"]
    named = {name: one for name, one in kwargs.items() if name != "input"}
    return passed(value, func(value.detach(), *args[1:], **named))


def _is_computed(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _as_function(func: Function, args: tuple[Any, ...]) -> tuple[Function, tuple[Any, ...]]:
    """A reflected operator with its operands in their order."""
    plain = _REFLECTED.get(func.__name__)
    return (func, args) if plain is None else (plain, args[::-1])


_REFLECTED: dict[str, Function] = {
    "__rmatmul__": torch.matmul,
    "__rmul__": torch.mul,
    "__rtruediv__": torch.div,
    "__rdiv__": torch.div,
}
_ADDENDS = {"addmm": 1, "addmv": 1, "addbmm": 1, "baddbmm": 1, "addcmul": 1, "einsum": 1}
"""How many of the first arguments are no factors: what is added, or the equation."""
_GATES: dict[str, Gate] = {"sigmoid": "always", "hardsigmoid": "always", "tanh": "shifted", "erf": "shifted"}

_FACTORS = (
    *("matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "mv", "dot", "inner", "outer", "tensordot", "kron", "einsum"),
    *("addmm", "addmv", "addbmm", "baddbmm", "addcmul", "bilinear"),
)
_SINGLE_NUMBERS = (
    *(
        "relu6",
        "hardtanh",
        "clamp",
        "clip",
        "clamp_min",
        "clamp_max",
        "threshold",
        "elu",
        "celu",
        "selu",
        "gelu",
        "silu",
    ),
    *("mish", "softplus", "hardswish", "hardsigmoid", "sigmoid", "tanh", "erf", "tanhshrink", "softsign", "hardshrink"),
    *("softshrink", "logsigmoid", "pow", "__pow__", "square", "sqrt"),
)
PRODUCTS: dict[str, Handler] = {
    **dict.fromkeys(_FACTORS, factors),
    **dict.fromkeys(("mul", "__mul__", "__rmul__", "multiply"), multiply),
    **dict.fromkeys(("div", "divide", "true_divide", "__truediv__", "__div__", "__rtruediv__", "__rdiv__"), divide),
    **dict.fromkeys(_SINGLE_NUMBERS, single_numbers),
    **dict.fromkeys(("softmax", "special_softmax", "softmin"), softmax),
    "glu": written_out(gated),
    "scaled_dot_product_attention": written_out(attend),
    "local_response_norm": normalised_over_channels,
}
