"""The command that draws frames in four panels."""

from pathlib import Path
from typing import Any

from videxplain.cli.arguments import options
from videxplain.cli.arguments.inputs import network_and_frames
from videxplain.cli.arguments.values import format_list, target_name, target_of
from videxplain.cli.output.console import print_files, progress_bar
from videxplain.cli.output.explanations import print_explanation_notes
from videxplain.cli.output.result_files import refuse_overwriting, result_folder, result_paths


def figure(
    model: options.Model,
    clip: options.ClipPath,
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    view: options.View = "model",
    settings: options.Settings = None,
    target: options.Target = None,
    against: options.Against = None,
    layer: options.Layer = None,
    at: options.PanelFrames = None,
    frames: options.Frames = ":",
    fps: options.Fps = None,
    device: options.Device = "auto",
    formats: options.FigureFormats = "png,pdf",
    out: options.Out = Path(),
    overwrite: options.Overwrite = False,
    colormap: options.Colormap = None,
    width: options.Width = None,
    font: options.Font = None,
    font_size: options.FontSize = None,
    dark: options.Dark = False,
    titles: options.Titles = True,
    captions: options.Captions = True,
) -> None:
    """Draw frames in four panels: input, first activations, Grad-CAM, guided backpropagation."""
    from videxplain.cli.arguments.look import drawn_as
    from videxplain.explanation.panels import FORMATS, four_panels_of
    from videxplain.explanation.question import question_of

    kinds = format_list(formats, FORMATS)
    paths = result_paths(out, clip, model, "figure", kinds, weights=weights, target=target_name(target, against))
    look: dict[str, Any] = {"colormap": colormap, "width": width, "font": font, "font_size": font_size, "dark": dark}
    with drawn_as(**look, at=at, titles=titles, captions=captions) as layout, result_folder(paths):
        network, source = network_and_frames(
            model, clip, weights, (frames, fps), device, labels, view, settings, (target, against)
        )
        asked: dict[str, Any] = {"target": target_of(target, against), "layer": layer, "frames": layout.at}
        question = question_of(source, network.config, "figure", **asked)
        refuse_overwriting(paths, question, overwrite)
        with progress_bar(f"figure of {model}") as progress:
            panels = four_panels_of(network, source, **asked, progress=progress)
        print_explanation_notes(panels.explanation, panels.notes)
        for path in paths:
            panels.save(path, layout=layout, question=question)
        print_files(paths)
