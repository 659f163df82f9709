"""Explain a whole video: window by window, for one class, stitched into one map per frame."""

from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import nn

from videxplain.attribution.axes import checked_order
from videxplain.attribution.engine import Precision
from videxplain.attribution.layers import FusedLayers, LayerCall
from videxplain.attribution.registry import Attribution, Method
from videxplain.attribution.targets import Contrast, Target, class_index, describe, score_function
from videxplain.data.stream import FrameSource
from videxplain.device import device_of
from videxplain.exclusive import alone
from videxplain.explanation.conservation import Conservation
from videxplain.explanation.familiarity import measurement_of, pass_of
from videxplain.explanation.frame_maps import FrameMaps
from videxplain.explanation.windows.leaders import FixedTarget, LeadingClasses
from videxplain.explanation.windows.maps import WindowMaps
from videxplain.explanation.windows.plan import plan, window_inputs
from videxplain.explanation.windows.runner import WindowRunner
from videxplain.explanation.windows.stitching import are_coarse, kept_maps, probabilities_of, stitch, width_key
from videxplain.models.config import ModelConfig, TokenLayout
from videxplain.models.familiarity import ClipFamiliarity
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
        tokens: How the tokens of a transformer lie, if neither its configuration nor a pass says it.
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
    leaders = _leaders(method, target, config)
    run = WindowRunner(module, method, layer, tokens, precision, options)

    total = np.zeros(config.num_outcomes)
    divided: dict[tuple[int, int], NDArray[np.float64]] = {}
    if progress:
        progress(0, len(whole.windows))  # a window of a method with many passes takes minutes
    with closing(WindowMaps()) as kept:
        for i, x in enumerate(window_inputs(source, whole, range(len(whole.windows)), config, device)):
            result = run(x, leaders.choose, measured=True)
            total += probabilities_of(result.logits, config)
            keys, by_frame = kept_maps(leaders.keys, result, config.num_frames)
            kept.add(keys, by_frame)
            divided.update(_divided(i, leaders.keys, result))
            if on_window:
                on_window(whole.windows[i], whole.shares[i], by_frame[0])
            if progress:
                progress(i + 1, len(whole.windows))
        mean = (total / len(whole.windows)).astype(np.float32)

        best = int(mean.argmax())
        key = best if isinstance(leaders, LeadingClasses) else 0
        missing = [i for i in range(len(whole.windows)) if key not in kept.keys(i)]
        again = FixedTarget([score_function(best, config.num_outcomes)], key=key)
        for i, x in zip(missing, window_inputs(source, whole, missing, config, device), strict=True):
            rerun = run(x, again.choose)
            kept.replace(i, *kept_maps(again.keys, rerun, config.num_frames))
            divided.update(_divided(i, again.keys, rerun))
        coarse = are_coarse(result.maps, method, config.num_frames)
        stitched = stitch(kept, key, whole, source.num_frames, coarse)
        # The errors of windows may go together, so their half-widths are added like the maps; chance alone adds less.
        has_widths = result.half_widths is not None
        half_widths = stitch(kept, width_key(key), whole, source.num_frames, coarse) if has_widths else None
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


def _leaders(method: Method, target: Target | None, config: ModelConfig) -> FixedTarget | LeadingClasses:
    """Which scores each window is explained for."""
    if method.candidates == 0:
        return FixedTarget([lambda logits: logits[:, 0]])
    if target is None:
        return LeadingClasses(method.candidates, config)
    return FixedTarget([score_function(target, config.num_outcomes, config.outcome_labels)])


def _divided(window: int, keys: list[int], result: Attribution) -> dict[tuple[int, int], NDArray[np.float64]]:
    """For a method that divides the score, by window and class what the pixels got and what there was to divide."""
    if result.conserved is None:
        return {}
    pairs = result.conserved[:, 0].double().cpu().numpy()
    return {(window, key): pair for key, pair in zip(keys, pairs, strict=True)}


def _sum(pairs: list[NDArray[np.float64]]) -> Conservation | None:
    return Conservation(*map(float, np.sum(pairs, 0))) if pairs else None


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


def _target_index(method: Method, target: Target | None, best: int, config: ModelConfig) -> int | None:
    if method.candidates == 0:
        return None
    if target is None:
        return best
    if isinstance(target, Contrast) or callable(target):
        return None
    return class_index(target, config.num_outcomes, config.outcome_labels)


def _target_words(method: Method, target: Target | None, best: int, config: ModelConfig) -> str:
    if method.candidates == 0:
        return ""
    return describe(best if target is None else target, config.num_outcomes, config.outcome_labels)
