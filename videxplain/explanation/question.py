"""What a result was asked for, as one number that its files carry."""

import dataclasses
import hashlib
import json
from typing import Any

from torch import nn

from videxplain.attribution.targets import Contrast, class_index
from videxplain.data.stream import FrameSource
from videxplain.explanation.saving import plain
from videxplain.explanation.sources import clip_record
from videxplain.models.config import ModelConfig


def question_of(source: FrameSource, config: ModelConfig, method: str, **asked: Any) -> str:
    """The SHA-256 of everything that decides what a result shows, known before it is made.

    Two results of one question are the same, so that the one may take the other's files.

    Args:
        source: The frames.
        config: What the network expects and where its weights are from.
        method: The method, or the kind of result.
        **asked: The other arguments as they were given, such as ``target`` and ``layer``.
    """
    clip = clip_record(source)
    for known in ("pixel_aspect", "seconds"):  # the file decides them, and how it is explained does not
        del clip[known]
    for name, usual in (("rate_known", True), ("fingerprint", None)):
        if clip[name] is usual:  # left out, so that files of earlier versions keep their number
            del clip[name]
    record = {
        **clip,
        "clip": str(source.path.resolve()) if source.path else None,
        "method": method,
        "model": config.architecture,
        "options": config.options,
        "labels": config.labels,
        "input": [config.num_frames, config.size, config.sampling, config.frame_interval, config.mean, config.std],
        "view": None if config.view is None else dataclasses.astuple(config.view),
        # Left out where there is none, so that files of earlier versions keep their number.
        **({"pad_frames": config.pad_frames} if config.pad_frames else {}),
        "weights": [config.weights, getattr(config, "weights_sha256", "")]
        + ([config.state_sha256] if config.state_sha256 else []),
        "asked": {name: _value(name, value, config) for name, value in asked.items()},
    }
    return hashlib.sha256(json.dumps(plain(record), sort_keys=True).encode()).hexdigest()


def _value(name: str, value: Any, config: ModelConfig) -> Any:
    """An argument as plain data; a class is its index, however it was named."""
    if isinstance(value, Contrast):
        return [_class(one, config) for one in (value.target, value.against)]
    if name == "target" and (isinstance(value, str) or hasattr(value, "__index__")):  # numpy's numbers as well
        return _class(value, config)
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return value


def _class(target: int | str, config: ModelConfig) -> int:
    return class_index(target, config.num_outcomes, config.outcome_labels)


def layer_name(model: nn.Module, layer: str | nn.Module | None) -> str | None:
    """The dotted name of a layer that may have been given as the module itself."""
    if isinstance(layer, nn.Module):
        return next((name for name, module in model.named_modules() if module is layer), type(layer).__name__)
    return layer
