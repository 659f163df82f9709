"""The network and the frames that the options of a command name."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.cli.arguments.values import frame_range, network_options
from videxplain.cli.output.console import progress_bar
from videxplain.models.own_models import is_own, load_named, refuse_options

if TYPE_CHECKING:
    from videxplain.data.stream import FileFrames


def network_and_frames(
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

    asked = network_options(labels, settings)
    if is_own(model):
        refuse_options(model, weights, view, asked)
    else:
        available_weights(model)
    chosen, fps = frames
    start, stop = frame_range(chosen)
    place = find_device(device)
    source = FileFrames(clip, start, stop, fps)
    if model.startswith("hf:") and (texts := texts_of(targets)):
        asked = {"texts": texts} | asked
    with progress_bar(f"weights of {model}") as progress:
        network = load_named(model, weights, progress=progress, view=view, **asked)
    return with_texts(network, targets).to(place), source
