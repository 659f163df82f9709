"""The command that lists the models, describes one of them, and says what a file of weights is."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videxplain.cli.arguments.names import complete_model
from videxplain.cli.commands.weights_file import describe_file, is_file_of_weights
from videxplain.cli.output.console import print_json, say
from videxplain.cli.output.facts import input_words, print_fact, print_rows

if TYPE_CHECKING:
    from videxplain.models.hubs.sources import Source

Model = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME|FILE]",
        help="Describe this model, list a package's models, or say which models a file of weights fits.",
        autocompletion=complete_model,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Everything as JSON, for other programs.")]


def models(name: Model = None, as_json: AsJson = False) -> None:
    """List the models; with NAME, what it expects and which weights there are; with FILE, what its weights fit.

    FILE is a file of weights: .safetensors, .pth, .pt, or a checkpoint of others.
    """
    from videxplain.models.architectures import ARCHITECTURES
    from videxplain.models.hubs.sources import SOURCES

    if name is not None and is_file_of_weights(name):
        describe_file(Path(name), as_json)
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
    rows = [(one, ARCHITECTURES[one].summary, input_words(ARCHITECTURES[one].config)) for one in ARCHITECTURES]
    print_rows(rows)
    say("")
    print_rows([(f"{prefix}:", _package_words(source)) for prefix, source in SOURCES.items()], 13)
    say("")
    say("Weights and input of one: videxplain models NAME")
    say("What a file of weights fits: videxplain models FILE")


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
    print_fact("model", f"{name}: {record['summary']}" if record["summary"] else name)
    if "input" in record:
        print_fact("input", input_words(ARCHITECTURES[name].config) + " at full size")
    for place, one in enumerate(record["weights"]):
        print_fact("" if place else "--weights", f"{one['name']}: {one['note']}")
    print_fact("", "FILE: your own weights")
    for place, (words, names) in enumerate(_views(record["weights"]).items()):
        print_fact("" if place else "view", f"{', '.join(names)}: {words}")
    say("The first of these weights is the default. --view whole shows whole frames.")


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
