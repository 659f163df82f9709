"""The command that shows which places one point attends to."""

from pathlib import Path
from typing import Annotated, Any

import typer

from videxplain.cli.arguments import options
from videxplain.cli.arguments.inputs import network_and_frames
from videxplain.cli.arguments.values import format_list
from videxplain.cli.output.console import print_files, print_notes, say
from videxplain.cli.output.result_files import refuse_overwriting, result_folder, result_paths
from videxplain.errors import VidexplainError

Frame = Annotated[int | None, typer.Option(help="The frame of the point; by default the middle one.")]
At = Annotated[str | None, typer.Option(metavar="X,Y", help="The point in pixels; by default Grad-CAM's maximum.")]
Block = Annotated[
    str | None, typer.Option(help="Which non-local block, or the number of an attention layer; by default the last.")
]
Links = Annotated[int, typer.Option("--top", min=1, help="How many arrows.")]
Formats = Annotated[str, typer.Option("--format", help="Any of png, pdf, svg, json.")]


def attention(
    model: options.Model,
    clip: options.ClipPath,
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    view: options.View = "model",
    settings: options.Settings = None,
    frame: Frame = None,
    at: At = None,
    block: Block = None,
    top: Links = 20,
    frames: options.Frames = ":",
    fps: options.Fps = None,
    device: options.Device = "auto",
    formats: Formats = "png,json",
    out: options.Out = Path(),
    overwrite: options.Overwrite = False,
) -> None:
    """Show which places one point attends to: the strongest links of a non-local block or of attention, as arrows."""
    from videxplain.explanation.attention import attention as look
    from videxplain.explanation.attention_result import FORMATS
    from videxplain.explanation.question import question_of

    kinds = format_list(formats, FORMATS)
    paths = result_paths(out, clip, model, "attention", kinds, weights=weights)
    asked: dict[str, Any] = {"frame": frame, "at": _point(at), "block": block, "top": top}
    with result_folder(paths):
        network, source = network_and_frames(model, clip, weights, (frames, fps), device, labels, view, settings)
        refuse_overwriting(paths, question_of(source, network.config, "attention", **asked), overwrite)
        seen = look(network, source, **asked)
        x, y = seen.at
        say(f"{seen.block}, frame {seen.frame}, ({x:.0f}, {y:.0f}), {seen.chosen}: {seen.caption}")
        print_notes(seen.notes)
        for path in paths:
            seen.save(path)
        print_files(paths)


def _point(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise VidexplainError(f"--at is a point in pixels, such as 120,80, not '{text}'") from None
    return x, y
