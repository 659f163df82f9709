"""The layers of a network that ``layer=`` and ``--layer`` can name, with the shapes of their outputs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeAlias

import torch
from torch import nn

from videxplain.attribution.layer_uses import find_uses
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.tokens import CHANNELS_FIRST, TokenReader, tensor_and_grid
from videxplain.device import device_of
from videxplain.errors import VidexplainError
from videxplain.exclusive import of_this_thread
from videxplain.explanation.origin import config_of
from videxplain.models.config import TokenLayout
from videxplain.untouched import untouched

Seen: TypeAlias = tuple[torch.Size, TokenLayout | None]
"""The shape of an output, and how its tokens lie if it has tokens."""


def layer_list(network: nn.Module) -> list[dict[str, Any]]:
    """The layers of a network whose output has extent in space, in the order of ``named_modules``.

    These are feature maps, and lists of tokens whose places are known. Tokens in windows, or in a list whose order the
    network does not say, are not among them: no map can be made of them by name alone. A layer that one pass uses
    several times is listed once for each use, under the name of the use (``relu:0``).

    Returns:
        ``name, type, default`` and ``shape`` of each: the shape of the output in words. ``tokens`` is None for feature
        maps. For tokens it has their ``grid`` (steps, rows, columns), and ``without_place``, how many come before them
        and have no place, such as a class token.
    """
    config = config_of(network)
    x = torch.zeros(1, 3, config.num_frames, *config.size, device=device_of(network))
    reader = TokenReader(network, x)
    calls: dict[str, list[Seen | None]] = defaultdict(list)
    with ExitStack() as open_until_read, untouched(network), torch.no_grad():
        # The reader looks at an output before it is asked about it.
        open_until_read.enter_context(reader.watching())
        for name, module in network.named_modules():
            if name:

                def note(layer: nn.Module, _: object, output: object, name: str = name) -> None:
                    calls[name].append(_read(reader, layer, output))

                open_until_read.callback(module.register_forward_hook(of_this_thread(note)).remove)
        network(x)
    seen = [one for of_layer in calls.values() for one in of_layer if one is not None]
    lists = {shape[1] for shape, tokens in seen if tokens is not None and len(shape) == 3}
    channels_last = any(tokens is not None and tokens.order == "grid" for _, tokens in seen)
    uses = _uses(network, x, calls)
    return [
        {"name": str(use), "type": type(module).__name__, **_said(*read), "default": str(use) == config.default_layer}
        for name, module in network.named_modules()
        for use, read in uses.get(name, {}).items()
        if _is_map(module, *read, lists, channels_last)
    ]


def _uses(
    network: nn.Module, x: torch.Tensor, calls: Mapping[str, Sequence[Seen | None]]
) -> dict[str, dict[LayerCall, Seen]]:
    """By layer, the names under which it can be explained, with the first output of each."""
    found: dict[str, dict[LayerCall, Seen]] = {}
    for name, of_layer in calls.items():
        if with_extent := [one for one in of_layer if one is not None]:
            found[name] = {LayerCall(name): with_extent[0]}
    several = [name for name in found if len(calls[name]) > 1]
    if several:
        for name, first_calls in find_uses(network, x, several).items():
            if len(first_calls) > 1:
                outputs = [calls[name][call] for call in first_calls]
                found[name] = {LayerCall(name, use): one for use, one in enumerate(outputs) if one is not None}
    return found


def _read(reader: TokenReader, layer: nn.Module, output: object) -> Seen | None:
    """The shape of an output, and how its tokens lie if it has tokens; None for one without extent in space."""
    values, _ = tensor_and_grid(output)
    if values is None:
        return None
    try:
        tokens = reader.layout(layer, output)
    except VidexplainError:
        return None
    if tokens is not None and tokens.grid is not None:
        return (values.shape, tokens) if min(tokens.grid[1:]) > 1 else None
    is_map = values is output and values.ndim in (4, 5) and min(values.shape[-2:]) > 1
    return (values.shape, None) if is_map else None


def _is_map(
    layer: nn.Module, shape: torch.Size, tokens: TokenLayout | None, lists: set[int], channels_last: bool
) -> bool:
    """Whether an output lies over the clip, or is attention, or has channels that are no axis of space.

    Args:
        layer: The layer.
        shape: Of its output.
        tokens: How its tokens lie; None for other outputs.
        lists: How many tokens the lists of this network have.
        channels_last: Whether the network has its channels behind time and space.
    """
    if tokens is not None:
        return True
    if len(shape) == 4:
        return not (shape[-1] == shape[-2] and shape[-1] in lists)
    return not channels_last or isinstance(layer, CHANNELS_FIRST)


def _said(shape: torch.Size, tokens: TokenLayout | None) -> dict[str, Any]:
    if tokens is None or tokens.grid is None:
        return {"shape": f"{shape[1]} channels, " + " x ".join(map(str, shape[2:])), "tokens": None}
    beside = tokens.prefix or 0
    more = f" and {beside} without a place" if beside else ""
    return {
        "shape": f"{shape[-1]} channels, {' x '.join(map(str, tokens.grid))} tokens{more}",
        "tokens": {"grid": list(tokens.grid), "without_place": beside},
    }
