"""The network of a run: opened once by the caller, and loaded once in each worker process."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from videxplain.explanation.api import config_of
from videxplain.models.config import ModelConfig
from videxplain.models.weights.labels import read_labels
from videxplain.models.zoo import load_model


@dataclass(frozen=True)
class OpenedNetwork:
    """The network of a run.

    Attributes:
        network: The network, on the device where it was loaded or given.
        config: What it expects.
        labels: Names of its outcomes; ``class 0`` and so on if it has none.
        settings: The fields of a run's settings that say which network it is.
        sent: The network itself if it was given; None if it was given by name, because each worker then loads it.
    """

    network: nn.Module
    config: ModelConfig
    labels: tuple[str, ...]
    settings: dict[str, Any]
    sent: nn.Module | None


def open_network(
    model: str | nn.Module,
    *,
    weights: str,
    labels: str | Sequence[str] | None,
    view: str,
    expects: Mapping[str, Any] | None,
) -> OpenedNetwork:
    """Open the network of a run.

    Args:
        model: A name, as :func:`videxplain.load_model` takes it; or a network with a ``config``. The other arguments
            are for a network given by name.
        weights: As for :func:`videxplain.load_model`.
        labels: Names of the classes, or the file or data set that lists them.
        view: As for :func:`videxplain.load_model`.
        expects: More options of :func:`videxplain.load_model`.

    Raises:
        VidexplainError: No such model, weights or labels, or the network has no ``config``.
    """
    classes = read_labels(labels) if isinstance(labels, str) else labels
    if isinstance(model, str):
        given: dict[str, Any] = dict(expects or {}) | ({"labels": tuple(classes)} if classes else {})
        network: nn.Module = load_model(model, weights, view=view, **given)
        sent = None
    else:
        network = sent = model
    config = config_of(network)
    names = config.outcome_labels or tuple(f"class {k}" for k in range(config.num_outcomes))
    settings = {
        "model": model if isinstance(model, str) else config.architecture,
        "weights": weights if isinstance(model, str) else config.weights,
        "weights_words": config.weights,
        "given": sent is not None,
        "weights_sha256": config.weights_sha256 if sent is None else _state_digest(network),
        "labels": names,
        "labels_file": labels if isinstance(labels, str) else "",
        "expects": dict(expects or {}),
        "view": view,
        "shown": None if config.view is None else asdict(config.view),
    }
    return OpenedNetwork(network, config, names, settings, sent)


@lru_cache(maxsize=1)
def load_once(
    model: str, weights: str, labels: tuple[str, ...], view: str, expects: tuple[tuple[str, Any], ...], device: str
) -> nn.Module:
    """The network of a run in a worker process, which loads it for its first shard and keeps it.

    Args:
        model: As for :func:`videxplain.load_model`, and so are ``weights`` and ``view``.
        weights: See ``model``.
        labels: Names of its classes.
        view: See ``model``.
        expects: Names and values of more options of :func:`videxplain.load_model`.
        device: Where to compute.
    """
    network: nn.Module = load_model(model, weights, labels=labels, view=view, **dict(expects)).to(device)
    return network


def _state_digest(model: nn.Module) -> str:
    """SHA-256 of the names and values of a network's state."""
    total = hashlib.sha256()
    for name, value in model.state_dict().items():
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
