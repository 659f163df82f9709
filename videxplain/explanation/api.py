"""Explain a whole clip with one call."""

import dataclasses
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from videxplain.attribution.engine import Precision
from videxplain.attribution.registry import METHODS, list_methods
from videxplain.attribution.targets import Target
from videxplain.data.clip import Clip
from videxplain.data.stream import ClipFrames, FileFrames, FrameSource
from videxplain.device import device_of
from videxplain.errors import VidexplainError
from videxplain.explanation.plan import plan, window_inputs
from videxplain.explanation.result import CONSTANT_NOTE, NO_EVIDENCE_NOTE, Explanation, Origin
from videxplain.explanation.windows import attribute_video, predict_video
from videxplain.models.config import ModelConfig
from videxplain.progress import Progress

__all__ = ["explain", "list_methods", "predict"]

UNTRAINED_NOTE = "UNTRAINED network (random weights): this explanation means nothing"


def explain(
    model: nn.Module,
    clip: Clip | FrameSource | str | Path,
    method: str = "gradcam",
    *,
    target: Target | None = None,
    layer: str | None = None,
    precision: Precision = "fp32",
    stride: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Explanation:
    """Explain every frame of a clip for one target.

    A path is decoded as a stream, so that memory does not grow with the length of the video; a clip is taken as it
    is. Where several windows of the network cover a frame, their maps are blended.

    Args:
        model: A network with a ``config``, as :func:`videxplain.load_model` gives.
        clip: A clip, a source of frames, or the path of a video or of a folder of numbered images.
        method: A name from :func:`videxplain.list_methods`.
        target: A class by index or label, a ``Contrast`` of two, a function of the logits, or None for the class
            predicted for the whole clip.
        layer: Dotted name, or None for the method's default.
        precision: ``"bf16"`` runs the part of the network before the layer in bfloat16.
        stride: Frames from one window of neighbouring frames to the next; None for half a window.
        progress: Called with the windows done and the windows in all.
        **options: What the method takes besides, such as ``pooling="frame"``.

    Raises:
        VidexplainError: Whatever the caller can put right, in one line.
    """
    config = config_of(model)
    entry = METHODS[method]
    source = as_source(clip)
    found = attribute_video(
        model,
        source,
        config,
        entry,
        target=target,
        layer=layer,
        precision=precision,
        stride=stride,
        progress=progress,
        **options,
    )
    explanation = Explanation(
        source=source,
        maps=found.maps,
        predictions=_ranked(found.probabilities, config),
        origin=Origin(
            method=method,
            model=config.architecture,
            weights=config.weights,
            layer=str(found.layer) if found.layer else "all layers" if entry.family == "attention" else "input",
            target=found.target,
            target_index=found.index,
            precision=precision,
            windows=found.windows,
            options=options,
            versions={name: version(name) for name in ("videxplain", "torch", "opencv-python-headless", "numpy")},
        ),
        signed=entry.signed,
        notes=tuple(filter(None, ("" if config.trained else UNTRAINED_NOTE, entry.caution))),
    )
    if explanation.has_evidence:
        return explanation
    note = CONSTANT_NOTE if entry.signed else NO_EVIDENCE_NOTE
    return dataclasses.replace(explanation, notes=(*explanation.notes, note))


def predict(
    model: nn.Module,
    clip: Clip | FrameSource | str | Path,
    *,
    stride: int | None = None,
    progress: Progress | None = None,
) -> list[tuple[str, float]]:
    """What a clip shows: ``(label, probability)`` of every class, best first, averaged over the windows of the clip.

    The windows are those of :func:`explain`, and so are the arguments.
    """
    config = config_of(model)
    return _ranked(predict_video(model, as_source(clip), config, stride=stride, progress=progress), config)


def as_source(clip: Clip | FrameSource | str | Path) -> FrameSource:
    """Frames from whatever a clip is given as."""
    if isinstance(clip, Clip):
        return ClipFrames(clip)
    if isinstance(clip, str | Path):
        return FileFrames(clip)
    return clip


def window_around(model: nn.Module, source: FrameSource, frame: int) -> tuple[torch.Tensor, NDArray[np.int64], int]:
    """The window with the largest share in a frame, ``(1, 3, T, h, w)``, its frames, and where in it the frame is."""
    config = config_of(model)
    whole = plan(source.num_frames, config)

    def share(window: int) -> float:
        at: NDArray[np.bool_] = whole.windows[window] == frame
        return float(whole.shares[window][at].sum())

    best = max(range(len(whole.windows)), key=share)
    device = device_of(model)
    (x,) = window_inputs(source, whole, [best], config, device)
    return x, whole.windows[best], int(np.flatnonzero(whole.windows[best] == frame)[0])


def config_of(model: nn.Module) -> ModelConfig:
    """The configuration of a model; raises when it has none."""
    config = getattr(model, "config", None)
    if not isinstance(config, ModelConfig):
        raise VidexplainError(
            f"{type(model).__name__} has no config that says what it expects; set model.config = ModelConfig(...), "
            "or use attribute() on a batch"
        )
    return config


def _ranked(probabilities: NDArray[np.float32], config: ModelConfig) -> list[tuple[str, float]]:
    order = (-probabilities).argsort(kind="stable")
    return [(config.label(int(k)), float(probabilities[k])) for k in order]
