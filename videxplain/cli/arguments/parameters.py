"""The parameters of commands that explain a clip, and how a command is made from them. Does not import torch."""

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from videxplain.cli.arguments import options

REQUIRED = inspect.Parameter.empty
INPUT = {
    "model": (options.Model, REQUIRED),
    "clip": (options.ClipPath, REQUIRED),
    "weights": (options.Weights, "auto"),
    "labels": (options.Labels, None),
    "view": (options.View, "model"),
    "settings": (options.Settings, None),
}
COMPARED = {
    "clip": (options.ClipPath, REQUIRED),
    "models": (options.Models, None),
    "methods": (options.Methods, None),
    "targets": (options.Targets, None),
    "layers": (options.Layers, None),
    "model": (options.OneModel, None),
    "method": (options.OneMethod, None),
    "scale": (options.Scale, None),
    **{name: taken for name, taken in INPUT.items() if name not in ("model", "clip")},
}
SCORE = {"target": (options.Target, None), "against": (options.Against, None)}
LAYER = {"layer": (options.Layer, None)}
STYLE = {
    "width": (options.Width, None),
    "font": (options.Font, None),
    "font_size": (options.FontSize, None),
    "dark": (options.Dark, False),
    "titles": (options.Titles, True),
    "captions": (options.Captions, True),
}
GRID = {
    "at": (options.At, None),
    "rows": (options.Rows, None),
    "columns": (options.Columns, None),
    "charts": (options.Charts, True),
}
REST = {
    "frames": (options.Frames, ":"),
    "fps": (options.Fps, None),
    "device": (options.Device, "auto"),
    "precision": (options.Precision, "fp32"),
    "stride": (options.Stride, None),
    "formats": (options.Formats, "mp4,png,json"),
    "out": (options.Out, Path()),
    "overwrite": (options.Overwrite, False),
    "colormap": (options.Colormap, None),
    "opacity": (options.Opacity, None),
    "timeline": (options.Timeline, True),
    **STYLE,
    **GRID,
}
REST_OF_COMPARED = {name: taken for name, taken in REST.items() if name != "rows"} | {
    "formats": (options.ComparisonFormats, "mp4,png,json"),
}
"""``REST`` for comparisons. They have no ``rows``, because each map has a row, and no page for a browser."""


def command_function(
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
