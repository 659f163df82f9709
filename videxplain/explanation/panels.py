"""Figures for reports: one moment of a clip, seen in four ways."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from videxplain.attribution.api import attribute
from videxplain.attribution.targets import Target
from videxplain.data.clip import Clip
from videxplain.data.stream import FrameSource
from videxplain.errors import VidexplainError
from videxplain.explanation.api import as_source, config_of, explain, window_around
from videxplain.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def four_panel_figure(
    model: nn.Module,
    clip: Clip | FrameSource | str | Path,
    *,
    frame: int | None = None,
    target: Target | None = None,
    layer: str | None = None,
    colormap: str | None = None,
    progress: Progress | None = None,
) -> "Figure":
    """One frame of a clip beside its first activations, its Grad-CAM and its guided backpropagation.

    Grad-CAM is that of the whole clip, on the clip's one colour scale; the other two come from the window in whose
    middle the frame lies. These are Figures 14 and 15 of the report on temporal action recognition.

    Args:
        model: A network with a ``config``.
        clip: A clip, a source of frames, or a path.
        frame: Which frame of the clip, from 0; None for the one that contributes most.
        target: As for :func:`videxplain.explain`.
        layer: What Grad-CAM explains; None for the default.
        colormap: Name of a matplotlib colour map, for Grad-CAM.
        progress: Called with the windows done and the windows in all.
    """
    from videxplain.viz.panels import four_panels

    config, source = config_of(model), as_source(clip)
    if frame is not None and not 0 <= frame < source.num_frames:
        raise VidexplainError(f"the clip has no frame {frame}; it has frames 0 to {source.num_frames - 1}")
    found = explain(model, source, "gradcam", target=target, layer=layer, progress=progress)
    shown = int(found.temporal.argmax()) if frame is None else frame
    x, _, position = window_around(model, source, shown)
    # The class that was explained for the whole clip, not the one that this window would choose.
    wanted = found.origin.target_index if target is None else target
    activations = attribute(model, x, method="activations", enlarge=False)[0]
    gradient, options = _pixels(model, x, wanted)
    guided = gradient[0, :, position]
    step = min(position * len(activations) // config.num_frames, len(activations) - 1)
    if colormap is not None:
        options["colormap"] = colormap
    name = source.path.name if source.path else "clip"
    return four_panels(
        next(iter(source.frames(shown, shown + 1))),
        activations[step].cpu().numpy(),
        found.maps[shown],
        guided.permute(1, 2, 0).cpu().numpy(),
        limit=found.range[1],
        title=f"{name}, frame {shown}: {config.architecture}, '{found.origin.target}'",
        subtitle=found.provenance,
        notes=found.notes,
        **options,
    )


def _pixels(model: nn.Module, x: Tensor, target: Target | None) -> tuple[Tensor, dict[str, Any]]:
    """Guided backpropagation; of a network without ReLUs input x gradient in its place, and what to call it."""
    from videxplain.viz.panels import CAPTIONS

    try:
        return attribute(model, x, method="guided-backprop", target=target), {}
    except VidexplainError:
        found = attribute(model, x, method="input-x-gradient", target=target)
        return found, {"captions": (*CAPTIONS[:3], "input x gradient (grey: no contribution)")}
