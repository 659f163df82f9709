"""Whether the tokens of a network move as its attention says, and what is read of them in the end.

Attention rollout takes for granted that attention is all that moves tokens, one layer after the other with a skip
connection around each, and that the answer is read from the first token or the mean. Neither the shapes nor the values
of attention show it. So the network is run with attention that is set by hand: almost every token attends to itself
alone, and a few to one other. Then a few places of the clip are changed, and it is measured which tokens change with
them.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from videxplain.attribution.attention.hand_set import Round, plan_rounds
from videxplain.attribution.attention.token_flow import LayerAttention, TokenRow, back_through
from videxplain.attribution.attention.token_lists import Stop, TokenLists, WatchTokens
from videxplain.attribution.attention.use import AttentionUse
from videxplain.attribution.engine import forward
from videxplain.attribution.rows.layer_rows import is_known
from videxplain.attribution.rows.placement import placement
from videxplain.attribution.rows.probing import SMALLEST_CHANGE, other_clip
from videxplain.attribution.traceable import differ
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout
from videxplain.network_answers import NetworkAnswers
from videxplain.untouched import untouched

Read: TypeAlias = Literal["first", "mean", "all"]

_STRONG = 10.0
"""So much stronger are the changes where weak ones changed no token."""
_EQUAL = 1e-3
"""Gradients at tokens are the same where they differ by less than this share of the largest."""


def check_moved_tokens(
    name: str, module: nn.Module, x: Tensor, seen: Sequence[LayerAttention], tokens: TokenLayout | None
) -> Read | None:
    """What is read of the tokens in the end, after all that rollout takes for granted has been measured.

    It costs a few passes, once, and none in networks of packages whose layers are known.

    Args:
        name: The method.
        module: The network.
        x: Its input ``(N, C, T, H, W)``.
        seen: Its attention, in the order of the pass.
        tokens: How its tokens lie, if that was given.

    Returns:
        None where the network is known, or it was told what is read, or one query collects.

    Raises:
        VidexplainError: Something of it does not hold, or cannot be seen.
    """
    read, why = _judged("all", module, x, seen, tokens, lambda measured: measured.all())
    if why:
        raise VidexplainError(f"{name} cannot follow the tokens of this network: {why}; use gradcam")
    return read


def check_places_of_attention(
    module: nn.Module, x: Tensor, seen: Sequence[LayerAttention], tokens: TokenLayout | None
) -> None:
    """Refuse attention that is not between places of the clip, or whose probabilities the network changes.

    The arguments, and what it costs, are those of :func:`check_moved_tokens`.
    """
    _, why = _judged("places", module, x, seen, tokens, lambda measured: measured.check_places())
    if why:
        raise VidexplainError(f"the attention of this network cannot be laid over the clip: {why}")


def _judged(
    what: str,
    module: nn.Module,
    x: Tensor,
    seen: Sequence[LayerAttention],
    tokens: TokenLayout | None,
    measure: Callable[["_Measured"], Read | None],
) -> tuple[Read | None, str]:
    """What is read, and what is wrong, measured once."""
    if is_known(module):
        return None, ""

    def measured() -> tuple[Read | None, str]:
        told = tokens or getattr(getattr(module, "config", None), "tokens", None)
        with untouched(module):
            try:
                return measure(_Measured(module, x, seen, told)), ""
            except VidexplainError as error:
                return None, str(error)

    question = (what, x.shape, tokens, *((one.weights.shape, one.form) for one in seen))
    return _JUDGED.ask(module, question, measured)


class _Measured:
    """What is measured of a network."""

    def __init__(self, module: nn.Module, x: Tensor, seen: Sequence[LayerAttention], told: TokenLayout | None) -> None:
        self._module, self._x, self._seen, self._told = module, x.detach(), seen, told
        self._lists = TokenLists(seen, len(x))

    def all(self) -> Read | None:
        """What is read; raises for what cannot be followed."""
        self.check_places()
        read = None
        if not self._seen[-1].pools and not (self._told and self._told.read):
            read = self._read()
        for one in plan_rounds(self._seen, len(self._x)):
            self._check_round(one)
        return read

    def _watch(self, **what: Any) -> WatchTokens:
        return WatchTokens(self._seen, self._lists, **what)

    def _run(self, watch: WatchTokens, x: Tensor) -> Tensor:
        with watch:
            return forward(self._module, x.clone())

    def check_places(self) -> None:
        """Refuse attention whose probabilities the network changes, or which is not between places of the clip."""
        with torch.no_grad(), AttentionUse():
            forward(self._module, self._x.clone())
        watch = self._watch(stop=True)
        with torch.no_grad(), suppress(Stop):
            self._run(watch, self._x)
        wrong = ""
        for form, turned in self._lists.forms_of(self._required(watch.first).shape):
            # A list of all tokens may have them in one order or the other.
            if not (why := placement(partial(self._video, form=form, turned=turned), self._x, "tokens").wrong):
                return
            wrong = wrong or why
        raise VidexplainError(wrong.replace("it ", "its list of tokens ", 1))

    def _video(self, clip: Tensor, form: TokenLayout, turned: bool) -> Tensor:
        """The list of tokens before the first attention as ``(N, D, t, h, w)``."""
        watch = self._watch(stop=True)
        with torch.no_grad(), suppress(Stop):
            self._run(watch, clip)
        return self._lists.video(self._required(watch.first), form, turned)

    def _required(self, values: Tensor | None) -> Tensor:
        if values is None:
            raise VidexplainError("its lists of tokens do not show in a pass")
        return values

    def _read(self) -> Read:
        watch = self._watch()
        with torch.no_grad():
            plain = self._run(watch, self._x)
        values, number = self._required(watch.last).requires_grad_(), watch.count - 1
        with torch.no_grad():
            held = self._run(self._watch(held=(number, values)), other_clip(self._x))
        if differ(plain, held):
            raise VidexplainError("the answer is read from several lists of tokens")
        logits = self._run(self._watch(held=(number, values)), self._x)
        weights = torch.randn(logits.shape[1], generator=torch.Generator().manual_seed(0)).to(logits)
        gradient = None
        if logits.requires_grad:
            (gradient,) = torch.autograd.grad((logits @ weights).sum(), values, allow_unused=True)
        if gradient is not None and bool(gradient.any()):
            for form, turned in self._lists.forms_of(values.shape):
                at = self._lists.laid(gradient, form, turned)
                if read := self._what_counts(at.loose, at.placed):
                    return read
        raise VidexplainError(
            "the answer is read neither from the first token nor from a mean, but for example as a maximum "
            "(if the mean is right nevertheless, give TokenLayout(grid, read='mean'))"
        )

    def _what_counts(self, loose: Tensor, placed: Tensor) -> Read | None:
        """What is read, from gradients at tokens of no place ``(N, copies, p, D)`` and others ``(N, t, h w, D)``."""
        near = _EQUAL * max(float(part.abs().max()) for part in (loose, placed) if part.numel())

        def is_none(values: Tensor) -> bool:
            return not values.numel() or bool(values.abs().max() <= near)

        def is_even(values: Tensor) -> bool:
            return is_none(values - values[:, :1, :1])

        if is_none(loose) and is_even(placed):
            return "mean"
        if loose.shape[1] == 1 and is_even(torch.cat([loose, placed.flatten(1, 2)[:, None]], 2)):
            return "all"
        if self._lists.extra:
            first = is_none(placed) and is_none(loose[:, :, 1:]) and loose.shape[2] > 0 and is_even(loose[:, :, :1])
            return "first" if first else None
        apart = all(one.form.order == "frames" for one in self._seen)
        rest = placed.clone()
        rest[:, slice(None) if apart else 0, 0] = 0
        return "first" if is_none(rest) and (not apart or is_even(placed[:, :, :1])) else None

    def _check_round(self, one: Round) -> None:
        """Refuse a network whose tokens change otherwise than this attention says."""
        mask = one.starts.unflatten(2, self._lists.grid[1:])[:, None].float().to(self._x.device)
        mask = nn.functional.interpolate(mask, size=tuple(self._x.shape[2:]), mode="nearest").bool()
        before = self._watch(attend=one.attend)
        with torch.no_grad():
            logits = self._run(before, self._x)
        for strength in (1.0, _STRONG):
            after = self._watch(attend=one.attend)
            with torch.no_grad():
                changed = self._run(after, torch.where(mask, other_clip(self._x, strength), self._x))
            firsts = self._changes(before.first, after.first)
            if any(bool((first.placed[one.starts] > SMALLEST_CHANGE).all()) for first in firsts):
                break  # Weak changes may open no rectifier.
        layers = [
            LayerAttention(nn.functional.one_hot(keys, seen.weights.shape[-1]).float(), seen.form, seen.pools)
            for keys, seen in zip(one.attend, self._seen, strict=True)
        ]
        pool = layers.pop() if layers[-1].pools else None
        wrong = []
        for first in firsts:
            expected = self._expected(first, layers)
            if pool is not None:
                wrong.append(_against_pool(expected, pool, logits, changed))
            else:
                # Nothing can be told of a place that a rectifier hides. But other tokens that change instead of its own
                # show that tokens lie in another order.
                elsewhere = bool(((first.placed > SMALLEST_CHANGE) & ~one.starts.to(first.placed.device)).any())
                told = torch.ones_like(expected.placed) if elsewhere else expected.placed
                wrong += [_against(expected, told, found, one) for found in self._changes(before.last, after.last)]
        if all(wrong):
            raise VidexplainError(wrong[0])

    def _changes(self, old: Tensor | None, new: Tensor | None) -> list[TokenRow]:
        """How much each token changes, as a share of the largest value, for each way in which the list may lie."""
        old, new = self._required(old), self._required(new)
        share = (new - old).float().abs() / old.float().abs().amax().clamp_min(1e-12)
        found = []
        for form, turned in self._lists.forms_of(old.shape):
            change = self._lists.laid(share, form, turned)
            loose = change.loose.amax((1, 3)) if change.loose.numel() else change.loose.new_zeros(len(self._x), 0)
            found.append(TokenRow(loose, change.placed.amax(3)))
        return found

    def _expected(self, first: TokenRow, layers: Sequence[LayerAttention]) -> TokenRow:
        """Which tokens change in the end, for those that change before the first layer: above zero."""
        loose = first.placed.new_zeros(len(self._x), self._lists.extra)
        loose[:, : first.loose.shape[1]] = (first.loose > SMALLEST_CHANGE).float()
        with torch.enable_grad():
            end = TokenRow(torch.zeros_like(loose).requires_grad_(), torch.zeros_like(first.placed).requires_grad_())
            row = end
            for one in reversed(layers):
                row = back_through(row, one, lambda row, moved: row + moved)
            total = (row.loose * loose).sum() + (row.placed * (first.placed > SMALLEST_CHANGE)).sum()
            if not layers:
                return TokenRow(loose, (first.placed > SMALLEST_CHANGE).float())
            counts = torch.autograd.grad(total, [end.loose, end.placed], allow_unused=True, materialize_grads=True)
        return TokenRow(*counts)


def _against(expected: TokenRow, told: Tensor, found: TokenRow, one: Round) -> str:
    """What is wrong with the tokens that change; empty where they are those that are expected to.

    ``told`` is above zero at the places where a change must be seen, ``(N, t, h w)``.
    """
    loose = expected.loose[:, : found.loose.shape[1]]
    more = ((found.placed > SMALLEST_CHANGE) & (expected.placed == 0)).any() or (
        (found.loose > SMALLEST_CHANGE) & (loose == 0)
    ).any()
    if more:
        return (
            "its tokens change with others that they do not attend to, such as by attention without a softmax, "
            "by a convolution or recurrence over tokens, or where heads lie in the batch"
        )
    if one.is_followed(found.placed, told, SMALLEST_CHANGE):
        return ""
    return (
        "its tokens do not change with all that they attend to, such as where attentions stand side by side, "
        "no skip connection leads around one, or tokens lie in another order than was taken for granted"
    )


def _against_pool(expected: TokenRow, pool: LayerAttention, logits: Tensor, changed: Tensor) -> str:
    reached = torch.einsum("nl,nql->n", expected.of_list(pool.form), pool.weights) > 0
    change = (changed - logits).abs().amax(1) / logits.abs().amax().clamp_min(1e-12)
    if bool((change[~reached] > SMALLEST_CHANGE).any()):
        return "the answer depends on tokens that the last attention does not collect"
    return ""


_JUDGED = NetworkAnswers[tuple[Read | None, str]]()
