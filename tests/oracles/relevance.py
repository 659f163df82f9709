"""Relevance propagation written out layer by layer, with the relevance itself in hand, in double precision.

A linear layer's parts are a tensor ``(outputs, inputs)`` for each row. So it is slow, and nothing is shared with the
package, which carries relevance divided by values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _ByEquation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, step: Callable[..., Tensor], equation: Callable[..., Sequence[Tensor]], *inputs: Tensor):
        ctx.equation = equation
        ctx.save_for_backward(*inputs)
        return step(*inputs).clone()

    @staticmethod
    def backward(ctx: Any, relevance: Tensor):
        return None, None, *ctx.equation(*ctx.saved_tensors, relevance)


def by_equation(step: Callable[..., Tensor], equation: Callable[..., Sequence[Tensor]], *inputs: Tensor) -> Tensor:
    """``step(*inputs)``, through which autograd carries relevance.

    ``equation(*inputs, relevance)`` gives the relevance of each input from that of the result.
    """
    found: Tensor = _ByEquation.apply(step, equation, *inputs)
    return found


def divided(parts: Tensor, total: Tensor, relevance: Tensor) -> Tensor:
    """``R_i = sum_j parts_ji / total_j R_j``; parts are ``(..., outputs, inputs)``."""
    return (parts * (relevance / total)[..., None]).sum(-2)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, relevance: Tensor) -> Tensor:
    """The epsilon rule with an epsilon of zero."""
    return divided(weight * x[..., None, :], F.linear(x, weight, bias), relevance)


def layer_norm(x: Tensor, norm: nn.LayerNorm, relevance: Tensor) -> Tensor:
    """The deviation is a constant; what is left is a matrix, with the epsilon rule."""
    size = x.shape[-1]
    deviation = (x.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()
    matrix = (torch.eye(size).to(x) - 1 / size) * norm.weight[:, None] / deviation[..., None]
    return divided(matrix * x[..., None, :], norm(x), relevance)


def plus(one: Tensor, other: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """A sum: each part by its size."""
    return one / (one + other) * relevance, other / (one + other) * relevance


def product(left: Tensor, right: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """``left @ right``: half of each part to either factor (Achtibat et al., eq. 15)."""
    total = left @ right
    of_part = torch.where(total == 0, 0, relevance / (2 * total))  # a value of zero has no relevance
    of_left = torch.einsum("...rk,...kc,...rc->...rk", left, right, of_part)
    return of_left, torch.einsum("...rk,...kc,...rc->...kc", left, right, of_part)


def softmax(scores: Tensor, relevance: Tensor) -> Tensor:
    """``R_i = x_i (R_i - s_i sum_j R_j)`` (Achtibat et al., eq. 13)."""
    return scores * (relevance - scores.softmax(-1) * relevance.sum(-1, keepdim=True))


@dataclass(frozen=True)
class EncoderLayer:
    """A block of ``nn.TransformerEncoderLayer``: attention and two linear layers, normalised after each sum."""

    block: nn.TransformerEncoderLayer
    attention: str

    def relevance(self, x: Tensor, relevance: Tensor) -> Tensor:
        """From the relevance of the block's output to that of its input ``(N, L, D)``."""
        block = self.block
        mixed, back = self._attend(x)
        summed = x + mixed
        first = block.norm1(summed)
        wide = block.linear1(first)
        narrow = block.linear2(F.gelu(wide))
        r = layer_norm(first + narrow, block.norm2, relevance)
        r_first, r_narrow = plus(first, narrow, r)
        r_wide = linear(F.gelu(wide), block.linear2.weight, block.linear2.bias, r_narrow)  # GELU passes it on
        r_first = r_first + linear(first, block.linear1.weight, block.linear1.bias, r_wide)
        r_x, r_mixed = plus(x, mixed, layer_norm(summed, block.norm1, r_first))
        return r_x + back(r_mixed)

    def _attend(self, x: Tensor):
        attention = self.block.self_attn
        heads, size = attention.num_heads, x.shape[-1] // attention.num_heads
        weights, biases = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
        q, k, v = (
            F.linear(x, weight, bias).unflatten(-1, (heads, size)).transpose(1, 2)
            for weight, bias in zip(weights, biases, strict=True)
        )
        scores = q @ k.transpose(-2, -1) / size**0.5
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        project = attention.out_proj

        def back(relevance: Tensor) -> Tensor:
            r = linear(mixed, project.weight, project.bias, relevance).unflatten(-1, (heads, size)).transpose(1, 2)
            if self.attention == "cp":  # attention is a constant matrix
                probabilities = scores.softmax(-1)
                parts = probabilities[..., :, :, None] * v[..., None, :, :]
                of = [None, None, (parts / (probabilities @ v)[..., :, None, :] * r[..., :, None, :]).sum(-3)]
            else:
                r_probabilities, r_v = product(scores.softmax(-1), v, r)
                r_q, r_k = product(q, k.transpose(-2, -1), softmax(scores, r_probabilities))
                of = [r_q, r_k.transpose(-2, -1), r_v]
            return sum(
                linear(x, weight, bias, one.transpose(1, 2).flatten(2))
                for one, weight, bias in zip(of, weights, biases, strict=True)
                if one is not None
            )

        return F.linear(mixed, project.weight, project.bias), back


