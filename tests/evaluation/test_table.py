"""The table of results, from folders of runs as training and evaluating leave them."""

import json
import re

import pytest

from videxplain.errors import VidexplainError
from videxplain.evaluation.table import Cell, Column, Results, Setting, results_table
from videxplain.evaluation.table_text import as_latex, as_markdown

RECIPE = "model: {model}\ndata: {data}\noptions: {options}\nclips: {clips}\ninit: {init}\n"
ONE, TWO = "[{root: data, kind: auto, split: 1}]", "[{root: a}, {root: b}]"


def put_run(folder, accuracies=(), *, model="i3d", data=ONE, options="{}", clips="one", init="imagenet", curves=""):
    """A run; accuracies are (dataset, split, subset, top1)."""
    folder.mkdir(parents=True)
    recipe = RECIPE.format(model=model, data=data, options=options, clips=clips, init=init)
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    for dataset, split, subset, top1 in accuracies:
        path = folder / f"evaluation/{dataset}-{subset}/metrics.json"
        path.parent.mkdir(parents=True)
        content = {"model": model, "dataset": dataset, "split": split, "subset": subset, "top1": top1, "top5": 1.0}
        path.write_text(json.dumps(content), encoding="utf-8")
    if curves:
        (folder / "logs").mkdir()
        (folder / "logs/metrics.csv").write_text(curves, encoding="utf-8")
    return folder


def both(dataset, validation, test):
    return [(dataset, 1, "validation", validation), (dataset, 1, "test", test)]


@pytest.fixture
def runs(tmp_path):
    """Part of the table of the report; the numbers are its own."""
    for dataset, values in (
        ("ucf101", {"late_fusion": (0.9544, 0.7419), "c3d": (0.8999, 0.6055), "non_local": (0.9548, 0.8301)}),
        ("hmdb51", {"late_fusion": (0.6133, 0.4162), "c3d": (0.4768, 0.1598), "non_local": (0.6774, 0.5335)}),
    ):
        for model, (validation, test) in values.items():
            how = (
                {"clips": "uniform", "options": "{depth: 152}"}
                if model == "late_fusion"
                else {"init": "w/sports_1m.pth"}
            )
            put_run(tmp_path / f"{model}-{dataset}", both(dataset, validation, test), model=model, **how)
    accuracies = [*both("ucf101", 0.8918, 0.6050), *both("hmdb51", 0.5603, 0.3234)]
    put_run(tmp_path / "together/c3d", accuracies, model="c3d", data=TWO, clips="five", init="none")
    return tmp_path


def test_the_table_of_the_report_in_markdown(runs):
    results = results_table(runs)
    assert results.left_out == []
    rows = [(setting.two_datasets, setting.model) for setting in results.rows]
    assert rows == [(False, "late_fusion"), (False, "c3d"), (False, "non_local"), (True, "c3d")]
    assert as_markdown(results).splitlines() == [
        "| Model | Data processing | Initialisation "
        "| UCF101 val acc | UCF101 test acc | HMDB51 val acc | HMDB51 test acc |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
        "| *Training on the dataset itself* |  |  |  |  |  |  |",
        "| Late Fusion | 5 frames | ResNet-152, ImageNet | 95.44 | 74.19 | 61.33 | 41.62 |",
        r"| C3D | 16-frame clip | sports\_1m.pth | 89.99 | 60.55 | 47.68 | 15.98 |",
        r"| Non-local | 16-frame clip | sports\_1m.pth | **95.48** | **83.01** | **67.74** | **53.35** |",
        "| *Training on two datasets* |  |  |  |  |  |  |",
        "| C3D | five 16-frame clips | random | **89.18** | **60.50** | **56.03** | **32.34** |",
    ]


