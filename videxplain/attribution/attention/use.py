"""Whether a network uses the probabilities of its attention as the softmax gave them.

It may mix them between heads, keep the largest alone, or mask and divide them again. Then others move the tokens.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from videxplain.attribution.attention.read import REORDERS, ReadAttention
from videxplain.errors import VidexplainError

_PRODUCTS = frozenset({"matmul", "__matmul__", "__rmatmul__", "bmm", "baddbmm", "addbmm", "mm", "einsum"})
_MOVES = REORDERS | {"squeeze", "unsqueeze", "contiguous", "clone", "detach"}
"""Functions that give the same values, if in another order."""
_SAME = 1e-3
"""Probabilities that differ by less are the same; a short type rounds them."""


@dataclass
class _Followed:
    """A tensor that holds the probabilities of the last attention."""

    tensor: Tensor
    values: Tensor
    is_changed: bool


class AttentionUse(ReadAttention):
    """While active, a network raises that multiplies something by changed probabilities of attention."""

    def __init__(self) -> None:
        """Follow the probabilities of each attention until the next."""
        super().__init__(lambda _: None)
        self._followed: list[_Followed] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call everything as it is, and see what becomes of probabilities."""
        kwargs = kwargs or {}
        given = [one for one in self._followed if any(one.tensor is value for value in _tensors((args, kwargs)))]
        name = getattr(func, "__name__", "")
        out = super().__torch_function__(func, types, args, kwargs)
        for one in given:
            self._look(one, name, args, out)
        return out

    def _shown(self, weights: Tensor) -> Tensor:
        self._followed = [_Followed(weights, weights.detach().clone(), False)]
        return weights

    def _look(self, one: _Followed, name: str, args: tuple[Any, ...], out: Any) -> None:
        one.is_changed = one.is_changed or not _alike(one.tensor, one.values)  # by a function that works in place
        if name in _PRODUCTS and not _keeps_keys(name, args, one.tensor):
            if one.is_changed:
                raise VidexplainError(
                    "it changes the probabilities of its attention before it uses them, such as by mixing heads, by a "
                    "mask behind the softmax, or by keeping the largest"
                )
            return
        if not isinstance(out, Tensor) or out is one.tensor or out.numel() != one.tensor.numel():
            return
        moved = name in _MOVES or (out.shape == one.tensor.shape and _alike(out, one.tensor))
        self._followed.append(_Followed(out, out.detach().clone(), one.is_changed or not moved))


def _keeps_keys(name: str, args: tuple[Any, ...], weights: Tensor) -> bool:
    """Whether a product of probabilities is not summed over keys: it mixes heads."""
    if name != "einsum" or not isinstance(args[0], str):
        return False
    inputs, _, result = args[0].replace(" ", "").partition("->")
    values = list(_tensors(args[1:]))
    number = next((i for i, value in enumerate(values) if value is weights), None)
    if number is None or not result:
        return False
    letters = inputs.split(",")[number]
    return letters[-1] in result and letters[-2:-1] != "" and letters[-2] in result


def _alike(values: Tensor, others: Tensor) -> bool:
    return bool((values.detach().float() - others.float()).abs().amax() <= _SAME)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
