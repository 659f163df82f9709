"""Curves of runs: files as training writes them, the lines that come of them."""

import math
import re

import numpy as np
import pytest
from matplotlib.colors import to_hex

from videxplain.errors import VidexplainError
from videxplain.viz.curves import COLOURS, Curves, Line, curves_figure, read_curves

SPARSE = """\
epoch,step,train_loss,val_loss,val_acc
0,49,4.0,,
0,99,3.0,,
0,99,,3.2,0.25
1,149,2.0,,
1,199,1.0,,
1,199,,2.2,0.75
2,249,1.5,,
2,249,,2.0,0.5
"""


def run_folder(folder, content, name="logs/metrics.csv"):
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    return folder


def line(*values):
    return Line(np.arange(1, len(values) + 1), np.array(values, float))


def drawn(axes):
    """The lines without the dots."""
    return [one for one in axes.lines if one.get_marker() != "o"]


@pytest.mark.parametrize("name", ["logs/metrics.csv", "metrics.csv"])
def test_sparse_rows_become_a_value_an_epoch(tmp_path, name):
    folder = run_folder(tmp_path / "i3d", SPARSE, name)
    for path in (folder, folder / name):
        curves = read_curves(path)
        assert curves.name == "i3d"
        assert curves.loss.epochs.tolist() == [1, 2, 3]
        assert curves.loss.values.tolist() == [3.5, 1.5, 1.5]
        assert list(curves.accuracy) == [""]
        assert curves.accuracy[""].epochs.tolist() == [1, 2, 3]
        assert curves.accuracy[""].values.tolist() == [0.25, 0.75, 0.5]
        assert curves.best_epoch == 2


def test_after_a_resumption_the_later_rows_count(tmp_path):
    again = "1,149,8.0,,\n1,199,9.0,,\n1,199,,1.0,0.3\n"
    curves = read_curves(run_folder(tmp_path / "run", SPARSE + again))
    assert curves.loss.values.tolist() == [3.5, 8.5, 1.5]
    assert curves.accuracy[""].values.tolist() == [0.25, 0.3, 0.5]
    assert curves.best_epoch == 3


def test_the_epoch_mean_is_taken_where_there_is_one(tmp_path):
    content = "epoch,step,train_loss_step,train_loss_epoch,val_acc\n0,9,7,,\n0,9,,2.5,0.1\n"
    assert read_curves(run_folder(tmp_path / "run", content)).loss.values.tolist() == [2.5]


def test_two_datasets_have_an_accuracy_each(tmp_path):
    content = (
        "epoch,step,train_loss,train_loss/ucf101,val_acc,val_acc/ucf101,val_acc/hmdb51,val_acc5,val_acc5/ucf101\n"
        "0,9,3,1,0.5,0.8,0.2,0.9,0.9\n"
        "1,19,2,1,0.6,0.7,0.5,0.9,0.9\n"
        "2,29,1,1,0.55,0.9,0.2,0.9,0.9\n"
    )
    curves = read_curves(run_folder(tmp_path / "both", content))
    assert list(curves.accuracy) == ["ucf101", "hmdb51"]
    assert curves.accuracy["ucf101"].values.tolist() == [0.8, 0.7, 0.9]
    assert curves.accuracy["hmdb51"].values.tolist() == [0.2, 0.5, 0.2]
    assert curves.loss.values.tolist() == [3, 2, 1]
    # The mean is best in epoch 2, although each of the others has a better single one.
    assert curves.best_epoch == 2


def test_the_best_epoch_is_the_first_and_a_number():
    assert Curves("a", line(), {"": line(0.1, 0.5, 0.5)}).best_epoch == 2
    assert Curves("a", line(), {"": line(0.1, math.nan, 0.05)}).best_epoch == 1
    assert Curves("a", line(1.0), {}).best_epoch == 0
    assert line(0.1, 0.4).at(2) == 0.4
    assert math.isnan(line(0.1).at(7))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has neither train_loss nor val_acc of any epoch"),
        ("epoch,step,lr\n0,1,0.1\n", "has neither train_loss nor val_acc of any epoch"),
        ("epoch,step,train_loss\n0,1,much\n", ": 'much' in column train_loss is not a number"),
        ("step,train_loss\n0,1\n", ": 'None' in column epoch is not a number"),
        ("epoch,step,train_loss\nnan,1,1\n", ": nan in column epoch is not a whole number"),
        (b"\x89PNG\xff\xfe", "is not a CSV file"),
    ],
)
def test_other_files_are_refused(tmp_path, content, said):
    path = tmp_path / "metrics.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(VidexplainError, match=f"{re.escape(str(path))} ?{said}"):
        read_curves(tmp_path)


def test_folders_without_curves_are_refused(tmp_path):
    with pytest.raises(VidexplainError, match=r"no such run: .*nowhere"):
        read_curves(tmp_path / "nowhere")
    with pytest.raises(VidexplainError, match=r"has no curves: logs/metrics.csv or metrics.csv is needed"):
        read_curves(tmp_path)
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
