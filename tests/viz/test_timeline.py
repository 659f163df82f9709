import numpy as np
import pytest

from videxplain.viz.colour import NEGATIVE, POSITIVE, rgb
from videxplain.viz.timeline import BACKGROUND, MARKER, Timeline, strip_height


def near(picture, colour, tolerance=6):
    return (np.abs(picture.astype(int) - colour) <= tolerance).all(axis=-1)


@pytest.mark.parametrize(
    ("size", "height"),
    [((144, 176), 24), ((240, 320), 24), ((720, 1280), 58), ((1920, 1080), 86), ((2160, 3840), 172)],
)
def test_strip_height(size, height):
    assert strip_height(size) == height
    assert Timeline(np.ones(3), size).strip(0).shape == (height, size[1], 3)


def test_height_of_the_curve_follows_the_values():
    # Two frames: values 1 and 3 in a video 400 pixels wide; at their centres the fill is 1/3 and whole.
    strip = Timeline(np.array([1.0, 3.0]), (240, 400)).strip(1)
    played = near(strip, rgb(POSITIVE))
    low, high = played[:, 100].sum(), played[:, 295].sum()
    assert high == pytest.approx(0.76 * 24, abs=2.5)
    assert low == pytest.approx(high / 3, abs=1.5)


def test_negative_contributions_go_below_the_base_line():
    strip = Timeline(np.array([2.0, 2.0, -2.0, -2.0]), (240, 400)).strip(3)
    positive, negative = near(strip, rgb(POSITIVE)), near(strip, rgb(NEGATIVE))
    assert positive[:12, 40].any()
    assert not positive[13:, 40].any()
    assert negative[12:, 320].any()
    assert not negative[:11, 320].any()


@pytest.mark.parametrize(("count", "index"), [(10, 0), (10, 4), (10, 9), (1, 0), (5000, 4999)])
def test_marker_is_at_the_current_frame(count, index):
    strip = Timeline(np.zeros(count), (240, 320)).strip(index)
    columns = np.flatnonzero(near(strip[2], MARKER, 140))
    assert columns.size
    assert columns.mean() + 0.5 == pytest.approx((index + 0.5) / count * 320, abs=1.5)


def test_only_the_marker_and_the_played_part_change():
    line = Timeline(np.ones(10), (240, 320))
    first, later = line.strip(2), line.strip(7)
    np.testing.assert_array_equal(first[:, :70], later[:, :70])
    np.testing.assert_array_equal(first[:, 260:], later[:, 260:])
    assert (later[:, 100] != first[:, 100]).any()
    np.testing.assert_array_equal(line.strip(2), first)


@pytest.mark.parametrize("values", [[0.0, 0.0, 0.0], [0.0]])
def test_no_contribution_at_all_leaves_a_base_line(values):
    strip = Timeline(np.array(values), (144, 176)).strip(0)
    assert near(strip[:18, 120:], BACKGROUND).all()
    assert not near(strip[18:, 120:], BACKGROUND).all()


def test_under_puts_the_strip_below_the_frame():
    frame = np.random.default_rng(0).integers(0, 256, (144, 176, 3), dtype=np.uint8)
    line = Timeline(np.arange(4.0), (144, 176))
    both = line.under(frame, 2)
    np.testing.assert_array_equal(both[:144], frame)
    np.testing.assert_array_equal(both[144:], line.strip(2))


def test_frames_that_are_shown_longer_take_more_of_the_strip():
    times = np.array([0.0, 1.0, 2.0, 5.0, 6.0])  # the last one as long as is usual: seven seconds in all
    curve = np.array([0.0, 0.0, 1.0, 0.0, 0.0])
    strip = Timeline(curve, (64, 700), times=times)
    assert [strip._x(frame) for frame in range(5)] == pytest.approx([50, 150, 350, 550, 650])
    assert Timeline(curve, (64, 700))._x(2) == pytest.approx(350)
