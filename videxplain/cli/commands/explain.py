"""Commands that explain a clip."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.cli.arguments import options
from videxplain.cli.arguments.inputs import network_and_frames
from videxplain.cli.arguments.values import format_list, precision_of, target_name, target_of
from videxplain.cli.output.console import (
    print_banner,
    print_files,
    print_json,
    print_notes,
    print_predictions,
    progress_bar,
    say,
)
from videxplain.cli.output.estimate import Estimate, cost_with, estimated
from videxplain.cli.output.explanations import print_explanation_notes, tell_how_to_name_classes, weights_words
from videxplain.cli.output.result_files import refuse_overwriting, result_folder, result_paths

if TYPE_CHECKING:
    from videxplain.attribution.registry import Method


def explain() -> None:
    """Explain a clip with any method: an overlay video, a figure and numbers."""
    # Only the list of commands uses this function. The real command has the options of all methods, and reading them
    # imports torch. So :mod:`videxplain.cli.commands.method_commands` makes it when it is needed.


def write_explanation(
    method: "Method",
    texts: dict[str, str],
    *,
    model: str,
    clip: Path,
    weights: str,
    labels: str | None,
    view: str,
    settings: list[str] | None,
    target: str | None = None,
    against: str | None = None,
    layer: str | None = None,
    frames: str,
    fps: float | None,
    device: str,
    precision: str,
    stride: int | None,
    formats: str,
    out: Path,
    overwrite: bool,
    colormap: str | None,
    opacity: float | None,
    timeline: bool,
    **look: Any,
) -> None:
    """Explain a clip with ``method`` and write the files.

    ``texts`` are the options of the method, as text. The other arguments are those of the command line; ``look`` are
    those of :func:`videxplain.cli.arguments.look.drawn_as`.
    """
    from videxplain.cli.arguments.look import check_opacity, drawn_as
    from videxplain.explanation.api import explain as explain_clip
    from videxplain.explanation.origin import measured
    from videxplain.explanation.question import question_of
    from videxplain.explanation.result import FORMATS
    from videxplain.explanation.windows.plan import plan
    from videxplain.viz.sheet import sheet_frames

    kinds = format_list(formats, FORMATS)
    paths = result_paths(out, clip, model, method.name, kinds, weights=weights, target=target_name(target, against))
    values = method.parse_options(texts)
    check_opacity(opacity)
    with drawn_as(colormap=colormap, **look) as layout, result_folder(paths):
        network, source = network_and_frames(
            model, clip, weights, (frames, fps), device, labels, view, settings, (target, against)
        )
        sheet_frames(source.num_frames, layout)
        asked: dict[str, Any] = {
            "target": target_of(target, against),
            "layer": layer,
            "precision": precision_of(precision, network),
            "stride": stride,
        }
        question = question_of(source, network.config, method.name, **asked, token_grid=None, options=values)
        refuse_overwriting(paths, question, overwrite)
        windows = len(plan(source.num_frames, network.config, stride).windows)
        estimate = Estimate(method.name, cost_with(method.cost, values), windows)
        with progress_bar(f"{method.name} of {model}") as bar, estimated(network, estimate, bar) as progress:
            explanation = explain_clip(network, source, method.name, **asked, progress=progress, **values)
        title = f"{clip.name}: {model}, {weights_words(network.config)}"
        kind = measured(network.config.output)
        print_predictions(explanation.predictions, title, explanation.origin.target or "", kind=kind)
        tell_how_to_name_classes(model, network.config)
        if explanation.seen:
            say(explanation.seen)
        if explanation.intervals:
            say(explanation.intervals)
        print_explanation_notes(explanation)
        for path in paths:
            with progress_bar(f"writing {path.name}") as progress:
                explanation.save(path, opacity=opacity, timeline=timeline, layout=layout, progress=progress)
        print_files(paths)


def predict(
    model: options.Model,
    clip: options.ClipPath,
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    view: options.View = "model",
    settings: options.Settings = None,
    frames: options.Frames = ":",
    fps: options.Fps = None,
    device: options.Device = "auto",
    stride: options.Stride = None,
    top: options.Top = 5,
    as_json: options.AsJson = False,
) -> None:
    """Print the most probable classes of a clip, averaged over its windows."""
    from videxplain.boxes import seen_words
    from videxplain.data.views import seen_box
    from videxplain.explanation.api import clip_notes, predict_source
    from videxplain.explanation.familiarity import familiarity_notes
    from videxplain.explanation.origin import measured, of_model, prediction_records
    from videxplain.explanation.saving import plain
    from videxplain.explanation.sources import clip_record

    network, source = network_and_frames(model, clip, weights, (frames, fps), device, labels, view, settings)
    config = network.config
    with progress_bar(f"predicting with {model}") as progress:
        found = predict_source(network, source, stride=stride, progress=progress)
    unknown, notes = familiarity_notes(found.familiarity, source), clip_notes(source, config)
    if as_json:
        record = {"predictions": prediction_records(found.classes, config.output), "notes": (*unknown, *notes)}
        known = found.familiarity and found.familiarity.record()
        print_json(plain({**clip_record(source), **of_model(config), **record, "familiarity": known}))
        return
    title = f"{clip.name}: {model}, {weights_words(config)}"
    print_predictions(found.classes, title, top=top, kind=measured(config.output))
    tell_how_to_name_classes(model, config)
    if seen := seen_words(seen_box(source.size, config.view), source.size):
        say(seen)
    print_banner(unknown)
    print_notes(notes)
