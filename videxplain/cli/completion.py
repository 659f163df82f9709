"""Commands for the completion of the shell: the options that all methods share, without importing torch."""

from pathlib import Path
from typing import Any

import typer

from videxplain.cli import options

_program = typer.Typer(add_completion=False)


@_program.command("method")
def _method(
    model: options.Model,
    clip: options.ClipPath,
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    view: options.View = "model",
    target: options.Target = None,
    against: options.Against = None,
    layer: options.Layer = None,
    frames: options.Frames = ":",
    device: options.Device = "auto",
    precision: options.Precision = "fp32",
    stride: options.Stride = None,
    formats: options.Formats = "mp4,png,json",
    out: options.Out = Path(),
    overwrite: options.Overwrite = False,
    colormap: options.Colormap = None,
    opacity: options.Opacity = None,
    timeline: options.Timeline = True,
) -> None:
    pass


@_program.command("explain")
def _explain(
    method: options.Method,
    model: options.Model,
    clip: options.ClipPath,
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    view: options.View = "model",
    target: options.Target = None,
    against: options.Against = None,
    layer: options.Layer = None,
    frames: options.Frames = ":",
    device: options.Device = "auto",
    precision: options.Precision = "fp32",
    stride: options.Stride = None,
    formats: options.Formats = "mp4,png,json",
    out: options.Out = Path(),
    overwrite: options.Overwrite = False,
    colormap: options.Colormap = None,
    opacity: options.Opacity = None,
    timeline: options.Timeline = True,
) -> None:
    pass


_commands: dict[str, Any] = dict(typer.main.get_group(_program).commands)
METHOD, EXPLAIN = _commands["method"], _commands["explain"]
