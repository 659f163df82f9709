"""Lists of tokens of all clips of a batch, as a pass shows them, and how they lie in space and time."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from videxplain.attribution.attention.read import REORDERS, ReadAttention, by_heads
from videxplain.attribution.attention.token_flow import LayerAttention, TokenRow
from videxplain.attribution.tokens import lay_out
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout

_MOVES = REORDERS | {"transpose_", "t", "view_as", "__getitem__"}
"""Functions whose result may look like a list of tokens and have its axes in another order, or leave some out."""
_RECURRENT = frozenset({"gru", "lstm", "rnn_tanh", "rnn_relu"})


class TokenLists:
    """How the lists of tokens of a network lie, with attention of given forms."""

    def __init__(self, seen: Sequence[LayerAttention], samples: int) -> None:
        """Know the lists of ``samples`` clips between attentions ``seen``."""
        grid = seen[0].form.grid
        assert grid is not None
        self._samples, self.grid, self.steps, self.places = samples, grid, grid[0], grid[1] * grid[2]
        self.extra = max(one.form.prefix or 0 for one in seen)
        self._given = [one.form for one in seen]
        self._forms = list(dict.fromkeys([*self._given, *self._whole()]))

    def _whole(self) -> list[TokenLayout]:
        """All tokens of a clip in a list, with those of no place or without.

        Their order is that in which an attention over all of them was taken to have them. Where there is no such
        attention, as in divided attention, it may be one or the other.
        """
        orders: tuple[Literal["thw", "hwt"], ...] = ("thw", "hwt")
        taken = [order for order in orders if any(form.order == order for form in self._given)]
        return [
            TokenLayout(self.grid, prefix, order)
            for order in taken or orders
            for prefix in dict.fromkeys((self.extra, 0))
        ]

    def forms_of(self, shape: torch.Size) -> list[tuple[TokenLayout, bool]]:
        """How a tensor of this shape may lie, and whether its first two axes are turned."""
        found = []
        for form in self._forms:
            rows, count = self._extents(form)
            if len(shape) == 3 and shape[:2] == (rows, count):
                found.append((form, False))
            elif len(shape) == 3 and shape[:2] == (count, rows):
                found.append((form, True))
            elif len(shape) > 3 and shape[0] == self._samples and form.order == "frames" and not form.prefix:
                if shape[1:-1] in ((self.steps, self.places), self.grid):
                    found.append((form, False))
            elif len(shape) == 4 and shape[:-1] == (self._samples, self.steps, count) and form.order == "frames":
                found.append((form, False))
        return found

    def _extents(self, form: TokenLayout) -> tuple[int, int]:
        n, extra = self._samples, form.prefix or 0
        if form.order == "frames":
            return n * self.steps, extra + self.places
        if form.order == "places":
            return n * self.places, self.steps
        return n, extra + prod(self.grid)

    def laid(self, values: Tensor, form: TokenLayout, turned: bool) -> TokenRow:
        """A list of tokens ``(rows, L, D)``: those of no place ``(N, copies, p, D)``, the others ``(N, t, h w, D)``."""
        n, (rows, count) = self._samples, self._extents(form)
        values = (values.transpose(0, 1) if turned else values).reshape(rows, count, -1)
        extra = form.prefix or 0
        if form.order == "places":
            return TokenRow(values.new_zeros(n, 1, 0, values.shape[-1]), values.unflatten(0, (n, -1)).transpose(1, 2))
        if form.order == "frames":
            by_frame = values.unflatten(0, (n, self.steps))
            return TokenRow(by_frame[:, :, :extra], by_frame[:, :, extra:])
        t, places = self.steps, self.places
        placed = values[:, extra:].unflatten(1, (t, places) if form.order == "thw" else (places, t))
        return TokenRow(values[:, None, :extra], placed if form.order == "thw" else placed.transpose(1, 2))

    def video(self, values: Tensor, form: TokenLayout, turned: bool) -> Tensor:
        """A list of tokens as ``(N, D, t, h, w)``."""
        values = values.transpose(0, 1) if turned else values.reshape(*self._extents(form), -1)
        video = lay_out(values, form)
        return video if video.ndim == 5 else video.unflatten(0, (self._samples, -1)).transpose(1, 2)


class Stop(BaseException):
    """Ends a pass; it is no error, so that nothing that handles errors sees it."""


class WatchTokens(ReadAttention):
    """While active, the first list of tokens of a pass, and the last behind all attention, are kept."""

    def __init__(
        self,
        seen: Sequence[LayerAttention],
        lists: TokenLists,
        attend: Sequence[Tensor] | None = None,
        held: tuple[int, Tensor] | None = None,
        stop: bool = False,
    ) -> None:
        """Keep lists, ``attend`` to given tokens, and put another in the place of a list.

        Args:
            seen: The attention of the pass.
            lists: How they lie.
            attend: For each layer the key that each query attends to, ``(B, queries)``; None to leave attention alone.
            held: The number of a list, and what comes in its place.
            stop: Whether the pass ends at the first attention, by an exception.
        """
        super().__init__(lambda _: None)
        self._seen, self._lists, self._attend, self._held = seen, lists, attend, held
        self._stop = stop
        self._calls = 0
        self.count = 0
        self._first: Tensor | None = None
        self._moved: Tensor | None = None
        self.last: Tensor | None = None

    @property
    def first(self) -> Tensor | None:
        """The first list that was computed before all attention, or else the first that was moved."""
        return self._moved if self._first is None else self._first

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call everything as it is, or with the attention that was set, and keep lists."""
        out = super().__torch_function__(func, types, args, kwargs)
        name = getattr(func, "__name__", "")
        if name in _RECURRENT and isinstance(out, tuple):
            return (self._kept(out[0]), *out[1:])
        return self._kept(out, name in _MOVES) if isinstance(out, Tensor) else out

    def _kept(self, values: Tensor, is_move: bool = False) -> Tensor:
        if not values.is_floating_point() or not self._lists.forms_of(values.shape):
            return values
        if not self._calls and values.shape[-1] == values.shape[-2]:  # scores of queries and keys
            return values
        if is_move:
            if not self._calls and self._moved is None:
                self._moved = values.detach().clone()
            return values
        self.count += 1
        if self._held is not None and self.count - 1 == self._held[0]:
            values = self._held[1].clone()
        self.last = values.detach().clone()
        if not self._calls and self._first is None:
            self._first = self.last
        return values

    def _shown(self, weights: Tensor) -> Tensor:
        if self._stop:
            raise Stop
        number, self._calls = self._calls, self._calls + 1
        shape = by_heads(weights).shape
        known = self._seen[number].weights.shape if number < len(self._seen) else ()
        if (shape[0], *shape[-2:]) != (*known[:1], *known[-2:]):
            raise VidexplainError("its attention is of another shape in another clip")
        self.last = None
        if self._attend is None:
            return weights
        hard = nn.functional.one_hot(self._attend[number], shape[-1]).to(weights)
        return hard[:, None].expand(shape).reshape(weights.shape)

    def _module(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Any]:
        if self._attend is not None and self._calls < len(self._attend):
            keys = self._attend[self._calls]
            hard = nn.functional.one_hot(keys, args[1].shape[0]).bool()
            mask = torch.zeros_like(hard, dtype=args[0].dtype).masked_fill(~hard, float("-inf"))
            heads = args[4]
            mask = mask.repeat_interleave(heads, 0)
            kwargs = {**kwargs, "attn_mask": mask, "key_padding_mask": None, "is_causal": False}
        return super()._module(func, args, kwargs)
