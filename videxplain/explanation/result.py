"""The result of explain(): what was seen, where and when, with its origin."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from videxplain.attribution.display_names import display_name
from videxplain.boxes import Box, scaled_box, seen_words
from videxplain.data.shown import ShownFrames, irregular_times
from videxplain.data.stream import FrameSource, read_ahead
from videxplain.explanation.conservation import Conservation
from videxplain.explanation.frame_maps import FrameMaps, UnsavedMaps
from videxplain.explanation.intervals import interval_record, interval_words, restored
from videxplain.explanation.origin import Origin, measured, prediction_records
from videxplain.explanation.saving import SCHEMA, Arrays, Result, box_of, plain
from videxplain.explanation.sources import clip_name, clip_record
from videxplain.files import as_path
from videxplain.models.familiarity import ClipFamiliarity
from videxplain.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from videxplain.viz.layout import Layout

FORMATS = ("mp4", "gif", "png", "pdf", "svg", "json", "npz", "tex", "bib", "html")
NO_EVIDENCE_NOTE = "no positive evidence: the map is zero or negative in every frame, so nothing is highlighted"
CONSTANT_NOTE = "the map has the same value everywhere, so nothing is highlighted"


@dataclass(frozen=True, eq=False)
class Explanation(Result):
    """One video, one target, one raw map per frame.

    Attributes:
        source: The frames, read again when they are drawn.
        maps: The raw maps at the resolution at which the method gives them.
        predictions: ``(label, probability)`` of every class, best first; averaged over the windows of the video. Of a
            regression the values.
        origin: How it was made.
        signed: Whether negative values are part of the picture (activations) rather than absence of evidence.
        notes: What the reader must not miss.
        familiarity: How far the clip is from those that the network has learned from; None if its weights do not say.
        view_box: Top, left, bottom and right of the part of a frame that the network saw, and that the maps cover, in
            pixels of the clip; None where it saw whole frames.
        half_widths: How exact the maps are: each value lies within so much of the true one with a probability of 95 %.
            None for a method without intervals.
        conserved: How much of the score a method has divided among the pixels; None for a method that divides none.
    """

    source: FrameSource
    maps: FrameMaps | UnsavedMaps
    predictions: list[tuple[str, float]]
    origin: Origin
    signed: bool = False
    notes: tuple[str, ...] = ()
    familiarity: ClipFamiliarity | None = None
    view_box: Box | None = None
    half_widths: FrameMaps | UnsavedMaps | None = None
    conserved: Conservation | None = None
    formats: ClassVar[tuple[str, ...]] = FORMATS
    kind: ClassVar[str] = "explanation"

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
        """The weights in words, with their file and the start of its SHA-256; empty for random weights."""
        return self.origin.provenance

    @property
    def has_evidence(self) -> bool:
        """Whether there is anything to highlight."""
        low, high = self.range
        return high > low

    @property
    def heatmap(self) -> NDArray[np.float32]:
        """``(T, H, W)`` raw maps at the clip's own resolution, zero outside ``view_box``; computed at each access."""
        from videxplain.viz.overlay import enlarge_into

        return np.stack([enlarge_into(values, self.source.size, self.view_box) for values in self.maps])

    @cached_property
    def shown(self) -> FrameSource:
        """The frames of the clip as pictures show them: in square pixels."""
        return ShownFrames(self.source)

    @property
    def shown_box(self) -> Box | None:
        """``view_box`` in the pixels of :attr:`shown`."""
        return scaled_box(self.view_box, self.source.size, self.shown.size)

    @property
    def seen(self) -> str:
        """What the network saw of a frame, in words; empty where that is the whole frame."""
        return seen_words(self.view_box, self.source.size)

    def overlay_frames(
        self, *, colormap: str | None = None, opacity: float | None = None, timeline: bool = True
    ) -> Iterator[NDArray[np.uint8]]:
        """Every frame with its map over it, ``(H, W, 3)`` uint8 RGB in square pixels, and the time line under it.

        Args:
            colormap: Name of a matplotlib colour map.
            opacity: How much of the frame the strongest evidence hides, in [0, 1].
            timeline: Whether the strip with each frame's contribution is drawn below.
        """
        from videxplain.explanation.painter import Painter

        painter = Painter(self, colormap=colormap, opacity=opacity, timeline=timeline)
        for i, frame in enumerate(read_ahead(self.shown.frames(), depth=8)):
            if i >= self.num_frames:
                return
            yield painter.paint(i, frame)

    def figure(
        self, *, colormap: str | None = None, opacity: float | None = None, layout: "Layout | None" = None
    ) -> "Figure":
        """The contact sheet: frames, overlays, predictions and the curve over time.

        Args:
            colormap: Name of a matplotlib colour map; None for that of :func:`videxplain.style`.
            opacity: How much of the frame the strongest evidence hides, in [0, 1].
            layout: Which frames, in how many rows and columns, with which words; None for the default.

        Raises:
            VidexplainError: The clip does not have a frame of the layout, or the frames do not fit.
        """
        from videxplain.viz.layout import Layout
        from videxplain.viz.sheet import contact_sheet, sheet_frames

        layout = layout or Layout()
        indices = sheet_frames(self.num_frames, layout, self.temporal)
        low, high = self.range
        name = clip_name(self.source)
        return contact_sheet(
            np.stack(self.frames_at(indices)),
            [self.drawable(i) for i in indices],
            indices,
            limit=high,
            low=low,
            target=self.origin.target,
            quantity="" if self.origin.target else self._measured(),
            predictions=self.predictions,
            probabilities=measured(self.origin.output) == "probability",
            temporal=np.nan_to_num(self.temporal),
            fps=self.source.fps,
            times=irregular_times(self.source),
            title=f"{name}: {display_name(self.origin.method)} of {self.origin.model} at {self.origin.layer}",
            subtitle="; ".join(filter(None, (self.provenance, self.seen, self.intervals))),
            box=self.shown_box,
            notes=self.notes,
            layout=layout,
            **_look(colormap, opacity),
        )

    def caption(self, *, colormap: str | None = None, layout: "Layout | None" = None) -> list[str]:
        """The sentences of the contact sheet's caption, in LaTeX; the arguments are those of :meth:`figure`."""
        from videxplain.explanation.captions import sheet_caption
        from videxplain.viz.layout import Layout
        from videxplain.viz.sheet import sheet_frames

        layout = layout or Layout()
        frames = sheet_frames(self.num_frames, layout, self.temporal)
        return list(sheet_caption(self, frames, colormap, layout))

    def summary(self) -> dict[str, Any]:
        """Clip, origin, predictions, notes and the contribution of every frame, ready for JSON."""
        return plain(
            {
                "schema": SCHEMA,
                "kind": self.kind,
                **clip_record(self.source),
                **self.origin.record(),
                "predictions": prediction_records(self.predictions, self.origin.output),
                "temporal": [float(v) for v in self.temporal],
                "colour_range": self.range,
                "signed": self.signed,
                "notes": self.notes,
                "familiarity": self.familiarity.record() if self.familiarity else None,
                "view_box": self.view_box,
                "interval": interval_record(self.half_widths, self.intervals),
                "conserved": self.conserved.record() if self.conserved else None,
            }
        )

    @property
    def intervals(self) -> str:
        """The intervals of the values in words; empty for a method without, and where the maps are not known."""
        if isinstance(self.maps, FrameMaps) and isinstance(self.half_widths, FrameMaps):
            return interval_words(self.maps, self.half_widths)
        return ""

    @property
    def question(self) -> str:
        """SHA-256 of what was asked, which every file of the result carries."""
        return self.origin.question

    def save(
        self,
        path: str | Path,
        *,
        colormap: str | None = None,
        opacity: float | None = None,
        timeline: bool = True,
        layout: "Layout | None" = None,
        progress: Progress | None = None,
    ) -> Path:
        """Write it in the format that the suffix names; the file appears complete or not at all.

        ``.mp4`` and ``.gif`` are the overlay video, ``.png``, ``.pdf`` and ``.svg`` the contact sheet, ``.json`` the
        summary, and ``.npz`` the raw maps ``(T, h, w)`` with the temporal curve and the summary. ``.tex`` is the
        caption of the contact sheet, and ``.bib`` the method's paper. ``.html`` is a page with a player, in which
        opacity, colours, range and threshold can be changed; it needs no other file.

        Args:
            path: The file.
            colormap: Name of a matplotlib colour map, for pictures.
            opacity: How much of the frame the strongest evidence hides, in [0, 1].
            timeline: Whether a video has the strip below; without it, it has the input's exact size.
            layout: What the contact sheet shows; None for the default.
            progress: Called with the frames drawn and the frames in all, for a video.

        Returns:
            The path.

        Raises:
            VidexplainError: Another suffix, or a file that cannot be written.
        """
        path = as_path(path)
        if path.suffix.lower() == ".html":
            from videxplain.explanation.player import write_player_page

            write_player_page(self, path, colormap=colormap, opacity=opacity, progress=progress)
            return path
        look: dict[str, Any] = {"colormap": colormap, "opacity": opacity}
        return self._write(
            path,
            partial(self.figure, **look, layout=layout),
            partial(self.overlay_frames, **look, timeline=timeline),
            self.arrays,
            progress,
            caption=partial(self.caption, colormap=colormap, layout=layout),
            methods=(self.origin.method,),
        )

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """What an ``.npz`` file holds: the raw maps ``(T, h, w)``, the temporal curve ``(T,)``, and half widths."""
        arrays = {"maps": np.stack(list(self.maps)), "temporal": self.temporal}
        if self.half_widths is not None:
            arrays["half_widths"] = np.stack(list(self.half_widths))
        return arrays

    @classmethod
    def _restore(cls, summary: Mapping[str, Any], arrays: Arrays | None, source: FrameSource) -> Self:
        if arrays is None:
            temporal = np.array(summary["temporal"], np.float32)  # None, which stands for NaN, becomes NaN
            low, high = summary["colour_range"]
            maps: FrameMaps | UnsavedMaps = UnsavedMaps(temporal, (float(low), float(high)))
        else:
            maps = FrameMaps.of(arrays["maps"].astype(np.float32, copy=False))
        if len(maps) != source.num_frames:
            raise ValueError(f"{len(maps)} maps for {source.num_frames} frames")
        origin = Origin.from_record(summary)
        kind = measured(origin.output)
        return cls(
            source=source,
            maps=maps,
            predictions=[(str(one["label"]), _number(one[kind])) for one in summary["predictions"]],
            origin=origin,
            signed=bool(summary["signed"]),
            notes=tuple(map(str, summary["notes"])),
            familiarity=ClipFamiliarity.from_record(summary.get("familiarity")),
            view_box=box_of(summary.get("view_box")),
            half_widths=restored(summary.get("interval"), None if arrays is None else arrays.get("half_widths")),
            conserved=Conservation.from_record(summary.get("conserved")),
        )

    def _repr_html_(self) -> str:
        from videxplain.explanation.player import notebook_player
        from videxplain.viz.html import predictions_table

        words = f"{display_name(self.origin.method)} of {self.origin.model}"
        caption = ", ".join(filter(None, (words, self.provenance)))
        shares = measured(self.origin.output) == "probability"
        return notebook_player(self) + predictions_table(self.predictions[:5], caption, self.notes, shares)

    def __repr__(self) -> str:
        origin = self.origin
        why = f" for '{origin.target}'" if origin.target else ""
        return f"Explanation({origin.method} of {origin.model}{why}, {self.num_frames} frames, layer {origin.layer})"

    def drawable(self, frame: int) -> NDArray[np.float32]:
        """A map for a picture: values that are not finite are drawn as no evidence."""
        low = self.range[0]
        return np.nan_to_num(self.maps[frame], nan=low, posinf=low, neginf=low)

    def _measured(self) -> str:
        channel, what = self.origin.options.get("channel"), display_name(self.origin.method)
        if self.origin.method == "activations":
            what = "mean activation" if channel is None else f"channel {channel}"
        return f"{what} of {self.origin.layer}"

    def frames_at(self, indices: Sequence[int]) -> list[NDArray[np.uint8]]:
        """Frames by number, in the order given, ``(H, W, 3)`` uint8 RGB in square pixels."""
        wanted = set(indices)
        found = {i: frame for i, frame in enumerate(self.shown.frames(0, max(wanted) + 1)) if i in wanted}
        return [found[i] for i in indices]


def _look(colormap: str | None, opacity: float | None) -> dict[str, Any]:
    """The choices that were made; the pictures have their own defaults for the others."""
    return {k: v for k, v in {"colormap": colormap, "opacity": opacity}.items() if v is not None}


def _number(value: float | None) -> float:
    """A number of a JSON file, in which NaN is null."""
    return float("nan") if value is None else float(value)
