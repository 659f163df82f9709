"""Models of other packages by name: ``torchvision:r3d_18``, ``pytorchvideo:slow_r50``, ``hf:./folder``.

The table imports a package's module when one of its models is loaded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError, unknown
from videxplain.models.hubs.names import HUGGINGFACE, PYTORCHVIDEO, TORCHVISION
from videxplain.progress import Progress

if TYPE_CHECKING:
    from videxplain.models.video_model import VideoModel


@dataclass(frozen=True)
class Source:
    """A package whose models can be had by name.

    Attributes:
        summary: What there is, in a line.
        names: What can stand behind the colon.
        load: From the name behind the colon, the weights, a progress callback and options to a network with
            ``.config``.
        view: From the name behind the colon to what the network sees of a frame, in words. Nothing is downloaded.
        open: Whether other names can stand there too, such as folders; ``names`` are then examples.
    """

    summary: str
    names: tuple[str, ...]
    load: Callable[..., "VideoModel"]
    view: Callable[[str], str]
    open: bool = False


def _torchvision(name: str, weights: str, progress: Progress | None, options: Mapping[str, Any]) -> "VideoModel":
    from videxplain.models.hubs.torchvision import load_torchvision

    return load_torchvision(name, weights, progress, options)


def _torchvision_view(name: str) -> str:
    from videxplain.models.hubs.torchvision import published_config

    return published_config(name).view_words


def _pytorchvideo(name: str, weights: str, progress: Progress | None, options: Mapping[str, Any]) -> "VideoModel":
    from videxplain.models.hubs.pytorchvideo import load_pytorchvideo

    return load_pytorchvideo(name, weights, progress, options)


def _pytorchvideo_view(name: str) -> str:
    from videxplain.models.hubs.pytorchvideo import published_config

    return published_config(name).view_words


def _huggingface(name: str, weights: str, progress: Progress | None, options: Mapping[str, Any]) -> "VideoModel":
    from videxplain.models.hubs.huggingface import load_huggingface

    return load_huggingface(name, weights, options)


def _huggingface_view(name: str) -> str:
    return "what the processor of the checkpoint says; whole frames where it has none"


SOURCES: Mapping[str, Source] = {
    "torchvision": Source(
        "torchvision, trained on Kinetics-400",
        TORCHVISION,
        _torchvision,
        _torchvision_view,
    ),
    "pytorchvideo": Source(
        "pytorchvideo (extra pytorchvideo), trained on Kinetics-400",
        PYTORCHVIDEO,
        _pytorchvideo,
        _pytorchvideo_view,
    ),
    "hf": Source(
        "Hugging Face (extra hf): any VideoMAE, TimeSformer, ViViT, V-JEPA 2 or X-CLIP, by name or in a folder",
        HUGGINGFACE,
        _huggingface,
        _huggingface_view,
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
        if "=" in rest:
            raise named_apart(name)
        raise unknown(f"model of {prefix}", rest, source.names)
    return source, rest


def named_apart(name: str) -> VidexplainError:
    """The error for a name with weights behind it, ``NAME=WEIGHTS``, as the benchmark alone takes them."""
    of, _, file = name.partition("=")
    return VidexplainError(f"a model's name has no '=': its weights are named apart, '{file}' for {of} (--weights)")


def missing_prefix(name: str) -> str | None:
    """The name with its source in front, if a source has a model of this name."""
    return next((f"{prefix}:{name}" for prefix, source in SOURCES.items() if name in source.names), None)
