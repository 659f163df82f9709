"""Which scores each window of a video is explained for, before the whole video has been seen."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from videxplain.attribution.targets import Score, score_function
from videxplain.explanation.windows.stitching import probabilities_of
from videxplain.models.config import ModelConfig

UNLIKELY = 0.02
"""A class below this share of the best one's probability, in the window and on average so far, seldom wins."""


def leading_classes(total: NDArray[np.float64], said: NDArray[np.float64], windows: int, count: int) -> list[int]:
    """The classes that may win in the end, the most likely first: the best so far, and the window's own two best.

    Classes that are unlikely so far are left out. Where one of them wins all the same, its windows are run again.

    Args:
        total: ``(K,)``, the sum of the probabilities over the windows so far, this one among them.
        said: ``(K,)``, the probabilities in this window.
        windows: How many windows ``total`` is the sum of.
        count: So many of the best so far; the window's own two best only where that is more than one.
    """
    leading = np.argsort(-total, kind="stable")[:count].tolist()
    own = np.argsort(-said, kind="stable")[:2].tolist() if count > 1 else []
    mean = total / windows
    likely = np.maximum(said, mean) >= UNLIKELY * mean.max()
    return [key for key in dict.fromkeys([*leading, *own]) if key == leading[0] or likely[key]]


class FixedTarget:
    """The targets are known from the start."""

    def __init__(self, scores: list[Score], key: int = 0) -> None:
        self._scores, self.keys = scores, [key]

    def choose(self, logits: Tensor) -> list[Score]:
        """The scores to explain."""
        return self._scores


class LeadingClasses:
    """The classes most likely to win in the end; see :func:`leading_classes`."""

    def __init__(self, count: int, config: ModelConfig) -> None:
        self._count, self._config = count, config
        self._total, self._windows = np.zeros(config.num_outcomes), 0
        self.keys: list[int] = []

    def choose(self, logits: Tensor) -> list[Score]:
        """One score for each of the leading classes, this window counted in."""
        said = probabilities_of(logits, self._config)
        self._total, self._windows = self._total + said, self._windows + 1
        self.keys = leading_classes(self._total, said, self._windows, self._count)
        return [score_function(key, self._config.num_outcomes) for key in self.keys]
