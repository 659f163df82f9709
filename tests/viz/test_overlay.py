import numpy as np
import pytest

from videxplain.errors import VidexplainError
from videxplain.viz.colour import lut
from videxplain.viz.overlay import caption, enlarge, overlay

RANDOM = np.random.default_rng(7)


def half_pixel_bilinear(values, size):
    """Literal ``align_corners=False``: sample at ``(i + 0.5) * in / out - 0.5``, clamped to the edge."""
    for axis, length in enumerate(size):
        old = values.shape[axis]
        at = np.clip((np.arange(length) + 0.5) * old / length - 0.5, 0, None)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, old - 1)
        share = (at - low).reshape([-1 if one == axis else 1 for one in range(values.ndim)])
        values = np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share
    return values


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ((7, 7), (240, 320)),
        ((3, 5), (241, 333)),
        ((1, 1), (5, 9)),
        ((14, 14), (97, 14)),
        ((4, 6, 3), (50, 60)),
    ],
)
def test_enlarging_is_half_pixel_bilinear(small, large):
    values = RANDOM.normal(size=small).astype(np.float32)
    enlarged = enlarge(values, large)
    assert enlarged.dtype == np.float32
    np.testing.assert_allclose(enlarged, half_pixel_bilinear(values.astype(np.float64), large), atol=1e-5)


def test_enlarging_two_values_by_hand():
    np.testing.assert_allclose(enlarge(np.array([[0.0, 4.0]]), (1, 4)), [[0, 1, 3, 4]])


def test_shrinking_averages_areas():
    values = RANDOM.normal(size=(40, 60))
    blocks = values.reshape(10, 4, 20, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(enlarge(values, (10, 20)), blocks, atol=1e-6)


def test_one_axis_shrinks_and_the_other_grows():
    values = RANDOM.normal(size=(4, 2))
    averaged = values.reshape(2, 2, 2).mean(axis=1)
    np.testing.assert_allclose(enlarge(values, (2, 4)), half_pixel_bilinear(averaged, (2, 4)), atol=1e-6)


@pytest.mark.parametrize(("value", "level"), [(-3.0, 0), (0.0, 0), (0.4, 51), (1.0, 128), (2.0, 255), (9.0, 255)])
def test_overlay_blends_the_colour_of_the_value(value, level):
    frame = RANDOM.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    drawn = overlay(frame, np.full((2, 2), value), 2.0, colormap="magma", opacity=0.8)
    alpha = 0.8 * (1 - (1 - level / 255) ** 2)
    expected = frame * (1 - alpha) + lut("magma")[level] * alpha
    assert drawn.dtype == np.uint8
    # Three roundings: the two tables and the product.
    np.testing.assert_allclose(drawn, expected, atol=1.6)


def test_frame_without_evidence_is_untouched_where_the_video_has_some():
    frame = RANDOM.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    before = frame.copy()
    np.testing.assert_array_equal(overlay(frame, -np.ones((2, 2)), 1.0), before)
    np.testing.assert_array_equal(frame, before)


def test_overlay_reads_the_map_at_the_right_place():
    frame = np.zeros((40, 60, 3), np.uint8)
    values = np.zeros((4, 6))
    values[0, 5] = 1.0
    drawn = overlay(frame, values, 1.0).sum(axis=2)
    top, left = np.unravel_index(drawn.argmax(), drawn.shape)
    assert top < 10
    assert left >= 50


def test_views_that_run_backwards_are_drawn_on():
    frame = RANDOM.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    backwards = frame[..., ::-1]
    np.testing.assert_array_equal(
        overlay(backwards, np.ones((2, 2)), 1.0), overlay(backwards.copy(), np.ones((2, 2)), 1.0)
    )


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_no_positive_evidence_is_said_and_not_drawn(limit):
    frame = np.full((120, 160, 3), (200, 40, 40), np.uint8)
    drawn = overlay(frame, np.ones((7, 7)), limit)
    np.testing.assert_array_equal(frame, np.full_like(frame, (200, 40, 40)))
    upper = drawn[:60]
    assert (upper == upper[0, 0]).all()
    assert np.ptp(upper[0, 0].astype(int)) < 0.5 * 160
    assert (drawn[100:] > 240).all(axis=2).sum() > 20


@pytest.mark.parametrize("size", [(48, 48), (144, 176), (400, 60), (1080, 1920)])
def test_caption_is_written_whole_at_the_bottom_left(size):
    picture = np.full((*size, 3), 128, np.uint8)
    caption(picture, "no positive evidence")
    light = (picture > 128).any(axis=2)
    assert light.any()
    # Nothing light touches an edge, so no letter is cut.
    assert not light[:, [0, -1]].any()
    assert not light[-1].any()
    assert not light[: size[0] // 2].any()


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (9, 2)])
def test_no_frame_is_too_small_for_a_caption(size):
    assert overlay(np.zeros((*size, 3), np.uint8), np.ones((1, 1)), 0.0).shape == (*size, 3)


def test_unknown_colour_map():
    with pytest.raises(VidexplainError, match="did you mean"):
        overlay(np.zeros((2, 2, 3), np.uint8), np.ones((1, 1)), 0.0, colormap="viridsi")
