"""The result: what was seen, where and when, with its origin; and how to keep it and show it."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from videxplain.data.stream import FrameSource, read_ahead
from videxplain.errors import VidexplainError
from videxplain.explanation.frame_maps import FrameMaps
from videxplain.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("mp4", "gif", "png", "pdf", "json", "npz")
_SHEET_FRAMES = 8
_NOTEBOOK_WIDTH = 480
NO_EVIDENCE_NOTE = "no positive evidence: the map is zero or negative in every frame, so nothing is highlighted"
CONSTANT_NOTE = "the map has the same value everywhere, so nothing is highlighted"


@dataclass(frozen=True)
class Origin:
    """Everything needed to make an explanation again.

    Attributes:
        method: Name of the method.
        model: Name of the network.
        weights: Where its weights came from.
        layer: The layer explained, or ``"input"``.
        target: What was explained, in words; empty for a method that looks at no score.
        target_index: The class explained, None where it is no single class.
        precision: ``"fp32"`` or ``"bf16"``.
        windows: Passes of the network.
        options: What else the method was given.
        versions: Version of each package that took part.
    """

    method: str
    model: str
    weights: str
    layer: str
    target: str
    target_index: int | None
    precision: str
    windows: int
    options: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Explanation:
    """One video, one target, one raw map per frame.

    Attributes:
        source: The frames, read again when they are drawn.
        maps: The raw maps at the resolution at which they were found.
        predictions: ``(label, probability)`` of every class, best first; averaged over the windows of the video.
        origin: How it was made.
        signed: Whether negative values are part of the picture (activations) rather than absence of evidence.
        notes: What the reader must not miss.
    """

    source: FrameSource
    maps: FrameMaps
    predictions: list[tuple[str, float]]
    origin: Origin
    signed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def num_frames(self) -> int:
        """How many frames are explained: all of the clip."""
        return len(self.maps)

    @cached_property
    def temporal(self) -> NDArray[np.float32]:
        """``(T,)`` the mean of each frame's raw map: how much each frame contributed."""
        return self.maps.temporal()

    @cached_property
    def range(self) -> tuple[float, float]:
        """The raw values where the colour scale begins and ends, one scale for the whole video."""
        return self.maps.range(self.signed)

    @property
    def explained_label(self) -> str:
        """The label of the class that is explained; empty where it is no single class."""
        return self.origin.target if self.origin.target_index is not None else ""

    @property
    def provenance(self) -> str:
        """Where the weights come from, in words; empty for random ones, of which a note tells."""
        return "" if self.origin.weights == "none" else f"weights: {self.origin.weights}"

    @property
    def has_evidence(self) -> bool:
        """Whether there is anything to highlight."""
        low, high = self.range
        return high > low

    @property
    def heatmap(self) -> NDArray[np.float32]:
        """``(T, H, W)`` raw maps enlarged to the clip's own resolution; made anew at each access."""
        from videxplain.viz.overlay import enlarge

        return np.stack([enlarge(values, self.source.size) for values in self.maps])

    def overlay_frames(
        self, *, colormap: str | None = None, opacity: float | None = None, timeline: bool = True
    ) -> Iterator[NDArray[np.uint8]]:
        """Every frame with its map over it, ``(H, W, 3)`` uint8 RGB, and the time line under it.

        Args:
            colormap: Name of a matplotlib colour map.
            opacity: How much of the frame the strongest evidence hides, in [0, 1].
            timeline: Whether the strip with each frame's contribution is drawn below.
        """
        from videxplain.viz.overlay import CONSTANT, NO_EVIDENCE, caption, overlay
        from videxplain.viz.timeline import Timeline

        look = _look(colormap, opacity)
        low, high = self.range
        empty = CONSTANT if self.signed else NO_EVIDENCE
        line = Timeline(self.temporal, self.source.size) if timeline else None
        for i, frame in enumerate(read_ahead(self.source.frames(), depth=8)):
            if i >= self.num_frames:
                return
            picture = overlay(frame, self.maps[i] - low, high - low, empty=empty, **look)
            if self.origin.weights == "none" and self.has_evidence:
                caption(picture, "untrained network")
            yield line.under(picture, i) if line else picture

    def figure(self, *, colormap: str | None = None, opacity: float | None = None) -> "Figure":
        """The contact sheet: frames, overlays, predictions and the curve over time."""
        from videxplain.viz.sheet import contact_sheet

        indices = np.unique(
            np.linspace(0, self.num_frames - 1, min(_SHEET_FRAMES, self.num_frames)).round().astype(int)
        )
        low, high = self.range
        name = self.source.path.name if self.source.path else "clip"
        return contact_sheet(
            np.stack(self._frames_at(indices)),
            [self.maps[int(i)] for i in indices],
            indices.tolist(),
            limit=high,
            low=low,
            target=self.origin.target,
            quantity="" if self.origin.target else self._measured(),
            predictions=self.predictions,
            temporal=self.temporal,
            fps=self.source.fps,
            title=f"{name}: {self.origin.method} of {self.origin.model} at {self.origin.layer}",
            subtitle=self.provenance,
            notes=self.notes,
            **_look(colormap, opacity),
        )

    def summary(self) -> dict[str, Any]:
        """Predictions, target, layer, weights, versions and the contribution of every frame, ready for JSON."""
        origin, height_width = self.origin, self.source.size
        return {
            "clip": str(self.source.path) if self.source.path else None,
            "frames": self.num_frames,
            "fps": self.source.fps,
            "height": height_width[0],
            "width": height_width[1],
            "method": origin.method,
            "model": origin.model,
            "weights": origin.weights,
            "layer": origin.layer,
            "target": origin.target or None,
            "target_index": origin.target_index,
            "precision": origin.precision,
            "windows": origin.windows,
            "options": origin.options,
            "predictions": [{"label": label, "probability": p} for label, p in self.predictions],
            "temporal": [float(v) for v in self.temporal],
            "colour_range": list(self.range),
            "notes": list(self.notes),
            "versions": origin.versions,
        }

    def save(
        self,
        path: str | Path,
        *,
        colormap: str | None = None,
        opacity: float | None = None,
        timeline: bool = True,
        progress: Progress | None = None,
    ) -> Path:
        """Write it in the form that the suffix names; the file appears complete or not at all.

        ``.mp4`` and ``.gif`` are the overlay video, ``.png`` and ``.pdf`` the contact sheet, ``.json`` the summary, and
        ``.npz`` the raw maps ``(T, h, w)`` with the temporal curve and the summary.

        Args:
            path: Where to.
            colormap: Name of a matplotlib colour map, for pictures.
            opacity: How much of the frame the strongest evidence hides, in [0, 1].
            timeline: Whether a video carries the strip below; without it, it has the input's exact size.
            progress: Called with the frames drawn and the frames in all, for a video.
        """
        path = Path(path)
        kind = path.suffix.lower().lstrip(".")
        if kind in ("mp4", "gif"):
            from videxplain.viz.video import save_video

            frames = self.overlay_frames(colormap=colormap, opacity=opacity, timeline=timeline)
            save_video(path, self._counted(frames, progress), self.source.fps)
        elif kind in ("png", "pdf"):
            from videxplain.viz.save import save_figure

            save_figure(self.figure(colormap=colormap, opacity=opacity), path)
        elif kind in ("json", "npz"):
            self._save_numbers(path, kind)
        else:
            raise VidexplainError(
                f"cannot write '{path.name}': the name must end in {', '.join('.' + f for f in FORMATS)}"
            )
        return path

    def _save_numbers(self, path: Path, kind: str) -> None:
        from videxplain.files import replacing

        with replacing(path) as temporary:
            if kind == "json":
                temporary.write_text(json.dumps(self.summary(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            else:
                with temporary.open("wb") as file:
                    np.savez_compressed(
                        file,
                        maps=np.stack(list(self.maps)),
                        temporal=self.temporal,
                        summary=np.array(json.dumps(self.summary())),
                    )

    def _repr_html_(self) -> str:
        from videxplain.viz.html import predictions_table, video_tag

        with tempfile.TemporaryDirectory() as folder:
            data = self.save(Path(folder) / "overlay.mp4").read_bytes()
        title = f"{self.origin.method} of {self.origin.model}"
        width = min(_NOTEBOOK_WIDTH, self.source.size[1])
        caption = ", ".join(filter(None, (title, self.provenance)))
        return video_tag(data, width=width, title=title) + predictions_table(self.predictions[:5], caption, self.notes)

    def __repr__(self) -> str:
        origin = self.origin
        why = f" for '{origin.target}'" if origin.target else ""
        return f"Explanation({origin.method} of {origin.model}{why}, {self.num_frames} frames, layer {origin.layer})"

    def _counted(self, frames: Iterable[NDArray[np.uint8]], progress: Progress | None) -> Iterator[NDArray[np.uint8]]:
        for i, frame in enumerate(frames):
            yield frame
            if progress:
                progress(i + 1, self.num_frames)

    def _measured(self) -> str:
        channel, what = self.origin.options.get("channel"), self.origin.method
        if what == "activations":
            what = "mean activation" if channel is None else f"channel {channel}"
        return f"{what} of {self.origin.layer}"

    def _frames_at(self, indices: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
        wanted = set(indices.tolist())
        return [frame for i, frame in enumerate(self.source.frames(0, max(wanted) + 1)) if i in wanted]


def _look(colormap: str | None, opacity: float | None) -> dict[str, Any]:
    """The choices that were made; the pictures have their own defaults for the others."""
    return {k: v for k, v in {"colormap": colormap, "opacity": opacity}.items() if v is not None}