def test_the_table_of_the_report_in_latex(runs):
    lines = as_latex(results_table(runs)).splitlines()
    assert lines[:5] == [
        r"\begin{tabular}{lllrrrr}",
        r"\hline",
        "Model & Data processing & Initialisation "
        r"& UCF101 val acc & UCF101 test acc & HMDB51 val acc & HMDB51 test acc \\",
        r"\hline",
        r"\multicolumn{7}{c}{Training on the dataset itself} \\",
    ]
    assert r"C3D & 16-frame clip & sports\_1m.pth & 89.99 & 60.55 & 47.68 & 15.98 \\" in lines
    best = r"\textbf{95.48} & \textbf{83.01} & \textbf{67.74} & \textbf{53.35} \\"
    assert rf"Non-local & 16-frame clip & sports\_1m.pth & {best}" in lines
    assert lines[-2:] == [r"\hline", r"\end{tabular}"]
    rows = [line for line in lines if "&" in line]
    assert {line.count("&") for line in rows} == {6}
    assert all(line.endswith(r"\\") for line in rows)


def test_one_block_needs_no_heading_and_gaps_are_shown(tmp_path):
    put_run(tmp_path / "a", [("folder", 1, "test", 0.5)])
    put_run(tmp_path / "b", [("hmdb51", 1, "test", 0.25)], model="own", clips="five", options="{num_frames: 32}")
    results = results_table(tmp_path)
    assert as_markdown(results).splitlines() == [
        "| Model | Data processing | Initialisation | HMDB51 test acc | folder test acc |",
        "| --- | --- | --- | ---: | ---: |",
        "| I3D | 16-frame clip | ImageNet | – | **50.00** |",
        "| own | five 32-frame clips | ImageNet | **25.00** | – |",
    ]
    assert r"I3D & 16-frame clip & ImageNet & -- & \textbf{50.00} \\" in as_latex(results).splitlines()


def test_a_clip_with_an_interval_says_so_and_a_limited_result_is_none(tmp_path):
    run = put_run(tmp_path / "a", [("actionfigures", 1, "test", 0.5)], options="{frame_interval: 2}")
    limited = {"dataset": "actionfigures", "split": 1, "subset": "test", "top1": 0.9, "limit": 10}
    (run / "evaluation/actionfigures-test-10").mkdir()
    (run / "evaluation/actionfigures-test-10/metrics.json").write_text(json.dumps(limited), encoding="utf-8")
    assert as_markdown(results_table(tmp_path)).splitlines() == [
        "| Model | Data processing | Initialisation | ActionFigures test acc |",
        "| --- | --- | --- | ---: |",
        "| I3D | 16-frame clip, interval 2 | ImageNet | **50.00** |",
    ]


def test_what_is_trained_on_two_datasets_alone_says_so(tmp_path):
    put_run(tmp_path / "a", [*both("ucf101", 0.5, 0.4), *both("hmdb51", 0.3, 0.2)], data=TWO)
    assert "| *Training on two datasets* |  |  |  |  |  |  |" in as_markdown(results_table(tmp_path))


def test_what_looks_equal_is_equally_good(tmp_path):
    for number, top1 in enumerate((0.500012, 0.50001, 0.4999)):
        put_run(tmp_path / str(number), [("ucf101", 1, "test", top1)], init=f"{number}.pth")
    cells = [line.split("|")[-2].strip() for line in as_markdown(results_table(tmp_path)).splitlines()[2:]]
    assert cells == ["**50.00**", "**50.00**", "49.99"]


def test_splits_are_told_apart(tmp_path):
    put_run(tmp_path / "a", [("ucf101", 1, "test", 0.5)])
    second = "[{root: data, kind: auto, split: 2}]"
    put_run(tmp_path / "b", [("ucf101", 2, "test", 0.6), ("hmdb51", 2, "test", 0.1)], data=second)
    head, _, row = as_markdown(results_table(tmp_path)).splitlines()
    assert head.endswith("| UCF101 split 1 test acc | UCF101 split 2 test acc | HMDB51 test acc |")
    assert row.endswith("| **50.00** | **60.00** | **10.00** |")


