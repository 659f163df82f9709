"""Features and gradients of clips at one layer, for TCAV."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from videxplain.attribution.api import check_input
from videxplain.attribution.engine import trace
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.targets import Score
from videxplain.concepts.layer import layer_of, read
from videxplain.concepts.work import windows_together
from videxplain.data.stream import FileFrames
from videxplain.explanation.windows.plan import plan
from videxplain.models.config import ModelConfig
from videxplain.progress import Progress


class LayerReader:
    """Reads features and gradients of clips at one layer."""

    def __init__(
        self, model: nn.Module, config: ModelConfig, layer: str, progress: Progress | None, total: int
    ) -> None:
        """Nothing is read yet.

        Args:
            model: The network.
            config: What it expects.
            layer: Dotted name.
            progress: Called with the number of clips read and the number of all clips.
            total: The number of all clips.
        """
        self._model, self._config, self._name = model, config, layer
        self._progress, self._total, self._done = progress, total, 0
        self.layer: LayerCall | None = None

    def features(self, paths: Sequence[Path]) -> NDArray[np.float64]:
        """``(n, C)``: the layer's activations, averaged over places and windows."""
        return np.stack([np.mean(list(self._features(path)), axis=0) for path in paths])

    def gradients(self, paths: Sequence[Path], score: Score) -> NDArray[np.float64]:
        """``(n, C)``: the gradient of the score, summed over places and averaged over windows."""
        return np.stack([np.mean(list(self._gradients(path, score)), axis=0) for path in paths])

    def _features(self, path: Path) -> Iterator[NDArray[np.float64]]:
        for x in self._windows(path):
            yield from read(self._model, x, self._at(x))[0].cpu().double().mean((2, 3, 4)).numpy()

    def _gradients(self, path: Path, score: Score) -> Iterator[NDArray[np.float64]]:
        for x in self._windows(path):
            layer = self._at(x)
            with trace(self._model, x, [layer]) as run:
                gradient = next(run.gradients(score(run.logits)[None]))[layer]
            yield from gradient.cpu().double().sum((2, 3, 4)).numpy()

    def _windows(self, path: Path) -> Iterator[torch.Tensor]:
        source = FileFrames(path)
        for x in windows_together(self._model, source, plan(source.num_frames, self._config)):
            check_input(self._model, x)
            yield x
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total)

    def _at(self, x: torch.Tensor) -> LayerCall:
        self.layer = self.layer or layer_of(self._model, x, self._name)
        return self.layer
