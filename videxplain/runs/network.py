"""The network of a run: opened once by the caller, and loaded once in each worker process."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from torch import nn

from videxplain.errors import VidexplainError
from videxplain.explanation.api import config_of
from videxplain.models.config import ModelConfig
from videxplain.models.own_models import is_own, load_named
from videxplain.models.provenance import state_sha256_of
from videxplain.models.weights.labels import read_labels
from videxplain.runs.settings import RunSettings


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
        model: A name, as :func:`videxplain.load_model` takes it, or ``python:FILE.py:NAME``; or a network with a
            ``config``. The other arguments are for a network given by name.
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
        network: nn.Module = load_named(model, weights, view=view, **given)
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
        "weights_file": config.weights_file,
        "weights_sha256": config.weights_sha256,
        "state_sha256": config.state_sha256 if sent is None else state_sha256_of(network),
        "labels": names,
        "labels_file": labels if isinstance(labels, str) else "",
        "expects": dict(expects or {}),
        "view": view,
        "shown": None if config.view is None else asdict(config.view),
    }
    return OpenedNetwork(network, config, names, settings, sent)


def load_once(settings: RunSettings, device: str) -> nn.Module:
    """The network of a run in a worker process, which loads it for its first shard and keeps it.

    Args:
        settings: Of the run.
        device: Where to compute.

    Raises:
        VidexplainError: As for :func:`open_network`, or a file of Python makes another network each time.
    """
    expects = tuple(settings.expects.items())
    labels = () if is_own(settings.model) else settings.labels
    network = _load_once(settings.model, settings.weights, labels, settings.view, expects, device)
    config = config_of(network)
    made = config.weights_sha256, config.state_sha256
    if is_own(settings.model) and made != (settings.weights_sha256, settings.state_sha256):
        raise VidexplainError(
            f"{settings.model} is another network each time the file is run, such as one with random weights: load its "
            "weights from a file, or set a seed"
        )
    return network


@lru_cache(maxsize=1)
def _load_once(
    model: str, weights: str, labels: tuple[str, ...], view: str, expects: tuple[tuple[str, Any], ...], device: str
) -> nn.Module:
    named: dict[str, Any] = {"labels": labels} if labels else {}
    network: nn.Module = load_named(model, weights, view=view, **named, **dict(expects)).to(device)
    return network
