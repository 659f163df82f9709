import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.viz.layout import LONG, UNTRAINED, assert_nothing_is_cut_or_overlaps, texts
from videxplain.viz.colour import LIGHT, POSITIVE
from videxplain.viz.figure_parts import frame_moments
from videxplain.viz.page import elide, text_width, wrap
from videxplain.viz.panels import activation_picture, four_panels, signed_picture
from videxplain.viz.sheet import contact_sheet


def frames(count, size):
    return np.random.default_rng(0).integers(0, 256, (count, *size, 3), dtype=np.uint8)


def sheet(count=6, size=(48, 64), target="jump", limit=1.0, **options):
    settings = {
        "predictions": [(target, 0.75), (LONG, 0.125), ("$run$", 0.0)],
        "temporal": np.sin(np.arange(40) / 5),
        "fps": 10.0,
        "title": f"Grad-CAM of i3d: {LONG} {LONG}",
        "notes": (UNTRAINED, f"{LONG} {LONG} {LONG}"),
    }
    indices = np.linspace(0, 39, count).astype(int)
    maps = np.random.default_rng(1).normal(size=(count, 3, 4))
    return contact_sheet(frames(count, size), maps, indices, limit=limit, target=target, **settings | options)


def panels(rows, size=(48, 64), **options):
    random = np.random.default_rng(2)
    return four_panels(
        frames(rows, size),
        random.random((rows, 5, 5)),
        random.normal(size=(rows, 3, 4)),
        random.normal(size=(rows, 20, 20, 3)),
        **{"limit": 1.0, "labels": [f"frame {row}" for row in range(rows)], "notes": (UNTRAINED,), **options},
    )


def words(figure: Figure):
    return [text.get_text() for text in texts(figure)]


@pytest.mark.parametrize("size", [(48, 64), (320, 180), (16, 16), (30, 240)])
@pytest.mark.parametrize(("count", "target"), [(1, "jump"), (6, LONG), (11, f"{LONG} {LONG}")])
def test_sheet_cuts_nothing(size, count, target):
    assert_nothing_is_cut_or_overlaps(sheet(count, size, target))


@pytest.mark.parametrize("size", [(48, 64), (320, 180), (16, 16)])
@pytest.mark.parametrize("rows", [1, 3])
def test_panels_cut_nothing(size, rows):
    assert_nothing_is_cut_or_overlaps(panels(rows, size, title=LONG, labels=[LONG] * rows))


def test_sheet_says_what_it_shows():
    shown = words(sheet(3, target="jump", limit=0.0123))
    assert UNTRAINED in shown
    assert "contribution to 'jump' (raw)" in shown
    assert "0.0123" in shown
    assert {"75.0 %", "12.5 %", "0.0 %", "$run$"} <= set(shown)
    assert [text for text in shown if text.endswith(" s")] == [
        "frame 0, 0.00 s",
        "frame 19, 1.90 s",
        "frame 39, 3.90 s",
    ]


def test_frames_have_their_number_and_time_and_the_time_alone_if_both_do_not_fit():
    seconds = np.arange(200) / 10
    assert frame_moments([0, 130], seconds, 1.2) == ["frame 0, 0.00 s", "frame 130, 13.00 s"]
    assert frame_moments([0, 130], seconds, 0.6) == ["0.00 s", "13.00 s"]
    assert frame_moments([0, 130], None, 1.2) == ["frame 0", "frame 130"]


def test_what_the_scale_measures_ends_before_the_scale():
    figure = sheet(target=f"{LONG} {LONG}")
    renderer = figure.canvas.get_renderer()
    (label,) = (text for text in texts(figure) if text.get_text().startswith("contribution to"))
    (bar,) = (axes for axes in figure.axes if axes.images and axes.images[0].get_array().shape == (1, 256, 3))
    assert label.get_window_extent(renderer).x1 < bar.get_window_extent(renderer).x0
    assert "…" in label.get_text()


def test_sheet_without_positive_evidence_says_so_instead_of_a_scale():
    shown = words(sheet(limit=0.0))
    assert "no positive evidence: contribution to 'jump'" in shown
    assert not any("(raw)" in text for text in shown)


