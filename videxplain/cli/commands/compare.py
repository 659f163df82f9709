"""The command that explains a clip in several ways and compares the maps."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.cli.arguments.values import (
    format_list,
    frame_range,
    name_list,
    network_options,
    precision_of,
    target_name,
    target_of,
)
from videxplain.cli.output.console import console, print_files, print_notes, progress_bar, say
from videxplain.cli.output.result_files import refuse_overwriting, result_folder, result_paths
from videxplain.errors import VidexplainError
from videxplain.files import file_stem
from videxplain.models.own_models import is_own

if TYPE_CHECKING:
    from torch import nn

    from videxplain.explanation.comparing.comparison import Comparison


_LONGEST_NAME = 100
"""Letters of the names in a file's name. Longer names are replaced by their number."""


def compare() -> None:
    """Compare models, methods, classes or layers on one clip: a figure, a video, and how far the maps agree."""
    # Only the list of commands uses this, as for :func:`videxplain.cli.commands.explain.explain`.


def write_comparison(
    texts: dict[str, str],
    *,
    clip: Path,
    model: str | None,
    models: str | None,
    method: str | None,
    methods: str | None,
    targets: str | None,
    layers: str | None,
    weights: str,
    labels: str | None,
    view: str,
    settings: list[str] | None,
    target: str | None,
    against: str | None,
    layer: str | None,
    scale: str | None,
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
    """Explain a clip in several ways and write the files.

    ``texts`` are the options of methods, as text. The other arguments are those of the command line; ``look`` are those
    of :func:`videxplain.cli.arguments.look.drawn_as`.
    """
    from videxplain.cli.arguments.look import check_opacity, drawn_as
    from videxplain.explanation.comparing.compare import Asked
    from videxplain.explanation.comparing.comparison import FORMATS
    from videxplain.viz.compared_maps import comparison_frames

    kinds = format_list(formats, FORMATS)
    check_opacity(opacity)
    named = _named({"models": models, "methods": methods, "targets": targets, "layers": layers})
    ((compared, names),) = named.items()
    if (model is None) == (models is None):
        raise VidexplainError("give --model with --methods, --targets or --layers; --models stands in its place")
    sources = _weights_of(names, weights) if compared == "models" else {str(model): (str(model), weights)}
    values = _parsed(texts, names if compared == "methods" else [method or "gradcam"])
    given = target_name(target, against)
    what = _words_of_files(compared, names)
    paths = result_paths(out, clip, model or "models", what, kinds, weights=weights, target=given)
    with drawn_as(colormap=colormap, **look) as layout, result_folder(paths):
        source = _frames(clip, frames, fps)
        comparison_frames(source.num_frames, layout)
        networks = _networks(sources, device, labels, view, settings)
        asked = Asked.of(
            networks if compared == "models" else next(iter(networks.values())),
            method,
            **({} if compared == "models" else named),
            target=target_of(target, against),
            layer=layer,
            scale=scale,  # type: ignore[arg-type]
            options=values,
        )
        how: dict[str, Any] = {"precision": precision_of(precision, next(iter(networks.values()))), "stride": stride}
        refuse_overwriting(paths, asked.question(source, **how), overwrite)
        with progress_bar(f"{len(names)} {compared}") as progress:
            comparison = asked.answered(source, **how, progress=progress)
        _print_agreement(comparison, clip.name)
        print_notes(comparison.notes)
        for path in paths:
            with progress_bar(f"writing {path.name}") as progress:
                comparison.save(path, opacity=opacity, timeline=timeline, layout=layout, progress=progress)
        print_files(paths)


def _named(lists: dict[str, str | None]) -> dict[str, list[str]]:
    """The one list that was given, by what it names.

    Raises:
        VidexplainError: None or several were given.
    """
    named = {name: name_list(text) for name, text in lists.items() if text is not None}
    if len(named) != 1:
        raise VidexplainError("one thing is compared: give --models, --methods, --targets or --layers, and only one")
    return named


def _words_of_files(compared: str, names: list[str]) -> str:
    """The part of the file names that names the comparison."""
    words = "-".join(("compare", *(file_stem(name) for name in names)))
    return words if len(words) <= _LONGEST_NAME else f"compare-{len(names)}-{compared}"


def _weights_of(names: list[str], weights: str) -> dict[str, tuple[str, str]]:
    """Architecture and weights of each network, by its name in the comparison. ``i3d=FILE`` names weights for one."""
    found = {}
    for text in names:
        name, equals, own = (text, "", "") if is_own(text) else text.partition("=")
        called = f"{name} {Path(own).stem}" if equals else name
        if called in found:
            raise VidexplainError(f"--models has '{called}' twice")
        found[called] = (name, own or weights)
    return found


def _networks(
    sources: dict[str, tuple[str, str]], device: str, labels: str | None, view: str, settings: list[str] | None
) -> "dict[str, nn.Module]":
    from videxplain.device import find_device
    from videxplain.models.own_models import load_named, refuse_options
    from videxplain.models.zoo import available_weights

    place, asked = find_device(device), network_options(labels, settings)
    for name, weights in sources.values():
        if is_own(name):
            refuse_options(name, weights, view, asked)
        else:
            available_weights(name)
    networks: dict[str, nn.Module] = {}
    for called, (name, weights) in sources.items():
        with progress_bar(f"weights of {name}") as progress:
            networks[called] = load_named(name, weights, progress=progress, view=view, **asked).to(place)
    return networks


def _frames(clip: Path, frames: str, fps: float | None) -> Any:
    from videxplain.data.stream import FileFrames

    return FileFrames(clip, *frame_range(frames), fps)


def _parsed(texts: dict[str, str], methods: list[str]) -> dict[str, Any]:
    """The options of methods. The first method that has an option decides how its text is read."""
    from videxplain.attribution.registry import METHODS

    chosen = [METHODS[name] for name in methods]
    values: dict[str, Any] = {}
    for name, text in texts.items():
        users = [one for one in chosen if name in {option.name for option in one.options}]
        if not users:
            raise VidexplainError(f"no method compared here has the option '{name}': {', '.join(methods)}")
        values |= users[0].parse_options({name: text})
    return values


def _print_agreement(comparison: "Comparison", clip: str) -> None:
    """Print what each explanation is of, and how far the maps of each pair agree."""
    from rich.table import Table

    from videxplain.cli.output.console import clean
    from videxplain.explanation.origin import measured

    for name, one in zip(comparison.names, comparison.explanations, strict=True):
        said = dict(one.predictions).get(one.explained_label)
        probable = said is not None and measured(one.origin.output) == "probability"
        share = f", {100 * (said or 0.0):.1f} %" if probable else ""
        target = f"'{one.origin.target}'{share}, " if one.origin.target else ""
        say(f"{name}: {target}{one.origin.layer}")
    table = Table(box=None, pad_edge=False)
    table.add_column("maps", overflow="fold")
    table.add_column("rank correlation", justify="right")
    table.add_column("strongest tenth in common", justify="right")
    for pair in comparison.agreement:
        overlap = "none" if pair.overlap != pair.overlap else f"{100 * pair.overlap:.0f} %"
        table.add_row(clean(f"{pair.first}, {pair.second}"), f"{pair.rank_correlation:.2f}", overlap)
    console().print(clean(f"{clip}: how far the maps agree (chance is 0, and 10 %)"), style="bold", soft_wrap=True)
    console().print(table)
