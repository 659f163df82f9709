"""How a network sees frames with each of its weights, known without loading it. No torch for our architectures."""

from videxplain.models.architectures import ARCHITECTURES
from videxplain.models.hubs.sources import source_of
from videxplain.models.weights.checkpoints import CHECKPOINTS
from videxplain.models.weights.files import bundled_path, read_metadata
from videxplain.models.weights.mmaction2_views import MMACTION2_VIEWS


def view_words(name: str, weights: str) -> str:
    """What a network sees of a frame with the view ``"model"``, in a line.

    Args:
        name: As for :func:`videxplain.load_model`.
        weights: A name of weights, such as ``"bundled"`` or ``"kinetics400"``; not a file.
    """
    if elsewhere := source_of(name):
        source, rest = elsewhere
        return source.view(rest)
    checkpoint = CHECKPOINTS.get(name, {}).get(weights)
    if checkpoint is not None and checkpoint.by == "mmaction2":
        return MMACTION2_VIEWS[name].words
    path = bundled_path(name) if weights == "bundled" else None
    config = read_metadata(path)[0] if path else None
    return (config or ARCHITECTURES[name].config).view_words
