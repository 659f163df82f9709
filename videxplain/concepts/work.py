"""Works on one shard of a search for concepts, perhaps in another process: samples places, or measures videos."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.attribution.api import check_input
from videxplain.attribution.layers import resolve
from videxplain.attribution.versions import versions_at_once
from videxplain.concepts.factors import Factors
from videxplain.concepts.importance import Importance, measure_importance
from videxplain.concepts.layer import Rest, read
from videxplain.concepts.rows import VideoRow
from videxplain.concepts.settings import Settings
from videxplain.data.stream import FileFrames
from videxplain.device import device_of
from videxplain.errors import VidexplainError
from videxplain.explanation.windows.plan import Plan, plan, window_inputs
from videxplain.explanation.windows.stitching import per_frame, probabilities_of
from videxplain.models.config import ModelConfig
from videxplain.runs.task import ShardTask


@dataclass(frozen=True)
class Task(ShardTask[Settings]):
    """A shard of a search.

    Attributes:
        factors: The concepts, for :func:`measure_shard`.
    """

    factors: Factors | None = None


@dataclass(frozen=True)
class Sample:
    """The sample of a shard.

    Attributes:
        places: ``(n, C)``, the activations at the sampled places.
        smallest: The smallest value at all places, also those that were not sampled.
        error: Why a video could not be read; empty if all could.
    """

    places: NDArray[np.float32]
    smallest: float
    error: str


@dataclass(frozen=True)
class Measured:
    """The rows of a shard, and its maps ``(K, T, h, w)`` by the name of the video."""

    rows: list[VideoRow]
    maps: dict[str, NDArray[np.float32]]


def sample_shard(task: Task) -> Sample:
    """Sample places of the videos of a shard, the same number from each video, drawn from all its windows."""
    model = task.model
    quota = max(1, task.settings.places // task.settings.videos)
    # If there are more videos than places, some videos give none.
    chance = task.settings.places / task.settings.videos
    parts, smallest, error = [], np.inf, ""
    for entry in task.entries:
        rng = np.random.default_rng([task.settings.seed, entry.number])
        wanted = quota if chance >= 1 or rng.uniform() < chance else 0
        try:
            places, least = _sample_video(model, entry.path, task.settings.layer, wanted, rng)
        except VidexplainError as raised:  # its row will say it again
            error = error or str(raised)
            continue
        parts.append(places)
        smallest = min(smallest, least)
    return Sample(np.concatenate(parts) if parts else np.zeros((0, 0), np.float32), smallest, error)


def measure_shard(task: Task) -> Measured:
    """Measure the concepts in the videos of a shard. The results do not depend on where this runs."""
    model = task.model
    assert task.factors is not None
    rest = Rest(model, resolve(model, task.settings.layer))
    result = Measured([], {})
    for entry in task.entries:
        try:
            values, maps = _measure_video(model, entry.path, task.factors, rest, task.settings)
        except VidexplainError as error:
            result.rows.append(VideoRow(**entry.columns, error=str(error)))
            continue
        result.rows.append(VideoRow(**entry.columns, **values))
        result.maps[entry.name] = maps
    return result


def windows_together(model: nn.Module, source: FileFrames, whole: Plan) -> Iterator[Tensor]:
    """The windows of a video in batches ``(N, 3, T, h, w)``, as many together as fit the memory."""
    config: ModelConfig = model.config  # type: ignore[assignment]
    waiting: list[Tensor] = []
    for x in window_inputs(source, whole, range(len(whole.windows)), config, device_of(model)):
        waiting.append(x)
        if len(waiting) >= versions_at_once(model, x, traced=True):
            yield torch.cat(waiting)
            waiting = []
    if waiting:
        yield torch.cat(waiting)


def _sample_video(
    model: nn.Module, path: Path, name: str, wanted: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], float]:
    """``wanted`` places ``(n, C)`` of one video, and the smallest value of all its places."""
    config: ModelConfig = model.config  # type: ignore[assignment]
    source = FileFrames(path)
    whole = plan(source.num_frames, config)
    layer = resolve(model, name)
    parts, smallest = [], np.inf
    chosen: NDArray[np.int64] | None = None
    seen = 0
    for x in windows_together(model, source, whole):
        activations = read(model, x, layer)[0]
        places = activations.movedim(1, -1).reshape(-1, activations.shape[1])
        if not bool(torch.isfinite(places).all()):
            raise VidexplainError(f"layer '{name}' holds NaN or infinite values")
        smallest = min(smallest, float(places.min()))
        if chosen is None:
            total = len(places) // len(x) * len(whole.windows)
            chosen = np.sort(rng.choice(total, min(wanted, total), replace=False))
        here = chosen[(chosen >= seen) & (chosen < seen + len(places))] - seen
        parts.append(places[torch.from_numpy(here).to(places.device)].cpu().numpy())
        seen += len(places)
    return np.concatenate(parts).astype(np.float32), smallest


def _measure_video(
    model: nn.Module, path: Path, factors: Factors, rest: Rest, settings: Settings
) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """The values of a video's row, and its coefficients ``(K, T, h, w)``, one map a frame."""
    config: ModelConfig = model.config  # type: ignore[assignment]
    source = FileFrames(path)
    whole = plan(source.num_frames, config)
    middle = len(whole.windows) // 2
    activity = _Activity(factors, whole, source.num_frames, config.num_frames)
    said = np.zeros(config.num_outcomes)
    done = 0
    window: Tensor | None = None
    for x in windows_together(model, source, whole):
        if not done:
            check_input(model, x)
        activations, logits = read(model, x, rest.layer)
        activity.add(activations)
        for n in range(len(x)):
            said += probabilities_of(logits[n : n + 1], config)
            if done == middle:
                window = x[n : n + 1]
            done += 1
    assert window is not None
    assert activity.maps is not None
    probabilities = said / len(whole.windows)
    best = int(probabilities.argmax())
    importance = measure_importance(rest, window, factors, config, best, designs=settings.designs, seed=settings.seed)
    row = {
        "prediction": config.label(best),
        "probability": float(probabilities[best]),
        "frames": source.num_frames,
        "filled": max(0, config.num_frames - source.num_frames),
        "fps": float(source.fps),
        "height": source.size[0],
        "width": source.size[1],
        "windows": len(whole.windows),
        "fingerprint": source.fingerprint,
        **activity.columns,
        **_importance_columns(importance, config),
    }
    return row, activity.maps