@pytest.mark.parametrize("better", ["a", "b"])
def test_the_best_on_validation_videos_is_shown_not_the_best_on_test_videos(tmp_path, better):
    for name in ("a", "b"):
        accuracies = both("ucf101", 0.9, 0.5) if name == better else both("ucf101", 0.8, 0.7)
        put_run(tmp_path / name, accuracies)
    results = results_table(tmp_path)
    assert as_markdown(results).splitlines()[2].endswith("| **90.00** | **50.00** |")
    other = "b" if better == "a" else "a"
    said = f"{tmp_path / other}: {tmp_path / better} is trained in the same way, and no worse on validation videos"
    assert results.left_out == [said]


def test_a_run_that_was_not_evaluated_is_left_out_and_named(tmp_path):
    put_run(tmp_path / "a", [("ucf101", 1, "test", 0.5)])
    put_run(tmp_path / "b", [("ucf101", 1, "train", 0.5)], model="c3d")
    results = results_table(tmp_path)
    assert [setting.model for setting in results.rows] == ["i3d"]
    assert results.left_out == [f"{tmp_path / 'b'}: not evaluated, evaluation/*/metrics.json is not there"]


def test_validation_accuracy_comes_from_the_curves_where_it_was_not_measured(tmp_path):
    curves = "epoch,step,train_loss,val_acc\n0,1,2,0.3\n1,2,1,0.45\n2,3,1,0.4\n"
    put_run(tmp_path / "a", [("ucf101", 1, "test", 0.5)], curves=curves)
    curves = "epoch,step,val_acc,val_acc/ucf101,val_acc/hmdb51\n0,1,0.5,0.9,0.1\n1,2,0.6,0.8,0.4\n"
    accuracies = [("ucf101", 1, "test", 0.7), *both("hmdb51", 0.33, 0.2)]
    put_run(tmp_path / "b", accuracies, data=TWO, curves=curves)
    rows = results_table(tmp_path).rows
    one, two = (Setting(two, "i3d", "16-frame clip", "ImageNet") for two in (False, True))
    assert rows[one] == {Column("ucf101", 1, "test"): Cell(0.5), Column("ucf101", 1, "validation"): Cell(0.45)}
    # Epoch 2 is the better one of both datasets together; what was measured is not replaced.
    assert rows[two][Column("ucf101", 1, "validation")] == Cell(0.8)
    assert rows[two][Column("hmdb51", 1, "validation")] == Cell(0.33)


def test_what_markdown_and_latex_would_take_for_their_own_is_escaped():
    name = r"a|b_c*d\e&f%g#h$i{j}k~l^m<n"
    results = Results({Setting(False, name, "5 frames", "none"): {Column("x_y", 1, "test"): Cell(0.5)}})
    row = as_markdown(results).splitlines()[2]
    assert row.startswith(r"| a\|b\_c\*d\\e&f%g\#h$i\{j\}k~l^m\<n | 5 frames |")
    assert len(re.findall(r"(?<!\\)\|", row)) == 5
    assert r"x\_y test acc" in as_markdown(results)
    escaped = r"a\textbar{}b\_c*d\textbackslash{}e\&f\%g\#h\$i\{j\}k\textasciitilde{}l\textasciicircum{}m\textless{}n"
    assert escaped in as_latex(results)
    assert r"x\_y test acc" in as_latex(results)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ("{", "is not what evaluating writes"),
        ("[1]", "is not what evaluating writes"),
        ('{"dataset": "ucf101", "split": "1"}', "split is missing or of the wrong kind"),
        ('{"dataset": "ucf101", "split": 1, "subset": "test"}', "top1 is missing or of the wrong kind"),
        (
            '{"dataset": "ucf101", "split": 1, "subset": "test", "top1": 83.2}',
            "top1 is a share from 0 to 1, not 83.2",
        ),
    ],
)
def test_other_metrics_are_refused(tmp_path, metrics, said):
    path = put_run(tmp_path / "a", [("ucf101", 1, "test", 0.5)]) / "evaluation/ucf101-test/metrics.json"
    path.write_text(metrics)
    with pytest.raises(VidexplainError, match=f"{re.escape(str(path))}.*{said}"):
        results_table(tmp_path)


