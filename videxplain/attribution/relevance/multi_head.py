"""``nn.MultiheadAttention``, which is one call, as the projections and the attention that it is."""

from typing import Any

import torch
from torch import Tensor

from videxplain.attribution.relevance.layer_calls import Rules, linear
from videxplain.attribution.relevance.products import attend
from videxplain.errors import VidexplainError


def multi_head(
    rules: Rules,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """``F.multi_head_attention_forward``; sequences come first, ``(L, N, E)`` or ``(L, E)``."""
    if add_zero_attn or any(one is not None for one in (bias_k, bias_v, static_k, static_v)):
        raise VidexplainError(
            "lrp has no rule for nn.MultiheadAttention with add_zero_attn, bias_kv or static keys; use gradcam"
        )
    unbatched = query.ndim == 2
    if unbatched:
        query, key, value = query[:, None], key[:, None], value[:, None]
        key_padding_mask = None if key_padding_mask is None else key_padding_mask[None]
    if use_separate_proj_weight:
        matrices: Any = (q_proj_weight, k_proj_weight, v_proj_weight)
    else:
        assert in_proj_weight is not None
        matrices = in_proj_weight.chunk(3)
    biases = (None, None, None) if in_proj_bias is None else in_proj_bias.chunk(3)
    q, k, v = (
        _heads(_projected(rules, one, matrix, bias), num_heads)
        for one, matrix, bias in zip((query, key, value), matrices, biases, strict=True)
    )
    mask = _mask(q, k, key_padding_mask, attn_mask)
    found = attend(rules, q, k, v, mask, dropout_p if training else 0.0).permute(2, 0, 1, 3).flatten(2)
    found = linear(rules, found, out_proj_weight, out_proj_bias)
    weights = _weights(q, k, mask) if need_weights else None
    if weights is not None:
        weights = weights.mean(1) if average_attn_weights else weights
    if unbatched:
        return found[:, 0], None if weights is None else weights[0]
    return found, weights


def _projected(rules: Rules, value: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if value.requires_grad:
        return linear(rules, value, weight, bias)
    return torch.nn.functional.linear(value, weight, bias)


def _heads(value: Tensor, heads: int) -> Tensor:
    """``(L, N, E)`` to ``(N, heads, L, E / heads)``."""
    return value.unflatten(-1, (heads, -1)).permute(1, 2, 0, 3)


def _mask(q: Tensor, k: Tensor, padding: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """What is added to the scores, ``(N, heads, L, S)`` or a form that broadcasts to it."""
    total = None
    if mask is not None:
        total = _added(mask, q)
        total = total.unflatten(0, q.shape[:2]) if total.ndim == 3 else total
    if padding is not None:
        of_keys = _added(padding, q)[:, None, None]
        total = of_keys if total is None else total + of_keys
    return total


def _added(mask: Tensor, like: Tensor) -> Tensor:
    """A mask as numbers; in one of true and false, true is what is not looked at."""
    if mask.dtype != torch.bool:
        return mask.to(like.dtype)
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, float("-inf"))


def _weights(q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
    scores = q.detach() @ k.detach().transpose(-2, -1) * q.shape[-1] ** -0.5
    return (scores if mask is None else scores + mask).softmax(-1)
