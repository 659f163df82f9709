"""Explain a whole video: window by window, for one class, stitched into one map per frame."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.attribution.api import check_input, check_options, find_layer
from videxplain.attribution.engine import Precision, forward
from videxplain.attribution.fusion import run_method
from videxplain.attribution.layers import FusedLayers, LayerCall
from videxplain.attribution.registry import Method, magnitude
from videxplain.attribution.targets import Score, Target, class_index, describe, score_function
from videxplain.data.stream import FrameSource
from videxplain.device import device_of
from videxplain.errors import VidexplainError
from videxplain.explanation.frame_maps import FrameMaps
from videxplain.explanation.plan import Plan, plan, window_inputs
from videxplain.explanation.window_maps import Records
from videxplain.models.config import ModelConfig
from videxplain.progress import Progress
from videxplain.untouched import untouched


@dataclass(frozen=True)
class VideoAttribution:
    """What was found in a whole video.

    Attributes:
        probabilities: ``(K,)``, the softmax averaged over windows.
        target: What was explained, in words; empty for a method that looks at no score.
        index: The class that was explained, or None where it was no single class.
        layer: Where, or None for the input.
        maps: One raw map per frame.
        windows: How many passes of the network it took.
    """

    probabilities: NDArray[np.float32]
    target: str
    index: int | None
    layer: LayerCall | FusedLayers | None
    maps: FrameMaps
    windows: int


def attribute_video(
    module: nn.Module,
    source: FrameSource,
    config: ModelConfig,
    method: Method,
    *,
    target: Target | None = None,
    layer: str | None = None,
    precision: Precision = "fp32",
    stride: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> VideoAttribution:
    """Explain every frame of a video for one target.

    The class predicted for the whole video is known only after its last window. Until then each window's maps are
    kept for the few classes that lead so far, so that the network runs once a window; a window at which the final
    class was not among them is run again.

    Args:
        module: The network.
        source: The frames.
        config: What the network expects.
        method: An entry of the table of methods.
        target: As in :func:`videxplain.attribute`, for one sample; None for the class predicted for the whole video.
        layer: Dotted name, or None for the default.
        precision: See :func:`videxplain.attribute`.
        stride: Frames from one consecutive window to the next.
        progress: Told how far it is.
        **options: What the method takes besides.
    """
    check_options(method, options)
    whole = plan(source.num_frames, config, stride)
    device = device_of(module)
    if method.candidates == 0:
        leaders: FixedTarget | LeadingClasses = FixedTarget([lambda logits: logits[:, 0]])
    elif target is None:
        leaders = LeadingClasses(method.candidates)
    else:
        leaders = FixedTarget([score_function(target, config.num_classes, config.labels)])
    run = _Runner(module, method, layer, precision, options)

    total = np.zeros(config.num_classes)
    with closing(Records()) as records:
        for i, x in enumerate(window_inputs(source, whole, range(len(whole.windows)), config, device)):
            logits, maps = run(x, leaders.choose)
            total += _probabilities(logits, config)
            records.add(leaders.keys, _per_frame(maps, config.num_frames))
            # Several frames share a step of the layer, or a box or cell that is hidden.
            coarse = method.family == "perturbation" or (maps.ndim == 5 and maps.shape[2] < config.num_frames)
            if progress:
                progress(i + 1, len(whole.windows))
        mean = (total / len(whole.windows)).astype(np.float32)

        best = int(mean.argmax())
        key = best if isinstance(leaders, LeadingClasses) else 0
        missing = [i for i in range(len(whole.windows)) if key not in records.keys(i)]
        again = FixedTarget([score_function(best, config.num_classes)], key=key)
        for i, x in zip(missing, window_inputs(source, whole, missing, config, device), strict=True):
            _, maps = run(x, again.choose)
            records.replace(i, again.keys, _per_frame(maps, config.num_frames))
        stitched = _stitch(records, key, whole, source.num_frames)
    if coarse and whole.interval > 1:
        # Interpolated between the frames of a window, so between those of windows side by side as well: each has its
        # own scale, and one after the other they would flicker.
        stitched = stitched.between(whole.interval)

    return VideoAttribution(
        probabilities=mean,
        target=_target_words(method, target, best, config),
        index=_target_index(method, target, best, config),
        layer=run.found,
        maps=stitched,
        windows=len(whole.windows) + len(missing),
    )


def predict_video(
    module: nn.Module,
    source: FrameSource,
    config: ModelConfig,
    *,
    stride: int | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """The softmax ``(K,)`` averaged over the same windows that :func:`attribute_video` looks at."""
    whole = plan(source.num_frames, config, stride)
    device = device_of(module)
    total = np.zeros(config.num_classes)
    for i, x in enumerate(window_inputs(source, whole, range(len(whole.windows)), config, device)):
        with untouched(module), torch.no_grad():
            total += _probabilities(forward(module, x), config)
        if progress:
            progress(i + 1, len(whole.windows))
    return (total / len(whole.windows)).astype(np.float32)


class FixedTarget:
    """The targets are known from the start."""

    def __init__(self, scores: list[Score], key: int = 0) -> None:
        self._scores, self.keys = scores, [key]

    def choose(self, logits: Tensor) -> list[Score]:
        """The scores to explain."""
        return self._scores


class LeadingClasses:
    """The classes most likely to win in the end: those ahead so far, and the window's own best."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._total: Tensor | None = None
        self.keys: list[int] = []

    def choose(self, logits: Tensor) -> list[Score]:
        """One score for each of the leading classes, this window counted in."""
        probabilities = logits.softmax(dim=1)[0].double()
        self._total = probabilities if self._total is None else self._total + probabilities
        self.keys = self._total.topk(min(self._count, len(self._total))).indices.tolist()
        if self._count > 1:
            self.keys += [
                k for k in probabilities.topk(min(2, len(probabilities))).indices.tolist() if k not in self.keys
            ]
        return [score_function(key, logits.shape[1]) for key in self.keys]


