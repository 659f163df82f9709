"""Pictures of curves, whose every line is looked up again."""

import math

import numpy as np
import pytest
from matplotlib.colors import to_hex

from videxplain.errors import VidexplainError
from videxplain.viz.curves import COLOURS, CurveGroup, Curves, Line
from videxplain.viz.curves import curves_figure as draw


def curves_figure(runs, **options):
    """Every run a group of its own."""
    return draw([CurveGroup(run.name, [run]) for run in runs], **options)


def line(*values):
    return Line(np.arange(1, len(values) + 1), np.array(values, float))


def drawn(axes):
    """The lines without the dots."""
    return [one for one in axes.lines if one.get_marker() != "o"]


def test_the_best_epoch_is_the_first_and_a_number():
    assert Curves("a", line(), {"": line(0.1, 0.5, 0.5)}).best_epoch == 2
    assert Curves("a", line(), {"": line(0.1, math.nan, 0.05)}).best_epoch == 1
    assert Curves("a", line(1.0), {}).best_epoch == 0
    assert line(0.1, 0.4).at(2) == 0.4
    assert math.isnan(line(0.1).at(7))


def test_no_run_is_refused():
    with pytest.raises(VidexplainError, match="there is no run"):
        curves_figure([])


def test_a_run_has_one_colour_and_its_numbers():
    runs = [
        Curves("i3d", line(3.0, 2.0, 1.0), {"": line(0.2, 0.6, 0.4)}),
        Curves("c3d", line(4.0, 3.0), {"ucf101": line(0.1, 0.3)}),
    ]
    figure = curves_figure(runs, title="A title")
    losses, accuracies = figure.axes
    assert [one.get_ydata().tolist() for one in losses.lines] == [[3, 2, 1], [4, 3]]
    assert [one.get_xdata().tolist() for one in losses.lines] == [[1, 2, 3], [1, 2]]
    found = drawn(accuracies)
    assert [one.get_ydata().tolist() for one in found] == [pytest.approx([20, 60, 40]), pytest.approx([10, 30])]
    for axes in (losses.lines, found):
        assert [to_hex(one.get_color()) for one in axes] == list(COLOURS[:2])
        assert {one.get_linestyle() for one in axes} == {"-"}
    dots = [one for one in accuracies.lines if one.get_marker() == "o"]
    assert [(one.get_xdata()[0], pytest.approx(one.get_ydata()[0])) for one in dots] == [(2, 60), (2, 30)]
    assert [text.get_text() for text in figure.texts] == [
        *("A title", "training loss", "validation accuracy (%)"),
        *("i3d", "60.00 % after epoch 2", "c3d", "30.00 % after epoch 2"),
    ]
    assert [axes.get_xlabel() for axes in figure.axes] == ["epoch", "epoch"]


def test_two_datasets_are_dashed_each_in_its_own_way():
    both = Curves("both", line(3.0, 2.0), {"ucf101": line(0.5, 0.9), "hmdb51": line(0.4, 0.3)})
    figure = curves_figure([Curves("one", line(1.0, 0.5), {"": line(0.7, 0.8)}), both])
    losses, accuracies = figure.axes
    assert [one.get_linestyle() for one in losses.lines] == ["-", "--"]
    one, first, second = drawn(accuracies)
    assert [x.get_linestyle() for x in (one, first, second)] == ["-", "--", "--"]
    assert first._dash_pattern != second._dash_pattern
    assert {to_hex(x.get_color()) for x in (first, second)} == {COLOURS[1]}
    # The key has the same colours and dashes as the lines.
    samples = [artist for artist in figure.artists if hasattr(artist, "get_linestyle") and hasattr(artist, "get_xdata")]
    assert [to_hex(x.get_color()) for x in samples] == [COLOURS[0], COLOURS[1], COLOURS[1]]
    assert [x._dash_pattern for x in samples] == [x._dash_pattern for x in (one, first, second)]
    # Epoch 2 has the better mean, 60 % against 45 %, so both dots are there.
    said = [text.get_text() for text in figure.texts]
    assert said[-4:] == ["both: ucf101", "90.00 % after epoch 2", "both: hmdb51", "30.00 % after epoch 2"]
    dots = [(x.get_xdata()[0], x.get_ydata()[0]) for x in accuracies.lines if x.get_marker() == "o"]
    assert dots == [(2, 80), (2, 90), (2, 30)]


def test_a_single_epoch_and_a_missing_accuracy_can_be_seen():
    figure = curves_figure([Curves("begun", line(2.0), {})])
    losses, accuracies = figure.axes
    assert losses.lines[0].get_marker() == "."
    assert not [one for one in accuracies.lines if len(one.get_xdata())]
    assert figure.texts[-1].get_text() == "no validation accuracy"


def test_many_runs_all_fit_on_the_page():
    runs = [
        Curves(f"a rather long name of run number {i} " * 2, line(1.0, 2.0), {"": line(0.1, 0.2)}) for i in range(12)
    ]
    figure = curves_figure(runs, title="title")
    renderer = figure.canvas.get_renderer()
    extents = [text.get_window_extent(renderer) for text in figure.texts]
    assert all(box.x1 <= figure.bbox.x1 and box.y0 >= 0 for box in extents)
    assert not any(a.overlaps(b) for i, a in enumerate(extents) for b in extents[:i])


def test_runs_of_a_group_share_a_line_and_a_band_over_all_of_them():
    runs = [
        Curves("a0", line(4.0, 2.0), {"": line(0.2, 0.6)}),
        Curves("a1", line(2.0, 1.0), {"": line(0.4, 0.5)}),
        Curves("a2", line(3.0), {"": line(0.9)}),  # stopped after an epoch
    ]
    figure = draw([CurveGroup("a", runs)])
    losses, accuracies = figure.axes
    assert [one.get_ydata().tolist() for one in losses.lines] == [[3.0, 1.5]]
    assert [one.get_ydata().tolist() for one in accuracies.lines] == [pytest.approx([50, 55])]
    for axes, spans in ((losses, [(2, 4), (1, 2)]), (accuracies, [(20, 90), (50, 60)])):
        (band,) = axes.collections
        points = band.get_paths()[0].vertices
        for epoch, span in enumerate(spans, start=1):
            heights = points[points[:, 0] == epoch, 1]
            assert (heights.min(), heights.max()) == pytest.approx(span)
    # The mean of what each run keeps: 60, 50 and 90 %.
    assert [text.get_text() for text in figure.texts][-2:] == ["a", "66.7 % (50.0 to 90.0), 3 runs"]