class _Activity:
    """Where, when and how strongly each concept is active in a video, added up over its windows."""

    def __init__(self, factors: Factors, whole: Plan, frames: int, window: int) -> None:
        """Nothing is added yet.

        Args:
            factors: The concepts.
            whole: The windows.
            frames: Frames of the video.
            window: Frames of a window.
        """
        self._factors, self._whole, self._frames, self._window = factors, whole, frames, window
        self.maps: NDArray[np.float32] | None = None
        self._total, self._peak = np.zeros(factors.count), np.zeros(factors.count)
        self._squares = self._errors = 0.0
        self._places = self._done = 0

    def add(self, activations: Tensor) -> None:
        """Add the activations ``(N, C, T, h, w)`` of the next N windows."""
        values = activations.movedim(1, -1).cpu().double().numpy()
        flat = values.reshape(-1, values.shape[-1])
        found = self._factors.coefficients(flat)
        self._squares += float((flat**2).sum())
        self._errors += float(((flat - found @ self._factors.directions) ** 2).sum())
        self._total += found.sum(0)
        self._peak = np.maximum(self._peak, found.max(0, initial=0))
        self._places += len(found)
        video = np.moveaxis(found.reshape(*values.shape[:-1], self._factors.count), -1, 1).astype(np.float32)
        for one in video:
            self._add_maps(one)

    def _add_maps(self, maps: NDArray[np.float32]) -> None:
        frames = per_frame(torch.from_numpy(maps)[:, None], self._window)
        if self.maps is None:
            self.maps = np.zeros((self._factors.count, self._frames, *frames.shape[2:]), np.float32)
        places, shares = self._whole.windows[self._done], self._whole.shares[self._done]
        for at, share, one in zip(places, shares, frames.swapaxes(0, 1), strict=True):
            self.maps[:, at] += share * one
        self._done += 1

    @property
    def columns(self) -> dict[str, Any]:
        """The columns ``explained``, ``mean`` and ``peak`` of the video's row."""
        return {
            "explained": 1 - self._errors / self._squares if self._squares > 0 else 0.0,
            "mean": (self._total / self._places).tolist(),
            "peak": self._peak.tolist(),
        }


def _importance_columns(found: Importance, config: ModelConfig) -> dict[str, Any]:
    """The columns of a video's row that say how much the score depends on each concept."""
    return {
        "score": found.score,
        "score_reconstructed": found.reconstructed,
        "score_without": found.without.tolist(),
        "window_probability": found.probability,
        "probability_reconstructed": found.reconstructed_probability,
        "probability_without": found.without_probability.tolist(),
        "prediction_reconstructed": config.label(found.reconstructed_label),
        "prediction_without": [config.label(int(k)) for k in found.without_label],
        "sobol": found.sobol.tolist(),
        "gradient_x_activation": found.gradient_x_activation.tolist(),
        "rest": found.rest,
    }
