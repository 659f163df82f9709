"""Explains one shard of an audit. It may run in another process or on another machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.attribution.default_layer import find_layer
from videxplain.attribution.engine import Precision
from videxplain.attribution.fusion import run_method
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import METHODS
from videxplain.attribution.targets import Contrast
from videxplain.audit.answers import Answer, Question
from videxplain.audit.batches import Batches, own_outcome
from videxplain.audit.evidence import agreement
from videxplain.audit.map_figures import map_figures
from videxplain.audit.rows import VideoRow
from videxplain.audit.settings import Settings
from videxplain.audit.trust import measure_trust
from videxplain.explanation.windows.video import attribute_video
from videxplain.models.config import ModelConfig
from videxplain.runs.entries import Entry
from videxplain.runs.task import ShardTask
from videxplain.untouched import untouched


@dataclass(frozen=True)
class ShardResult:
    """The rows of a shard and its maps, by the name of the video and what is explained."""

    rows: list[VideoRow]
    maps: dict[tuple[str, str], NDArray[np.float32]]


def explain_shard(task: ShardTask[Settings]) -> ShardResult:
    """Explain the videos of a shard. The results do not depend on where this runs."""
    settings = task.settings
    model = task.model
    config: ModelConfig = model.config  # type: ignore[assignment]
    index = {label: k for k, label in enumerate(settings.labels)}
    batches = Batches(
        model,
        config,
        METHODS[settings.method],
        layer=settings.layer,
        precision=settings.passes,
        options=settings.options,
    )
    entries = {entry.number: entry for entry in task.entries}
    questions = [Question(e.number, e.path, None if e.truth is None else index.get(e.truth)) for e in task.entries]
    result = ShardResult([], {})
    # The state of the network is saved once for the shard, and not again for each pass.
    with untouched(model):
        for answer in batches.explain(questions):
            entry = entries[answer.question.number]
            if answer.error:
                result.rows.append(VideoRow(**entry.columns, error=answer.error))
                continue
            maps = dict(_maps(model, config, settings, answer))
            result.rows.append(_row(entry, answer, maps["prediction"], model, config, settings))
            result.maps.update({(entry.name, what): values for what, values in maps.items()})
    return result


def _maps(
    model: nn.Module, config: ModelConfig, settings: Settings, answer: Answer
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for what, maps in answer.maps.items():
        yield what, np.stack(list(maps))
    method, truth = METHODS[settings.method], answer.question.truth
    if truth is None or truth == answer.prediction or not method.candidates or answer.source is None:
        return
    contrast = attribute_video(
        model,
        answer.source,
        config,
        method,
        target=Contrast(answer.prediction, truth),
        layer=settings.layer,
        precision=settings.passes,
        **settings.options,
    )
    yield "contrast", np.stack(list(contrast.maps))


def _row(
    entry: Entry,
    answer: Answer,
    maps: NDArray[np.float32],
    model: nn.Module,
    config: ModelConfig,
    settings: Settings,
) -> VideoRow:
    assert answer.source is not None
    best, source = answer.prediction, answer.source
    truth = answer.question.truth
    measured: dict[str, Any] = agreement(settings, entry.path, maps, source.size)
    if settings.trust and answer.middle is not None and answer.middle_map is not None:
        known = answer.middle_map
        trust = measure_trust(model, config, answer.middle, known, best, seed=entry.number, precision=settings.passes)
        measured |= vars(trust)
        measured["motion"] = _share_of_motion(model, answer.middle, best, settings.passes)
    if answer.familiarity is not None:
        measured["unfamiliar"] = answer.familiarity.beyond
        measured["feature_distance"] = answer.familiarity.distance / answer.familiarity.distance_limit
    _, high = answer.maps["prediction"].range(METHODS[settings.method].signed)
    return VideoRow(
        **entry.columns,
        prediction=settings.labels[best],
        probability=float(answer.probabilities[best]),
        correct=None if entry.truth is None else entry.truth == settings.labels[best],
        truth_probability=None if truth is None else float(answer.probabilities[truth]),
        probabilities=answer.probabilities.tolist(),
        logits=answer.logits.tolist(),
        frames=len(maps),
        filled=max(0, config.num_frames - source.num_frames),
        fps=float(source.fps),
        height=source.size[0],
        width=source.size[1],
        windows=answer.windows,
        curve=maps.mean((1, 2)).tolist(),
        scale=float(high),
        features=answer.features.tolist(),
        seconds=answer.seconds,
        fingerprint=source.fingerprint,
        **vars(map_figures(maps)),
        **measured,
    )


def _share_of_motion(model: nn.Module, window: Tensor, label: int, precision: Precision) -> float | None:
    """The share of Grad-CAM's evidence in a window that vanishes when the clip stands still; None without evidence."""
    index = torch.full((1,), label, device=window.device)
    parts = []
    # The evidence that needs motion and the rest add up to Grad-CAM's map, which takes one pass.
    for name in ("motion", "gradcam"):
        method = METHODS[name]
        layer = find_layer(method, model, window, None)
        result = run_method(method, Pass(model, window, lambda _: [own_outcome(index)], layer, precision))
        parts.append(float(result.maps.sum()))
    return parts[0] / parts[1] if parts[1] > 0 else None
