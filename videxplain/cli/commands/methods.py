"""The command that lists the methods and describes one of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from videxplain.cli.arguments.names import FAMILIES, complete_method, listed_methods
from videxplain.cli.output.console import console, say
from videxplain.cli.output.facts import print_fact, print_rows

if TYPE_CHECKING:
    from videxplain.attribution.registry import Method

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Describe this method.", autocompletion=complete_method)
]


def methods(name: Name = None) -> None:
    """List the methods; with NAME, what it does, what it costs and which options it has."""
    if name is not None:
        from videxplain.attribution.registry import METHODS

        for label, text in _method_facts(METHODS[name]):
            print_fact(label, text)
        return
    names = listed_methods()
    width = max(len(one.name) for one in names)
    for family, words in FAMILIES.items():
        console().print(words, style="bold")
        print_rows([(one.name, one.summary) for one in names if one.family == family], width)
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
