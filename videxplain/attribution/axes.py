"""The order of the axes of a network's input, and networks that take another order than ``(N, C, T, H, W)``."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from videxplain.errors import VidexplainError

ORDER = "NCTHW"


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
            stack.callback(module.register_forward_pre_hook(permute, prepend=True).remove)
        yield


@contextmanager
def checked_order(module: nn.Module, given: torch.Size) -> Iterator[None]:
    """While active, a pass raises whose input cannot be ``(N, C, T, H, W)``; ``given`` is its shape.

    The first convolution that runs shows it: what reaches it has the extents of the input, and its channels are an
    axis other than the second.

    Raises:
        VidexplainError: The input has another order; the line says how to name it.
    """
    convolutions: dict[nn.Module, str] = {
        m: name for name, m in module.named_modules() if isinstance(m, nn.Conv2d | nn.Conv3d)
    }
    first: list[nn.Module] = []
    shapes: list[torch.Size] = []

    def begin(*_: object) -> None:
        first.clear()  # a pass before may have raised
        shapes.clear()

    def note(layer: Any, inputs: tuple[Any, ...]) -> None:
        if not first:
            first.append(layer)
            channels = inputs[0].shape[1] if inputs and isinstance(inputs[0], Tensor) else layer.in_channels
            if channels != layer.in_channels:
                raise VidexplainError(
                    f"the first convolution, '{convolutions[layer]}', takes {layer.in_channels} channels and gets "
                    f"{channels}: the input {tuple(given)} is read as (N, C, T, H, W); pass x in this order"
                )
        if layer is first[0] and inputs and isinstance(inputs[0], Tensor):
            shapes.append(inputs[0].shape)

    def compare(_: nn.Module, inputs: tuple[Any, ...], __: Any) -> None:
        seen = list(shapes)
        layer = first[0] if first else None
        first.clear()
        shapes.clear()
        if layer is None or not seen or not inputs or not isinstance(inputs[0], Tensor) or inputs[0].ndim != 5:
            return
        x = inputs[0].shape
        if (axis := _other_axis(x, seen)) is not None:
            raise VidexplainError(_refusal(x, axis, convolutions[layer], seen[0][1]))

    with ExitStack() as hooks:
        for convolution in convolutions:
            hooks.callback(convolution.register_forward_pre_hook(note).remove)
        if convolutions:  # of a scripted network none is seen, and it takes no hooks
            hooks.callback(module.register_forward_pre_hook(begin).remove)
            hooks.callback(module.register_forward_hook(compare).remove)
        yield


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


def _refusal(x: torch.Size, axis: int, name: str, channels: int) -> str:
    likely = {2: "NTCHW", 3: "NTHCW", 4: "NTHWC"}[axis]
    return (
        f"the first convolution, '{name}', reads {channels} channels, and the input {tuple(x)} as (N, C, T, H, W) has "
        f"{x[1]}: pass layout='{likely}' if that is the order of the input, or layout='NCTHW' if it is right as it is"
    )
