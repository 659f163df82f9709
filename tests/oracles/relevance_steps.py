"""Relevance of a whole transformer, every step of it by its equation, in double precision.

All steps are replaced by the equations of :mod:`tests.oracles.relevance`, so that what autograd carries is relevance.
Only steps that move values keep their gradient. A step that no equation is written for stops the pass.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tests.oracles import relevance as literal

_MOVES = frozenset(
    (
        *(
            "__getitem__",
            "cat",
            "contiguous",
            "dropout",
            "flatten",
            "gather",
            "permute",
            "repeat",
            "reshape",
            "squeeze",
        ),
        *("stack", "to", "transpose", "type_as", "unbind", "unflatten", "unsqueeze", "view"),
    )
)
_READS = frozenset(("__get__", "__len__", "size"))


def compute_attention_step_by_step(network: nn.Module) -> None:
    """Switch a transformer of Hugging Face from the fused kernel to products and a softmax."""
    for part in network.modules():
        if hasattr(part, "set_attn_implementation") and hasattr(part, "classifier"):
            part.set_attn_implementation("eager")


def relevance(network: nn.Module, x: Tensor, target: int, attention: str) -> Tensor:
    """Relevance of the pixels for the logit of a class, of the shape of ``x``.

    Args:
        network: A transformer whose attention is computed step by step, in double precision.
        x: ``(N, C, T, H, W)``.
        target: The class.
        attention: ``"attn"``, with the flat rule for patches, or ``"cp"``, with the epsilon rule.
    """
    network.requires_grad_(False)
    pixels = x.clone().requires_grad_()
    with Steps(attention):
        logits = network(pixels)
    begin = torch.zeros_like(logits)
    begin[:, target] = logits.detach()[:, target]
    (found,) = torch.autograd.grad(logits, pixels, begin)
    return found


class Steps(TorchFunctionMode):
    """While active, what autograd carries back is relevance."""

    def __init__(self, attention: str) -> None:
        super().__init__()
        self.attention = attention

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func.__name__
        if name in _READS | _MOVES or not any(_is_computed(one) for one in (*args, *kwargs.values())):
            return func(*args, **kwargs)
        return getattr(self, name)(*args, **kwargs)

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return literal.by_equation(
            lambda x: F.linear(x, weight, bias), lambda x, r: (literal.linear(x, weight, bias, r),), x
        )

    def conv3d(self, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, *_: Any) -> Tensor:
        """Of patches: the kernel is as long as the stride."""
        assert tuple(stride) == tuple(weight.shape[2:])
        conv = SimpleNamespace(kernel_size=stride, weight=weight, bias=bias)

        def equation(x: Tensor, r: Tensor) -> tuple[Tensor]:
            return (literal.patches(x, conv, r.flatten(2).transpose(1, 2), flat=self.attention == "attn"),)

        return literal.by_equation(lambda x: F.conv3d(x, weight, bias, stride), equation, x)

    def conv2d(self, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, *_: Any) -> Tensor:
        return self.conv3d(x[:, :, None], weight[:, :, None], bias, (1, *stride))[:, :, 0]

    def layer_norm(self, x: Tensor, shape: Any, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        norm = nn.LayerNorm(shape, eps).to(x).requires_grad_(False)
        norm.weight.copy_(weight), norm.bias.copy_(bias)
        return literal.by_equation(norm, lambda x, r: (literal.layer_norm(x, norm, r),), x)

    def gelu(self, x: Tensor, **how: Any) -> Tensor:
        return literal.by_equation(lambda x: F.gelu(x, **how), lambda x, r: (r,), x)

    def tanh(self, x: Tensor) -> Tensor:
        """Of a gate, as in GELU that is written out."""
        return x.detach().tanh()

    def softmax(self, x: Tensor, dim: int = -1, **_: Any) -> Tensor:
        assert dim in (-1, x.ndim - 1)
        if self.attention == "cp":
            return x.detach().softmax(-1)
        return literal.by_equation(lambda x: x.softmax(-1), lambda x, r: (literal.softmax(x, r),), x)

    def matmul(self, left: Tensor, right: Tensor) -> Tensor:
        if _is_computed(left) and _is_computed(right):
            return literal.by_equation(torch.matmul, literal.product, left, right)
        assert _is_computed(right)  # attention that counts as a constant
        parts = left[..., :, :, None]

        def equation(right: Tensor, r: Tensor) -> tuple[Tensor]:
            return ((parts * right[..., None, :, :] / (left @ right)[..., :, None, :] * r[..., :, None, :]).sum(-3),)

        return literal.by_equation(lambda right: left @ right, equation, right)

    def add(self, one: Any, other: Any) -> Tensor:
        if _is_computed(one) and _is_computed(other):
            one, other = torch.broadcast_tensors(one, other)
            return literal.by_equation(torch.add, literal.plus, one, other)
        value, constant = (one, other) if _is_computed(one) else (other, one)
        return literal.by_equation(
            lambda value: value + constant, lambda value, r: (value / (value + constant) * r,), value
        )

    def mul(self, one: Any, other: Any) -> Tensor:
        if _is_computed(one) and _is_computed(other):
            # In these networks this is the inside of the gate of a GELU that is written out. A gate gets nothing.
            return (one * other).detach()
        value, factor = (one, other) if _is_computed(one) else (other, one)
        return literal.by_equation(lambda value: value * factor, lambda value, r: (r,), value)

    def neg(self, value: Tensor) -> Tensor:
        return self.mul(value, -1)

    def mean(self, x: Tensor, dim: int, keepdim: bool = False) -> Tensor:
        def equation(x: Tensor, r: Tensor) -> tuple[Tensor]:
            return (x / x.sum(dim, keepdim=True) * (r if keepdim else r.unsqueeze(dim)),)

        return literal.by_equation(lambda x: x.mean(dim, keepdim), equation, x)


def _is_computed(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(map(_is_computed, value))
    return isinstance(value, Tensor) and value.requires_grad
