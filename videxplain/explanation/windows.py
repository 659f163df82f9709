"""Explain a whole video: window by window, for one class, stitched into one map per frame."""

from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.attribution.api import check_input
from videxplain.attribution.axes import checked_order
from videxplain.attribution.default_layer import find_layer
from videxplain.attribution.engine import Precision
from videxplain.attribution.fusion import run_method
from videxplain.attribution.layers import FusedLayers, LayerCall
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, Method, magnitude
from videxplain.attribution.targets import Score, Target, class_index, describe, score_function
from videxplain.data.stream import FrameSource
from videxplain.device import device_of
from videxplain.errors import VidexplainError
from videxplain.exclusive import alone
from videxplain.explanation.conservation import Conservation
from videxplain.explanation.familiarity import measurement_of, pass_of
from videxplain.explanation.frame_maps import FrameMaps
from videxplain.explanation.plan import Plan, plan, window_inputs
from videxplain.explanation.window_maps import WindowMaps
from videxplain.models.config import ModelConfig, TokenLayout
from videxplain.models.familiarity import ClipFamiliarity
from videxplain.models.outputs import probabilities
from videxplain.models.stages import stage_features
from videxplain.progress import Progress

WindowSeen: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]], None]
"""Called after each window: its frames ``(T,)``, their shares ``(T,)``, the maps ``(T, h, w)`` of the leading class."""


@dataclass(frozen=True)
class VideoAttribution:
    """The explanation of a whole video.

    Attributes:
        probabilities: ``(K,)``, the probability of each outcome averaged over windows.
        target: What was explained, in words; empty for a method that looks at no score.
        index: The class that was explained, or None where it was no single class.
        layer: Where, or None for the input.
        maps: One raw map per frame.
        windows: How many passes of the network it took.
        familiarity: How far the clip is from those that the network has learned from; None if its weights do not say.
        notes: What a reader of the maps must know, as the method said it.
        half_widths: Half the width of the 95 % interval of each value of the maps; None for a method without intervals.
        conserved: How much of the score a method has divided among the pixels; None for a method that divides none.
    """

    probabilities: NDArray[np.float32]
    target: str
    index: int | None
    layer: LayerCall | FusedLayers | None
    maps: FrameMaps
    windows: int
    familiarity: ClipFamiliarity | None = None
    half_widths: FrameMaps | None = None
    notes: tuple[str, ...] = ()
    conserved: Conservation | None = None


