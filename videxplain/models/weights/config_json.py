"""The configuration of a network as JSON, as weights files and checkpoints of training hold it."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig, TokenLayout, View, label_of_several

CONFIG_KEY = "videxplain.config"
"""Where the JSON is, in the header of a weights file and in a checkpoint."""


@dataclass(frozen=True)
class Described:
    """What a file says of its network.

    Attributes:
        config: The configuration.
        shared_label: A label that the file gives to several classes; ``config`` then has no labels. Empty otherwise.
    """

    config: ModelConfig
    shared_label: str = ""


def config_to_json(config: ModelConfig) -> str:
    """What :data:`CONFIG_KEY` holds."""
    # The file that they were read from is not the file that they are written to.
    return json.dumps(dataclasses.asdict(config.replace(weights_file="", weights_sha256="", state_sha256="")))


def read_config(text: str, path: Path) -> Described:
    """The configuration that :func:`config_to_json` has written.

    Args:
        text: The JSON.
        path: The file that holds it, for messages.

    Raises:
        VidexplainError: It cannot be read, or has values that no network can have.
    """
    try:
        entries = {name: _tuples(value) for name, value in json.loads(text).items()}
        if isinstance(entries.get("tokens"), dict):
            entries["tokens"] = TokenLayout(**entries["tokens"])
        if isinstance(entries.get("view"), dict):
            entries["view"] = View(**entries["view"])
        # Earlier versions wrote such files. Their classes can be named anew, so the file is no use only without names.
        if shared_label := label_of_several(entries.get("labels")):
            entries["labels"] = ()
        return Described(ModelConfig(**entries), shared_label)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise incomprehensible(path, error) from None


def incomprehensible(path: Path, error: Exception) -> VidexplainError:
    """The line for a file whose description makes no sense."""
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]
    return VidexplainError(f"weights '{path}' describe a network that this version cannot read: {reason}")


def _tuples(value: Any) -> Any:
    """JSON has lists where the configuration has tuples."""
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    return {name: _tuples(entry) for name, entry in value.items()} if isinstance(value, dict) else value
