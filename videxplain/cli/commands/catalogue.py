"""Commands that list the models and the methods, and describe one of them."""

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videxplain.cli.arguments.names import FAMILIES, complete_method, complete_model, listed_methods
from videxplain.cli.output.console import clean, console, print_json, progress_bar, say

if TYPE_CHECKING:
    from videxplain.attribution.registry import Method
    from videxplain.models.config import ModelConfig
    from videxplain.models.hubs.sources import Source
    from videxplain.models.recognise import Reading

_MOST_NAMES = 6
"""Names of classes that are printed."""
_NARROWEST = 20
"""Letters of the least width to which a text is folded."""

Model = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME|FILE]",
        help="Describe this model, list a package's models, or say which models a file of weights fits.",
        autocompletion=complete_model,
    ),
]
Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Describe this method.", autocompletion=complete_method)
]
AsJson = Annotated[bool, typer.Option("--json", help="Everything as JSON, for other programs.")]


def models(name: Model = None, as_json: AsJson = False) -> None:
    """List the models; with NAME, what it expects and which weights there are; with FILE, what its weights fit.

    FILE is a file of weights: .safetensors, .pth, .pt, or a checkpoint of others.
    """
    from videxplain.models.architectures import ARCHITECTURES
    from videxplain.models.hubs.sources import SOURCES

    if name is not None and _is_file_of_weights(name):
        _describe_file(Path(name), as_json)
        return
    if name is not None:
        _describe_model(name, as_json)
        return
    if as_json:
        packages = [
            {"name": f"{prefix}:", "summary": source.summary, "models": [f"{prefix}:{one}" for one in source.names]}
            for prefix, source in SOURCES.items()
        ]
        print_json({"models": [_model_record(one) for one in ARCHITECTURES], "packages": packages})
        return
    rows = [(one, ARCHITECTURES[one].summary, _input_words(ARCHITECTURES[one].config)) for one in ARCHITECTURES]
    _lines(rows)
    say("")
    _lines([(f"{prefix}:", _package_words(source)) for prefix, source in SOURCES.items()], 13)
    say("")
    say("Weights and input of one: videxplain models NAME")
    say("What a file of weights fits: videxplain models FILE")


def methods(name: Name = None) -> None:
    """List the methods; with NAME, what it does, what it costs and which options it has."""
    if name is not None:
        from videxplain.attribution.registry import METHODS

        for label, text in _method_facts(METHODS[name]):
            _fact(label, text)
        return
    names = listed_methods()
    width = max(len(one.name) for one in names)
    for family, words in FAMILIES.items():
        console().print(words, style="bold")
        _lines([(one.name, one.summary) for one in names if one.family == family], width)
    say("")
    say("Cost, options and paper of one: videxplain methods NAME")


def name_methods() -> None:
    """Print the names of all methods, family by family, below the help of the program."""
    from rich.padding import Padding
    from rich.text import Text

    out = console()
    out.print(" Each method is a command too, such as videxplain rise:", style="bold")
    for family, words in FAMILIES.items():
        names = ", ".join(one.name for one in listed_methods() if one.family == family)
        out.print(Padding(Text(f"{words}: {names}"), (0, 1, 0, 2)))
    out.print(" About one: videxplain methods NAME")


def version(asked: bool) -> None:
    """Print the version and stop."""
    if asked:
        from videxplain.version import __version__

        say(f"videxplain {__version__}")
        raise typer.Exit


def _describe_model(name: str, as_json: bool) -> None:
    from videxplain.models.architectures import ARCHITECTURES
    from videxplain.models.hubs.sources import SOURCES

    package = SOURCES.get(name.removesuffix(":"))
    if package is not None and name.removesuffix(":") not in ARCHITECTURES:
        names = [f"{name.removesuffix(':')}:{one}" for one in package.names]
        if as_json:
            print_json({"name": f"{name.removesuffix(':')}:", "summary": package.summary, "models": names})
            return
        say(package.summary)
        for one in names:
            say(f"  {one}")
        return
    record = _model_record(name)
    if as_json:
        print_json(record)
        return
    _fact("model", f"{name}: {record['summary']}" if record["summary"] else name)
    if "input" in record:
        _fact("input", _input_words(ARCHITECTURES[name].config) + " at full size")
    for place, one in enumerate(record["weights"]):
        _fact("" if place else "--weights", f"{one['name']}: {one['note']}")
    _fact("", "FILE: your own weights")
    for place, (words, names) in enumerate(_views(record["weights"]).items()):
        _fact("" if place else "view", f"{', '.join(names)}: {words}")
    say("The first of these weights is the default. --view whole shows whole frames.")


def _is_file_of_weights(name: str) -> bool:
    from videxplain.models.weights.files import FOREIGN, PYTORCH

    return Path(name).suffix in (".safetensors", *PYTORCH, *FOREIGN) or Path(name).is_file()


