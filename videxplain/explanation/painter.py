"""An explanation drawn over the frames of its clip, one by one."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from videxplain.data.shown import irregular_times
from videxplain.explanation.familiarity import UNFAMILIAR_FRAME
from videxplain.viz.overlay import CONSTANT, DEFAULT_OPACITY, NO_EVIDENCE, banner, caption, overlay
from videxplain.viz.timeline import Timeline

if TYPE_CHECKING:
    from videxplain.explanation.result import Explanation


class Painter:
    """Draws the map of a frame, the time line, and what the reader must not miss."""

    def __init__(
        self,
        explanation: "Explanation",
        *,
        colormap: str | None = None,
        opacity: float | None = None,
        timeline: bool = True,
        scale: tuple[float, float] | None = None,
    ) -> None:
        """Draw the time line.

        Args:
            explanation: What is drawn.
            colormap: Name of a matplotlib colour map; None for that of the style.
            opacity: How much of the frame the strongest evidence hides, in [0, 1]; None for the default.
            timeline: Whether the strip with each frame's contribution is drawn below.
            scale: The values with the darkest and the brightest colour; None for those of the explanation.
        """
        self._explanation, self._colormap = explanation, colormap
        self._opacity = DEFAULT_OPACITY if opacity is None else opacity
        self._low, self._high = scale or explanation.range
        self._line: Timeline | None = None
        if timeline:
            temporal, times = np.nan_to_num(explanation.temporal), irregular_times(explanation.source)
            self._line = Timeline(temporal, explanation.shown.size, times=times)

    def paint(self, index: int, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Frame ``index`` ``(H, W, 3)`` uint8 RGB in square pixels with its map, ``(H + strip, W, 3)``."""
        explanation = self._explanation
        picture = overlay(
            frame,
            explanation.drawable(index) - self._low,
            self._high - self._low,
            colormap=self._colormap,
            opacity=self._opacity,
            empty=CONSTANT if explanation.signed else NO_EVIDENCE,
            box=explanation.shown_box,
        )
        if explanation.seen:
            caption(picture, explanation.seen, top=True)
        if explanation.familiarity and explanation.familiarity.beyond:
            banner(picture, UNFAMILIAR_FRAME)
        elif explanation.origin.weights == "none" and explanation.has_evidence:
            caption(picture, "untrained network")
        return self._line.under(picture, index) if self._line else picture
