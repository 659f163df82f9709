"""The command that divides evidence into motion and appearance."""

from pathlib import Path
from typing import Annotated, Any

import typer

from videxplain.cli.arguments import options
from videxplain.cli.arguments.inputs import network_and_frames
from videxplain.cli.arguments.values import format_list
from videxplain.cli.output.console import print_files, print_predictions, progress_bar, say
from videxplain.cli.output.explanations import print_explanation_notes, weights_words
from videxplain.cli.output.result_files import refuse_overwriting, result_folder, result_paths

Formats = Annotated[str, typer.Option("--format", help="Any of mp4, gif, png, pdf, svg, json, npz, tex, bib.")]


def split(
    model: options.Model,
    clip: options.ClipPath,
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    view: options.View = "model",
    settings: options.Settings = None,
    target: options.Target = None,
    layer: options.Layer = None,
    frames: options.Frames = ":",
    fps: options.Fps = None,
    device: options.Device = "auto",
    stride: options.Stride = None,
    formats: Formats = "mp4,png,json",
    out: options.Out = Path(),
    overwrite: options.Overwrite = False,
    width: options.Width = None,
    font: options.Font = None,
    font_size: options.FontSize = None,
    dark: options.Dark = False,
    titles: options.Titles = True,
    captions: options.Captions = True,
    at: options.At = None,
    rows: options.Rows = None,
    columns: options.Columns = None,
    charts: options.Charts = True,
) -> None:
    """Divide the evidence into motion and appearance."""
    from videxplain.cli.arguments.look import drawn_as
    from videxplain.explanation.motion import FORMATS, motion_and_appearance
    from videxplain.explanation.question import question_of
    from videxplain.viz.sheet import sheet_frames

    kinds = format_list(formats, FORMATS)
    paths = result_paths(out, clip, model, "split", kinds, weights=weights, target=target)
    asked: dict[str, Any] = {"target": target, "layer": layer, "stride": stride}
    look: dict[str, Any] = {"width": width, "font": font, "font_size": font_size, "dark": dark}
    look |= {"titles": titles, "captions": captions, "at": at, "rows": rows, "columns": columns, "charts": charts}
    with drawn_as(**look) as layout, result_folder(paths):
        network, source = network_and_frames(
            model, clip, weights, (frames, fps), device, labels, view, settings, (target,)
        )
        sheet_frames(source.num_frames, layout)
        question = question_of(source, network.config, "motion", **asked, token_grid=None, precision="fp32", options={})
        refuse_overwriting(paths, question, overwrite)
        with progress_bar(f"motion and appearance of {model}") as progress:
            parts = motion_and_appearance(network, source, **asked, progress=progress)
        title = f"{clip.name}: {model}, {weights_words(network.config)}"
        print_predictions(parts.motion.predictions, title, parts.motion.explained_label)
        if parts.motion.seen:
            say(parts.motion.seen)
        say(f"motion {100 * parts.share:.0f} % of the evidence, appearance {100 - 100 * parts.share:.0f} %")
        print_explanation_notes(parts.motion)
        for path in paths:
            parts.save(path, layout=layout)
        print_files(paths)
