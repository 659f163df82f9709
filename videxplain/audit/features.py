"""What a batch gives besides logits: the input of the classifier, and how familiar each clip is to the network."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.exclusive import of_this_thread
from videxplain.explanation.familiarity import pass_of
from videxplain.models.familiarity import Familiarity, energies
from videxplain.models.stages import ClipFeatures, clip_features

_SAME = 1e-2
"""Features of a clip in a batch and alone count as equal if they differ by less than this share of the largest."""


@dataclass
class Seen:
    """The features of the clips of one batch.

    Attributes:
        classifier: ``(N, F)``, the input of the last linear layer; None if its rows are not the clips.
        distance: ``(N,)``, distance of the features from known ones; None if the weights do not say what the
            network was trained on.
        energy: ``(N,)``, energy score of the logits; None as for ``distance``.
    """

    classifier: NDArray[np.float64] | None = None
    distance: NDArray[np.float64] | None = None
    energy: NDArray[np.float64] | None = None


class BatchFeatures:
    """Reads the features of the first pass of every batch."""

    def __init__(self, model: nn.Module, classes: int) -> None:
        """``classes`` is the number of outputs. The classifier is the last linear layer with this number."""
        linear = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == classes]
        known = getattr(model, "familiarity", None)
        self._model = model
        self._classifier = linear[-1] if linear else None
        self._known: Familiarity | None = known if isinstance(known, Familiarity) else None
        self._in_order: bool | None = None

    @property
    def limits(self) -> tuple[float, float] | None:
        """The distance and the energy that at least 99 % of known clips stay under; None if the weights do not say."""
        return None if self._known is None else (self._known.distance_limit, self._known.energy_limit)

    @contextmanager
    def watching(self, x: Tensor) -> "Iterator[_Watch]":
        """Watch the passes of a batch ``(N, 3, T, H, W)`` until ``keep`` is called."""
        watch = _Watch(x)
        with ExitStack() as stack:
            if self._known is not None:
                watch.stages = stack.enter_context(clip_features(self._model, self._known.stages))
            if self._classifier is not None:
                stack.callback(self._classifier.register_forward_pre_hook(of_this_thread(watch.note)).remove)
            yield watch

    def of(self, watch: "_Watch", logits: Tensor) -> Seen:
        """The features of the first pass.

        Args:
            watch: The watch, after the batch is done.
            logits: ``(N, K)``, the logits of the first pass.
        """
        seen = Seen(classifier=watch.classifier)
        if self._known is not None:
            features = self._stages(watch)
            if features is not None:
                seen.distance = self._known.distances(features).numpy()
                seen.energy = energies(logits).numpy()
        return seen

    def _stages(self, watch: "_Watch") -> Tensor | None:
        assert self._known is not None
        held, x = watch.held, watch.x
        if held is not None and len(x) > 1:
            if self._in_order is None:
                # Some networks fold frames into the batch. The last clip alone shows whether each row is one clip.
                _, alone = pass_of(self._model, x[-1:], self._known.stages)
                # The first features are those of the picture, which no network mixes.
                start = self._known.of_picture.means.shape[1]
                self._in_order = alone is not None and bool(
                    (alone[0] - held[-1])[start:].abs().max() <= _SAME * alone[0, start:].abs().max()
                )
            if not self._in_order:
                held = None
        if held is not None:
            return held
        rows = [pass_of(self._model, one[None], self._known.stages)[1] for one in x]
        known = [row for row in rows if row is not None]
        return torch.cat(known) if len(known) == len(x) else None


class _Watch:
    """One batch that is watched."""

    def __init__(self, x: Tensor) -> None:
        self.x = x
        self.stages: ClipFeatures | None = None
        self.held: Tensor | None = None
        self.classifier: NDArray[np.float64] | None = None
        self._given: list[Tensor] = []
        self._over = False

    def note(self, _: nn.Module, given: tuple[Tensor, ...]) -> None:
        """Hook of the classifier."""
        if not self._over:
            self._given.append(given[0].detach())

    def keep(self) -> None:
        """Keep the first pass, which saw the clips themselves. Later passes see changed clips."""
        if self._over:
            return
        self._over = True
        if self.stages is not None:
            self.held, self.stages.done = self.stages.rows(), True
        if len(self._given) == 1 and self._given[0].ndim == 2 and len(self._given[0]) == len(self.x):
            self.classifier = self._given[0].double().cpu().numpy()
