"""The probabilities of attention in a pass, however the network computes them."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from videxplain.errors import VidexplainError

REORDERS = frozenset(
    {"transpose", "permute", "movedim", "moveaxis", "swapaxes", "swapdims", "__get__", "view", "reshape", "flatten"}
    | {"unflatten"}
)
"""Names of functions that give the same values in another order or shape."""


class ReadAttention(TorchFunctionMode):
    """While active, the result of every softmax of attention goes to ``take``.

    Attention that is written out ends in a softmax over the keys. PyTorch's fused kernel shows none, so this mode
    computes it step by step instead. It asks ``nn.MultiheadAttention`` for its weights. The network itself is not
    changed, and its output changes by rounding alone.
    """

    def __init__(self, take: Callable[[Tensor], None], traced: bool = False) -> None:
        """Give attention to ``take``.

        Args:
            take: Called with probabilities ``(B, heads, queries, keys)`` in the order of the pass. B is the samples, or
                the groups of tokens that attend separately.
            traced: Whether gradients with respect to the probabilities will be taken.
        """
        super().__init__()
        self._take, self._traced = take, traced

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Take the probabilities, and call everything else as it is."""
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            return self._fused(*args, **kwargs)
        if func is F.multi_head_attention_forward:
            return self._module(func, args, kwargs)
        out = func(*args, **kwargs)
        if func in _SOFTMAXES and out.ndim >= 3:
            dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
            is_last = dim in (-1, out.ndim - 1)
            if out.ndim > 4 and not (is_last and out.shape[-1] == out.shape[-2]):  # over channels or places
                return out
            if not is_last:
                raise VidexplainError(f"a softmax over dimension {dim} of {tuple(out.shape)} is no attention to keys")
            return self._shown(out)
        return out

    def _fused(
        self,
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
        if enable_gqa:
            repeats = query.shape[-3] // key.shape[-3]
            key, value = key.repeat_interleave(repeats, -3), value.repeat_interleave(repeats, -3)
        scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
        if is_causal:
            allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
            scores = scores.masked_fill(~allowed, float("-inf"))
        if attn_mask is not None:
            scores = (
                scores.masked_fill(~attn_mask, float("-inf")) if attn_mask.dtype == torch.bool else scores + attn_mask
            )
        return self._shown(scores.softmax(-1)) @ value

    def _module(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Any]:
        if self._traced:
            raise VidexplainError("nn.MultiheadAttention shows no gradient of its attention; use attention-rollout")
        asked, averaged = kwargs.get("need_weights", True), kwargs.get("average_attn_weights", True)
        out, weights = func(*args, **{**kwargs, "need_weights": True, "average_attn_weights": False})
        weights = self._shown(weights)
        return out, (weights.mean(-3) if averaged else weights) if asked else None

    def _shown(self, weights: Tensor) -> Tensor:
        """Give probabilities to ``take``; what the network goes on with is made of what was given."""
        if self._traced and not weights.requires_grad:
            weights.requires_grad_()  # the first attention of the pass: nothing before it requires a gradient
        given = by_heads(weights)
        self._take(given)
        # A leaf must not be changed in place, which a network may do with its attention.
        passed = given.clone() if given.is_leaf and given.requires_grad else given
        return passed if passed.ndim == weights.ndim else passed.reshape(weights.shape)


def by_heads(weights: Tensor) -> Tensor:
    """Probabilities ``(B, queries, keys)``, or of groups ``(B, groups, heads, ...)``, with four axes."""
    if weights.ndim == 3:
        return weights[:, None]
    return weights if weights.ndim == 4 else weights.flatten(0, -4)


_SOFTMAXES = frozenset({torch.softmax, F.softmax, Tensor.softmax, torch.special.softmax, F.softmin})
