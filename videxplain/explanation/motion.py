"""Motion against appearance: the two parts of a Grad-CAM explanation, in one picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from videxplain.attribution.targets import Target
from videxplain.data.clip import Clip
from videxplain.data.stream import FrameSource, read_ahead
from videxplain.errors import VidexplainError
from videxplain.explanation.api import explain
from videxplain.explanation.result import Explanation
from videxplain.files import write_json
from videxplain.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("mp4", "png", "pdf", "json")
_FRAMES = 8


@dataclass(frozen=True, eq=False)
class Split:
    """Two explanations of one clip for one class, whose maps add up to Grad-CAM's.

    Attributes:
        motion: What vanishes when the clip stands still.
        appearance: What stays.
    """

    motion: Explanation
    appearance: Explanation

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
        """Every frame with both parts over it, orange and blue, and the time line under it, motion up."""
        from videxplain.viz.split import split_overlay
        from videxplain.viz.timeline import Timeline

        source = self.motion.source
        line = Timeline(self.motion.temporal, source.size, self.appearance.temporal)
        for i, frame in enumerate(read_ahead(source.frames(), depth=8)):
            if i >= self.motion.num_frames:
                return
            yield line.under(split_overlay(frame, self.motion.maps[i], self.appearance.maps[i], self.limit), i)

    def figure(self) -> "Figure":
        """Frames, both parts over them, and how much each contributed when."""
        from videxplain.viz.split import split_sheet

        found, source = self.motion, self.motion.source
        wanted = np.unique(np.linspace(0, found.num_frames - 1, min(_FRAMES, found.num_frames)).round().astype(int))
        frames = {i: frame for i, frame in enumerate(source.frames(0, int(wanted[-1]) + 1)) if i in wanted}
        name = source.path.name if source.path else "clip"
        return split_sheet(
            np.stack([frames[int(i)] for i in wanted]),
            [found.maps[int(i)] for i in wanted],
            [self.appearance.maps[int(i)] for i in wanted],
            wanted.tolist(),
            (found.temporal, self.appearance.temporal),
            limit=self.limit,
            share=self.share,
            fps=source.fps,
            title=f"{name}: motion and appearance of {found.origin.model} for '{found.origin.target}'",
            subtitle=found.provenance,
            notes=found.notes,
        )

    def summary(self) -> dict[str, Any]:
        """Both parts by frame, ready for JSON."""
        return {
            "share_of_motion": self.share,
            "motion": self.motion.summary(),
            "appearance": self.appearance.summary(),
        }

    def save(self, path: str | Path) -> None:
        """Write ``.mp4``, ``.png``, ``.pdf`` or ``.json``, whole or not at all."""
        path = Path(path)
        kind = path.suffix.lower().lstrip(".")
        if kind not in FORMATS:
            raise VidexplainError(f"cannot save this as '{path.name}': the name must end in {', '.join(FORMATS)}")
        if kind == "mp4":
            from videxplain.viz.video import save_video

            save_video(path, self.overlay_frames(), self.motion.source.fps)
        elif kind == "json":
            write_json(path, self.summary())
        else:
            from videxplain.viz.save import save_figure

            save_figure(self.figure(), path)


def split(
    model: nn.Module,
    clip: Clip | FrameSource | str | Path,
    *,
    target: Target | None = None,
    layer: str | None = None,
    stride: int | None = None,
    progress: Progress | None = None,
) -> Split:
    """Explain a clip twice, by what moves in it and by what is there in a still picture.

    The arguments are those of :func:`videxplain.explain`; see
    :mod:`videxplain.attribution.methods.motion_and_appearance` for what is
    computed.
    """
    options: dict[str, Any] = {"layer": layer, "stride": stride, "progress": progress}
    motion = explain(model, clip, "motion", target=target, **options)
    wanted = motion.origin.target_index if target is None else target
    return Split(motion, explain(model, clip, "appearance", target=wanted, **options))
