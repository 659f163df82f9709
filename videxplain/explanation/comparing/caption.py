"""What the caption of a comparison says."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from videxplain.explanation.captions import (
    colours_words,
    facts_of,
    frames_words,
    notes_words,
    versions_words,
    view_words,
)
from videxplain.explanation.latex import escaped, quoted
from videxplain.viz.page import number
from videxplain.viz.style import current_style

if TYPE_CHECKING:
    from videxplain.explanation.comparing.comparison import Comparison
    from videxplain.viz.layout import Layout


def caption_of(
    comparison: "Comparison", frames: Sequence[int], colormap: str | None, layout: "Layout"
) -> Iterator[str]:
    """The sentences of the figure of a comparison, in LaTeX.

    Args:
        comparison: What is drawn.
        frames: The frames that are drawn.
        colormap: The colour map that was asked for; None for that of the style.
        layout: Whether the curves are drawn, and whether the frames are their peaks.
    """
    source = comparison.source
    clip = f" of {quoted(source.path.name)}" if source.path else ""
    where = frames_words(source, frames, peaks=layout.peaks)
    yield f"{where}{clip}: above, the clip; below it, a row for each of these maps."
    facts = [facts_of(one) for one in comparison.explanations]
    same = [len(set(values)) == 1 for values in zip(*facts, strict=True)]
    called = comparison.labels if comparison.compared == "targets" else comparison.display_names
    for name, own_facts, scale in zip(called, facts, comparison.scales, strict=True):
        words = [fact for fact, shared in zip(own_facts, same, strict=True) if fact and not shared]
        if not comparison.shared_scale:
            words.append(f"colours from {' to '.join(escaped(number(v)) for v in scale)}")
        own = ", ".join(words)
        yield f"{own}." if own.startswith(escaped(name)) else f"{escaped(name)}: {own}."
    if shared_facts := [fact for fact, shared in zip(facts[0], same, strict=True) if fact and shared]:
        yield f"All rows: {', '.join(shared_facts)}."
    if comparison.shared_scale:
        yield f"{colours_words(comparison.scales[0], colormap)}, for all rows and all frames."
        divided = ""
    else:
        named = escaped(colormap or current_style().colormap)
        yield f"Each row has its own colour scale ({named}, raw values), the same for all frames."
        divided = ", each divided by its largest value"
    if layout.charts:
        yield f"The curves are the mean of each frame's map{divided}."
    yield from dict.fromkeys(view_words(one) for one in comparison.explanations)
    yield from notes_words(comparison.notes)
    yield versions_words(comparison.explanations[0].origin)
