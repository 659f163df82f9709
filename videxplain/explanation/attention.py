"""Where one point of a clip looks, as a picture: arrows from it to the places it takes most from."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from videxplain.attribution.api import attribute
from videxplain.attribution.links import find_links
from videxplain.attribution.registry import magnitude
from videxplain.boxes import Box, scaled_box, seen_words
from videxplain.data.shown import irregular_times, pixel_aspect_of, shown_frame
from videxplain.data.stream import FrameSource
from videxplain.data.views import seen_box
from videxplain.errors import VidexplainError
from videxplain.explanation.api import clip_notes, window_around
from videxplain.explanation.origin import Origin, config_of, of_model
from videxplain.explanation.question import question_of
from videxplain.explanation.saving import SCHEMA, Arrays, Result, box_of, plain
from videxplain.explanation.sources import ClipLike, as_source, clip_record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg", "json")
EVEN_NOTE = "attention is nearly uniform: which links are strongest says little"
_NEARLY = 1.5
"""Attention is nearly uniform where the strongest link is at most this many times the mean."""


@dataclass(frozen=True)
class Link:
    """One place that the point looks at.

    Attributes:
        frame: The frame of the clip that stands for its time.
        x: Column of its centre in pixels of the clip.
        y: Row of its centre in pixels of the clip.
        weight: How much the point takes from it.
    """

    frame: int
    x: float
    y: float
    weight: float


@dataclass(frozen=True, eq=False)
class Attention(Result):
    """Where one point looks.

    Attributes:
        source: The frames, read again when they are drawn.
        origin: How it was made; its layer is the block that was read.
        frame: The frame of the point.
        at: Its x and y in pixels.
        chosen: Who chose the point, in words.
        step: Which of the t steps it belongs to.
        weights: ``(t, h, w)``, how much the point takes from every place.
        shown: The frames that stand for the t steps; for the point's own step its own frame.
        links: The strongest links, the strongest first.
        notes: What a reader must not miss.
        view_box: Top, left, bottom and right of the part of a frame that the network saw, in pixels; None where it saw
            whole frames.
    """

    source: FrameSource
    origin: Origin
    frame: int
    at: tuple[float, float]
    chosen: str
    step: int
    weights: NDArray[np.float32]
    shown: tuple[int, ...]
    links: tuple[Link, ...]
    notes: tuple[str, ...] = ()
    view_box: Box | None = None
    formats: ClassVar[tuple[str, ...]] = FORMATS
    kind: ClassVar[str] = "attention"

    @property
    def provenance(self) -> str:
        """The weights in words, with their file and the start of its SHA-256; empty for random weights."""
        return self.origin.provenance

    @property
    def block(self) -> str:
        """The block that was read."""
        return self.origin.layer

    @cached_property
    def frames(self) -> NDArray[np.uint8]:
        """``(t, H, W, 3)`` uint8 RGB, the frames in :attr:`shown`, as they are stored."""
        decoded = enumerate(self.source.frames(0, max(self.shown) + 1))
        pictures = {index: picture for index, picture in decoded if index in self.shown}
        return np.stack([pictures[index] for index in self.shown])

    @cached_property
    def share(self) -> float:
        """The share of all weight that the shown links hold, by absolute value."""
        total = float(np.abs(self.weights).sum())
        return sum(abs(link.weight) for link in self.links) / total if total else 0.0

    @property
    def even(self) -> float:
        """The share that as many links would hold under uniform attention."""
        return len(self.links) / self.weights.size

    @property
    def caption(self) -> str:
        """The share of the shown links, beside their share under uniform attention."""
        total = float(np.abs(self.weights).sum())
        first = abs(self.links[0].weight) / total if total else 0.0
        words = (
            f"the {len(self.links)} strongest of {self.weights.size} links hold {100 * self.share:.1f} % of all "
            f"weight, the first {100 * first:.1f} %; under uniform attention they would hold "
            f"{100 * self.even:.1f} % and {100 / self.weights.size:.1f} %"
        )
        return words + "; blue: taken away" if any(link.weight < 0 for link in self.links) else words

    def figure(self) -> "Figure":
        """The frames in a row, the point, and arrows to what it looks at."""
        from videxplain.viz.arrows import arrows_figure

        x, y = self.at
        aspect, times = pixel_aspect_of(self.source), irregular_times(self.source)
        pictures = np.stack([shown_frame(picture, aspect) for picture in self.frames])
        size = (pictures.shape[1], pictures.shape[2])
        down, right = size[0] / self.source.size[0], size[1] / self.source.size[1]
        links = [(self.shown.index(one.frame), one.x * right, one.y * down, one.weight) for one in self.links]
        name = self.source.path.name if self.source.path else "clip"
        return arrows_figure(
            pictures,
            self.shown,
            (self.step, x * right, y * down),
            links,
            weights=self.weights,
            fps=self.source.fps,
            times=times,
            title=f"{name}: where {self.origin.model} looks from frame {self.frame}, ({x:.0f}, {y:.0f})",
            subtitle="; ".join(
                filter(
                    None,
                    (
                        self.block,
                        f"point: {self.chosen}",
                        self.origin.provenance or "weights: none",
                        seen_words(self.view_box, self.source.size),
                    ),
                )
            ),
            caption=self.caption,
            notes=self.notes,
            box=scaled_box(self.view_box, self.source.size, size),
        )

    def summary(self) -> dict[str, Any]:
        """Clip, origin, the point, its links and all weights, ready for JSON."""
        return plain(
            {
                "schema": SCHEMA,
                "kind": self.kind,
                **clip_record(self.source),
                **self.origin.record(),
                "block": self.block,
                "frame": self.frame,
                "at": self.at,
                "chosen": self.chosen,
                "step": self.step,
                "grid": self.weights.shape,
                "shown_frames": self.shown,
                "share": self.share,
                "even": self.even,
                "links": [vars(link) for link in self.links],
                "every_weight": self.weights.tolist(),
                "notes": self.notes,
                "view_box": self.view_box,
            }
        )

    @property
    def question(self) -> str:
        """SHA-256 of what was asked, which every file of the result carries."""
        return self.origin.question

    def save(self, path: str | Path) -> Path:
        """Write the figure (``.png``, ``.pdf``, ``.svg``) or the numbers (``.json``), whole or not at all.

        Returns:
            The path.

        Raises:
            VidexplainError: Another suffix, or a file that cannot be written.
        """
        return self._write(path, self.figure)

    @classmethod
    def _restore(cls, summary: Mapping[str, Any], arrays: Arrays | None, source: FrameSource) -> Self:
        x, y = summary["at"]
        links = (
            Link(int(one["frame"]), *(float(one[key]) for key in ("x", "y", "weight"))) for one in summary["links"]
        )
        return cls(
            source=source,
            origin=Origin.from_record(summary),
            frame=int(summary["frame"]),
            at=(float(x), float(y)),
            chosen=str(summary["chosen"]),
            step=int(summary["step"]),
            weights=np.array(summary["every_weight"], np.float32).reshape(summary["grid"]),
            shown=tuple(map(int, summary["shown_frames"])),
            links=tuple(links),
            notes=tuple(map(str, summary["notes"])),
            view_box=box_of(summary.get("view_box")),
        )

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.figure().savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


def attention(
    model: nn.Module,
    clip: ClipLike,
    *,
    frame: int | None = None,
    at: Sequence[float] | None = None,
    block: str | None = None,
    top: int = 20,
) -> Attention:
    """Where one point of a clip looks, in a network with non-local blocks or joint attention.

    Wang et al., Non-local Neural Networks, CVPR 2018, Figure 3, for any point.

    Args:
        model: Such as ``load_model("non_local")``, or a VideoMAE or ViViT of Hugging Face.
        clip: As for :func:`videxplain.explain`.
        frame: The frame of the point; None for the middle of the clip.
        at: Its x and y in pixels of the clip; None for the place where Grad-CAM is strongest in that frame, or for the
            centre where Grad-CAM is zero there.
        block: Which non-local block, by name, or layer of attention, by number; None for the last.
        top: How many links are kept.

    Raises:
        VidexplainError: No such block, frame or point, a point that the network does not see, or a network without
            such blocks.
    """
    config, source = config_of(model), as_source(clip)
    asked_frame, frame = frame, source.num_frames // 2 if frame is None else frame
    if not 0 <= frame < source.num_frames:
        raise VidexplainError(f"frame {frame} does not exist; the clip has frames 0 to {source.num_frames - 1}")
    height, width = source.size
    if at is not None and len(at) != 2:
        raise VidexplainError(f"at is the x and y of a point, not {tuple(at)}")
    if at is not None and not (0 <= at[0] < width and 0 <= at[1] < height):
        raise VidexplainError(f"the point {at[0]:g},{at[1]:g} lies outside of the picture, which is {width}x{height}")
    if top < 1:
        raise VidexplainError(f"top is a number of links, at least 1, not {top}")
    box = seen_box(source.size, config.view)
    y_low, x_low, y_high, x_high = box or (0.0, 0.0, float(height), float(width))
    if at is not None and not (x_low <= at[0] < x_high and y_low <= at[1] < y_high):
        raise VidexplainError(
            f"the network does not see the point {at[0]:g},{at[1]:g}: it sees x from {math.ceil(x_low)} to "
            f"{math.ceil(x_high) - 1} and y from {math.ceil(y_low)} to {math.ceil(y_high) - 1}"
        )
    x, window, position = window_around(model, source, frame)
    if at is None:
        x_share, y_share, chosen = _strongest(model, x, position)
    else:
        x_share, y_share = (at[0] - x_low) / (x_high - x_low), (at[1] - y_low) / (y_high - y_low)
        chosen = "as given"
    seen = find_links(model, x, ((position + 0.5) / len(window), y_share, x_share), block)
    steps, rows, columns = seen.weights.shape
    middles = [int(window[int((step + 0.5) * len(window) / steps)]) for step in range(steps)]
    middles[seen.query[0]] = frame
    shown = tuple(middles)
    weights = seen.weights.numpy()
    links = []
    for flat in np.argsort(-np.abs(weights), axis=None, kind="stable")[:top]:
        step, row, column = np.unravel_index(flat, weights.shape)
        links.append(
            Link(
                shown[step],
                x_low + _centre(int(column), columns, seen.grid[2]) * (x_high - x_low),
                y_low + _centre(int(row), rows, seen.grid[1]) * (y_high - y_low),
                float(weights[step, row, column]),
            )
        )
    return Attention(
        source=source,
        origin=Origin(
            method="attention",
            layer=seen.block,
            target="",
            target_index=None,
            precision="fp32",
            windows=1,
            question=question_of(source, config, "attention", frame=asked_frame, at=at, block=block, top=top),
            **of_model(config),
        ),
        frame=frame,
        at=(x_low + x_share * (x_high - x_low), y_low + y_share * (y_high - y_low)),
        chosen=chosen,
        step=seen.query[0],
        weights=weights,
        shown=shown,
        links=tuple(links),
        notes=(*clip_notes(source, config), *_notes(weights)),
        view_box=box,
    )


def _notes(weights: NDArray[np.float32]) -> Iterator[str]:
    if np.abs(weights).max() <= _NEARLY * np.abs(weights).mean():
        yield EVEN_NOTE


def _centre(cell: int, cells: int, extent: int) -> float:
    """The middle of a cell as a share of the picture. Where there are half as many cells, each holds two places."""
    if cells == extent:
        return (cell + 0.5) / extent
    return (2 * cell + min(2 * cell + 2, extent)) / 2 / extent


def _strongest(model: nn.Module, x: torch.Tensor, position: int) -> tuple[float, float, str]:
    """Where Grad-CAM is strongest in one frame, as shares of width and height, and the same in words."""
    heat = magnitude(attribute(model, x, method="gradcam"))[0, position]
    if not heat.amax() > 0:
        return 0.5, 0.5, "the centre, as Grad-CAM has nothing in this frame"
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    return (column + 0.5) / heat.shape[1], (row + 0.5) / heat.shape[0], "where Grad-CAM is strongest in this frame"
