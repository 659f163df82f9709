"""Whether all words of a figure are whole and apart."""

import itertools

from matplotlib.figure import Figure

LONG = "a very long class name like playing_musical_instrument_on_stage"
UNTRAINED = "UNTRAINED network: this explanation means nothing"


def texts(figure: Figure):
    return [text for text in figure.texts if text.get_text()]


def assert_nothing_is_cut_or_overlaps(figure: Figure, dpi: int = 60):
    """Letters are put on whole pixels, so a figure without margins needs many of them (``dpi``)."""
    figure.set_dpi(dpi)
    figure.canvas.draw()  # Axis labels have no place before.
    renderer = figure.canvas.get_renderer()
    page = figure.bbox
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
    for axes in figure.axes:
        ticks = [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label]
        low, high = axes.get_window_extent(renderer).extents[:2], axes.get_window_extent(renderer).extents[2:]
        for tick in ticks:
            box = tick.get_window_extent(renderer)
            centre = (box.x0 + box.x1) / 2
            # Matplotlib keeps labels of ticks beyond the limits, and does not draw them.
            if tick.get_text() and (box.y1 < low[1] and low[0] - 1 <= centre <= high[0] + 1):
                boxes.append((tick.get_text(), box))
    assert len(boxes) > 5
    for name, box in boxes:
        assert box.x0 >= page.x0, name
        assert box.x1 <= page.x1, name
        assert box.y0 >= page.y0, name
        assert box.y1 <= page.y1, name
    for (name, box), (other, another) in itertools.combinations(boxes, 2):
        across = min(box.x1, another.x1) - max(box.x0, another.x0)
        down = min(box.y1, another.y1) - max(box.y0, another.y0)
        # The boxes hold the font's line height, which may touch; ink overlaps when they share more.
        assert across <= 1 or down <= 0.25 * min(box.height, another.height), (name, other)
