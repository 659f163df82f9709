"""Which calls of torch are rectifiers, however they are written, and which nonlinearities are none."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Rectifier:
    """One call of a function that puts negative values to zero.

    Attributes:
        value: What it is given.
        top: Where its output stops to rise, such as 6.
        in_place: Whether it writes into ``value``.
    """

    value: Tensor
    top: float
    in_place: bool


def as_rectifier(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Rectifier | None:
    """The call as a rectifier; None for any other call."""
    read = _READERS.get(func) or _READERS_BY_NAME.get(_name_of(func))
    if read is None:
        return None
    given = list(args)
    value = given.pop(0) if given else kwargs.get("input")
    if not isinstance(value, Tensor):
        return None
    named = {name: kwargs[name] for name in kwargs if name != "input"}
    try:
        found = read(value, *given, **named)
    except TypeError:  # a form of the call that is no rectifier, such as torch.max over a dimension
        return None
    if found is None:
        return None
    value, top, in_place = found
    return Rectifier(value, top, in_place or (_name_of(func) or getattr(func, "__name__", "")).endswith("_"))


def other_nonlinearity(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """The name of a nonlinearity that may stand where others have a ReLU, and that the rules of ReLUs do not reach.

    It counts where it is called with activations. ``x * (x > 0)`` is a rectifier, so comparisons count too.
    """
    name = _OTHERS.get(func)
    if func in _COMPARISONS:
        name = "a comparison"
    elif func in _CHOICES and _is_of_two(args, kwargs):
        name = "a maximum of two"
    given = (*args, *kwargs.values())
    if name is None or not any(isinstance(value, Tensor) and value.requires_grad and value.ndim > 1 for value in given):
        return None
    return name


def _is_of_two(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a maximum or minimum is that of two values: of two tensors, or along an axis of two."""
    if sum(isinstance(value, Tensor) for value in (*args, *kwargs.values())) > 1:
        return True
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    return bool(args) and isinstance(args[0], Tensor) and isinstance(dim, int) and args[0].shape[dim] == 2


def _name_of(func: Callable[..., Any]) -> str:
    """The name of an operator that is called past torch's functions, such as ``aten::relu``; empty for the others."""
    if isinstance(func, torch._ops.OpOverload):
        return str(func._schema.name)
    return str(func._qualified_op_name) if isinstance(func, torch._ops.OpOverloadPacket) else ""


def is_rectifying(node: Any) -> bool:
    """Whether a step that autograd has recorded is a rectifier, or a scripted function, in which one may be."""
    name = type(node).__name__
    if name == "CppFunction":
        return True
    bound = {"ClampMinBackward0": "min", "ClampBackward1": "min", "HardtanhBackward0": "min_val"}.get(name)
    if bound is not None:
        return bool(getattr(node, f"_saved_{bound}") == 0)
    return name == "ReluBackward0" or (name == "ThresholdBackward0" and node._saved_threshold == 0)


def hidden_in(module: nn.Module) -> list[str]:
    """Names of scripted or traced parts that hold nonlinearities, which no one can see from outside."""
    return [
        name or type(module).__name__
        for name, part in module.named_modules()
        if isinstance(part, torch.jit.ScriptModule) and any(op in str(part.inlined_graph) for op in _SCRIPTED)
    ]


_Found = tuple[Tensor, float, bool] | None


def _relu(value: Tensor, inplace: bool = False) -> _Found:
    return value, inf, inplace


def _relu6(value: Tensor, inplace: bool = False) -> _Found:
    return value, 6.0, inplace


