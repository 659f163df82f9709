"""Where the tests compute: ``pytest --device cuda`` moves the small networks and their inputs to the GPU."""

from typing import TypeVar

import torch
from torch import Tensor, nn

Movable = TypeVar("Movable", Tensor, nn.Module)

_name = "cpu"


def choose(name: str) -> None:
    """Compute on the device called ``name`` from now on.

    Convolutions then keep float32, which torch rounds to TF32 on a GPU unless told not to: the tests compare to 1e-5.
    """
    global _name
    _name = name
    if name != "cpu":
        torch.backends.cudnn.allow_tf32 = False


def here() -> torch.device:
    return torch.device(_name)


def same(found: Tensor, expected: Tensor) -> bool:
    """Whether two tensors hold the same numbers: the very same on the CPU, but for rounding on a GPU.

    A GPU adds up in an order of its own, so the same pass twice may differ in the last digits.
    """
    if found.device.type == "cpu":
        return torch.equal(found, expected)
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return False
    return bool((found - expected).abs().max() <= 1e-4 * expected.abs().max())


def placed(what: Movable) -> Movable:
    """A network or a tensor where the tests compute."""
    return what.to(here())
