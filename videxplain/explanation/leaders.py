"""Which scores each window of a video is explained for, before the whole video has been seen."""

from torch import Tensor

from videxplain.attribution.targets import Score, score_function
from videxplain.models.config import ModelConfig
from videxplain.models.outputs import probabilities


class FixedTarget:
    """The targets are known from the start."""

    def __init__(self, scores: list[Score], key: int = 0) -> None:
        self._scores, self.keys = scores, [key]

    def choose(self, logits: Tensor) -> list[Score]:
        """The scores to explain."""
        return self._scores


class LeadingClasses:
    """The classes most likely to win in the end: those ahead so far, and the window's own best."""

    def __init__(self, count: int, config: ModelConfig) -> None:
        self._count, self._config = count, config
        self._total: Tensor | None = None
        self.keys: list[int] = []

    def choose(self, logits: Tensor) -> list[Score]:
        """One score for each of the leading classes, this window counted in."""
        said = probabilities(logits, self._config)[0].double()
        self._total = said if self._total is None else self._total + said
        self.keys = self._total.topk(min(self._count, len(self._total))).indices.tolist()
        if self._count > 1:
            self.keys += [k for k in said.topk(min(2, len(said))).indices.tolist() if k not in self.keys]
        return [score_function(key, self._config.num_outcomes) for key in self.keys]
