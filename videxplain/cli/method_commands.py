"""The command of each method, made from the table of methods, and ``explain``, which takes any method."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from videxplain.attribution.options import Option
from videxplain.attribution.registry import METHODS, Method
from videxplain.cli import options
from videxplain.cli.explain import write_explanation

_REQUIRED = inspect.Parameter.empty
_INPUT = {
    "model": (options.Model, _REQUIRED),
    "clip": (options.ClipPath, _REQUIRED),
    "weights": (options.Weights, "auto"),
    "labels": (options.Labels, None),
    "view": (options.View, "model"),
}
_SCORE = {"target": (options.Target, None), "against": (options.Against, None)}
_LAYER = {"layer": (options.Layer, None)}
_REST = {
    "frames": (options.Frames, ":"),
    "device": (options.Device, "auto"),
    "precision": (options.Precision, "fp32"),
    "stride": (options.Stride, None),
    "formats": (options.Formats, "mp4,png,json"),
    "out": (options.Out, Path()),
    "overwrite": (options.Overwrite, False),
    "colormap": (options.Colormap, None),
    "opacity": (options.Opacity, None),
    "timeline": (options.Timeline, True),
}

_FILES = (
    "Writes {name}.mp4 (the clip under the map), .png (a figure) and .json (the numbers, and how they were made) "
    "into the folder of --out; --format chooses others."
)


def method_commands() -> dict[str, Any]:
    """The commands by name: one for each method, and ``explain``."""
    program = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    for name in METHODS:
        program.command(name, help=_help(METHODS[name]))(_command_of(METHODS[name]))
    program.command("explain", help=_explain_help())(_command_of_any())
    return dict(typer.main.get_group(program).commands)


def _command_of(method: Method) -> Callable[..., None]:
    """A command that asks for what the method takes."""
    panel = f"Options of {method.name}"
    taken = {option.name: (_text_option(panel, option, _described(option)), None) for option in method.options}
    parameters = {
        **_INPUT,
        **(_SCORE if method.candidates else {}),
        **(_LAYER if method.layer else {}),
        **taken,
        **_REST,
    }
    return _function(parameters, taken, lambda texts, given: write_explanation(method, texts, **given))


def _command_of_any() -> Callable[..., None]:
    """A command that asks for the method, and for what any method takes."""
    users: dict[str, list[tuple[Method, Option]]] = {}
    for name in METHODS:
        for option in METHODS[name].options:
            users.setdefault(option.name, []).append((METHODS[name], option))
    taken = {name: (_merged(of), None) for name, of in users.items()}
    parameters = {"method": (options.Method, _REQUIRED), **_INPUT, **_SCORE, **_LAYER, **taken, **_REST}

    def run(texts: dict[str, str], given: dict[str, Any]) -> None:
        write_explanation(METHODS[given.pop("method")], texts, **given)

    return _function(parameters, taken, run)


def _function(
    parameters: dict[str, tuple[Any, Any]], taken: Iterable[str], run: Callable[[dict[str, str], dict[str, Any]], None]
) -> Callable[..., None]:
    """A function with these keyword arguments, from which typer makes a command.

    Args:
        parameters: The type and the default of each argument.
        taken: Which of them are options of methods. They come as text.
        run: Called with the options that were given and with the other arguments.
    """

    def function(**given: Any) -> None:
        texts = {name: given.pop(name) for name in taken}
        run({name: text for name, text in texts.items() if text is not None}, given)

    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for name, (kind, default) in parameters.items()
        ]
    )
    function.__annotations__ = {name: kind for name, (kind, _) in parameters.items()}
    return function


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
        None: "It uses all layers of attention." if method.family == "attention" else "It explains the input itself.",
    }
    about = f"{method.summary[0].upper()}{method.summary[1:]} ({method.paper})."
    cost = f"Cost for each window of the clip: {method.cost}. {layers[method.layer]}"
    return "\n\n".join((about, cost, _FILES.format(name=f"CLIP-MODEL-{method.name}")))


def _explain_help() -> str:
    return f"Explain a clip with any method.\n\n{_FILES.format(name='CLIP-MODEL-METHOD')}"
