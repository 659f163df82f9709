"""Where the tokens without a place stand, such as a class token and registers, in networks that do not say it.

The numbers of tokens and places tell how many there are, and not where. They are parameters of the network: before the
first attention they are the same for every clip. So the clip is changed, and the tokens that stay as they are show it.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from videxplain.attribution.rows.layer_rows import is_known
from videxplain.attribution.rows.probing import SMALLEST_CHANGE, Probe
from videxplain.attribution.tokens import tensor_and_grid
from videxplain.errors import VidexplainError
from videxplain.exclusive import of_this_thread
from videxplain.models.config import TokenLayout
from videxplain.network_answers import NetworkAnswers
from videxplain.untouched import begin_pass, untouched

_MEANS = 4
"""A token is compared by so many weighted sums of its channels: whole ones of all layers would take much memory."""
_SEED = 7


def check_extra_tokens(
    module: nn.Module, x: Tensor, forms: Iterable[TokenLayout | None], tokens: TokenLayout | None
) -> None:
    """Refuse lists of tokens whose tokens without a place do not come first, as they are assumed to.

    It costs two passes, once, and none where the network says how many tokens come first, or is of a package whose
    layers are known.

    Args:
        module: The network.
        x: Its input ``(N, C, T, H, W)``.
        forms: How the tokens of its layers were taken to lie.
        tokens: How they lie, if that was given.

    Raises:
        VidexplainError: They stand behind or between the others, or it cannot be seen where they stand.
    """
    told = tokens or getattr(getattr(module, "config", None), "tokens", None)
    if is_known(module) or (told is not None and told.prefix is not None):
        return
    for form in dict.fromkeys(forms):
        if form is None or not form.prefix:
            continue
        assert form.grid is not None
        count = form.prefix + (prod(form.grid[1:]) if form.order == "frames" else prod(form.grid))
        measure = partial(_what_is_wrong, module, x, count, form.prefix)
        if wrong := _JUDGED.ask(module, (count, form.prefix, x.shape), measure):
            raise VidexplainError(wrong)


def _what_is_wrong(module: nn.Module, x: Tensor, count: int, extra: int) -> str:
    for change in Probe(lambda clip: _token_lists(module, clip, count), x, "tokens").changes(torch.tensor(True)):
        still = (change <= SMALLEST_CHANGE).nonzero().flatten().tolist()
        if len(still) != extra:
            continue
        if still == list(range(extra)):
            return ""
        where = ", ".join(map(str, still))
        return (
            f"of {count} tokens, number {where} (from 0) belong{'s' if extra == 1 else ''} to no place of the clip; "
            "only tokens in front of all others can be left out of a map, so put them first, or name a layer that has "
            "the tokens of the places alone"
        )
    return (
        f"{count} tokens for {count - extra} places, and it cannot be seen which of them belong to no place; if they "
        f"come first, give tokens=TokenLayout(grid, prefix={extra})"
    )


def _token_lists(module: nn.Module, x: Tensor, count: int) -> list[Tensor]:
    """All lists of so many tokens that modules get and return in a pass, in order, ``(count, sums)`` each."""
    found: list[Tensor] = []

    def keep(values: Any) -> None:
        if not isinstance(values, Tensor) or values.ndim != 3 or not values.is_floating_point():
            return
        if count in values.shape[:2]:  # nn.Transformer has tokens first, unless told otherwise
            values = values.transpose(0, 1) if values.shape[1] == count else values
            found.append((values.float() @ _weights(values.shape[2]).to(values.device)).flatten(1))

    def before(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        for values in inputs:
            keep(values)

    def after(_: nn.Module, __: Any, output: Any) -> None:
        keep(tensor_and_grid(output)[0])

    with untouched(module), torch.no_grad(), ExitStack() as hooks:
        for m in module.modules():
            hooks.callback(m.register_forward_pre_hook(of_this_thread(before)).remove)
            hooks.callback(m.register_forward_hook(of_this_thread(after)).remove)
        begin_pass(module)
        module(x.clone())
    return found


def _weights(channels: int) -> Tensor:
    return torch.randn(channels, _MEANS, generator=torch.Generator().manual_seed(_SEED))


_JUDGED = NetworkAnswers[str]()