def test_bars_are_proportional_and_the_target_stands_out():
    figure = sheet(predictions=[("other", 0.5), ("jump", 0.25)], notes=())
    other, jump = figure.artists[-2:]
    assert other.get_width() == pytest.approx(2 * jump.get_width())
    assert jump.get_facecolor() == pytest.approx([int(POSITIVE[i : i + 2], 16) / 255 for i in (1, 3, 5)] + [1])
    assert other.get_facecolor() == pytest.approx([int(LIGHT.bar[i : i + 2], 16) / 255 for i in (1, 3, 5)] + [1])


def test_curve_marks_the_frames_that_are_shown():
    picture = contact_sheet(
        frames(2, (8, 8)),
        np.ones((2, 2, 2)),
        [3, 12],
        limit=1.0,
        target="jump",
        predictions=[("jump", 1.0)],
        temporal=np.arange(20.0) - 5,
        fps=4.0,
    )
    dots = next(line for line in picture.axes[-1].lines if line.get_marker() == "o")
    np.testing.assert_allclose(dots.get_xydata(), [[0.75, -2], [3, 7]])


def test_overlays_stand_under_their_frames():
    picture = contact_sheet(
        np.zeros((2, 8, 8, 3), np.uint8),
        [-np.ones((2, 2)), np.ones((2, 2))],
        [0, 1],
        limit=1.0,
        target="jump",
        predictions=[],
        temporal=np.ones(2),
        fps=4.0,
        colormap="gray",
        opacity=1.0,
    )
    seen = [axes.images[0].get_array()[0, 0, 0] for axes in picture.axes[:4]]
    assert seen == [0, 0, 0, 255]
    frame, drawn = picture.axes[2].get_position(), picture.axes[3].get_position()
    assert (frame.x0, frame.width) == (drawn.x0, drawn.width)
    assert frame.y0 > drawn.y1


def test_panels_have_letters_and_scales():
    shown = words(panels(2, limit=0.5, activation_range=(-1.0, 2.0), guided_limit=0.25))
    letters = [text[:3] for text in shown if text.startswith("(")]
    assert letters == ["(a)", "(b)", "(c)", "(d)"]
    assert {"−1", "2", "0", "0.5", "−0.25", "0.25", "frame 0", "frame 1", UNTRAINED} <= set(shown)


def test_panels_take_one_frame_without_a_row_axis():
    figure = four_panels(frames(1, (8, 8))[0], np.ones((2, 2)), np.ones((2, 2)), np.zeros((4, 4, 3)), limit=0.0)
    assert len([axes for axes in figure.axes if axes.images]) == 4 + 2
    assert "no positive evidence" in words(figure)


def test_signed_values_about_grey():
    values = np.array([[[-2.0, -1.0, 0.0], [0.5, 1.0, 5.0]]])
    np.testing.assert_array_equal(signed_picture(values, (1, 2), 1.0), [[[0, 0, 128], [191, 255, 255]]])
    assert (signed_picture(np.zeros((2, 2, 3)), (4, 4), 0.0) == 128).all()


def test_activations_fill_their_range():
    picture = activation_picture(np.array([[-1.0, 3.0]]), (1, 2), -1.0, 3.0)
    assert picture[0, 0].tolist() == [68, 1, 84]
    assert picture[0, 1].tolist() == [253, 231, 36]
    assert (activation_picture(np.ones((2, 2)), (2, 2), 1.0, 1.0) == [68, 1, 84]).all()


def test_elide_keeps_both_ends_within_the_width():
    short = elide(LONG, 10, 2.0)
    assert text_width(short, 10) <= 2.0
    head, tail = short.split("…")
    assert LONG.startswith(head)
    assert LONG.endswith(tail)
    assert len(head) > len(tail) > 3
    assert elide("short\n name", 10, 2.0) == "short name"


def test_wrap_loses_no_word():
    lines = wrap(LONG, 10, 3.0)
    assert len(lines) > 1
    assert " ".join(lines) == LONG
    assert all(text_width(line, 10) <= 3.0 for line in lines)


def test_values_of_a_regression_are_no_percentages():
    shown = words(sheet(predictions=[("angle", -30.0), ("speed", 1.5)], probabilities=False))
    assert {"−30", "1.5"} <= set(shown)
    assert not any("%" in text for text in shown)