def test_other_recipes_and_folders_are_refused(tmp_path):
    with pytest.raises(VidexplainError, match=r"no such folder: .*nowhere"):
        results_table(tmp_path / "nowhere")
    with pytest.raises(VidexplainError, match=r"has no runs: subfolders with a recipe.yaml are needed"):
        results_table(tmp_path)
    path = put_run(tmp_path / "a") / "recipe.yaml"
    with pytest.raises(VidexplainError, match=r"no run in .* has been evaluated: evaluation/\*/metrics.json is needed"):
        results_table(tmp_path)
    for content, said in (("model: i3d\n", "is no recipe: model, clips and data are needed"), ("a: [", "is not YAML")):
        path.write_text(content)
        with pytest.raises(VidexplainError, match=f"{re.escape(str(path))} {said}"):
            results_table(tmp_path)


def change(run, **values):
    path = run / "evaluation/ucf101-test/metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_only_what_beats_the_most_frequent_class_is_bold(tmp_path):
    for name, top1, majority in (("a", 0.5, 0.5), ("b", 0.4, 0.5)):
        change(put_run(tmp_path / name, [("ucf101", 1, "test", top1)], init=f"{name}.pth"), majority=majority)
    assert "**" not in as_markdown(results_table(tmp_path))
    change(tmp_path / "a", majority=0.49)
    assert as_markdown(results_table(tmp_path)).count("**50.00**") == 1


def test_an_evaluation_of_some_videos_is_left_out_and_said(tmp_path):
    some = put_run(tmp_path / "a", [("ucf101", 1, "test", 0.5)])
    change(some, limit=100)
    reason = f"{some}/evaluation/ucf101-test: measured on some of the videos only (--limit 100)"
    with pytest.raises(VidexplainError, match=re.escape(f"no evaluation in {tmp_path} belongs in the table: {reason}")):
        results_table(tmp_path)
    put_run(tmp_path / "b", [("ucf101", 1, "test", 0.4)])
    results = results_table(tmp_path)
    assert results.left_out == [reason]
    assert list(next(iter(results.rows.values())).values()) == [Cell(0.4)]


def test_an_evaluation_on_another_split_than_that_of_training_is_left_out_and_said(tmp_path):
    run = put_run(
        tmp_path / "a", [("ucf101", 1, "test", 0.5), ("hmdb51", 2, "test", 0.9)], curves="epoch,val_acc\n0,0.4\n"
    )
    results = results_table(tmp_path)
    assert results.left_out == [f"{run}/evaluation/hmdb51-test: measured on split 2, and trained on split 1"]
    assert [column.dataset for column in results.columns] == ["ucf101", "ucf101"]


def test_many_views_have_a_column_of_their_own(tmp_path):
    run = put_run(tmp_path / "i3d", both("ucf101", 0.9, 0.8))
    metrics = {"model": "i3d", "dataset": "ucf101", "split": 1, "subset": "test", "top1": 0.82, "views": "10x3"}
    path = run / "evaluation/ucf101-test-10x3/metrics.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(metrics), encoding="utf-8")
    head, _, row = as_markdown(results_table(tmp_path)).splitlines()
    assert head.endswith("| UCF101 val acc | UCF101 test acc | UCF101 test acc, 10x3 views |")
    assert row.endswith("| **90.00** | **80.00** | **82.00** |")


@pytest.mark.parametrize(
    ("accuracy", "videos", "better"),
    # Of 10 videos 7 right are chance (p 0.17), of 100 videos 70 are not (p 4e-5).
    [(0.7, 10, False), (0.7, 100, True), (0.7, 0, True), (0.5, 100, False), (0.4, 100, False)],
)
def test_bold_is_better_than_the_most_frequent_class_by_more_than_chance(accuracy, videos, better):
    assert Cell(accuracy, 0.5, videos).beats_majority is better
