"""Motion against appearance: the two parts of a Grad-CAM explanation, in one picture."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import nn

from videxplain.attribution.targets import Target
from videxplain.data.shown import irregular_times
from videxplain.data.stream import FrameSource, read_ahead
from videxplain.explanation.api import explain
from videxplain.explanation.familiarity import UNFAMILIAR_FRAME
from videxplain.explanation.result import Explanation
from videxplain.explanation.saving import SCHEMA, Arrays, Result, plain
from videxplain.explanation.sources import ClipLike, clip_name, clip_record
from videxplain.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from videxplain.viz.layout import Layout

FORMATS = ("mp4", "gif", "png", "pdf", "svg", "json", "npz", "tex", "bib")


@dataclass(frozen=True, eq=False)
class MotionAndAppearance(Result):
    """Two explanations of one clip for one class, whose maps add up to Grad-CAM's.

    Attributes:
        motion: The evidence that vanishes when the clip stands still.
        appearance: The evidence that stays.
    """

    motion: Explanation
    appearance: Explanation
    formats: ClassVar[tuple[str, ...]] = FORMATS
    kind: ClassVar[str] = "motion_and_appearance"

    @property
    def source(self) -> FrameSource:  # type: ignore[override]
        """The frames of the clip."""
        return self.motion.source

    @property
    def provenance(self) -> str:
        """The weights in words, with their file and the start of its SHA-256; empty for random weights."""
        return self.motion.provenance

    @property
    def share(self) -> float:
        """How much of the evidence of the whole clip is motion, in [0, 1]; 0 where there is no evidence."""
        moved, still = (float(part.temporal.sum()) for part in (self.motion, self.appearance))
        return moved / (moved + still) if moved + still > 0 else 0.0

    @cached_property
    def limit(self) -> float:
        """Where the colour scale of the sum, which is Grad-CAM, ends: at its highest value."""
        return max(float((m + a).max()) for m, a in zip(self.motion.maps, self.appearance.maps, strict=True))

    def overlay_frames(self) -> Iterator[NDArray[np.uint8]]:
        """Every frame with both parts over it, orange and blue, and the time line under it, motion above."""
        from videxplain.viz.motion_and_appearance import two_part_overlay
        from videxplain.viz.overlay import banner, caption
        from videxplain.viz.timeline import Timeline

        shown, times = self.motion.shown, irregular_times(self.source)
        line = Timeline(self.motion.temporal, shown.size, self.appearance.temporal, times=times)
        for i, frame in enumerate(read_ahead(shown.frames(), depth=8)):
            if i >= self.motion.num_frames:
                return
            maps = self.motion.maps[i], self.appearance.maps[i]
            picture = two_part_overlay(frame, *maps, self.limit, box=self.motion.shown_box)
            if self.motion.seen:
                caption(picture, self.motion.seen, top=True)
            if self.motion.familiarity and self.motion.familiarity.beyond:
                banner(picture, UNFAMILIAR_FRAME)
            yield line.under(picture, i)

    def figure(self, *, layout: "Layout | None" = None) -> "Figure":
        """Frames, both parts over them, and how much each contributed when.

        Args:
            layout: Which frames, in how many rows and columns, with which words; None for the default.

        Raises:
            VidexplainError: The clip does not have a frame of the layout, or the frames do not fit.
        """
        from videxplain.viz.layout import Layout
        from videxplain.viz.motion_and_appearance import two_part_sheet
        from videxplain.viz.sheet import sheet_frames

        layout = layout or Layout()
        motion, appearance, source = self.motion, self.appearance, self.motion.shown
        wanted = sheet_frames(motion.num_frames, layout, motion.temporal + appearance.temporal)
        name = clip_name(motion.source)
        return two_part_sheet(
            np.stack(motion.frames_at(wanted)),
            [motion.maps[i] for i in wanted],
            [appearance.maps[i] for i in wanted],
            wanted,
            (motion.temporal, appearance.temporal),
            limit=self.limit,
            share=self.share,
            fps=source.fps,
            times=irregular_times(source),
            title=f"{name}: motion and appearance of {motion.origin.model} for '{motion.origin.target}'",
            subtitle="; ".join(filter(None, (motion.provenance, motion.seen))),
            box=motion.shown_box,
            notes=motion.notes,
            layout=layout,
        )

    def caption(self, *, layout: "Layout | None" = None) -> list[str]:
        """The sentences of the figure's caption, in LaTeX."""
        from videxplain.explanation.captions import two_part_caption
        from videxplain.viz.layout import Layout
        from videxplain.viz.sheet import sheet_frames

        layout = layout or Layout()
        frames = sheet_frames(self.motion.num_frames, layout, self.motion.temporal + self.appearance.temporal)
        return list(two_part_caption(self.motion, frames, self.share, self.limit, layout))

    def summary(self) -> dict[str, Any]:
        """The share of motion and both parts by frame, ready for JSON."""
        return plain(
            {
                "schema": SCHEMA,
                "kind": self.kind,
                **clip_record(self.source),
                "question": self.question,
                "share_of_motion": self.share,
                "motion": self.motion.summary(),
                "appearance": self.appearance.summary(),
            }
        )

    @property
    def question(self) -> str:
        """SHA-256 of what was asked, which every file of the result carries."""
        return self.motion.origin.question

    def save(self, path: str | Path, *, layout: "Layout | None" = None, progress: Progress | None = None) -> Path:
        """Write it in the format that the suffix names; the file appears complete or not at all.

        ``.mp4`` and ``.gif`` are the overlay video, ``.png``, ``.pdf`` and ``.svg`` the figure, ``.json`` the summary,
        and ``.npz`` the raw maps ``(T, h, w)`` of both parts with the summary. ``.tex`` is the caption of the figure,
        and ``.bib`` the papers of the methods.

        Args:
            path: The file.
            layout: What the figure shows; None for the default.
            progress: Called with the frames drawn and the frames in all, for a video.

        Returns:
            The path.

        Raises:
            VidexplainError: Another suffix, or a file that cannot be written.
        """
        return self._write(
            path,
            partial(self.figure, layout=layout),
            self.overlay_frames,
            self._maps,
            progress,
            caption=partial(self.caption, layout=layout),
            methods=("motion", "appearance"),
        )

    @classmethod
    def _restore(cls, summary: Mapping[str, Any], arrays: Arrays | None, source: FrameSource) -> Self:
        motion, appearance = (
            Explanation._restore(summary[part], None if arrays is None else {"maps": arrays[part]}, source)
            for part in ("motion", "appearance")
        )
        return cls(motion, appearance)

    def _maps(self) -> Arrays:
        return {
            "motion": np.stack(list(self.motion.maps)),
            "appearance": np.stack(list(self.appearance.maps)),
        }


def motion_and_appearance(
    model: nn.Module,
    clip: ClipLike,
    *,
    target: Target | None = None,
    layer: str | nn.Module | None = None,
    stride: int | None = None,
    progress: Progress | None = None,
) -> MotionAndAppearance:
    """Explain a clip twice: by what moves in it, and by what is there in a still picture.

    The arguments are those of :func:`videxplain.explain`. :mod:`videxplain.attribution.methods.motion_and_appearance`
    says what is computed.
    """
    options: dict[str, Any] = {"layer": layer, "stride": stride, "progress": progress}
    motion = explain(model, clip, "motion", target=target, **options)
    wanted = motion.origin.target_index if target is None else target
    return MotionAndAppearance(motion, explain(model, clip, "appearance", target=wanted, **options))