def patches(x: Tensor, conv: nn.Conv3d, relevance: Tensor, flat: bool) -> Tensor:
    """A convolution whose kernel is as long as its stride: each patch is a row of a linear layer.

    ``relevance`` is ``(N, t h w, D)``; the result has the shape of ``x``.
    """
    n, channels, t, h, w = x.shape
    kt, kh, kw = conv.kernel_size
    cut = x.reshape(n, channels, t // kt, kt, h // kh, kh, w // kw, kw).permute(0, 2, 4, 6, 1, 3, 5, 7)
    rows = cut.reshape(n, -1, channels * kt * kh * kw)
    if flat:
        found = (relevance.sum(-1, keepdim=True) / rows.shape[-1]).expand_as(rows)
    else:
        found = linear(rows, conv.weight.flatten(1), conv.bias, relevance)
    return found.reshape(cut.shape).permute(0, 4, 1, 5, 2, 6, 3, 7).reshape(x.shape)


def transformer(network: nn.Module, x: Tensor, target: int, attention: str) -> dict[str, Tensor]:
    """The relevance of a class in :class:`tests.small_models.Transformer`, part by part.

    Args:
        network: Patches, one encoder layer, a norm, the mean over tokens, and a linear head.
        x: ``(N, 3, T, H, W)``.
        target: The class.
        attention: ``"attn"`` or ``"cp"``.

    Returns:
        Of the outputs of ``norm``, ``block`` and ``embed``, each ``(N, tokens, D)``.
    """
    with torch.no_grad():
        tokens = network.embed(x).flatten(2).transpose(1, 2)
        with torch.enable_grad():  # without gradients PyTorch takes a fast path, whose GELU is approximate on a GPU
            hidden = network.block(tokens).detach()
        features = network.norm(hidden)
        mean = features.mean(1)
        logits = network.head(mean)
        r = torch.zeros_like(logits)
        r[:, target] = logits[:, target]
        r = linear(mean, network.head.weight, network.head.bias, r)
        found = {"norm": features / features.sum(1, keepdim=True) * r[:, None]}
        found["block"] = layer_norm(hidden, network.norm, found["norm"])
        found["embed"] = EncoderLayer(network.block, attention).relevance(tokens, found["block"])
        return found


def lstm(x: Tensor, weights: list[Tensor], relevance: Tensor, epsilon: float = 0.0) -> Tensor:
    """One direction of an LSTM, by hand: the gates get nothing (Arras et al., 2017).

    Args:
        x: ``(T, I)``, in the order in which the LSTM reads it.
        weights: ``w_ih, w_hh, b_ih, b_hh``.
        relevance: ``(T, H)``, of the outputs.
        epsilon: That of the epsilon rule, for the product of the input and the state with the weights.

    Returns:
        ``(T, I)``.
    """
    w_x, w_h, b_x, b_h = weights
    size, steps = w_h.shape[1], len(x)
    h, c, seen = x.new_zeros(size), x.new_zeros(size), []
    for t in range(steps):
        i, f, g, o = (w_x @ x[t] + w_h @ h + b_x + b_h).split(size)
        kept, new = f.sigmoid() * c, i.sigmoid() * g.tanh()
        seen.append((h, kept, new, g))
        c = kept + new
        h = o.sigmoid() * c.tanh()
    found, r_h, r_c = torch.zeros_like(x), x.new_zeros(size), x.new_zeros(size)
    signal = slice(2 * size, 3 * size)
    for t in reversed(range(steps)):
        before, kept, new, g = seen[t]
        r_c = r_c + r_h + relevance[t]  # h = gate * tanh(c): all of it is c's
        r_new = new / (kept + new) * r_c
        r_c = kept / (kept + new) * r_c
        total = g + epsilon * g.sign()
        found[t] = divided(w_x[signal] * x[t], total, r_new)
        r_h = divided(w_h[signal] * before, total, r_new)
    return found
