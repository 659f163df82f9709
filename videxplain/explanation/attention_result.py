"""What one point of a clip looks at, as a result: arrows in a picture, and JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from videxplain.boxes import Box, scaled_box, seen_words
from videxplain.data.shown import irregular_times, pixel_aspect_of, shown_frame
from videxplain.data.stream import FrameSource
from videxplain.explanation.origin import Origin
from videxplain.explanation.saving import SCHEMA, Arrays, Result, box_of, plain
from videxplain.explanation.sources import clip_name, clip_record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg", "json")


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
        name = clip_name(self.source)
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
