"""Weights in another project's layout: recognised by their names, renamed to ours, described by their shapes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from videxplain.errors import VidexplainError
from videxplain.models.weights.layout_options import options_of
from videxplain.models.weights.layouts import LAYOUTS
from videxplain.models.weights.state_dicts import unwrapped

OURS = "videxplain"
"""What names of our own are called where a project is named."""


@dataclass(frozen=True)
class Converted:
    """Weights of another project as a network of ours.

    Attributes:
        state: Parameters and buffers under our names.
        options: What :func:`videxplain.load_model` needs to build the network: what the shapes say, and what the
            project feeds its networks with (frames, mean, ...).
        undecided: Options that nothing in the file tells, though the logits depend on them.
    """

    state: dict[str, Tensor]
    options: dict[str, Any]
    undecided: tuple[str, ...] = ()


def recognise_layout(state: Mapping[str, Tensor]) -> str | None:
    """The project whose names these are; None for names of ours and for those of nobody known.

    A plain state dict of our ``i3d_inception`` is pytorch-i3d's too.
    """
    names = unwrapped(state)[-1]
    return next((layout.name for layout in LAYOUTS if layout.recognises(names)), None)


def has_layouts(architecture: str) -> bool:
    """Whether other projects have networks that are this one."""
    return any(architecture in layout.settings for layout in LAYOUTS)


def convert(state: Mapping[str, Tensor], architecture: str, words: str = "", project: str = "") -> Converted:
    """Rename the weights of another project for a network of ours.

    Whether every weight of the network is there and of the right shape is not checked here:
    :func:`videxplain.models.weights.files.check_fit` does that and lists what is amiss.

    Args:
        state: Parameters and buffers by name, in a layout that :func:`recognise_layout` knows.
        architecture: Name in the zoo of the network to be.
        words: What else the file says about itself, such as its name: the embedded Gaussian and the dot product have
            weights of the same names and shapes.
        project: Whose names they are; empty to recognise it.

    Raises:
        VidexplainError: The layout is not known, or it has no such network.
    """
    names = unwrapped(state)[-1]
    layout = next(
        (one for one in LAYOUTS if (one.name == project if project else one.recognises(names))),
        None,
    )
    if layout is None:
        raise VidexplainError("the names of the weights are those of no project known here")
    if architecture not in layout.settings:
        fitting = " or ".join(layout.settings)
        raise VidexplainError(f"the weights are {layout.what}: they fit {fitting}, not {architecture}")
    renamed = with_counts(layout.rename(names, architecture))
    settings = layout.settings[architecture]
    options = {**settings, **options_of(renamed, architecture), **layout.more(names, architecture, words)}
    known = {name: value for name, value in options.items() if value is not None}
    return Converted(renamed, known, tuple(name for name in options if name not in known))


def with_counts(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """With a count of batches for each normalisation: PyTorch before 0.4.1 and Caffe2 have none, and none is needed."""
    counted = {f"{name.removesuffix('running_var')}num_batches_tracked" for name in state if "running_var" in name}
    return {**state, **{name: torch.zeros((), dtype=torch.long) for name in sorted(counted - state.keys())}}


def other_reading(state: Mapping[str, Tensor], architecture: str) -> str | None:
    """The project that nothing but an assumption decides against; None where the weights show whose they are.

    Videxplain's own ``i3d`` and the ResNet-50 of pytorch-resnet3d have the same names and shapes, and another pooling.
    Files of the latter count no batches as they were published, but do after PyTorch has trained or saved them.
    """
    if architecture != "i3d" or "layer1.0.conv1.weight" not in state or any(".nl" in name for name in state):
        return None
    options = options_of(state, architecture)
    if (options.get("width"), options.get("depth"), options.get("blocks")) != (64, 50, None):
        return None
    return OURS if recognise_layout(state) == "pytorch-resnet3d" else "pytorch-resnet3d"