def _describe_file(path: Path, as_json: bool) -> None:
    """Which networks a file of weights fits, their classes and input, and what nobody says."""
    from videxplain.models.recognise import recognise

    with progress_bar(f"reading {path.name}"):
        known = recognise(path)
    if as_json:
        print_json(
            {"file": str(path), "sha256": known.sha256, "models": [_reading_record(one) for one in known.readings]}
        )
        return
    _fact("file", f"{path.name}, SHA-256 {known.sha256[:12]}")
    if len(known.readings) > 1:
        _fact("", f"fits {len(known.readings)} models, and nothing in it decides between them")
    for one in known.readings:
        say("")
        _fact("model", f"{one.model} ({one.source})")
        if one.config is not None:
            _fact("weights", one.config.weights)
            _fact("classes", _classes_in_words(one.config))
            _fact(
                "input", f"{_input_words(one.config)}, {_sampling_words(one.config)}; it sees {one.config.view_words}"
            )
        for place, line in enumerate(one.unknown):
            _fact("" if place else "not known", line)
        weights = "" if one.weights == "auto" else f" --weights {shlex.quote(one.weights)}"
        weights += "".join(f" --set {name}={_setting(value)}" for name, value in one.settings.items())
        say(f"videxplain gradcam --model {shlex.quote(one.model)}{weights} --clip video.mp4")


def _setting(value: Any) -> str:
    """A value as ``--set`` takes it."""
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


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


def _model_record(name: str) -> dict[str, Any]:
    """What is known of a model, for JSON and for the terminal."""
    from videxplain.models.architectures import ARCHITECTURES
    from videxplain.models.hubs.sources import source_of
    from videxplain.models.published_views import view_words
    from videxplain.models.weights.checkpoints import public_weights
    from videxplain.models.zoo import available_weights

    listed = [*available_weights(name), *public_weights(name)]
    weights = [{"name": value, "note": note, "view": view_words(name, value)} for value, note in listed]
    if elsewhere := source_of(name):
        return {"name": name, "summary": elsewhere[0].summary, "weights": weights}
    config = ARCHITECTURES[name].config
    wanted = {"num_frames": config.num_frames, "size": list(config.size), "sampling": config.sampling}
    return {"name": name, "summary": ARCHITECTURES[name].summary, "input": wanted, "weights": weights}


def _views(weights: Sequence[dict[str, str]]) -> dict[str, list[str]]:
    """What the network sees of a frame, and with which weights it sees that."""
    found: dict[str, list[str]] = {}
    for one in weights:
        found.setdefault(one["view"], []).append(one["name"])
    return found


def _package_words(package: "Source") -> str:
    return package.summary if package.open else f"{len(package.names)} models of {package.summary}"


def _input_words(config: Any) -> str:
    height, width = config.size
    frames = f"{config.num_frames} {'spread ' if config.sampling == 'uniform' else ''}frames"
    return f"{frames}, {width}x{height}"


def _method_facts(method: "Method") -> Iterator[tuple[str, str]]:
    from videxplain.attribution.display_names import display_name

    layers = {
        "last": "the model's default, otherwise the last with extent in space",
        "first": "the first convolution",
        "input": "the input, otherwise the one that --layer names",
    }
    yield "method", f"{method.name}: {method.summary}"
    yield "figures", display_name(method.name)
    yield "family", FAMILIES[method.family]
    yield "paper", method.paper or "none"
    yield "cost", f"{method.cost or 'not stated'}, for each window of the clip"
    if method.layer:
        yield "layer", layers[method.layer]
    yield "target", "a class" if method.candidates else "none: the map does not depend on a class"
    for place, option in enumerate(method.options):
        default = "" if option.default is None else f" (default: {option.default})"
        yield "" if place else "options", f"--{option.name} {option.placeholder}: {option.help}{default}"
    if method.caution:
        yield "caution", method.caution
    yield "command", f"videxplain {method.name} --model i3d --clip video.mp4"


def _fact(label: str, text: str) -> None:
    """A label and a text that is folded beside it."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, width=len("--weights"))
    table.add_column(overflow="fold")
    table.add_row(clean(label), clean(text))
    console().print(table)


def _lines(rows: Sequence[tuple[str, ...]], first: int = 0) -> None:
    """Rows, folded at the width of a terminal; elsewhere each is one line. A third column stands at the right.

    Args:
        rows: Two or three texts each.
        first: The least width of the first column.
    """
    out = console()
    first = max([first, *(len(row[0]) for row in rows)])
    last = max((len(row[2]) for row in rows if len(row) > 2), default=0)
    middle = max(len(row[1]) for row in rows)
    if out.is_terminal:
        middle = min(middle, max(out.width - first - 2 - (last + 2 if last else 0), _NARROWEST))
    for row in rows:
        start, *rest = textwrap.wrap(row[1], middle) or [""]
        end = f"  {row[2]}" if len(row) > 2 else ""
        say(f"{row[0]:{first}}  {start:{middle}}{end}".rstrip())
        for line in rest:
            say(f"{'':{first}}  {line}")
