"""Commands that explain a clip."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.cli import options
from videxplain.cli.console import (
    print_banner,
    print_files,
    print_json,
    print_notes,
    print_predictions,
    progress_bar,
    say,
)
from videxplain.cli.estimate import Estimate, cost_with, estimated
from videxplain.cli.outputs import refuse_overwriting, result_folder, result_paths
from videxplain.errors import VidexplainError
from videxplain.models.own_models import is_own, load_named, refuse_options

if TYPE_CHECKING:
    from torch import nn

    from videxplain.attribution.registry import Method
    from videxplain.data.stream import FileFrames
    from videxplain.explanation.result import Explanation
    from videxplain.models.config import ModelConfig


def explain() -> None:
    """Explain a clip with any method: an overlay video, a figure and numbers."""
    # Only the list of commands uses this function. The real command has the options of all methods, and reading them
    # imports torch. So :mod:`videxplain.cli.method_commands` makes it when it is needed.


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
    those of :func:`videxplain.cli.look.drawn_as`.
    """
    from videxplain.cli.look import check_opacity, drawn_as
    from videxplain.explanation.api import explain as explain_clip
    from videxplain.explanation.origin import measured
    from videxplain.explanation.question import question_of
    from videxplain.explanation.result import FORMATS
    from videxplain.explanation.windows.plan import plan
    from videxplain.viz.sheet import sheet_frames

    kinds = options.format_list(formats, FORMATS)
    paths = result_paths(out, clip, model, method.name, kinds, weights=weights, target=target_name(target, against))
    values = method.parse_options(texts)
    check_opacity(opacity)
    with drawn_as(colormap=colormap, **look) as layout, result_folder(paths):
        network, source = prepare(
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
        _tell_how_to_name_classes(model, network.config)
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

    network, source = prepare(model, clip, weights, (frames, fps), device, labels, view, settings)
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
    _tell_how_to_name_classes(model, config)
    if seen := seen_words(seen_box(source.size, config.view), source.size):
        say(seen)
    print_banner(unknown)
    print_notes(notes)


def prepare(
    model: str,
    clip: Path,
    weights: str,
    frames: tuple[str, float | None],
    device: str,
    labels: str | None = None,
    view: str = "model",
    settings: list[str] | None = None,
    targets: Sequence[str | None] = (),
) -> "tuple[Any, FileFrames]":
    """The network on its device, and the frames. Cheap checks come first.

    ``frames`` are those of ``--frames`` and the rate of ``--fps``. ``targets`` are the targets of the command line.
    Texts among them go to a network that compares videos with texts.
    """
    from videxplain.attribution.texts import texts_of, with_texts
    from videxplain.data.stream import FileFrames
    from videxplain.device import find_device
    from videxplain.models.zoo import available_weights

    asked = options.network_options(labels, settings)
    if is_own(model):
        refuse_options(model, weights, view, asked)
    else:
        available_weights(model)
    chosen, fps = frames
    start, stop = options.frame_range(chosen)
    place = find_device(device)
    source = FileFrames(clip, start, stop, fps)
    if model.startswith("hf:") and (texts := texts_of(targets)):
        asked = {"texts": texts} | asked
    with progress_bar(f"weights of {model}") as progress:
        network = load_named(model, weights, progress=progress, view=view, **asked)
    return with_texts(network, targets).to(place), source


def _tell_how_to_name_classes(model: str, config: "ModelConfig") -> None:
    """A line about ``--labels`` if trained weights name no classes."""
    if config.trained and config.output != "regression" and not config.outcome_labels and not is_own(model):
        say("these weights name no classes: --labels FILE does, with a name on each line")


def print_explanation_notes(explanation: "Explanation", notes: Sequence[str] | None = None) -> None:
    """Print the notes of an explanation, or ``notes`` instead. Notes about an unfamiliar clip become a banner."""
    from videxplain.explanation.familiarity import familiarity_notes

    unknown = familiarity_notes(explanation.familiarity, explanation.source)
    print_banner(unknown)
    print_notes([note for note in (explanation.notes if notes is None else notes) if note not in unknown])


def weights_words(config: "ModelConfig") -> str:
    """The weights in words, with their file and the start of its SHA-256."""
    from videxplain.explanation.origin import provenance

    return provenance(config.weights, config.weights_file, config.weights_sha256) or "weights: none"


def target_name(target: str | None, against: str | None) -> str | None:
    """The part of the file names that names the target; None without a target."""
    return f"{target}-against-{against}" if target and against else target


def target_of(target: str | None, against: str | None) -> Any:
    """The target of ``--target`` and ``--against``."""
    from videxplain.attribution.targets import Contrast

    if against is None:
        return target
    if target is None:
        raise VidexplainError("--against needs --target: why the one rather than the other")
    return Contrast(target, against)


def precision_of(name: str, network: "nn.Module") -> Any:
    """The precision of ``--precision`` on the device of the network."""
    from videxplain.device import device_of, find_precision

    return find_precision(name, device_of(network))
