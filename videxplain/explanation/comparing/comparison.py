"""Several explanations of one clip beside each other: a figure, a video in step, and how far they agree."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from videxplain.attribution.display_names import display_name
from videxplain.data.shown import irregular_times
from videxplain.data.stream import FrameSource, read_ahead
from videxplain.explanation.comparing.pair_agreement import PairAgreement
from videxplain.explanation.familiarity import familiarity_notes
from videxplain.explanation.result import Explanation
from videxplain.explanation.saving import SCHEMA, Arrays, Result, plain
from videxplain.explanation.sources import clip_name, clip_record
from videxplain.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from videxplain.viz.layout import Layout

FORMATS = ("mp4", "gif", "png", "pdf", "svg", "json", "npz", "tex", "bib")


@dataclass(frozen=True, eq=False)
class Comparison(Result):
    """Several explanations of one clip, of which one thing differs.

    Attributes:
        compared: What differs: ``"models"``, ``"methods"``, ``"targets"`` or ``"layers"``.
        names: What each is called.
        explanations: The explanations, in the same order.
        shared_scale: Whether all maps have one colour scale; otherwise each has its own.
        agreement: How far the maps agree, for each pair.
    """

    compared: str
    names: tuple[str, ...]
    explanations: tuple[Explanation, ...]
    shared_scale: bool
    agreement: tuple[PairAgreement, ...]
    formats: ClassVar[tuple[str, ...]] = FORMATS
    kind: ClassVar[str] = "comparison"

    @property
    def source(self) -> FrameSource:  # type: ignore[override]
        """The frames of the clip."""
        return self.explanations[0].source

    @property
    def provenance(self) -> str:
        """The weights of all networks in words, each once."""
        return "; ".join(dict.fromkeys(one.provenance for one in self.explanations if one.provenance))

    @property
    def question(self) -> str:
        """SHA-256 of what was asked, which every file of the result carries."""
        questions = [one.question for one in self.explanations]
        return joint_question(self.compared, self.names, self.shared_scale, questions)

    @property
    def display_names(self) -> list[str]:
        """The names as pictures say them: methods by the names that papers use, unless they were given other names."""
        methods = [one.origin.method for one in self.explanations]
        named = zip(self.names, methods, strict=True)
        return [display_name(name) if (self.compared, name) == ("methods", method) else name for name, method in named]

    @property
    def labels(self) -> list[str]:
        """The names as pictures say them, with the class that is explained where not all explain the same."""
        targets = [one.origin.target for one in self.explanations]
        if self.compared == "targets":
            return targets
        if len(set(filter(None, targets))) < 2:
            return self.display_names
        named = zip(self.display_names, targets, strict=True)
        return [f"{name}: {target}" if target else name for name, target in named]

    @cached_property
    def scales(self) -> list[tuple[float, float]]:
        """The raw values where the colour scale of each map begins and ends."""
        own = [one.range for one in self.explanations]
        if not self.shared_scale:
            return own
        return [(min(low for low, _ in own), max(high for _, high in own))] * len(own)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must not miss; what holds for some of the explanations begins with their names."""
        said: dict[str, list[int]] = {}
        for place, one in enumerate(self.explanations):
            advice = familiarity_notes(one.familiarity, one.source)[1:]  # what to do instead: too long for a page
            for note in one.notes:
                if note not in advice:
                    said.setdefault(note, []).append(place)

        def in_words(note: str, places: list[int]) -> str:
            if len(places) == len(self.names) or note.startswith(self.names[places[0]]):
                return note
            return f"{', '.join(self.display_names[place] for place in places)}: {note}"

        return tuple(in_words(note, places) for note, places in said.items())

    def overlay_frames(
        self, *, colormap: str | None = None, opacity: float | None = None, timeline: bool = True
    ) -> Iterator[NDArray[np.uint8]]:
        """Every frame with each map in a pane of its own, under its name; the panes are in step.

        The arguments are those of :meth:`Explanation.overlay_frames`. If each map has its own colour scale, a pane is
        the frame that this method gives, pixel by pixel.
        """
        from videxplain.explanation.painter import Painter
        from videxplain.viz.panes import in_panes

        painters = [
            Painter(one, colormap=colormap, opacity=opacity, timeline=timeline, scale=scale)
            for one, scale in zip(self.explanations, self.scales, strict=True)
        ]
        frames = enumerate(read_ahead(self.explanations[0].shown.frames(), depth=8))
        count = self.explanations[0].num_frames
        yield from in_panes(self.labels, ([one.paint(i, f) for one in painters] for i, f in frames if i < count))

    def figure(
        self, *, colormap: str | None = None, opacity: float | None = None, layout: "Layout | None" = None
    ) -> "Figure":
        """A page with a row for each map, the frames in columns, and the contributions over time.

        Args:
            colormap: Name of a matplotlib colour map; None for that of :func:`videxplain.style`.
            opacity: How much of the frame the strongest evidence hides, in [0, 1].
            layout: Which frames, in how many columns, with which words; None for the default.

        Raises:
            VidexplainError: The clip does not have a frame of the layout, or the layout asks for rows.
        """
        from videxplain.viz.compared_maps import ComparedMaps, comparison_figure, comparison_frames
        from videxplain.viz.layout import Layout
        from videxplain.viz.overlay import CONSTANT, DEFAULT_OPACITY, NO_EVIDENCE

        layout, first = layout or Layout(), self.explanations[0]
        indices = comparison_frames(first.num_frames, layout, self._curve())
        rows = [
            ComparedMaps(
                name=label,
                maps=[one.drawable(i) for i in indices],
                scale=scale,
                temporal=np.nan_to_num(one.temporal),
                box=one.shown_box,
                empty=CONSTANT if one.signed else NO_EVIDENCE,
            )
            for label, one, scale in zip(self.labels, self.explanations, self.scales, strict=True)
        ]
        return comparison_figure(
            np.stack(first.frames_at(indices)),
            indices,
            rows,
            shared=self.shared_scale,
            fps=self.source.fps,
            times=irregular_times(self.source),
            title=self._title(),
            subtitle="; ".join(filter(None, (self.provenance, *dict.fromkeys(one.seen for one in self.explanations)))),
            notes=self.notes,
            colormap=colormap,
            opacity=DEFAULT_OPACITY if opacity is None else opacity,
            layout=layout,
        )

    def _curve(self) -> NDArray[np.float64]:
        """``(T,)``, of which the peaks are shown."""
        from videxplain.viz.layout import peaks_of_several

        return peaks_of_several([one.temporal for one in self.explanations])

    def caption(self, *, colormap: str | None = None, layout: "Layout | None" = None) -> list[str]:
        """The sentences of the figure's caption, in LaTeX; the arguments are those of :meth:`figure`."""
        from videxplain.explanation.comparing.caption import caption_of
        from videxplain.viz.compared_maps import comparison_frames
        from videxplain.viz.layout import Layout

        layout = layout or Layout()
        frames = comparison_frames(self.explanations[0].num_frames, layout, self._curve())
        return list(caption_of(self, frames, colormap, layout))

    def summary(self) -> dict[str, Any]:
        """What is compared, how far it agrees, and each explanation's own summary, ready for JSON."""
        return plain(
            {
                "schema": SCHEMA,
                "kind": self.kind,
                **clip_record(self.source),
                "question": self.question,
                "compared": self.compared,
                "names": self.names,
                "scale": "shared" if self.shared_scale else "own",
                "colour_ranges": self.scales,
                "agreement": [vars(one) for one in self.agreement],
                "explanations": [one.summary() for one in self.explanations],
            }
        )

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

        ``.mp4`` and ``.gif`` are the video with a pane for each map, ``.png``, ``.pdf`` and ``.svg`` the figure,
        ``.json`` the summary, and ``.npz`` the raw maps of each explanation with the summary. ``.tex`` is the caption
        of the figure, and ``.bib`` the papers of the methods.

        Args:
            path: The file.
            colormap: Name of a matplotlib colour map, for pictures.
            opacity: How much of the frame the strongest evidence hides, in [0, 1].
            timeline: Whether the panes of a video have the strip below.
            layout: What the figure shows; None for the default.
            progress: Called with the frames drawn and the frames in all, for a video.

        Returns:
            The path.

        Raises:
            VidexplainError: Another suffix, or a file that cannot be written.
        """
        look: dict[str, Any] = {"colormap": colormap, "opacity": opacity}
        return self._write(
            path,
            partial(self.figure, **look, layout=layout),
            partial(self.overlay_frames, **look, timeline=timeline),
            self._arrays,
            progress,
            caption=partial(self.caption, colormap=colormap, layout=layout),
            methods=[one.origin.method for one in self.explanations],
        )

    @classmethod
    def _restore(cls, summary: Mapping[str, Any], arrays: Arrays | None, source: FrameSource) -> Self:
        explanations = [
            Explanation._restore(one, None if arrays is None else _of(arrays, number), source)
            for number, one in enumerate(summary["explanations"])
        ]
        if len(summary["names"]) != len(explanations):
            raise ValueError(f"{len(summary['names'])} names for {len(explanations)} explanations")
        return cls(
            compared=str(summary["compared"]),
            names=tuple(map(str, summary["names"])),
            explanations=tuple(explanations),
            shared_scale=summary["scale"] == "shared",
            agreement=tuple(PairAgreement.of_record(one) for one in summary["agreement"]),
        )

    def _arrays(self) -> Arrays:
        whole = enumerate(self.explanations)
        return {f"{name}_{number}": values for number, one in whole for name, values in one.arrays().items()}

    def _title(self) -> str:
        origin = self.explanations[0].origin
        method = display_name(origin.method)
        target = f", '{origin.target}'" if origin.target and self.labels == self.display_names else ""
        fixed = {
            "methods": f"{origin.model}{target}",
            "models": f"{method}{target}",
            "targets": f"{method} of {origin.model} at {origin.layer}",
            "layers": f"{method} of {origin.model}{target}",
        }[self.compared]
        return f"{clip_name(self.source)}: {fixed}"


def joint_question(compared: str, names: Sequence[str], shared_scale: bool, questions: Sequence[str]) -> str:
    """The SHA-256 of what a comparison shows, from those of its explanations."""
    asked = [compared, list(names), shared_scale, list(questions)]
    return hashlib.sha256(json.dumps(asked).encode("utf-8", "backslashreplace")).hexdigest()


def _of(arrays: Arrays, number: int) -> Arrays:
    """The arrays of one explanation."""
    ending = f"_{number}"
    return {name.removesuffix(ending): values for name, values in arrays.items() if name.endswith(ending)}
