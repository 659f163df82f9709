"""The command that divides evidence into motion and appearance."""

from pathlib import Path
from typing import Annotated

import typer

from videxplain.cli import options
from videxplain.cli.console import print_files, print_notes, print_predictions, progress_bar, say
from videxplain.files import output_folder

Formats = Annotated[str, typer.Option("--format", help="Any of mp4, gif, png, pdf, svg, json, npz.")]


def split(
    model: options.Model,
    clip: options.ClipPath,
    weights: options.Weights = "auto",
    target: options.Target = None,
    layer: options.Layer = None,
    frames: options.Frames = ":",
    device: options.Device = "auto",
    stride: options.Stride = None,
    formats: Formats = "mp4,png,json",
    out: options.Out = Path(),
) -> None:
    """Divide the evidence into motion and appearance."""
    from videxplain.cli.explain import clip_name, prepare
    from videxplain.explanation.motion import FORMATS, motion_and_appearance
    from videxplain.files import file_stem

    kinds = options.format_list(formats, FORMATS)
    with output_folder(out):
        network, source = prepare(model, clip, weights, frames, device)
        with progress_bar(f"motion and appearance of {model}") as progress:
            parts = motion_and_appearance(network, source, target=target, layer=layer, stride=stride, progress=progress)
        title = f"{clip.name}: {model}, weights: {parts.motion.origin.weights}"
        print_predictions(parts.motion.predictions, title, parts.motion.explained_label)
        say(f"motion {100 * parts.share:.0f} % of the evidence, appearance {100 - 100 * parts.share:.0f} %")
        print_notes(parts.motion.notes)
        paths = [out / f"{clip_name(clip)}-{file_stem(model)}-split.{kind}" for kind in kinds]
        for path in paths:
            parts.save(path)
        print_files(paths)
