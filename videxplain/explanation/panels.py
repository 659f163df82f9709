"""A figure for papers and reports: frames of a clip in four panels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.attribution.api import attribute
from videxplain.attribution.display_names import display_name
from videxplain.attribution.registry import METHODS
from videxplain.attribution.targets import Target
from videxplain.errors import VidexplainError
from videxplain.explanation.api import explain, window_around
from videxplain.explanation.origin import config_of
from videxplain.explanation.result import Explanation
from videxplain.explanation.saving import FIGURES, TEXTS, write_text
from videxplain.explanation.sources import ClipLike, as_source, clip_name
from videxplain.files import as_path
from videxplain.progress import Progress
from videxplain.viz.layout import PEAKS, peak_frames

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from videxplain.viz.layout import Layout

FORMATS = (*FIGURES, *TEXTS)
_MOST_PEAKS = 4
"""Rows of a figure whose frames are the peaks."""


@dataclass(frozen=True, eq=False)
class FourPanels:
    """Frames of a clip beside their first activations, their Grad-CAM and their gradients.

    Attributes:
        explanation: Grad-CAM of the whole clip.
        frames: Numbers of the frames.
        activations: ``(k, h, w)`` mean activations of the first convolution.
        gradients: ``(k, H, W, 3)`` signed gradients with respect to red, green and blue.
        gradient_method: The method that gives them.
        peaks: Whether the frames were chosen because Grad-CAM is strongest there.
    """

    explanation: Explanation
    frames: tuple[int, ...]
    activations: NDArray[np.float32]
    gradients: NDArray[np.float32]
    gradient_method: str
    peaks: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know about the maps of both methods, a line each."""
        return (*self.explanation.notes, *filter(None, (METHODS[self.gradient_method].caution,)))

    def figure(self, *, colormap: str | None = None, layout: "Layout | None" = None) -> "Figure":
        """The four panels, a row for each frame, every column with one scale.

        Args:
            colormap: Name of a matplotlib colour map, for Grad-CAM; None for that of :func:`videxplain.style`.
            layout: Whether there are titles and captions; None for both.
        """
        from videxplain.viz.layout import Layout
        from videxplain.viz.panels import CAPTIONS, four_panels

        explained, frames = self.explanation, self.frames
        name = clip_name(explained.source)
        shown = f"frame {frames[0]}" if len(frames) == 1 else f"{len(frames)} frames"
        shown += " where Grad-CAM is strongest" if self.peaks else ""
        return four_panels(
            np.stack(explained.frames_at(frames)),
            self.activations,
            np.stack([explained.maps[frame] for frame in frames]),
            self.gradients,
            limit=explained.range[1],
            labels=[f"frame {frame}" for frame in frames] if len(frames) > 1 else (),
            title=f"{name}, {shown}: {explained.origin.model}, '{explained.origin.target}'",
            subtitle="; ".join(filter(None, (explained.provenance, explained.seen))),
            box=explained.shown_box,
            notes=self.notes,
            captions=(*CAPTIONS[:3], f"{display_name(self.gradient_method)} (grey: no contribution)"),
            colormap=colormap,
            layout=layout or Layout(),
        )

    def caption(self, *, colormap: str | None = None) -> list[str]:
        """The sentences of the figure's caption, in LaTeX."""
        from videxplain.explanation.captions import panels_caption

        return list(panels_caption(self.explanation, self.frames, self.gradient_method, colormap, peaks=self.peaks))

    def save(
        self,
        path: str | Path,
        *,
        colormap: str | None = None,
        layout: "Layout | None" = None,
        question: str = "",
    ) -> Path:
        """Write the figure (``.png``, ``.pdf``, ``.svg``), its caption (``.tex``) or the methods' papers (``.bib``).

        Args:
            path: The file.
            colormap: As for :meth:`figure`.
            layout: As for :meth:`figure`.
            question: SHA-256 of what was asked, which the file carries.

        Returns:
            The path.

        Raises:
            VidexplainError: Another suffix, or a file that cannot be written.
        """
        from videxplain.viz.save import save_figure

        path = as_path(path)
        if path.suffix.lower().lstrip(".") in TEXTS:
            methods = ("gradcam", self.gradient_method)
            write_text(path, partial(self.caption, colormap=colormap), methods, question)
        else:
            note = "; ".join(filter(None, (f"question: {question}", self.explanation.provenance)))
            save_figure(self.figure(colormap=colormap, layout=layout), path, note=note)
        return path


