"""Models of other packages by name: ``torchvision:r3d_18``, ``pytorchvideo:slow_r50``, ``hf:./folder``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError, unknown
from videxplain.models.architectures import SHARED_OPTIONS, reconfigure
from videxplain.models.config import ModelConfig
from videxplain.models.weights.cache import fetch
from videxplain.models.weights.files import check_fit, read_weights
from videxplain.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Source:
    """A package whose models can be had by name.

    Attributes:
        summary: What there is, in a line.
        names: What can stand behind the colon.
        load: From the name behind the colon, the weights, a progress callback and options to a network with
            ``.config``.
        open: Whether other names can stand there too, such as folders; ``names`` are then examples.
    """

    summary: str
    names: tuple[str, ...]
    load: Callable[..., "nn.Module"]
    open: bool = False


@dataclass(frozen=True)
class Weighing:
    """Where the weights of a network come from.

    Attributes:
        path: A file, or None for random weights.
        words: What :attr:`ModelConfig.weights` says of them.
    """

    path: Path | None
    words: str


def _torchvision(name: str, weights: str, progress: Progress | None, options: Mapping[str, Any]) -> "nn.Module":
    from videxplain.models.hubs.torchvision import load_torchvision

    return load_torchvision(name, weights, progress, options)


def _pytorchvideo(name: str, weights: str, progress: Progress | None, options: Mapping[str, Any]) -> "nn.Module":
    from videxplain.models.hubs.pytorchvideo import load_pytorchvideo

    return load_pytorchvideo(name, weights, progress, options)


def _huggingface(name: str, weights: str, progress: Progress | None, options: Mapping[str, Any]) -> "nn.Module":
    from videxplain.models.hubs.huggingface import load_huggingface

    return load_huggingface(name, weights, options)


SOURCES: Mapping[str, Source] = {
    "torchvision": Source(
        "torchvision, trained on Kinetics-400",
        ("r3d_18", "mc3_18", "r2plus1d_18", "s3d", "mvit_v1_b", "mvit_v2_s", "swin3d_t", "swin3d_s", "swin3d_b"),
        _torchvision,
    ),
    "pytorchvideo": Source(
        "pytorchvideo (extra pytorchvideo), trained on Kinetics-400",
        (
            *("slow_r50", "c2d_r50", "i3d_r50", "csn_r101", "r2plus1d_r50", "x3d_xs", "x3d_s", "x3d_m", "x3d_l"),
            *("slowfast_r50", "slowfast_r101", "slowfast_16x8_r101_50_50", "mvit_base_16x4", "mvit_base_32x3"),
        ),
        _pytorchvideo,
    ),
    "hf": Source(
        "Hugging Face (extra hf): any VideoMAE, TimeSformer, ViViT or V-JEPA 2, by name or in a folder",
        ("MCG-NJU/videomae-base-finetuned-kinetics", "./folder"),
        _huggingface,
        open=True,
    ),
}
"""Prefix to source."""


def source_of(name: str) -> tuple[Source, str] | None:
    """The source that a model's name begins with, and the rest; None for a name without a colon."""
    prefix, colon, rest = name.partition(":")
    if not colon:
        return None
    if prefix not in SOURCES:
        raise unknown("source of models", prefix, SOURCES)
    source = SOURCES[prefix]
    if not rest:
        raise VidexplainError(f"after {prefix}: comes the name of a model, such as {source.names[0]}")
    if rest not in source.names and not source.open:
        raise unknown(f"model of {prefix}", rest, source.names)
    return source, rest


def missing_prefix(name: str) -> str | None:
    """The name with its source in front, where one has a model that is called so."""
    return next((f"{prefix}:{name}" for prefix, source in SOURCES.items() if name in source.names), None)


def configured(config: ModelConfig, options: Mapping[str, Any], known: tuple[str, ...] = SHARED_OPTIONS) -> ModelConfig:
    """``config`` with options applied; raises for one that the model does not have."""
    for option, value in options.items():
        if option not in known:
            raise unknown(f"option of {config.architecture}", option, known)
        if type(value) is int and value < 1:
            raise VidexplainError(f"{option} must be at least 1, not {value}")
    return reconfigure(config, {name: value for name, value in options.items() if value is not None})


def assemble(
    config: ModelConfig, options: Mapping[str, Any], build: Callable[[ModelConfig], Any], weights: Weighing
) -> "nn.Module":
    """A network in evaluation mode with its ``.config``, random or filled from a file.

    A file that :func:`videxplain.save_model` has written brings its own configuration; of another one the number of
    classes is read off its shapes.

    Args:
        config: What the network expects as its source has published it.
        options: What the caller wants otherwise.
        build: From a configuration to the network, in the names of its source.
        weights: What to fill it with.
    """
    asked, path = configured(config, options), weights.path
    if path is None:
        module = seeded(lambda: build(asked))
        module.config = asked
        return module
    found = read_weights(path)
    if found.config is None:
        asked = asked.replace(weights=weights.words)
    elif found.config.architecture != config.architecture:
        raise VidexplainError(f"weights '{path}' are of '{found.config.architecture}', not of '{config.architecture}'")
    else:
        asked = configured(found.config, options)
    module = seeded(lambda: build(asked))
    classes = _classes(found.state, module.state_dict())
    if classes not in (None, asked.num_classes):
        if options.get("num_classes") or options.get("labels"):
            raise VidexplainError(f"weights '{path}' have {classes} classes, not {asked.num_classes}")
        asked = configured(asked, {"num_classes": classes})
        module = seeded(lambda: build(asked))
    check_fit(found.state, module.state_dict(), f"weights '{path}' do not fit {config.architecture}")
    module.load_state_dict(found.state)
    module.config = asked
    return module


def own_file(weights: str, model: str, names: tuple[str, ...]) -> Weighing:
    """A file of the caller's, or ``"none"``; ``names`` are what else could have been meant."""
    if weights == "none":
        return Weighing(None, "none")
    path = Path(weights)
    if not path.suffix and not path.exists():
        raise unknown(f"weights of {model}", weights, names)
    # Not the whole path, because it goes into results and pictures.
    return Weighing(path, path.name)


def downloaded(url: str, progress: Progress | None) -> Path:
    """The file of an address; it is checked where its name ends in digits of its SHA-256, as on PyTorch's server."""
    digits = re.search(r"-([0-9a-f]{8})\.pth$", url)
    return fetch(url, digits.group(1) if digits else "", progress)


def seeded(build: Callable[[], Any]) -> Any:
    """A network in evaluation mode whose random weights are always the same; torch's random state is left alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build().eval()


def _classes(state: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]") -> int | None:
    """K of a file that differs from a network in the rows of one layer alone; None where it does not."""
    odd = [name for name in wanted if name in state and state[name].shape != wanted[name].shape]
    rows = {state[name].shape[0] for name in odd if state[name].shape[1:] == wanted[name].shape[1:]}
    return rows.pop() if len(rows) == 1 and len({name.rpartition(".")[0] for name in odd}) == 1 else None
