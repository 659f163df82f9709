"""Models of other packages by name: ``torchvision:r3d_18``, ``pytorchvideo:slow_r50``, ``hf:./folder``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError, unknown
from videxplain.models.architectures import reconfigure
from videxplain.models.checkpoints_cache import Progress, fetch
from videxplain.models.config import ModelConfig
from videxplain.models.weights import check_fit, read_weights

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Source:
    """A package whose models can be had by name.

    Attributes:
        summary: What there is, in a line.
        examples: Names to show.
        load: From the name behind the colon, the weights, a progress callback and options to a network with
        ``.config``.
    """

    summary: str
    examples: tuple[str, ...]
    load: Callable[..., "nn.Module"]


def _torchvision(name: str, weights: str, progress: Progress | None, options: Mapping[str, Any]) -> "nn.Module":
    from videxplain.models.torchvision_models import load_torchvision

    return load_torchvision(name, weights, progress, options)


def _pytorchvideo(name: str, weights: str, progress: Progress | None, options: Mapping[str, Any]) -> "nn.Module":
    from videxplain.models.pytorchvideo_models import load_pytorchvideo

    return load_pytorchvideo(name, weights, progress, options)


def _huggingface(name: str, weights: str, progress: Progress | None, options: Mapping[str, Any]) -> "nn.Module":
    from videxplain.models.huggingface import load_huggingface

    return load_huggingface(name, weights, options)


SOURCES: Mapping[str, Source] = {
    "torchvision": Source(
        "torchvision's video models, with its own weights",
        ("r3d_18", "mc3_18", "r2plus1d_18", "s3d", "mvit_v1_b", "mvit_v2_s", "swin3d_t", "swin3d_s", "swin3d_b"),
        _torchvision,
    ),
    "pytorchvideo": Source("pytorchvideo's, where that is installed", ("slow_r50", "slowfast_r50"), _pytorchvideo),
    "hf": Source(
        "video classifiers of Hugging Face (extra hf), by name or as a folder",
        ("MCG-NJU/videomae-base-finetuned-kinetics", "./folder"),
        _huggingface,
    ),
}
"""Prefix to source."""


def source_of(name: str) -> tuple[Source, str] | None:
    """The source that a model's name begins with, and the rest; None for a name without a colon."""
    prefix, colon, rest = name.partition(":")
    if not colon:
        return None
    if prefix not in SOURCES:
        raise unknown("source of models", prefix, list(SOURCES))
    if not rest:
        raise VidexplainError(f"after {prefix}: comes the name of a model, such as {SOURCES[prefix].examples[0]}")
    return SOURCES[prefix], rest


def file_stem(model: str) -> str:
    """A model's name as part of a file's: ``torchvision:r3d_18`` is ``torchvision-r3d_18``."""
    return re.sub(r"[^\w.-]+", "-", model).strip("-.")


def configured(config: ModelConfig, options: Mapping[str, Any], known: tuple[str, ...]) -> ModelConfig:
    """``config`` with options applied; raises for one that the model does not have."""
    for option in options:
        if option not in known:
            raise unknown(f"option of {config.architecture}", option, known)
    return reconfigure(config, {name: value for name, value in options.items() if value is not None})


def fill(module: "nn.Module", path: Path, name: str) -> "nn.Module":
    """Load a file of weights in the module's own names."""
    state = read_weights(path).state
    check_fit(state, module.state_dict(), f"weights '{path}' do not fit {name}")
    module.load_state_dict(state)
    return module


def downloaded(url: str, progress: Progress | None) -> Path:
    """The file of an address whose name ends in the first digits of its SHA-256, as PyTorch's hub has them."""
    digits = re.search(r"-([0-9a-f]{8,})\.[a-z]+$", url)
    return fetch(url, digits.group(1) if digits else "", progress)


def seeded(build: "Callable[[], nn.Module]") -> "nn.Module":
    """A network whose random weights are always the same; the random state of torch is left alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build().eval()
