"""Does a network need the order of the frames? Its accuracy is measured with the order taken away."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ORDER_PAIRS = (("SitDown", "StandUp"), ("PickUp", "PutDown"))
"""Classes of ActionFigures that only the order of the frames tells apart."""


def shuffled(clips: Tensor, numbers: Sequence[int], seed: int = 0) -> Tensor:
    """``(N, C, T, H, W)`` with the frames of each clip in an order that follows from the seed and its number."""
    orders = [np.random.default_rng([seed, number]).permutation(clips.shape[2]) for number in numbers]
    return torch.stack(
        [clip[:, torch.from_numpy(order).to(clip.device)] for clip, order in zip(clips, orders, strict=True)]
    )


def backwards(clips: Tensor, _: Sequence[int]) -> Tensor:
    """``(N, C, T, H, W)`` from the last frame to the first."""
    return clips.flip(2)


def frozen(clips: Tensor, _: Sequence[int]) -> Tensor:
    """``(N, C, T, H, W)`` with the middle frame in the place of all."""
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
    """Of the videos of two classes, the share whose own class gets more than the other one; a tie counts half.

    Args:
        probabilities: ``(V, K)``.
        truth: ``(V,)``.
        first: A class.
        second: The other.

    Returns:
        1/2 for a network that cannot tell them apart; None where there is no such video.
    """
    margins = probabilities[:, first] - probabilities[:, second]
    signed = np.concatenate([margins[truth == first], -margins[truth == second]])
    return float(((signed > 0) + 0.5 * (signed == 0)).mean()) if len(signed) else None


def order_pairs(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], labels: Sequence[str]
) -> dict[str, float]:
    """:func:`pair_accuracy` of those ``ORDER_PAIRS`` that are among the labels."""
    accuracies = {}
    for first, second in ORDER_PAIRS:
        if first in labels and second in labels:
            share = pair_accuracy(probabilities, truth, labels.index(first), labels.index(second))
            if share is not None:
                accuracies[f"{first}/{second}"] = share
    return accuracies
