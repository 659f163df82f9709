"""Arrows over frames: where they begin and end, how wide they are, and that no text is cut."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, FancyArrowPatch

from tests.viz.layout import LONG, UNTRAINED, assert_nothing_is_cut_or_overlaps
from videxplain.viz.arrows import arrows_figure
from videxplain.viz.colour import NEGATIVE, POSITIVE

LINKS = ((5, 50.0, 10.0, 0.5), (0, 8.0, 40.0, -0.25), (1, 32.0, 24.0, 0.125))


def figure(count=6, size=(48, 64), links=LINKS, weights=None, **options):
    pictures = np.random.default_rng(0).integers(0, 256, (count, *size, 3), dtype=np.uint8)
    weights = np.full((count, 2, 2), 0.5, np.float32) if weights is None else weights
    return arrows_figure(
        pictures, [7 * i for i in range(count)], (1, 20.0, 30.0), links, weights=weights, fps=10.0, **options
    )


def pictures_of(drawn):
    return [axes for axes in drawn.axes if axes.images]


def inches(drawn, frame, x, y, size=(48, 64)):
    """A pixel of a frame where matplotlib has put that frame."""
    box, (width, height) = pictures_of(drawn)[frame].get_position(), drawn.get_size_inches()
    return (box.x0 + x / size[1] * box.width) * width, (1 - box.y1 + y / size[0] * box.height) * height


def test_arrows_lead_from_the_point_to_the_places():
    drawn = figure()
    arrows = [patch for patch in drawn.axes[-1].patches if isinstance(patch, FancyArrowPatch)]
    # The strongest is drawn last, over the others.
    for arrow, (frame, x, y, weight) in zip(reversed(arrows), LINKS, strict=True):
        start, end = arrow._posA_posB
        assert start == pytest.approx(inches(drawn, 1, 20, 30))
        assert end == pytest.approx(inches(drawn, frame, x, y))
        size = abs(weight) / 0.5
        assert arrow.get_linewidth() == pytest.approx(0.4 + 2.8 * size)
        assert arrow.get_alpha() == pytest.approx(0.3 + 0.65 * size)
        assert to_hex(arrow.get_edgecolor()) == (POSITIVE if weight > 0 else NEGATIVE)


def test_the_axes_of_arrows_are_the_page_in_inches():
    drawn = figure()
    axes = drawn.axes[-1]
    width, height = drawn.get_size_inches()
    corner = axes.transData.transform((width, height)) / drawn.dpi
    assert corner == pytest.approx((width, 0))


def test_a_link_to_the_point_itself_is_a_ring():
    drawn = figure(links=[(1, 20.0, 30.0, 0.5)])
    patches = drawn.axes[-1].patches
    assert not any(isinstance(patch, FancyArrowPatch) for patch in patches)
    rings = [patch for patch in patches if isinstance(patch, Circle) and not patch.get_fill()]
    assert [ring.center for ring in rings] == [pytest.approx(inches(drawn, 1, 20, 30))]


def test_frames_are_pale_where_nothing_is_looked_at():
    weights = np.zeros((6, 2, 2), np.float32)
    weights[2] = -0.25
    weights[3] = 1.0
    shown = [axes.images[0].get_array().astype(float) for axes in pictures_of(figure(weights=weights))]
    plain = [axes.images[0].get_array().astype(float) for axes in pictures_of(figure())]
    for frame, kept in ((0, 0.45), (2, 0.45 + 0.55 * 0.5), (3, 1.0)):
        np.testing.assert_allclose(shown[frame], 255 - kept * (255 - plain[frame]), atol=0.5)


@pytest.mark.parametrize(("count", "size"), [(1, (48, 64)), (3, (90, 30)), (8, (48, 64))])
def test_nothing_is_cut_or_overlaps(count, size):
    links = [(count - 1, 3.0, 4.0, 0.1)]
    words = {"title": f"{LONG} {LONG}", "subtitle": f"{LONG} {LONG}", "caption": f"{LONG} {LONG} {LONG} {LONG}"}
    weights = np.ones((count, 1, 1), np.float32)
    drawn = arrows_figure(
        np.zeros((count, *size, 3), np.uint8),
        [10**5 + i for i in range(count)],
        (0, 1.0, 2.0),
        links,
        weights=weights,
        fps=29.97,
        notes=(UNTRAINED,),
        **words,
    )
    assert_nothing_is_cut_or_overlaps(drawn)


def test_no_weight_at_all_can_be_drawn():
    figure(links=[(0, 1.0, 1.0, 0.0)], weights=np.zeros((6, 1, 1), np.float32)).canvas.draw()
