"""The order of the axes of a network's input, and networks that take another order than ``(N, C, T, H, W)``."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import permutations
from typing import Any

import torch
from torch import Tensor, nn

from videxplain.errors import VidexplainError
from videxplain.exclusive import of_this_thread

ORDER = "NCTHW"
_ALIKE = 0.9
"""What reaches the first convolution is the input in some order where the two correlate by this much."""


def check_order(layout: str) -> None:
    """Raise for a layout that is not the five letters of ``NCTHW`` in some order."""
    if sorted(layout) != sorted(ORDER):
        raise VidexplainError(
            f"layout is the letters N, C, T, H and W in the network's order, such as NTCHW, not {layout!r}"
        )


def to_our_order(x: Tensor, layout: str) -> Tensor:
    """A batch in the network's order as ``(N, C, T, H, W)``."""
    return x.permute([layout.index(letter) for letter in ORDER])


@contextmanager
def in_its_order(module: nn.Module, layout: str) -> Iterator[None]:
    """While active, a network of another order takes ``(N, C, T, H, W)``.

    A hook before the network permutes its input, so that layers keep their names.
    """
    order = [ORDER.index(letter) for letter in layout]

    def permute(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (inputs[0].permute(order).contiguous(), *inputs[1:])

    with ExitStack() as stack:
        if layout != ORDER:
            stack.callback(module.register_forward_pre_hook(of_this_thread(permute), prepend=True).remove)
        yield


@contextmanager
def checked_order(module: nn.Module, given: torch.Size) -> Iterator[None]:
    """While active, a pass raises whose input cannot be ``(N, C, T, H, W)``; ``given`` is its shape.

    The first convolution that runs shows it: what reaches it has the extents of the input, and its channels are an
    axis other than the second. Where several axes are as long as the channels, as in a clip of three frames, the
    values that reach it show which one they are.

    Raises:
        VidexplainError: The input has another order; the line says how to name it.
    """
    convolutions: dict[nn.Module, str] = {
        m: name for name, m in module.named_modules() if isinstance(m, nn.Conv2d | nn.Conv3d)
    }
    first: list[nn.Module] = []
    shapes: list[torch.Size] = []
    contents: list[Tensor] = []

    def begin(*_: object) -> None:
        first.clear()  # a pass before may have raised
        shapes.clear()
        contents.clear()

    def note(layer: Any, inputs: tuple[Any, ...]) -> None:
        given_to_it = _batched(layer, inputs[0]) if inputs and isinstance(inputs[0], Tensor) else None
        if not first:
            first.append(layer)
            channels = layer.in_channels if given_to_it is None else given_to_it.shape[1]
            if channels != layer.in_channels:
                raise VidexplainError(
                    f"the first convolution, '{convolutions[layer]}', takes {layer.in_channels} channels and gets "
                    f"{channels}: the input {tuple(given)} is read as (N, C, T, H, W); pass x in this order"
                )
        if layer is first[0] and given_to_it is not None:
            shapes.append(given_to_it.shape)
            channels = given_to_it.shape[1]
            if not contents and list(given).count(channels) > 1 and given[1] == channels:
                contents.append(given_to_it.detach().clone())

    def compare(_: nn.Module, inputs: tuple[Any, ...], __: Any) -> None:
        seen, read = list(shapes), list(contents)
        layer = first[0] if first else None
        begin()
        if layer is None or not seen or not inputs or not isinstance(inputs[0], Tensor) or inputs[0].ndim != 5:
            return
        x = inputs[0].shape
        axis = _axis_by_values(inputs[0].detach(), read[0]) if read else _other_axis(x, seen)
        if axis is not None:
            raise VidexplainError(_refusal(x, axis, convolutions[layer], seen[0][1]))

    with ExitStack() as hooks:
        for convolution in convolutions:
            hooks.callback(convolution.register_forward_pre_hook(of_this_thread(note)).remove)
        if convolutions:  # of a scripted network none is seen, and it takes no hooks
            hooks.callback(module.register_forward_pre_hook(of_this_thread(begin)).remove)
            hooks.callback(module.register_forward_hook(of_this_thread(compare)).remove)
        yield


def _batched(layer: nn.Module, values: Tensor) -> Tensor:
    """What a convolution gets, with the axis of samples that it may do without."""
    axes = 5 if isinstance(layer, nn.Conv3d) else 4
    return values.unsqueeze(0) if values.ndim == axes - 1 else values


def _other_axis(x: torch.Size, seen: list[torch.Size]) -> int | None:
    """The axis of the input that the first convolution takes for channels, if it is surely not the second.

    Args:
        x: The shape of the network's input.
        seen: The shapes of what the convolution got, in all its calls of one pass.
    """
    shape = seen[0]
    if len(shape) == 5:
        extents = list(shape[1:])
    elif len(shape) == 4:
        # Frames in the batch, or one frame a call.
        frames = sum(one[0] for one in seen) // x[0]
        extents = [frames, *shape[1:]]
    else:
        return None
    channels = shape[1]
    # A grey clip whose frames are stacked as channels has the shape of one frame in another order.
    if channels == x[1] or sorted(extents) != sorted(x[1:]) or (x[1] == 1 and len(shape) == 4):
        return None
    return next(axis for axis in (2, 4, 3) if x[axis] == channels)


def _axis_by_values(x: Tensor, read: Tensor) -> int | None:
    """The axis of the input whose values the first convolution reads as channels, if it is surely not the second.

    Args:
        x: The network's input.
        read: What the convolution got in its first call.
    """
    found = {axis: _likeness(x, read, axis) for axis in (1, 2, 3, 4) if x.shape[axis] == read.shape[1]}
    best = max(found, key=lambda axis: found[axis])
    return best if found[best] >= _ALIKE and found[1] < _ALIKE else None


def _likeness(x: Tensor, read: Tensor, axis: int) -> float:
    """The largest correlation of ``read`` with the input in an order in which ``axis`` is the channels."""
    others = [one for one in (1, 2, 3, 4) if one != axis]
    readings: list[Tensor] = []
    for order in permutations(others):
        if read.ndim == 5:
            readings.append(x.permute(0, axis, *order))
        else:  # frames in the batch, sample first or time first, or one frame a call
            time, *space = order
            images = x.permute(0, time, axis, *space)
            readings += [images.flatten(0, 1), images.transpose(0, 1).flatten(0, 1), *images.unbind(1)]
    return max((_correlation(one, read) for one in readings if one.shape == read.shape), default=0.0)


def _correlation(a: Tensor, b: Tensor) -> float:
    both = torch.stack([a.flatten().float(), b.flatten().float()])
    return float(torch.corrcoef(both)[0, 1].nan_to_num())


def _refusal(x: torch.Size, axis: int, name: str, channels: int) -> str:
    likely = {2: "NTCHW", 3: "NTHCW", 4: "NTHWC"}[axis]
    has = f"has {x[1]}" if x[1] != channels else f"has them along axis 1; the network reads axis {axis}"
    return (
        f"the first convolution, '{name}', reads {channels} channels, and the input {tuple(x)} as (N, C, T, H, W) "
        f"{has}: pass layout='{likely}' if that is the order of the input, or layout='NCTHW' if it is right as it is; "
        "of whole clips, wrap takes the layout"
    )
