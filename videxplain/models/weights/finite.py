"""Weights that are numbers."""

from collections.abc import Mapping

import torch
from torch import Tensor

from videxplain.errors import VidexplainError


def check_finite(state: Mapping[str, Tensor], what: str) -> None:
    """Raise where a tensor holds NaN or infinite values, and name it.

    Args:
        state: Parameters and buffers by name.
        what: The beginning of the message, such as ``"weights 'a.pt' cannot be used"``.
    """
    for name, value in state.items():
        # A sum is enough for all but tensors whose finite values overflow; those are looked at one by one.
        if value.is_floating_point() and not torch.isfinite(value.sum()) and not torch.isfinite(value).all():
            kind = "NaN" if torch.isnan(value).any() else "infinite values"
            raise VidexplainError(f"{what}: {name} holds {kind}")
