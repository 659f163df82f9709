"""Whether a clip is like those that the network has learned from, and what is said if it is not."""

import shlex

import torch
from torch import Tensor, nn

from videxplain.attribution.engine import forward
from videxplain.data.stream import FrameSource
from videxplain.models.familiarity import ClipFamiliarity, Familiarity, Measurement
from videxplain.models.stages import clip_features
from videxplain.untouched import untouched

UNFAMILIAR_FRAME = "unlike anything this network has learned from"
"""What is said of an unfamiliar clip where there is little room, as on a frame."""
UNFAMILIAR = f"This clip is {UNFAMILIAR_FRAME}"
"""How the note about an unfamiliar clip begins."""
REAL_NETWORK = "torchvision:r3d_18"
"""A network that has learned from real video."""


def pass_of(module: nn.Module, x: Tensor, stages: tuple[str, ...]) -> tuple[Tensor, Tensor | None]:
    """The logits ``(1, K)`` of a window ``(1, 3, T, h, w)``, and its features ``(1, F)``; None without stages."""
    with untouched(module), torch.no_grad(), clip_features(module, stages) as seen:
        logits = forward(module, x)
        return logits, seen.row()


def measurement_of(module: nn.Module) -> Measurement | None:
    """What measures the familiarity of a clip; None if the weights do not say what the network has learned from."""
    known = getattr(module, "familiarity", None)
    return Measurement(known) if isinstance(known, Familiarity) else None


def familiarity_notes(found: ClipFamiliarity | None, source: FrameSource) -> tuple[str, ...]:
    """What has to be said about a clip that the network cannot know, a line each; empty for any other clip."""
    if found is None or not found.beyond:
        return ()
    clip = shlex.quote(source.path.name) if source.path else "CLIP"
    return (
        f"{UNFAMILIAR}: the prediction and this explanation mean nothing. "
        f"(Its features are {found.distance:.2g} times as far from known clips as usual; at least 99 % of known clips "
        f"stay under {found.distance_limit:.2g} times.)",
        "Use a network that was trained on real video:",
        *(
            f"videxplain {command} --model {REAL_NETWORK} --clip {clip}{more}"
            for command, more in (("predict", ""), ("gradcam", ""), ("layercam", " --layer layer3"))
        ),
    )
