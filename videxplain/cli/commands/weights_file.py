"""What a file of weights is: ``videxplain models FILE``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.cli.output.console import print_json, progress_bar, say
from videxplain.cli.output.facts import input_words, print_fact
from videxplain.commands import command_line

if TYPE_CHECKING:
    from videxplain.models.config import ModelConfig
    from videxplain.models.recognise import Reading

_MOST_NAMES = 6
"""Names of classes that are printed."""


def is_file_of_weights(name: str) -> bool:
    """Whether the NAME of ``videxplain models`` is a file: by its suffix, or because it is there."""
    from videxplain.models.weights.files import FOREIGN, PYTORCH

    return Path(name).suffix in (".safetensors", *PYTORCH, *FOREIGN) or Path(name).is_file()


def describe_file(path: Path, as_json: bool) -> None:
    """Print which networks a file of weights fits, their classes and input, and what nobody says."""
    from videxplain.models.recognise import recognise

    with progress_bar(f"reading {path.name}"):
        known = recognise(path)
    if as_json:
        readings = [_reading_record(one) for one in known.readings]
        print_json({"file": str(path), "sha256": known.sha256, "models": readings})
        return
    print_fact("file", f"{path.name}, SHA-256 {known.sha256[:12]}")
    if len(known.readings) > 1:
        print_fact("", f"fits {len(known.readings)} models, and nothing in it decides between them")
    for one in known.readings:
        say("")
        print_fact("model", f"{one.model} ({one.source})")
        if (config := one.config) is not None:
            print_fact("weights", config.weights)
            print_fact("classes", _classes_in_words(config))
            how = f"{input_words(config)}, {_sampling_words(config)}"
            print_fact("input", f"{how}; it sees {config.view_words}")
        for place, line in enumerate(one.unknown):
            print_fact("" if place else "not known", line)
        say(_how_to_explain(one))


def _how_to_explain(one: "Reading") -> str:
    """A command that explains a clip with a network as it was read, with a comment on what is still to be written."""
    lacks_names = one.config is not None and one.config.lacks_names
    command = command_line(
        "gradcam",
        {**one.settings, **dict.fromkeys(one.undecided, "...")},
        model=one.model,
        weights=None if one.weights == "auto" else one.weights,
        labels="labels.txt" if lacks_names else None,
        clip="video.mp4",
    )
    return f"{command}  # labels.txt: a name on each line" if lacks_names else command


def _reading_record(one: "Reading") -> dict[str, Any]:
    config = one.config
    record: dict[str, Any] = {
        "name": one.model,
        "weights": one.weights,
        "source": one.source,
        "unknown": one.unknown,
        "settings": dict(one.settings),
    }
    if config is None:
        return record
    return record | {
        "trained": config.weights,
        "classes": config.num_classes,
        "labels": config.outcome_labels,
        "input": {
            "num_frames": config.num_frames,
            "size": config.size,
            "sampling": config.sampling,
            "frame_interval": config.frame_interval,
            "mean": config.mean,
            "std": config.std,
            "view": config.view_words,
        },
    }


def _classes_in_words(config: "ModelConfig") -> str:
    names = config.outcome_labels
    shown = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
    return f"{config.num_classes}: {shown}" if names else f"{config.num_classes}, without names"


def _sampling_words(config: "ModelConfig") -> str:
    if config.sampling == "uniform":
        return "over the whole clip"
    return "in a row" if config.frame_interval == 1 else f"{config.frame_interval} apart"
