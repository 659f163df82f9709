"""What several commands print of a network and of an explanation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from videxplain.cli.output.console import print_banner, print_notes, say
from videxplain.models.own_models import is_own
from videxplain.models.provenance import provenance

if TYPE_CHECKING:
    from videxplain.explanation.result import Explanation
    from videxplain.models.config import ModelConfig


def tell_how_to_name_classes(model: str, config: "ModelConfig") -> None:
    """A line about ``--labels`` if trained weights name no classes."""
    if config.trained and config.lacks_names and not is_own(model):
        say("these weights name no classes: --labels FILE does, with a name on each line")


def print_explanation_notes(explanation: "Explanation", notes: Sequence[str] | None = None) -> None:
    """Print the notes of an explanation, or ``notes`` instead. Notes about an unfamiliar clip become a banner."""
    from videxplain.explanation.familiarity import familiarity_notes

    unknown = familiarity_notes(explanation.familiarity, explanation.source)
    print_banner(unknown)
    print_notes([note for note in (explanation.notes if notes is None else notes) if note not in unknown])


def weights_words(config: "ModelConfig") -> str:
    """The weights in words, with their file and the start of its SHA-256."""
    said = provenance(config.weights, config.weights_file, config.weights_sha256, config.state_sha256)
    return said or "weights: none"
