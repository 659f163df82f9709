"""Weights fetched before they are needed, for a machine that will have no connection."""

from pathlib import Path

from videxplain.errors import VidexplainError
from videxplain.models.hubs.sources import source_of
from videxplain.models.weights.cache import cache_folder
from videxplain.models.weights.checkpoints import CHECKPOINTS
from videxplain.models.weights.files import sha256_of
from videxplain.models.zoo import available_weights, load_model
from videxplain.progress import Progress


def download(model: str, weights: str = "auto", progress: Progress | None = None) -> tuple[Path, ...]:
    """Fetch the weights of a model into the cache, from which :func:`videxplain.load_model` takes them.

    The network is built and filled once, so that a file that does not fit is found now.

    Args:
        model: As for :func:`videxplain.load_model`.
        weights: The name of a public checkpoint; ``"auto"`` for the default of another package.
        progress: Told of bytes.

    Returns:
        The file; empty where it lies in the cache of Hugging Face.

    Raises:
        VidexplainError: There is nothing to download, or it cannot be had; the message then has the address, and where
            the file has to lie.
    """
    available_weights(model)
    public = CHECKPOINTS.get(model, {})
    if source_of(model) is None and weights not in public:
        known = f"say --weights with one of {', '.join(public)}" if public else "it has no public checkpoints"
        raise VidexplainError(f"nothing to download for {model}: {known}")
    if weights == "none" or Path(weights).is_file():
        raise VidexplainError(f"nothing to download: weights {weights} are here")
    config = load_model(model, weights, progress=progress).config
    there = sorted(cache_folder().rglob(config.weights_file)) if config.weights_file else []
    return tuple(path for path in there if path.is_file() and sha256_of(path) == config.weights_sha256)
