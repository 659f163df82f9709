"""What figures of frames share: the words above frames and curves, the colour scale, the axis of time."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from videxplain.viz.layout import Layout
from videxplain.viz.page import SMALL_POINTS, TEXT_POINTS, Page, elide, number, text_height, text_width

BESIDE = 6.0
"""With less room in inches than this, what is beside each other on a wider page is one below the other."""


def heading_of(layout: Layout, width: float, texts: Sequence[str], peaks: str = "the highest") -> str:
    """What stands above a curve over time, and that the frames are its highest if they were chosen so.

    Args:
        layout: Whether there are captions, and how the frames were chosen.
        width: Inches for it, in bold.
        texts: What the curve is, in fewer and fewer words. The first that fits is taken; the last one is shortened if
            none does.
        peaks: What the frames are.
    """
    if not layout.captions:
        return ""
    said = [f"{text}; frames shown: {peaks}".removeprefix("; ") if layout.peaks else text for text in texts]
    fitting = (text for text in said if text_width(text, TEXT_POINTS, "bold") <= width)
    return next(fitting, "") or elide(said[-1], TEXT_POINTS, width, "bold")


def draw_scale(
    page: Page, top: float, ends: tuple[float, float], quantity: str, colours: np.ndarray, empty: str
) -> None:
    """What the raw values measure at the left, the colour bar at the right; one below the other on a narrow page."""
    paper, (low, high) = page.paper, ends
    if not high > low:
        text = elide(f"{empty}: {quantity}" if quantity else empty, TEXT_POINTS, paper.inner, "bold")
        page.text(paper.margin, top, text, TEXT_POINTS, page.palette.warning, weight="bold")
        return
    after = " (raw)"
    numbers = (number(low) if low else "0", number(high))
    if not quantity:
        page.colour_bar(paper.margin, top, paper.inner, colours, numbers)
    elif paper.inner < BESIDE:
        room = paper.inner - text_width(after, SMALL_POINTS)
        page.text(paper.margin, top, elide(quantity, SMALL_POINTS, room) + after, SMALL_POINTS)
        page.colour_bar(paper.margin, top + text_height(SMALL_POINTS) + 0.04, paper.inner, colours, numbers)
    else:
        bar = 0.4 * paper.inner
        room = paper.inner - bar - 0.25 - text_width(after, TEXT_POINTS)
        text = elide(quantity, TEXT_POINTS, room) + after
        page.text(paper.margin, top + 0.05, text, TEXT_POINTS, va="center_baseline")
        page.colour_bar(page.width - paper.margin - bar, top, bar, colours, numbers)


def seconds_of(count: int, fps: float, times: np.ndarray | None) -> np.ndarray:
    """``(count,)`` seconds at which frames are shown, which ``times`` says where they are not index / fps."""
    return np.arange(count) / fps if times is None else np.asarray(times, np.float64)


def frame_moments(indices: Sequence[int], seconds: np.ndarray | None, width: float) -> list[str]:
    """What stands above each frame: its number and its time, or the time alone if both do not fit.

    Args:
        indices: The numbers of the frames.
        seconds: When each frame of the clip is shown; None to name frames by their numbers alone.
        width: Inches for the words above one frame.
    """
    if seconds is None:
        return [elide(f"frame {index}", SMALL_POINTS, width) for index in indices]
    times = [f"{seconds[index]:.2f} s" for index in indices]
    both = [f"frame {index}, {time}" for index, time in zip(indices, times, strict=True)]
    if max(text_width(words, SMALL_POINTS) for words in both) <= width:
        return both
    return [elide(time, SMALL_POINTS, width) for time in times]


def limit_time(axes: Axes, seconds: np.ndarray) -> None:
    """The horizontal axis from the first to the last frame, with half a frame at both ends."""
    half = 0.5 * float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.5
    axes.set_xlim(seconds[0] - half, seconds[-1] + half)
    if len(seconds) == 1:
        axes.set_xticks([0])
