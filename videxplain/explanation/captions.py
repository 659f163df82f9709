"""What the caption of a picture says: network, weights, class and score, method, layer, view and colour scale."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from videxplain.attribution.registry import METHODS
from videxplain.data.shown import source_times
from videxplain.explanation.familiarity import familiarity_notes
from videxplain.explanation.latex import cited, escaped, listed, quoted, typewriter
from videxplain.models.provenance import digests_in_words
from videxplain.viz.page import number
from videxplain.viz.style import current_style

if TYPE_CHECKING:
    from videxplain.data.stream import FrameSource
    from videxplain.explanation.origin import Origin
    from videxplain.explanation.result import Explanation
    from videxplain.viz.layout import Layout


def sheet_caption(
    explanation: "Explanation", frames: Sequence[int], colormap: str | None, layout: "Layout"
) -> Iterator[str]:
    """The sentences of a contact sheet, in LaTeX.

    Args:
        explanation: What is drawn.
        frames: The frames that are drawn.
        colormap: The colour map that was asked for; None for that of the style.
        layout: Whether the curve is drawn, and whether the frames are its peaks.
    """
    yield f"{explained_words(explanation)}."
    where = frames_words(explanation.source, frames, peaks=layout.peaks)
    yield f"{where}: above, the frames; below them, the same with the map."
    yield scale_words(explanation, colormap)
    if layout.charts:
        yield "The curve is the mean of each frame's map; dots mark the frames shown."
    yield from made_words(explanation)


def panels_caption(
    explanation: "Explanation",
    frames: Sequence[int],
    gradient_method: str,
    colormap: str | None,
    *,
    peaks: bool = False,
) -> Iterator[str]:
    """The sentences of the figure in four panels, in LaTeX.

    Args:
        explanation: Grad-CAM of the clip.
        frames: The frames that are drawn.
        gradient_method: The method of the fourth panel.
        colormap: The colour map that was asked for; None for that of the style.
        peaks: Whether the frames are those where Grad-CAM is strongest.
    """
    panels = (
        "(a) the frame",
        "(b) the mean activation of the first convolution",
        f"(c) {explained_words(explanation)}",
        f"(d) {cited(gradient_method)}, in which grey is no contribution",
    )
    yield f"{frames_words(explanation.source, frames, peaks=peaks)}: {'; '.join(panels)}."
    yield f"(c): {scale_words(explanation, colormap)}"
    yield from notes_words(tuple(filter(None, (METHODS[gradient_method].caution,))))
    yield from made_words(explanation)


def two_part_caption(
    motion: "Explanation", frames: Sequence[int], share: float, limit: float, layout: "Layout"
) -> Iterator[str]:
    """The sentences of the figure of motion and appearance, in LaTeX.

    Args:
        motion: The part that moves.
        frames: The frames that are drawn.
        share: How much of all evidence is motion, in [0, 1].
        limit: The sum of both parts with the strongest colour.
        layout: Whether the curve is drawn, and whether the frames are its peaks.
    """
    yield f"{explained_words(motion)}, and what is left of Grad-CAM, {cited('appearance')}."
    where = frames_words(motion.source, frames, peaks=layout.peaks)
    yield f"{where}: above, the frames; below them, the same with both maps."
    strongest = escaped(number(limit))
    yield f"Motion is orange and appearance is blue; their sum hides the frame, most at {strongest} (raw value)."
    if layout.charts:
        yield "The curve has the contributions of both."
    yield rf"Motion has {100 * share:.0f}\,\% of the evidence of the clip."
    yield from made_words(motion)


def explained_words(explanation: "Explanation") -> str:
    """What is explained, by which method, of which network, at which layer; without a full stop."""
    method, score, network, place, options = facts_of(explanation)
    clip = f" in {quoted(explanation.source.path.name)}" if explanation.source.path else ""
    return f"{method} {score}{clip}, {network}, {', '.join(filter(None, (place, options)))}"


def facts_of(explanation: "Explanation") -> tuple[str, str, str, str, str]:
    """Method, class and score, network with its weights, layer, and options of the method; the last may be empty."""
    origin = explanation.origin
    place = {"input": "at the input", "all layers": "over all layers"}.get(origin.layer)
    return (
        f"{cited(origin.method)} ({escaped(METHODS[origin.method].summary)})",
        score_words(explanation),
        f"of the network {typewriter(origin.model)} {weights_words(origin)}",
        place or f"at layer {typewriter(origin.layer)}",
        options_words(origin),
    )


def score_words(explanation: "Explanation") -> str:
    """The class that is explained, its score and its probability."""
    origin = explanation.origin
    if not origin.target:
        return "without a class"
    score = {"probabilities": "probability", "log_probabilities": "log probability", "regression": "value"}.get(
        origin.output, "logit"
    )
    said = dict(explanation.predictions).get(explanation.explained_label)
    share = "" if said is None or origin.output == "regression" else rf", probability {100 * said:.1f}\,\%"
    kind = "class " if origin.target_index is not None else ""
    return f"for the {kind}{quoted(origin.target)} (score: {score}{share})"


def weights_words(origin: "Origin") -> str:
    """Where the weights are from, and what names them for sure."""
    if origin.weights == "none":
        parts = ["random weights, untrained"]
    else:
        file = origin.weights_file if origin.weights_file != origin.weights else ""
        parts = [f"weights: {escaped(origin.weights)}", typewriter(file) if file else ""]
    digests = digests_in_words(origin.weights_sha256, origin.state_sha256)
    parts.append(re.sub(r"\b[0-9a-f]{12}\b", lambda found: typewriter(found[0]), digests))
    return f"({', '.join(filter(None, parts))})"


def options_words(origin: "Origin") -> str:
    """The options that the method was given."""
    if not origin.options:
        return ""
    return "with " + listed([f"{escaped(name)} = {escaped(value)}" for name, value in origin.options.items()])


def view_words(explanation: "Explanation") -> str:
    """What the network sees of the clip in one pass."""
    seen = explanation.origin.model_input
    height, width = seen["size"]
    how = "spread over the clip" if seen["sampling"] == "uniform" else "in a row"
    if seen["sampling"] != "uniform" and seen["frame_interval"] > 1:
        how = f"{seen['frame_interval']} apart"
    part = f"; {escaped(explanation.seen)}, and the rest is dimmed" if explanation.seen else ""
    size = rf"{width}\,$\times$\,{height} pixels"
    return f"One pass of the network sees {seen['num_frames']} frames, {how}, at {size}{part}."


def frames_words(source: "FrameSource", frames: Sequence[int], *, peaks: bool = False) -> str:
    """The frames by number and time, and that they are where the map is strongest if they were chosen so."""
    seconds = source_times(source)
    times = listed([f"{seconds[frame]:.2f}" for frame in frames])
    start = getattr(source, "start", None)
    counted = f", counted from frame {start} of the clip" if start else ""
    why = ", where the map is strongest" if peaks else ""
    return rf"Frame{'s' * (len(frames) > 1)} {listed([str(frame) for frame in frames])} (at {times}\,s{counted}{why})"


def scale_words(explanation: "Explanation", colormap: str | None) -> str:
    """What the colours mean."""
    if not explanation.has_evidence:
        return "There is nothing to highlight."
    return f"{colours_words(explanation.range, colormap)}, for all frames of the clip."


def colours_words(scale: tuple[float, float], colormap: str | None) -> str:
    """Where a colour scale begins and ends; without a full stop."""
    low, high = (escaped(number(float(value))) for value in scale)
    return f"Colours ({escaped(colormap or current_style().colormap)}) go from {low} to {high} (raw values)"


def made_words(explanation: "Explanation") -> Iterator[str]:
    """What the network sees, what the reader must not miss, and the programs."""
    yield view_words(explanation)
    # What to do about a clip that the network cannot know is for the user alone.
    advice = familiarity_notes(explanation.familiarity, explanation.source)[1:]
    yield from notes_words([note for note in explanation.notes if note not in advice])
    yield versions_words(explanation.origin)


def notes_words(notes: Sequence[str]) -> Iterator[str]:
    """What the reader must not miss, as sentences."""
    for note in notes:
        yield escaped(note) if note.endswith((".", ".)")) else f"{escaped(note)}."


def versions_words(origin: "Origin") -> str:
    """The programs; empty where their versions are not known."""
    named = [
        f"{escaped(name)} {escaped(origin.versions[name])}"
        for name in ("videxplain", "torch")
        if name in origin.versions
    ]
    return f"Made with {listed(named)}." if named else ""
