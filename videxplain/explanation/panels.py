"""A figure for papers and reports: one frame of a clip in four panels."""

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from videxplain.attribution.api import attribute
from videxplain.attribution.targets import Target
from videxplain.errors import VidexplainError
from videxplain.explanation.api import explain, window_around
from videxplain.explanation.origin import config_of
from videxplain.explanation.sources import ClipLike, as_source
from videxplain.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def four_panel_figure(
    model: nn.Module,
    clip: ClipLike,
    *,
    frame: int | None = None,
    target: Target | None = None,
    layer: str | nn.Module | None = None,
    colormap: str | None = None,
    progress: Progress | None = None,
) -> "Figure":
    """One frame of a clip beside its first activations, its Grad-CAM and its guided backpropagation.

    Grad-CAM is that of the whole clip, on the colour scale of the clip. The other two come from the window in which the
    frame is nearest to the middle. The layout is that of Figures 14 and 15 in the report that docs/reproduce.md
    reproduces.

    Args:
        model: A network with a ``config``.
        clip: As for :func:`videxplain.explain`.
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
    explained = explain(model, source, "gradcam", target=target, layer=layer, progress=progress)
    shown = int(explained.temporal.argmax()) if frame is None else frame
    x, _, position = window_around(model, source, shown)
    # The class that was explained for the whole clip, not the one that this window would choose.
    wanted = explained.origin.target_index if target is None else target
    activations = attribute(model, x, method="activations", enlarge=False)[0]
    gradient, options = _pixels(model, x, wanted)
    guided = gradient[0, :, position]
    step = min(position * len(activations) // config.num_frames, len(activations) - 1)
    if colormap is not None:
        options["colormap"] = colormap
    name = source.path.name if source.path else "clip"
    return four_panels(
        next(iter(explained.shown.frames(shown, shown + 1))),
        activations[step].cpu().numpy(),
        explained.maps[shown],
        guided.permute(1, 2, 0).cpu().numpy(),
        limit=explained.range[1],
        title=f"{name}, frame {shown}: {config.architecture}, '{explained.origin.target}'",
        subtitle="; ".join(filter(None, (explained.provenance, explained.seen))),
        box=explained.shown_box,
        notes=explained.notes,
        **options,
    )


def _pixels(model: nn.Module, x: Tensor, target: Target | None) -> tuple[Tensor, dict[str, Any]]:
    """Guided backpropagation, or input x gradient for a network without ReLUs, with the caption that says so."""
    from videxplain.viz.panels import CAPTIONS

    try:
        return attribute(model, x, method="guided-backprop", target=target), {}
    except VidexplainError:
        gradient = attribute(model, x, method="input-x-gradient", target=target)
        return gradient, {"captions": (*CAPTIONS[:3], "input x gradient (grey: no contribution)")}
