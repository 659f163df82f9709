"""Attention followed through all layers of a transformer, from what is read in the end to the places of the clip."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import torch
from torch import Tensor

from videxplain.attribution.attention.moved_tokens import check_moved_tokens
from videxplain.attribution.attention.read import ReadAttention
from videxplain.attribution.attention.token_flow import LayerAttention, Step, TokenRow, back_through
from videxplain.attribution.methods.message_rollout import roll_messages
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.attribution.rows.extra_tokens import check_extra_tokens
from videxplain.attribution.tokens import TokenReader
from videxplain.attribution.traceable import not_traced, traced_back
from videxplain.errors import VidexplainError
from videxplain.untouched import untouched


@register_method(
    "attention-rollout",
    family="attention",
    summary="where a transformer looks: attention, multiplied over all layers; the same for every class",
    paper="Abnar and Zuidema, ACL 2020",
    cost="1 forward pass",
    candidates=0,
)
def attention_rollout(p: Pass) -> Attribution:
    """Attention rollout: the product over layers of ``(A + I) / 2``, A being a layer's attention, mean over heads.

    The I is the residual connection (section 3). The map is the row of the product that the network reads at the end:
    the first token's or the mean of the grid's, as ``TokenLayout.read`` says. Where a single query collects from all
    tokens, as in V-JEPA 2, its attention takes the place of the row. In divided attention (TimeSformer) the same rule
    is applied first to the attention over time, in which the class token stays as it is, and then to that over space,
    whose class tokens of the frames are averaged as in the network. Frames that send each other messages (X-CLIP) are
    followed as :mod:`videxplain.attribution.methods.message_rollout` says. The attention must be between the tokens of
    the clip; any other is refused.

    Returns:
        Maps ``(1, N, t, h, w)`` on the grid of tokens, never negative. A map and the share of tokens that stand nowhere
        add up to 1.
    """
    seen: list[LayerAttention] = []
    with untouched(p.module), torch.no_grad():
        logits = _run("attention-rollout", p, seen, lambda weights: weights.float().mean(1))
    return Attribution(logits, _maps(seen, len(p.x), lambda row, moved: (row + moved) / 2)[None])


@register_method(
    "attention-gradient-rollout",
    family="attention",
    summary="where a transformer looks for a class: attention rollout, weighted by gradients",
    paper="Chefer et al., ICCV 2021",
    cost="1 forward and 1 backward pass",
    candidates=1,
)
def attention_gradient_rollout(p: Pass) -> Attribution:
    """Relevance through attention: the product over layers of ``I + B``, ``B`` the mean over heads of ``(dA * A)+``.

    dA is the gradient of the score with respect to the layer's attention A (eqs. 5 and 6). The row and divided
    attention are as in :func:`attention_rollout`. The I is subtracted from the row, so that no gradient means no
    relevance. The attention of all heads of all layers is held in memory at once.

    Returns:
        Maps ``(M, N, t, h, w)`` on the grid of tokens, never negative.
    """
    seen: list[LayerAttention] = []
    maps = []
    with untouched(p.module):
        logits = _run("attention-gradient-rollout", p, seen, lambda weights: weights, traced=True)
        totals = [score(logits).sum() for score in p.scores(logits)]
        if not all(total.requires_grad for total in totals):
            raise not_traced("the input", logits, p.logits_with_noise)
        weights = [one.weights for one in seen]
        for i, total in enumerate(totals):
            with traced_back():
                gradients = torch.autograd.grad(total, weights, retain_graph=i < len(totals) - 1, allow_unused=True)
            weighted = [
                replace(one, weights=_positive(one.weights.detach(), gradient))
                for one, gradient in zip(seen, gradients, strict=True)
            ]
            maps.append(_maps(weighted, len(p.x), lambda row, moved: row + moved, beyond=True))
    return Attribution(logits.detach(), torch.stack(maps))


def _run(
    name: str, p: Pass, seen: list[LayerAttention], keep: Callable[[Tensor], Tensor], traced: bool = False
) -> Tensor:
    """Logits of a pass; ``keep`` of the attention of each layer is appended to ``seen``."""
    reader = TokenReader(p.module, p.x, p.tokens)
    if not reader.transformer:
        raise VidexplainError(f"{name} is for transformers, and this network has no tokens; use gradcam")

    def take(weights: Tensor) -> None:
        rows, _, queries, keys = weights.shape
        if reader.messages is not None:
            seen.append(LayerAttention(keep(weights), reader.messages, False))
            return
        pools, form = queries == 1, None
        if (pools or queries == keys) and not (seen and seen[-1].pools):
            with suppress(VidexplainError):  # the error below says it in terms of attention
                form = reader.fit(rows, keys)
        if form is None or (pools and form.order in ("frames", "places")):
            raise VidexplainError(
                f"{name} follows attention between the tokens of a clip, and this network has one of {queries} tokens "
                f"to {keys} in {rows // len(p.x)} groups; use gradcam"
            )
        seen.append(LayerAttention(keep(weights), form, pools))

    with reader.watching(), ReadAttention(take, traced):
        logits = p.logits(p.x.detach())
    if not seen:
        raise VidexplainError(f"{name} needs attention, and the network shows none; use gradcam")
    check_extra_tokens(p.module, p.x, [one.form for one in seen], p.tokens)
    if reader.messages is None and (read := check_moved_tokens(name, p.module, p.x, seen, p.tokens)):
        seen[-1] = replace(seen[-1], form=replace(seen[-1].form, read=read))
    return logits


def _positive(weights: Tensor, gradient: Tensor | None) -> Tensor:
    """The positive part of attention times its gradient, mean over heads; attention behind the score is none."""
    return (weights * (torch.zeros_like(weights) if gradient is None else gradient)).relu().float().mean(1)


def _maps(seen: list[LayerAttention], samples: int, step: Step, beyond: bool = False) -> Tensor:
    """Maps ``(N, t, h, w)``; the arguments are those of :func:`_roll`."""
    if seen[0].form.messages is not None:
        return roll_messages(
            [one.weights for one in seen], seen[0].form, samples, step
        )  # no place counts from the start
    return _roll(seen, samples, step, beyond)


def _roll(seen: list[LayerAttention], samples: int, step: Step, beyond: bool = False) -> Tensor:
    """Maps ``(N, t, h, w)``: what is read in the end, followed back through the layers.

    Args:
        seen: The layers in the order of the pass, heads fused.
        samples: N.
        step: From a row, and that row times a layer's attention, to the row before the layer.
        beyond: Whether only what attention moved counts, not what a place had from the start.
    """
    grid = seen[0].form.grid
    assert grid is not None
    t, h, w = grid
    apart = all(one.form.order == "frames" for one in seen)  # frames that never meet are samples of their own
    batch, steps = (samples * t, 1) if apart else (samples, t)
    if apart:
        seen = [replace(one, form=replace(one.form, grid=(1, h, w), order="thw")) for one in seen]
    extra = max(one.form.prefix or 0 for one in seen)
    like = seen[-1].weights
    row = TokenRow(like.new_zeros(batch, extra), like.new_zeros(batch, steps, h * w))
    layers = seen
    if seen[-1].pools:
        row, layers, beyond = row.from_list(seen[-1].weights[:, 0], seen[-1].form), seen[:-1], False
    elif seen[-1].form.read == "mean" or (seen[-1].form.read is None and not extra):
        row.placed.fill_(1 / (steps * h * w))
    elif seen[-1].form.read == "all":
        row.placed.fill_(1 / (extra + steps * h * w))
        row.loose.fill_(1 / (extra + steps * h * w))
    elif extra:
        row.loose[:, 0] = 1
    else:
        row.placed[:, 0, 0] = 1
    start = row.placed
    for one in reversed(layers):
        row = back_through(row, one, step)
    placed = row.placed - start if beyond else row.placed
    return placed.reshape(samples, t, h, w) / (t if apart else 1)
