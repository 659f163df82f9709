"""The report's Figures 14 and 15: input, first activations, Grad-CAM and guided backpropagation."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from videxplain.boxes import Box, scaled_box
from videxplain.viz.colour import lut
from videxplain.viz.layout import Layout
from videxplain.viz.overlay import DEFAULT_OPACITY, NO_EVIDENCE, draw_inside, enlarge, overlay
from videxplain.viz.page import (
    GAP,
    SMALL_POINTS,
    TEXT_POINTS,
    Header,
    Page,
    Paper,
    elide,
    fit_picture,
    number,
    text_height,
    wrap,
)

WIDTH = 12.0
TALLEST = 3.6
ACTIVATION_COLORMAP = "viridis"
CAPTIONS = (
    "input",
    "mean activation of the first convolution",
    "Grad-CAM",
    "guided backpropagation (grey: no contribution)",
)


def four_panels(
    frames: np.ndarray,
    activations: np.ndarray,
    gradcams: np.ndarray,
    guided: np.ndarray,
    *,
    limit: float,
    activation_range: tuple[float, float] | None = None,
    guided_limit: float | None = None,
    labels: Sequence[str] = (),
    title: str = "",
    subtitle: str = "",
    notes: Sequence[str] = (),
    captions: Sequence[str] = CAPTIONS,
    colormap: str | None = None,
    opacity: float = DEFAULT_OPACITY,
    box: Box | None = None,
    layout: Layout = Layout(),  # noqa: B008  (frozen)
) -> Figure:
    """Draw four pictures side by side, a row for each frame. Every column has one scale.

    Args:
        frames: ``(k, H, W, 3)`` uint8 RGB, or one frame without the k; then the others are without it too.
        activations: ``(k, h, w)`` mean activations, at any resolution.
        gradcams: ``(k, h, w)`` raw maps, at any resolution.
        guided: ``(k, h, w, 3)`` signed gradients with respect to red, green and blue.
        limit: The Grad-CAM value with the brightest colour; at or below zero there is no positive evidence.
        activation_range: Values drawn darkest and brightest; by default the least and the greatest shown.
        guided_limit: Gradient drawn as full colour; by default the 99.5th percentile of the magnitudes
            shown, so that a few extreme pixels do not leave the rest grey.
        labels: What each row shows, at its left.
        title: Headline.
        subtitle: What belongs to it, in small print.
        notes: What the reader must not miss, in a box above the pictures.
        captions: Text below the four columns, without the letters.
        colormap: Name of a matplotlib colour map, for Grad-CAM; None for that of the style.
        opacity: How much of the frame the brightest colour hides, in [0, 1].
        box: The part of a frame that the network saw, in pixels, over which the last three lie; the rest is dimmed.
            None for the whole frame.
        layout: Whether there are titles, and captions: the labels, and the text below the columns.
    """
    if frames.ndim == 3:
        frames, activations, gradcams, guided = (one[None] for one in (frames, activations, gradcams, guided))
    rows, *size = frames.shape[:3]
    labels = labels if layout.captions else ()
    columns = _Columns(size[0], size[1], bool(labels))
    colormap = colormap or columns.paper.style.colormap
    low, high = activation_range or (float(activations.min()), float(activations.max()))
    if guided_limit is None:
        guided_limit = float(np.percentile(np.abs(guided), 99.5))

    texts = columns.captions(captions) if layout.captions else []
    header = Header(title if layout.titles else "", notes, columns.paper, subtitle if layout.titles else "")
    bars_top = header.bottom + rows * columns.step + 0.02
    captions_top = bars_top + 0.36
    height = captions_top + text_height(TEXT_POINTS, max(map(len, texts), default=0)) + columns.paper.margin
    page = Page(columns.paper, height)
    header.draw(page)
    for row, (frame, activation, gradcam, gradient) in enumerate(
        zip(frames, activations, gradcams, guided, strict=True)
    ):
        seen = fit_picture(frame, columns.width, columns.paper)
        part = scaled_box(box, (size[0], size[1]), seen.shape[:2])
        pictures = (
            draw_inside(seen, part, lambda seen: seen),
            draw_inside(seen, part, partial(_activation_over, activation, low, high)),
            overlay(seen, gradcam, limit, colormap=colormap, opacity=opacity, box=part),
            draw_inside(seen, part, partial(_signed_over, gradient, guided_limit)),
        )
        columns.draw_row(page, header.bottom + row * columns.step, pictures, labels[row] if labels else "")

    grey = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    bars = (
        (lut(ACTIVATION_COLORMAP), (number(low), number(high))),
        (lut(colormap), ("0", number(limit))) if limit > 0 else None,
        (grey, (number(-guided_limit), number(guided_limit))),
    )
    for x, bar in zip(columns.across[1:], bars, strict=True):
        if bar is None:
            page.text(x, bars_top, NO_EVIDENCE, SMALL_POINTS, page.palette.muted)
        else:
            page.colour_bar(x, bars_top, columns.width, *bar)
    for x, lines in zip(columns.across, texts, strict=bool(texts)):
        page.lines(x, captions_top, lines, TEXT_POINTS)
    return page.figure


class _Columns:
    """Where the four columns stand, in inches.

    Attributes:
        paper: What they stand on; narrower than asked for if the pictures are.
        across: The left side of each.
        width: Of a picture.
        height: Of a picture.
        step: From the top of a row to that of the next.
    """

    def __init__(self, frame_height: int, frame_width: int, labelled: bool) -> None:
        """Place the columns for frames of a size in pixels; ``labelled`` rows have a line of text at their left."""
        paper, gap = Paper.of(WIDTH), 2 * GAP
        left = paper.margin + (text_height(TEXT_POINTS) + 0.06 if labelled else 0.0)
        inner = paper.width - paper.margin - left
        width = (inner - 3 * gap) / 4
        self.height = min(width * frame_height / frame_width, TALLEST)
        self.width = min(width, self.height * frame_width / frame_height)
        self.step = self.height + gap
        used = 4 * self.width + 3 * gap
        left += (inner - used) / 2 if paper.style.width else 0.0
        self.across = [left + column * (self.width + gap) for column in range(4)]
        self.paper = paper if paper.style.width else replace(paper, width=left + used + paper.margin)

    def captions(self, captions: Sequence[str]) -> list[list[str]]:
        """The lines below each column, beginning with its letter."""
        lettered = zip("abcd", captions, strict=True)
        return [wrap(f"({letter}) {caption}", TEXT_POINTS, self.width) for letter, caption in lettered]

    def draw_row(self, page: Page, top: float, pictures: Sequence[np.ndarray], label: str) -> None:
        """Draw a picture in each column, and the label of the row."""
        if label:
            text, middle = elide(label, TEXT_POINTS, self.height), top + self.height / 2
            page.text(self.paper.margin, middle, text, TEXT_POINTS, page.palette.muted, rotation=90, va="center")
        for x, picture in zip(self.across, pictures, strict=True):
            page.picture(x, top, self.width, self.height, picture)


def _activation_over(values: np.ndarray, low: float, high: float, seen: np.ndarray) -> np.ndarray:
    return activation_picture(values, seen.shape[:2], low, high)


def _signed_over(values: np.ndarray, limit: float, seen: np.ndarray) -> np.ndarray:
    return signed_picture(values, seen.shape[:2], limit)


def activation_picture(values: np.ndarray, size: tuple[int, int], low: float, high: float) -> np.ndarray:
    """Draw a map ``(h, w)`` as a picture ``(*size, 3)`` uint8; ``low`` is darkest and ``high`` is brightest."""
    level = (enlarge(values, size) - low) / ((high - low) or 1.0)
    return lut(ACTIVATION_COLORMAP)[np.rint(255 * np.clip(level, 0, 1)).astype(np.uint8)]


def signed_picture(values: np.ndarray, size: tuple[int, int], limit: float) -> np.ndarray:
    """Draw signed values ``(h, w, 3)`` as a picture ``(*size, 3)`` uint8; zero is 128 and ``limit`` is 255."""
    level = enlarge(values, size) / (limit or 1.0)
    return np.rint(127.5 + 127.5 * np.clip(level, -1, 1)).astype(np.uint8)