class _Runner:
    """One method on one network; finds the layer at the first window."""

    def __init__(
        self, module: nn.Module, method: Method, layer: str | None, precision: Precision, options: dict[str, Any]
    ) -> None:
        self._module, self._method, self._layer = module, method, layer
        self._precision, self._options = precision, options
        self.found: LayerCall | FusedLayers | None = None
        self._ready = False

    def __call__(self, x: Tensor, choose: Callable[[Tensor], list[Score]]) -> tuple[Tensor, Tensor]:
        if not self._ready:
            check_input(self._module, x)
            self.found = find_layer(self._method, self._module, x, self._layer)
            self._ready = True
        result = run_method(self._method, self._module, x, choose, self.found, self._precision, **self._options)
        return result.logits, result.maps


def _device(module: nn.Module) -> torch.device:
    return next((p.device for p in module.parameters()), torch.device("cpu"))


def _probabilities(logits: Tensor, config: ModelConfig) -> NDArray[np.float64]:
    if logits.shape[1] != config.num_classes:
        raise VidexplainError(f"the model returned {logits.shape[1]} classes, and its config says {config.num_classes}")
    return logits.softmax(dim=1)[0].double().cpu().numpy()


def _per_frame(maps: Tensor, frames: int) -> NDArray[np.float32]:
    """Maps of one window ``(M, T, h, w)``, enlarged in time alone; input gradients become their largest channel."""
    if maps.ndim == 6:
        return magnitude(maps[:, 0]).float().cpu().numpy()
    maps = maps[:, 0].float()
    if maps.shape[1] != frames:
        size = (frames, *maps.shape[2:])
        maps = F.interpolate(maps[:, None], size=size, mode="trilinear", align_corners=False)[:, 0]
    return np.ascontiguousarray(maps.cpu().numpy())


def _stitch(records: Records, key: int, whole: Plan, num_frames: int) -> FrameMaps:
    maps: FrameMaps | None = None
    for i, (window, shares) in enumerate(zip(whole.windows, whole.shares, strict=True)):
        values = records.read(i, key)
        maps = maps or FrameMaps(num_frames, values.shape[1:])
        for frame, share, value in zip(window, shares, values, strict=True):
            maps.add(int(frame), share * value)
    assert maps is not None
    return maps


def _target_index(method: Method, target: Target | None, best: int, config: ModelConfig) -> int | None:
    if method.candidates == 0:
        return None
    if target is None:
        return best
    return class_index(target, config.num_classes, config.labels) if isinstance(target, int | str) else None


def _target_words(method: Method, target: Target | None, best: int, config: ModelConfig) -> str:
    if method.candidates == 0:
        return ""
    return describe(best if target is None else target, config.num_classes, config.labels)
