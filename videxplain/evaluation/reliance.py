"""Whether a network needs the order of the frames: its accuracy is measured with the order destroyed."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ORDER_PAIRS = (("SitDown", "StandUp"), ("PickUp", "PutDown"))
"""Pairs of classes of ActionFigures that differ only in the order of the frames."""


def shuffled(clips: Tensor, numbers: Sequence[int], seed: int = 0) -> Tensor:
    """Clips ``(N, C, T, H, W)`` with shuffled frames. The order depends on the seed and the number of each clip."""
    orders = [np.random.default_rng([seed, number]).permutation(clips.shape[2]) for number in numbers]
    return torch.stack(
        [clip[:, torch.from_numpy(order).to(clip.device)] for clip, order in zip(clips, orders, strict=True)]
    )


def backwards(clips: Tensor, _: Sequence[int]) -> Tensor:
    """Clips ``(N, C, T, H, W)`` from the last frame to the first."""
    return clips.flip(2)


def frozen(clips: Tensor, _: Sequence[int]) -> Tensor:
    """Clips ``(N, C, T, H, W)`` in which every frame is the middle frame."""
    middle = clips.shape[2] // 2
    return clips[:, :, middle : middle + 1].expand_as(clips)


DISTURBANCES: Mapping[str, Callable[[Tensor, Sequence[int]], Tensor]] = {
    "shuffled": shuffled,
    "reversed": backwards,
    "frozen": frozen,
}


def pair_accuracy(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], first: int, second: int
) -> float | None:
    """The share of the videos of two classes whose own class is more probable than the other; a tie counts half.

    Args:
        probabilities: ``(V, K)``.
        truth: ``(V,)``.
        first: A class.
        second: The other.

    Returns:
        The share, about 1/2 for a network that cannot tell the two apart; None without such videos.
    """
    margins = probabilities[:, first] - probabilities[:, second]
    signed = np.concatenate([margins[truth == first], -margins[truth == second]])
    return float(((signed > 0) + 0.5 * (signed == 0)).mean()) if len(signed) else None


def order_pairs(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], labels: Sequence[str]
) -> dict[str, float]:
    """:func:`pair_accuracy` of each of ``ORDER_PAIRS`` whose classes are among the labels.

    Args:
        probabilities: ``(V, K)``.
        truth: ``(V,)``.
        labels: Names of the K classes.

    Returns:
        The accuracy by the names of the pair, ``"SitDown/StandUp"``.
    """
    accuracies = {}
    for first, second in ORDER_PAIRS:
        if first in labels and second in labels:
            share = pair_accuracy(probabilities, truth, labels.index(first), labels.index(second))
            if share is not None:
                accuracies[f"{first}/{second}"] = share
    return accuracies
