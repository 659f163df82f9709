"""Explains several videos together: their windows share batches. Each video is explained for its own prediction."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.attribution.api import check_input
from videxplain.attribution.default_layer import find_layer
from videxplain.attribution.engine import Precision
from videxplain.attribution.fusion import run_method
from videxplain.attribution.passes import Choose, Pass
from videxplain.attribution.registry import Method
from videxplain.attribution.targets import Score
from videxplain.attribution.versions import versions_at_once
from videxplain.audit.answers import Answer, Question
from videxplain.audit.features import BatchFeatures, Seen
from videxplain.data.stream import FileFrames
from videxplain.device import device_of
from videxplain.errors import VidexplainError
from videxplain.explanation.windows.leaders import leading_classes
from videxplain.explanation.windows.maps import WindowMaps
from videxplain.explanation.windows.plan import plan, window_inputs
from videxplain.explanation.windows.stitching import are_coarse, per_frame, probabilities_of, stitch
from videxplain.models.config import ModelConfig
from videxplain.models.familiarity import ClipFamiliarity


class _Video:
    """A video of which not all windows have gone through the network."""

    def __init__(self, question: Question, config: ModelConfig) -> None:
        self.question = question
        self.source = FileFrames(question.path)
        self.whole = plan(self.source.num_frames, config)
        self.records = WindowMaps()
        self.total = np.zeros(config.num_outcomes)
        self.logits = np.zeros(config.num_classes)
        self.features: NDArray[np.float64] | None = None
        self.middle: Tensor | None = None
        self.seconds = 0.0
        self.done = 0
        self.coarse = False
        self.distance = self.energy = 0.0
        self.measured = 0

    def add(self, seen: Seen, n: int) -> None:
        """Add the features of a window, the ``n``-th of its batch."""
        if seen.classifier is not None:
            self.features = seen.classifier[n] if self.features is None else self.features + seen.classifier[n]
        if seen.distance is not None and seen.energy is not None:
            self.distance += float(seen.distance[n])
            self.energy += float(seen.energy[n])
            self.measured += 1

    def candidates(self, total: NDArray[np.float64], said: NDArray[np.float64], windows: int, count: int) -> list[int]:
        """The classes that can still win, and the truth. For the arguments see ``leading_classes``."""
        leading = leading_classes(total, said, windows, count)
        truth = self.question.truth
        return leading if truth is None or truth in leading else [*leading, truth]


class Batches:
    """Explains videos with one network and one method."""

    def __init__(
        self,
        model: nn.Module,
        config: ModelConfig,
        method: Method,
        *,
        layer: str | None = None,
        precision: Precision = "fp32",
        options: dict[str, Any] | None = None,
        together: int | None = None,
    ) -> None:
        """Nothing is computed yet.

        Args:
            model: The network.
            config: What the network expects.
            method: The method.
            layer: Dotted name, or None for the method's default.
            precision: See :func:`videxplain.attribute`.
            options: Values of the method's options, by name.
            together: Windows in a batch; None for as many as fit a fixed amount of memory.
        """
        self._model, self._config, self._method = model, config, method
        self._layer_name, self._precision, self._options = layer, precision, options or {}
        self._together = together
        self._features = BatchFeatures(model, config.num_classes)
        self._layer: Any = None
        self._ready = False

    def explain(self, questions: Sequence[Question]) -> Iterator[Answer]:
        """Explain videos, and yield the answers in order. The answer for a video that cannot be read has an error."""
        waiting: list[tuple[_Video, Tensor]] = []
        opened: list[_Video | Answer] = []
        for question in questions:
            try:
                video = _Video(question, self._config)
                opened.append(video)
                device = device_of(self._model)
                middle = len(video.whole.windows) // 2
                inputs = window_inputs(video.source, video.whole, range(len(video.whole.windows)), self._config, device)
                for i, x in enumerate(inputs):
                    if i == middle:
                        video.middle = x
                    waiting.append((video, x))
                    if len(waiting) >= (self._together or versions_at_once(self._model, x)):
                        self._run(waiting)
                        waiting = []
            except VidexplainError as error:
                if opened and isinstance(opened[-1], _Video) and opened[-1].question is question:
                    waiting = [one for one in waiting if one[0] is not opened[-1]]
                    opened.pop().records.close()  # type: ignore[union-attr]
                opened.append(Answer(question, error=" ".join(str(error).split())))
            while opened and (isinstance(opened[0], Answer) or opened[0].done == len(opened[0].whole.windows)):
                yield self._finished(opened.pop(0))
        if waiting:
            self._run(waiting)
        for one in opened:
            yield self._finished(one)

    def _run(self, batch: list[tuple[_Video, Tensor]]) -> None:
        x = torch.cat([one for _, one in batch])
        if not self._ready:
            check_input(self._model, x)
            self._layer = find_layer(self._method, self._model, x, self._layer_name)
            self._ready = True
        keys: list[list[int]] = []
        begun = time.perf_counter()
        with self._features.watching(x) as watch:

            def choose(logits: Tensor) -> list[Score]:
                # The scores are chosen after the pass of the clips themselves, before those of changed clips.
                watch.keep()
                return self._choose(logits, batch, keys)

            p = Pass(self._model, x, choose, self._layer, self._precision)
            result = run_method(self._method, p, **self._options)
        seen = self._features.of(watch, result.logits)
        seconds = (time.perf_counter() - begun) / len(batch)
        for n, (video, _) in enumerate(batch):
            logits = result.logits[n : n + 1]
            video.total += probabilities_of(logits, self._config)
            video.logits += logits[0].double().cpu().numpy()
            video.add(seen, n)
            own = keys[n] if self._method.candidates else [0]
            maps = result.maps[: len(own), n : n + 1]
            video.records.add(own, per_frame(maps, self._config.num_frames))
            video.coarse = are_coarse(result.maps, self._method, self._config.num_frames)
            video.seconds += seconds
            video.done += 1

    def _choose(self, logits: Tensor, batch: list[tuple[_Video, Tensor]], keys: list[list[int]]) -> list[Score]:
        if not self._method.candidates:
            return [lambda out: out[:, 0]]
        totals: dict[int, tuple[NDArray[np.float64], int]] = {}
        for n, (video, _) in enumerate(batch):
            said = probabilities_of(logits[n : n + 1], self._config)
            # Windows of one video in one batch count for each other in their order.
            before, windows = totals.get(id(video), (video.total, video.done))
            totals[id(video)] = total, windows = before + said, windows + 1
            keys.append(video.candidates(total, said, windows, self._method.candidates))
        most = max(map(len, keys))
        index = torch.tensor([one + [one[0]] * (most - len(one)) for one in keys], device=logits.device)
        return [own_outcome(index[:, m]) for m in range(most)]

    def _finished(self, video: _Video | Answer) -> Answer:
        if isinstance(video, Answer):
            return video
        count = len(video.whole.windows)
        with closing(video.records):
            answer = Answer(
                question=video.question,
                source=video.source,
                whole=video.whole,
                probabilities=(video.total / count).astype(np.float32),
                logits=(video.logits / count).astype(np.float32),
                middle=video.middle,
                seconds=video.seconds,
                windows=count,
            )
            if self._features.limits and video.measured == count:
                distance_limit, energy_limit = self._features.limits
                answer.familiarity = ClipFamiliarity(
                    video.distance / count, distance_limit, video.energy / count, energy_limit
                )
            if video.features is not None:
                answer.features = (video.features / count).astype(np.float32)
            wanted = {"prediction": answer.prediction}
            if video.question.truth not in (None, answer.prediction):
                wanted["truth"] = int(video.question.truth or 0)
            for what, label in wanted.items():
                key = label if self._method.candidates else 0
                self._complete(video, key, answer)
                answer.maps[what] = stitch(video.records, key, video.whole, video.source.num_frames, video.coarse)
                if what == "prediction":
                    answer.middle_map = video.records.read(count // 2, key)
        return answer

    def _complete(self, video: _Video, key: int, answer: Answer) -> None:
        """Run windows again that kept no map of the class, which is rare."""
        missing = [i for i in range(len(video.whole.windows)) if key not in video.records.keys(i)]
        device = device_of(self._model)
        for i, x in zip(missing, window_inputs(video.source, video.whole, missing, self._config, device), strict=True):
            score = own_outcome(torch.full((1,), key, device=x.device))
            p = Pass(self._model, x, always(score), self._layer, self._precision)
            result = run_method(self._method, p, **self._options)
            video.records.replace(i, [key], per_frame(result.maps, self._config.num_frames))
            answer.windows += 1


def always(score: Score) -> Choose:
    """Choose this score for any logits."""
    return lambda _: [score]


def own_outcome(index: Tensor) -> Score:
    """A score that differs from sample to sample.

    Args:
        index: ``(N,)``, the outcome of each sample. Outcome 1 of a network with one output is the complement: its score
            is minus the output.
    """

    def score(logits: Tensor) -> Tensor:
        every = torch.cat([logits, -logits], 1) if logits.shape[1] == 1 else logits
        return every.gather(1, index[:, None])[:, 0]

    return score