def attribute_video(
    module: nn.Module,
    source: FrameSource,
    config: ModelConfig,
    method: Method,
    *,
    target: Target | None = None,
    layer: str | nn.Module | None = None,
    tokens: TokenLayout | None = None,
    precision: Precision = "fp32",
    stride: int | None = None,
    progress: Progress | None = None,
    on_window: WindowSeen | None = None,
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
        layer: Dotted name or the module itself, or None for the method's default.
        tokens: How the tokens of a transformer lie, where neither its configuration nor a pass says.
        precision: See :func:`videxplain.attribute`.
        stride: Frames from one consecutive window to the next.
        progress: Called with the windows done and the windows in all.
        on_window: Called with what each window gives, so that it can be shown before the last one is done.
        **options: The options of the method.

    Raises:
        VidexplainError: What :func:`videxplain.attribute` refuses, or an output that is not finite.
    """
    method.check_options(options)
    whole = plan(source.num_frames, config, stride)
    device = device_of(module)
    if method.candidates == 0:
        leaders: FixedTarget | LeadingClasses = FixedTarget([lambda logits: logits[:, 0]])
    elif target is None:
        leaders = LeadingClasses(method.candidates, config)
    else:
        leaders = FixedTarget([score_function(target, config.num_outcomes, config.outcome_labels)])
    run = _Runner(module, method, layer, tokens, precision, options)

    total = np.zeros(config.num_outcomes)
    divided: dict[tuple[int, int], NDArray[np.float64]] = {}
    with closing(WindowMaps()) as kept:
        for i, x in enumerate(window_inputs(source, whole, range(len(whole.windows)), config, device)):
            result = run(x, leaders.choose, measured=True)
            total += probabilities_of(result.logits, config)
            keys, by_frame = _kept_maps(leaders.keys, result, config.num_frames)
            kept.add(keys, by_frame)
            divided.update(_divided(i, leaders.keys, result))
            if on_window:
                on_window(whole.windows[i], whole.shares[i], by_frame[0])
            # Several frames share a step of the layer, or a box or cell that is hidden.
            shape = result.maps.shape
            coarse = method.family == "perturbation" or (len(shape) == 5 and shape[2] < config.num_frames)
            if progress:
                progress(i + 1, len(whole.windows))
        mean = (total / len(whole.windows)).astype(np.float32)

        best = int(mean.argmax())
        key = best if isinstance(leaders, LeadingClasses) else 0
        missing = [i for i in range(len(whole.windows)) if key not in kept.keys(i)]
        again = FixedTarget([score_function(best, config.num_outcomes)], key=key)
        for i, x in zip(missing, window_inputs(source, whole, missing, config, device), strict=True):
            rerun = run(x, again.choose)
            kept.replace(i, *_kept_maps(again.keys, rerun, config.num_frames))
            divided.update(_divided(i, again.keys, rerun))
        stitched = stitch(kept, key, whole, source.num_frames)
        # The errors of windows may go together, so their half-widths are added like the maps; chance alone adds less.
        has_widths = result.half_widths is not None
        half_widths = stitch(kept, _width_key(key), whole, source.num_frames) if has_widths else None
    if coarse and whole.interval > 1:
        # The maps of windows side by side alternate from frame to frame. Each window has a scale of its own, so the
        # video would flicker without this interpolation.
        stitched = stitched.between(whole.interval)
        half_widths = half_widths.between(whole.interval) if half_widths else None

    return VideoAttribution(
        probabilities=mean,
        target=_target_words(method, target, best, config),
        index=_target_index(method, target, best, config),
        layer=run.layer,
        maps=stitched,
        windows=len(whole.windows) + len(missing),
        familiarity=run.measurement.result() if run.measurement else None,
        half_widths=half_widths,
        notes=tuple(run.notes),
        conserved=_sum([pair for (_, of), pair in divided.items() if of == key]),
    )


def _divided(window: int, keys: list[int], result: Attribution) -> dict[tuple[int, int], NDArray[np.float64]]:
    """For a method that divides the score, by window and class what the pixels got and what there was to divide."""
    if result.conserved is None:
        return {}
    pairs = result.conserved[:, 0].double().cpu().numpy()
    return {(window, key): pair for key, pair in zip(keys, pairs, strict=True)}


def _sum(pairs: list[NDArray[np.float64]]) -> Conservation | None:
    return Conservation(*map(float, np.sum(pairs, 0))) if pairs else None


def _width_key(key: int) -> int:
    """The key under which the half-widths of a class's intervals are kept; classes have keys from 0."""
    return -1 - key


def _kept_maps(keys: list[int], result: Attribution, frames: int) -> tuple[list[int], NDArray[np.float32]]:
    """The maps of a window by frame, and the half-widths of their intervals behind them, with their keys."""
    by_frame = per_frame(result.maps, frames)
    if result.half_widths is None:
        return keys, by_frame
    both = np.concatenate([by_frame, per_frame(result.half_widths, frames)])
    return [*keys, *map(_width_key, keys)], both


def predict_video(
    module: nn.Module,
    source: FrameSource,
    config: ModelConfig,
    *,
    stride: int | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float32], ClipFamiliarity | None]:
    """What the network says of a clip, over the same windows that :func:`attribute_video` looks at.

    Returns:
        The probability of each outcome, averaged over windows, and how far the clip is from those that the network has
        learned from; None if its weights do not say.
    """
    whole = plan(source.num_frames, config, stride)
    device = device_of(module)
    measurement = measurement_of(module)
    total = np.zeros(config.num_outcomes)
    for i, x in enumerate(window_inputs(source, whole, range(len(whole.windows)), config, device)):
        with alone(module), nullcontext() if i else checked_order(module, x.shape):
            logits, features = pass_of(module, x, measurement.stages if measurement else ())
        total += probabilities_of(logits, config)
        if measurement and features is not None:
            measurement.add(features, logits)
        if progress:
            progress(i + 1, len(whole.windows))
    return (total / len(whole.windows)).astype(np.float32), measurement.result() if measurement else None


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


