"""Whether a state dict has the names and shapes of a network."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from videxplain.errors import VidexplainError

if TYPE_CHECKING:
    from torch import Tensor

_NAMES_SHOWN = 3


def check_fit(state: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]", what: str) -> None:
    """Raise unless ``state`` has the names and shapes of ``wanted``, and say in one line what differs.

    Args:
        state: What a file holds.
        wanted: The state of the network to fill.
        what: The two in words: ``"weights 'a.pt' do not fit i3d"``.
    """
    shapes = [
        f"{name} {tuple(state[name].shape)} for {tuple(wanted[name].shape)}"
        for name in wanted
        if name in state and state[name].shape != wanted[name].shape
    ]
    numbers = [
        f"{name} {str(state[name].dtype).removeprefix('torch.')}"
        for name in wanted
        if name in state and wanted[name].is_floating_point() and not state[name].is_floating_point()
    ]
    differences = [
        (shapes, "of another shape"),
        (numbers, "of another kind of number"),
        ([name for name in wanted if name not in state], "missing"),
        ([name for name in state if name not in wanted], "unexpected"),
    ]
    if any(names for names, _ in differences):
        words = [f"{len(names)} {kind} ({_some(names)})" for names, kind in differences if names]
        raise VidexplainError(f"{what}: {'; '.join(words)}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
