"""Commands that explain a clip."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.cli import options
from videxplain.cli.console import print_files, print_notes, print_predictions, progress_bar
from videxplain.errors import VidexplainError
from videxplain.files import output_folder

if TYPE_CHECKING:
    from torch import nn

    from videxplain.attribution.registry import Method
    from videxplain.data.stream import FileFrames

METHOD_OPTIONS = ("channel", "pooling", "steps", "samples", "noise", "seed", "box", "fill", "areas", "threshold")
"""Parameters of :func:`explain` that some methods take."""


def explain(
    method: options.Method,
    model: options.Model,
    clip: options.ClipPath,
    weights: options.Weights = "auto",
    target: options.Target = None,
    against: options.Against = None,
    layer: options.Layer = None,
    channel: options.Channel = None,
    pooling: options.Pooling = None,
    steps: options.Steps = None,
    samples: options.Samples = None,
    noise: options.Noise = None,
    seed: options.Seed = None,
    box: options.Box = None,
    fill: options.Fill = None,
    areas: options.Areas = None,
    threshold: options.Threshold = None,
    frames: options.Frames = ":",
    device: options.Device = "auto",
    precision: options.Precision = "fp32",
    stride: options.Stride = None,
    formats: options.Formats = "mp4,png,json",
    out: options.Out = Path(),
    colormap: options.Colormap = None,
    opacity: options.Opacity = None,
    timeline: options.Timeline = True,
) -> None:
    """Explain a clip with any method: an overlay video, a figure and numbers."""
    from videxplain.explanation.api import explain as explain_clip
    from videxplain.explanation.result import FORMATS
    from videxplain.files import file_stem

    kinds = options.format_list(formats, FORMATS)
    extra = _method_options(
        method,
        channel=channel,
        pooling=pooling,
        steps=steps,
        samples=samples,
        noise=noise,
        seed=seed,
        box=options.box_size(box),
        fill=fill,
        areas=options.shares(areas),
        threshold=threshold,
    )
    _check_look(colormap, opacity)
    with output_folder(out):
        network, source = prepare(model, clip, weights, frames, device)
        with progress_bar(f"{method} of {model}") as progress:
            found = explain_clip(
                network,
                source,
                method,
                target=_target(target, against),
                layer=layer,
                precision=_precision(precision, network),
                stride=stride,
                progress=progress,
                **extra,
            )
        title = f"{clip.name}: {model}, weights: {found.origin.weights}"
        print_predictions(found.predictions, title, found.explained_label)
        print_notes(found.notes)
        paths = []
        for kind in kinds:
            path = out / f"{clip_name(clip)}-{file_stem(model)}-{method}.{kind}"
            with progress_bar(f"writing {path.name}") as progress:
                found.save(path, colormap=colormap, opacity=opacity, timeline=timeline, progress=progress)
            paths.append(path)
        print_files(paths)


def command(method: "Method") -> Callable[..., None]:
    """:func:`explain` with one method, asking only for what that method takes."""

    def run(**given: Any) -> None:
        explain(method.name, **given)

    taken = {
        "method": False,
        "target": method.candidates > 0,
        "against": method.candidates > 0,
        "layer": method.layer is not None,
        **{name: name in method.options for name in METHOD_OPTIONS},
    }
    parameters = inspect.signature(explain).parameters.values()
    # What typer reads of a function, told here rather than written out for every method.
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [p.replace(kind=p.KEYWORD_ONLY) for p in parameters if taken.get(p.name, True)], return_annotation=None
    )
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__doc__ = f"{method.summary[0].upper()}{method.summary[1:]} ({method.paper})."
    return run


def figure(
    model: options.Model,
    clip: options.ClipPath,
    weights: options.Weights = "auto",
    target: options.Target = None,
    against: options.Against = None,
    layer: options.Layer = None,
    frame: options.FrameNumber = None,
    frames: options.Frames = ":",
    device: options.Device = "auto",
    formats: options.FigureFormats = "png,pdf",
    out: options.Out = Path(),
    colormap: options.Colormap = None,
) -> None:
    """One frame in four panels: input, first activations, Grad-CAM, guided backpropagation."""
    from videxplain.explanation.panels import four_panel_figure
    from videxplain.files import file_stem
    from videxplain.viz.save import save_figure

    kinds = options.format_list(formats, ("png", "pdf", "svg"))
    _check_look(colormap, None)
    with output_folder(out):
        network, source = prepare(model, clip, weights, frames, device)
        with progress_bar(f"figure of {model}") as progress:
            drawn = four_panel_figure(
                network,
                source,
                frame=frame,
                target=_target(target, against),
                layer=layer,
                colormap=colormap,
                progress=progress,
            )
        _note_if_untrained(network)
        paths = [out / f"{clip_name(clip)}-{file_stem(model)}-figure.{kind}" for kind in kinds]
        for path in paths:
            save_figure(drawn, path)
        print_files(paths)


def predict(
    model: options.Model,
    clip: options.ClipPath,
    weights: options.Weights = "auto",
    frames: options.Frames = ":",
    device: options.Device = "auto",
    stride: options.Stride = None,
    top: options.Top = 5,
) -> None:
    """Which class a clip shows, averaged over its windows."""
    from videxplain.explanation.api import predict as predict_clip

    network, source = prepare(model, clip, weights, frames, device)
    with progress_bar(f"predicting with {model}") as progress:
        predictions = predict_clip(network, source, stride=stride, progress=progress)
    config = network.config
    print_predictions(predictions, f"{clip.name}: {model}, weights: {config.weights}", top=top)
    _note_if_untrained(network)


def prepare(model: str, clip: Path, weights: str, frames: str, device: str) -> "tuple[Any, FileFrames]":
    """The network on its device and the frames, after everything that costs little has been checked."""
    from videxplain.data.stream import FileFrames
    from videxplain.device import find_device
    from videxplain.models.zoo import available_weights, load_model

    available_weights(model)
    start, stop = options.frame_range(frames)
    place = find_device(device)
    source = FileFrames(clip, start, stop)
    with progress_bar(f"weights of {model}") as progress:
        network = load_model(model, weights, progress=progress)
    return network.to(place), source


def clip_name(clip: Path) -> str:
    """What the files of a clip are called after."""
    return clip.resolve().name if clip.is_dir() else clip.stem


def _method_options(method: str, **values: Any) -> dict[str, Any]:
    from videxplain.attribution.api import METHODS, check_options

    given = {name: value for name, value in values.items() if value is not None}
    check_options(METHODS[method], given)
    return given


def _check_look(colormap: str | None, opacity: float | None) -> None:
    from videxplain.viz.colour import colour_map

    if colormap is not None:
        colour_map(colormap)
    if opacity is not None and not 0 <= opacity <= 1:
        raise VidexplainError(f"--opacity is between 0 and 1, not {opacity:g}")


def _target(target: str | None, against: str | None) -> Any:
    from videxplain.attribution.targets import Contrast

    if against is None:
        return target
    if target is None:
        raise VidexplainError("--against needs --target: why the one rather than the other")
    return Contrast(target, against)


def _precision(name: str, network: "nn.Module") -> Any:
    from videxplain.device import device_of, find_precision

    return find_precision(name, device_of(network))


def _note_if_untrained(network: Any) -> None:
    from videxplain.explanation.api import UNTRAINED_NOTE

    if not network.config.trained:
        print_notes([UNTRAINED_NOTE])