def four_panels_of(
    model: nn.Module,
    clip: ClipLike,
    *,
    frames: Sequence[int] | Literal["peaks"] = (),
    target: Target | None = None,
    layer: str | nn.Module | None = None,
    progress: Progress | None = None,
) -> FourPanels:
    """Frames of a clip beside their first activations, their Grad-CAM and their guided backpropagation.

    Grad-CAM is that of the whole clip, on the colour scale of the clip. The other two come from the window in which a
    frame is nearest to the middle. The layout is that of Figures 14 and 15 in the report that docs/reproduce.md
    reproduces.

    Args:
        model: A network with a ``config``.
        clip: As for :func:`videxplain.explain`.
        frames: Numbers of the frames, from 0; empty for the one that contributes most; ``"peaks"`` for up to four where
            Grad-CAM is strongest (:func:`videxplain.viz.layout.peak_frames`).
        target: As for :func:`videxplain.explain`.
        layer: What Grad-CAM explains; None for the default.
        progress: Called with the windows done and the windows in all.

    Raises:
        VidexplainError: The clip does not have one of the frames, or anything that :func:`videxplain.explain` refuses.
    """
    config, source = config_of(model), as_source(clip)
    peaks = isinstance(frames, str)
    if peaks and frames != PEAKS:
        raise VidexplainError(f"frames are numbers, or the word 'peaks', not '{frames}'")
    for frame in () if isinstance(frames, str) else frames:
        if not 0 <= frame < source.num_frames:
            raise VidexplainError(f"the clip has no frame {frame}; it has frames 0 to {source.num_frames - 1}")
    explained = explain(model, source, "gradcam", target=target, layer=layer, progress=progress)
    # The class that was explained for the whole clip, not the one that a window would choose.
    wanted = explained.origin.target_index if target is None else target
    activations, gradients, method = [], [], ""
    shown = tuple(peak_frames(explained.temporal, _MOST_PEAKS) if peaks else map(int, frames))
    shown = shown or (int(explained.temporal.argmax()),)
    for frame in shown:
        x, _, position = window_around(model, source, frame)
        steps = attribute(model, x, method="activations", enlarge=False)[0]
        activations.append(steps[min(position * len(steps) // config.num_frames, len(steps) - 1)].cpu().numpy())
        gradient, method = _pixels(model, x, wanted)
        gradients.append(gradient[0, :, position].permute(1, 2, 0).cpu().numpy())
    return FourPanels(explained, shown, np.stack(activations), np.stack(gradients), method, peaks)


def four_panel_figure(
    model: nn.Module,
    clip: ClipLike,
    *,
    frame: int | Sequence[int] | Literal["peaks"] | None = None,
    target: Target | None = None,
    layer: str | nn.Module | None = None,
    colormap: str | None = None,
    layout: "Layout | None" = None,
    progress: Progress | None = None,
) -> "Figure":
    """The figure of :func:`four_panels_of`.

    Args:
        model: A network with a ``config``.
        clip: As for :func:`videxplain.explain`.
        frame: Which frame of the clip, from 0, or several; None for the one that contributes most; ``"peaks"`` for up
            to four where Grad-CAM is strongest.
        target: As for :func:`videxplain.explain`.
        layer: What Grad-CAM explains; None for the default.
        colormap: Name of a matplotlib colour map, for Grad-CAM; None for that of :func:`videxplain.style`.
        layout: Whether there are titles and captions; None for both.
        progress: Called with the windows done and the windows in all.

    Raises:
        VidexplainError: The clip does not have one of the frames, or anything that :func:`videxplain.explain` refuses.
    """
    frames = () if frame is None else (int(frame),) if isinstance(frame, int | np.integer) else frame
    panels = four_panels_of(model, clip, frames=frames, target=target, layer=layer, progress=progress)
    return panels.figure(colormap=colormap, layout=layout)


def _pixels(model: nn.Module, x: Tensor, target: Target | None) -> tuple[Tensor, str]:
    """Guided backpropagation, or input x gradient for a network without ReLUs, with the name of the method."""
    try:
        return attribute(model, x, method="guided-backprop", target=target), "guided-backprop"
    except VidexplainError:
        return attribute(model, x, method="input-x-gradient", target=target), "input-x-gradient"
