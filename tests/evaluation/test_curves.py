"""Curves of runs, read from the files that training writes."""

import re

import pytest

from videxplain.errors import VidexplainError
from videxplain.evaluation.curves import read_curve_groups, read_curves

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


def test_runs_that_differ_in_their_seeds_are_a_group(tmp_path):
    recipes = {
        "i3d-seed0": "lr: 0.1\nseed: 0\nworkers: 2",
        "i3d-seed1": "lr: 0.1\nseed: 1\nworkers: 0",
        "i3d-slow": "lr: 0.01\nseed: 0",
        "unknown": "",
    }
    for name, more in recipes.items():
        run_folder(tmp_path / name, SPARSE)
        if more:
            (tmp_path / name / "recipe.yaml").write_text(f"model: i3d\ndata: [{{root: a}}]\nclips: one\n{more}\n")
    groups = read_curve_groups([tmp_path / name for name in (*recipes, "unknown")])
    assert [(group.name, [run.name for run in group.runs]) for group in groups] == [
        ("i3d-seed", ["i3d-seed0", "i3d-seed1"]),
        ("i3d-slow", ["i3d-slow"]),
        ("unknown", ["unknown"]),
    ]
    assert groups[0].runs[1].loss.values.tolist() == [3.5, 1.5, 1.5]


def test_groups_of_one_name_are_called_by_their_paths(tmp_path):
    runs = [run_folder(tmp_path / name / "i3d", SPARSE) for name in ("first", "second")]
    assert [group.name for group in read_curve_groups(runs)] == [str(run) for run in runs]
