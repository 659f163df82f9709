"""The command of each method, made from the table of methods, and ``explain``, which takes any method."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import typer

from videxplain.attribution.options import Option
from videxplain.attribution.registry import METHODS, Method
from videxplain.cli.arguments import options
from videxplain.cli.arguments.parameters import (
    COMPARED,
    INPUT,
    LAYER,
    REQUIRED,
    REST,
    REST_OF_COMPARED,
    SCORE,
    command_function,
)
from videxplain.cli.commands.compare import write_comparison
from videxplain.cli.commands.explain import write_explanation

_FILES = (
    "Writes {name}.mp4 (the clip under the map), .png (a figure) and .json (the numbers, and how they were made) "
    "into the folder of --out; --format chooses others."
)
_COMPARE = (
    "Explain a clip in several ways, and compare the maps. Give one of --models, --methods, --targets and --layers.\n\n"
    "Writes CLIP-MODEL-compare-NAMES.mp4 (a pane for each map, in step), .png (a figure with a row for each) and .json "
    "(the numbers, and how far the maps agree) into the folder of --out; --format chooses others."
)


def method_commands() -> dict[str, Any]:
    """The commands by name: one for each method, ``explain`` and ``compare``."""
    program = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    for name in METHODS:
        program.command(name, help=_help(METHODS[name]))(_command_of(METHODS[name]))
    program.command("explain", help=_explain_help())(_command_of_any())
    program.command("compare", help=_COMPARE)(_compare_command())
    return dict(typer.main.get_group(program).commands)


def _command_of(method: Method) -> Callable[..., None]:
    """A command that asks for what the method takes."""
    panel = f"Options of {method.name}"
    taken = {option.name: (_text_option(panel, option, _described(option)), None) for option in method.options}
    parameters = {
        **INPUT,
        **(SCORE if method.candidates else {}),
        **(LAYER if method.layer else {}),
        **taken,
        **REST,
    }
    return command_function(parameters, taken, lambda texts, given: write_explanation(method, texts, **given))


def _options_of_any() -> dict[str, tuple[Any, Any]]:
    """What any of the methods takes."""
    users: dict[str, list[tuple[Method, Option]]] = {}
    for name in METHODS:
        for option in METHODS[name].options:
            users.setdefault(option.name, []).append((METHODS[name], option))
    return {name: (_merged(of), None) for name, of in users.items()}


def _command_of_any() -> Callable[..., None]:
    """A command that asks for the method, and for what any method takes."""
    taken = _options_of_any()
    parameters = {"method": (options.Method, REQUIRED), **INPUT, **SCORE, **LAYER, **taken, **REST}

    def run(texts: dict[str, str], given: dict[str, Any]) -> None:
        write_explanation(METHODS[given.pop("method")], texts, **given)

    return command_function(parameters, taken, run)


def _compare_command() -> Callable[..., None]:
    """A command that asks for what is compared, and for what any method takes."""
    taken = _options_of_any()
    parameters = {**COMPARED, **SCORE, **LAYER, **taken, **REST_OF_COMPARED}
    return command_function(parameters, taken, lambda texts, given: write_comparison(texts, **given))


def _text_option(panel: str, option: Option, help: str) -> Any:
    """An option of the command line for an option of a method. It comes as text; its declaration reads it."""
    return Annotated[
        str | None,
        typer.Option(help=help, metavar=option.placeholder, rich_help_panel=panel, show_default=False),
    ]


def _merged(users: list[tuple[Method, Option]]) -> Any:
    """One option of the command line for the options of one name that several methods have."""
    texts: dict[str, list[str]] = {}
    for method, option in users:
        texts.setdefault(_described(option), []).append(method.name)
    words = " ".join(f"{', '.join(names)}: {text}" for text, names in texts.items())
    placeholders = dict.fromkeys(option.placeholder for _, option in users)
    return _text_option("Options of methods", replace(users[0][1], metavar=" or ".join(placeholders)), words)


def _described(option: Option) -> str:
    default = option.default
    if default is None:
        return option.help
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    return f"{option.help} (default: {shown})"


def _help(method: Method) -> str:
    layers = {
        "last": "Default layer: the model's default, otherwise the last one with extent in space.",
        "first": "Default layer: the model's first convolution.",
        "input": "It explains the input, or the layer that --layer names.",
        None: "It uses all layers of attention." if method.family == "attention" else "It explains the input itself.",
    }
    about = f"{method.summary[0].upper()}{method.summary[1:]} ({method.paper})."
    cost = f"Cost for each window of the clip: {method.cost}. {layers[method.layer]}"
    return "\n\n".join((about, cost, _FILES.format(name=f"CLIP-MODEL-{method.name}")))


def _explain_help() -> str:
    return f"Explain a clip with any method.\n\n{_FILES.format(name='CLIP-MODEL-METHOD')}"