def _hardtanh(value: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> _Found:
    return (value, float(max_val), inplace) if min_val == 0 else None


def _threshold(value: Tensor, threshold: float, value_below: float, inplace: bool = False) -> _Found:
    return (value, inf, inplace) if threshold == 0 and value_below == 0 else None


def _threshold_by_name(value: Tensor, *given: Any, **named: Any) -> _Found:
    return _threshold(value, *given, **{{"value": "value_below"}.get(name, name): one for name, one in named.items()})


def _clamp(value: Tensor, min: Any = None, max: Any = None) -> _Found:
    if not _is_zero(min) or isinstance(max, Tensor):
        return None
    return value, inf if max is None else float(max), False


def _clamp_min(value: Tensor, min: Any) -> _Found:
    return (value, inf, False) if _is_zero(min) else None


def _maximum(value: Tensor, other: Any) -> _Found:
    if not isinstance(other, Tensor):
        return None
    if _is_zero(other):
        return (value, inf, False) if other.shape == value.shape or not other.ndim else None
    return (other, inf, False) if _is_zero(value) and value.shape == other.shape else None


def _is_zero(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value.requires_grad and not bool(value.any())
    return isinstance(value, int | float) and value == 0


_READERS: dict[Callable[..., Any], Callable[..., _Found]] = {
    **dict.fromkeys((F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_), _relu),
    **dict.fromkeys((F.relu6, nn.functional.relu6), _relu6),
    **dict.fromkeys((F.hardtanh, F.hardtanh_), _hardtanh),
    **dict.fromkeys((F.threshold, torch.threshold, torch.threshold_), _threshold_by_name),
    **dict.fromkeys((torch.clamp, torch.clamp_, Tensor.clamp, Tensor.clamp_), _clamp),
    **dict.fromkeys((torch.clip, torch.clip_, Tensor.clip, Tensor.clip_), _clamp),
    **dict.fromkeys((torch.clamp_min, torch.clamp_min_, Tensor.clamp_min, Tensor.clamp_min_), _clamp_min),
    **dict.fromkeys((torch.maximum, Tensor.maximum, torch.max, Tensor.max, torch.fmax, Tensor.fmax), _maximum),
}
_READERS_BY_NAME: dict[str, Callable[..., _Found]] = {
    f"aten::{name}{end}": read
    for name, read in (
        ("relu", _relu),
        ("relu6", _relu6),
        ("hardtanh", _hardtanh),
        ("threshold", _threshold),
        ("clamp", _clamp),
        ("clamp_min", _clamp_min),
    )
    for end in ("", "_")
}
_OTHERS: dict[Callable[..., Any], str] = {
    F.gelu: "GELU",
    F.silu: "SiLU",
    F.mish: "Mish",
    F.elu: "ELU",
    F.elu_: "ELU",
    F.selu: "SELU",
    F.celu: "CELU",
    F.leaky_relu: "LeakyReLU",
    F.leaky_relu_: "LeakyReLU",
    F.prelu: "PReLU",
    torch.prelu: "PReLU",
    F.rrelu: "RReLU",
    F.softplus: "Softplus",
    F.hardswish: "Hardswish",
    F.glu: "GLU",
    F.hardsigmoid: "hardsigmoid",
    # Gates, and SiLU and GELU where they are written out.
    **dict.fromkeys((torch.sigmoid, torch.sigmoid_, Tensor.sigmoid, Tensor.sigmoid_, F.sigmoid), "sigmoid"),
    **dict.fromkeys((torch.special.expit,), "sigmoid"),
    **dict.fromkeys((torch.tanh, torch.tanh_, Tensor.tanh, Tensor.tanh_, F.tanh), "tanh"),
    **dict.fromkeys((torch.erf, Tensor.erf, torch.special.erf), "erf"),
    # Softplus written out.
    **dict.fromkeys((torch.log1p, torch.log1p_, Tensor.log1p, Tensor.log1p_, torch.special.log1p), "log1p"),
    **dict.fromkeys((torch.logaddexp, Tensor.logaddexp), "logaddexp"),
    # Rectifiers that choose: a comparison of activations, or their size.
    **dict.fromkeys((torch.where, Tensor.where), "where"),
    **dict.fromkeys((torch.abs, torch.abs_, Tensor.abs, Tensor.abs_, Tensor.__abs__), "abs"),
    **dict.fromkeys((torch.sign, Tensor.sign, torch.sgn, Tensor.sgn, torch.heaviside, Tensor.heaviside), "sign"),
}
_CHOICES = frozenset(
    getattr(where, name)
    for where in (Tensor, torch)
    for name in ("max", "min", "amax", "amin", "maximum", "minimum", "fmax", "fmin")
)
"""Rectifiers where one of the two is zero and :func:`as_rectifier` does not see it; LeakyReLU written out."""
_COMPARISONS = frozenset(
    getattr(where, name)
    for where, names in (
        (Tensor, ("__gt__", "__ge__", "__lt__", "__le__", "gt", "ge", "lt", "le")),
        (torch, ("gt", "ge", "lt", "le")),
    )
    for name in names
)
_SCRIPTED = tuple(f"aten::{name}" for name in ("relu", "clamp", "threshold", "hardtanh", "gelu", "silu", "maximum"))