class _Runner:
    """One method on one network. It looks for the layer when it gets the first window."""

    def __init__(
        self,
        module: nn.Module,
        method: Method,
        wanted: str | nn.Module | None,
        tokens: TokenLayout | None,
        precision: Precision,
        options: dict[str, Any],
    ) -> None:
        self._module, self._method, self._wanted, self._tokens = module, method, wanted, tokens
        self._precision, self._options = precision, options
        self.layer: LayerCall | FusedLayers | None = None
        self.measurement = measurement_of(module)
        self.notes: dict[str, None] = {}
        self._ready = False

    def __call__(self, x: Tensor, choose: Callable[[Tensor], list[Score]], measured: bool = False) -> Attribution:
        """What the method says of a window; ``measured`` counts it for the familiarity of the clip."""
        if not self._ready:
            check_input(self._module, x)
            with alone(self._module), checked_order(self._module, x.shape):
                self.layer = find_layer(self._method, self._module, x, self._wanted, self._tokens)
                result = self._measured(x, choose, measured)
            self._ready = True
            return result
        return self._measured(x, choose, measured)

    def _measured(self, x: Tensor, choose: Callable[[Tensor], list[Score]], measured: bool) -> Attribution:
        """The same, once the layer is known."""
        if not (measured and self.measurement):
            return self._explained(x, choose)
        features: list[Tensor | None] = []

        def choose_and_keep(logits: Tensor) -> list[Score]:
            # The scores are chosen after the pass of the clip itself, before those of changed clips.
            features.append(seen.row())
            seen.done = True
            return choose(logits)

        with stage_features(self._module, self.measurement.stages) as seen:
            result = self._explained(x, choose_and_keep)
        known = features[0] if features else None
        if known is None:
            _, known = pass_of(self._module, x, self.measurement.stages)
        if known is not None:
            self.measurement.add(known, result.logits)
        return result

    def _explained(self, x: Tensor, choose: Callable[[Tensor], list[Score]]) -> Attribution:
        one = Pass(self._module, x, choose, self.layer, self._precision, self._tokens)
        result = run_method(self._method, one, **self._options)
        self.notes.update(dict.fromkeys(result.notes))
        return result


def probabilities_of(logits: Tensor, config: ModelConfig) -> NDArray[np.float64]:
    """What the output ``(1, K)`` says of each outcome; raises where K is not that of the configuration."""
    if not torch.isfinite(logits).all():
        raise VidexplainError(
            f"{config.architecture} returned NaN or infinite values for this clip, so there is nothing to explain: "
            "its weights may be damaged, or its numbers overflow"
        )
    return probabilities(logits, config)[0].double().cpu().numpy()


def per_frame(maps: Tensor, frames: int) -> NDArray[np.float32]:
    """Maps of one window ``(M, T, h, w)``, enlarged in time alone; input gradients become their largest channel."""
    if maps.ndim == 6:
        return magnitude(maps[:, 0]).float().cpu().numpy()
    maps = maps[:, 0].float()
    if maps.shape[1] != frames:
        size = (frames, *maps.shape[2:])
        maps = F.interpolate(maps[:, None], size=size, mode="trilinear", align_corners=False)[:, 0]
    return np.ascontiguousarray(maps.cpu().numpy())


def stitch(kept: WindowMaps, key: int, whole: Plan, num_frames: int) -> FrameMaps:
    """One map a frame: the windows' maps for one class, each with its share of the frame."""
    maps: FrameMaps | None = None
    for i, (window, shares) in enumerate(zip(whole.windows, whole.shares, strict=True)):
        values = kept.read(i, key)
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
    return class_index(target, config.num_outcomes, config.outcome_labels) if isinstance(target, int | str) else None


def _target_words(method: Method, target: Target | None, best: int, config: ModelConfig) -> str:
    if method.candidates == 0:
        return ""
    return describe(best if target is None else target, config.num_outcomes, config.outcome_labels)
