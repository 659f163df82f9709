"""Commands that draw what training and evaluating left behind."""

import importlib
import json

import cv2
import numpy as np
import pytest

from tests.viz.documents import pdf_page

CURVES = "epoch,step,train_loss,val_acc\n0,1,2,0.3\n1,2,1,0.45\n"
PREDICTIONS = "video,group,label,predicted,sit,stand\n" + 3 * "a,g,sit,stand,0,1\n" + "b,g,stand,stand,0,1\n"


def put_run(folder, curves="", recipe="", **accuracies):
    """A run as training leaves it; accuracies are those of its evaluations on UCF101."""
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(f"model: i3d\ndata: [{{root: a}}]\nclips: one\ninit: imagenet\n{recipe}\n")
    for subset, top1 in accuracies.items():
        path = folder / f"evaluation/ucf101-{subset}/metrics.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"dataset": "ucf101", "split": 1, "subset": subset, "top1": top1}))
    if curves:
        (folder / "logs").mkdir()
        (folder / "logs/metrics.csv").write_text(curves)


def inks(path):
    """How many colours a picture has."""
    picture = cv2.imread(str(path))
    assert picture.shape[1] == 2400
    return len(np.unique(picture.reshape(-1, 3), axis=0))


def test_curves_of_several_runs(run, tmp_path, monkeypatch):
    for number, name in enumerate(("first/i3d", "second/i3d", "c3d")):
        put_run(tmp_path / name, curves=CURVES, recipe=f"epochs: {number + 1}")
    drawn = []
    monkeypatch.setattr("videxplain.viz.curves.curves_figure", _keeping(drawn, "videxplain.viz.curves"))
    out = tmp_path / "curves.png"
    runs = [tmp_path / name for name in ("first/i3d", "second/i3d", "c3d")]
    assert run("plot", "curves", *runs, "--out", out, "--title", "Three runs") == (0, f"{out}\n", "")
    assert inks(out) > 50
    texts = [text.get_text() for text in drawn[0].texts]
    # Names that occur twice are told apart by the path, whose middle may be left out.
    assert texts[0] == "Three runs"
    names = texts[3::2]
    assert names[2] == "c3d"
    assert len(set(names)) == 3


def test_seeds_of_one_recipe_share_a_line(run, tmp_path, monkeypatch):
    runs = [tmp_path / f"i3d-seed{seed}" for seed in range(3)]
    for seed, folder in enumerate(runs):
        put_run(folder, curves=CURVES, recipe=f"seed: {seed}")
    drawn = []
    monkeypatch.setattr("videxplain.viz.curves.curves_figure", _keeping(drawn, "videxplain.viz.curves"))
    assert run("plot", "curves", *runs, "--out", tmp_path / "curves.png")[0] == 0
    assert [text.get_text() for text in drawn[0].texts][-2:] == ["i3d-seed", "45.0 % (45.0 to 45.0), 3 runs"]


def test_a_table_as_markdown_and_latex(run, tmp_path):
    put_run(tmp_path / "runs/a", validation=0.9, test=0.8)
    put_run(tmp_path / "runs/b")
    markdown, latex = tmp_path / "table.md", tmp_path / "table.TEX"
    status, said, error = run("plot", "table", tmp_path / "runs", "--out", markdown, "--out", latex)
    assert (status, said) == (0, f"{markdown}\n{latex}\n")
    assert error == f"videxplain: left out: {tmp_path}/runs/b: not evaluated, evaluation/*/metrics.json is not there\n"
    assert markdown.read_text().splitlines()[2] == "| I3D | 16-frame clip | ImageNet | **90.00** | **80.00** |"
    assert latex.read_text().splitlines()[-1] == r"\end{tabular}"


@pytest.mark.parametrize("counts", [False, True])
def test_a_confusion_matrix(run, tmp_path, monkeypatch, counts):
    path, out = tmp_path / "predictions.csv", tmp_path / "confusion.png"
    path.write_text(PREDICTIONS)
    drawn = []
    monkeypatch.setattr("videxplain.viz.confusion.confusion_figure", _keeping(drawn, "videxplain.viz.confusion"))
    options = ["--counts"] if counts else []
    assert run("plot", "confusion", path, "--out", out, *options) == (0, f"{out}\n", "")
    assert inks(out) > 50
    written = sorted(text.get_text() for text in drawn[0].axes[0].texts if text.get_text())
    assert written == (["1", "3"] if counts else ["100", "100"])
    assert [text.get_text() for text in drawn[0].texts][-3:] == ["3", "100 %", "sit → stand"]


def test_classes_in_the_order_of_their_similarity(run, tmp_path, monkeypatch):
    path, out = tmp_path / "predictions.csv", tmp_path / "confusion.png"
    # Of a, b and c, a and c are taken for each other.
    rows = "".join(f"v,g,{true},{said}\n" for true, said in ("ac", "ca", "bb", "aa", "cc"))
    path.write_text(f"video,group,label,predicted,a,b,c\n{rows}")
    drawn = []
    monkeypatch.setattr("videxplain.viz.confusion.confusion_figure", _keeping(drawn, "videxplain.viz.confusion"))
    for order in ("index", "similarity"):
        assert run("plot", "confusion", path, "--out", out, "--order", order)[0] == 0
    names = [[t.get_text() for t in figure.texts if t.get_text() in ("a", "b", "c")][::2] for figure in drawn]
    assert names[0] == ["a", "b", "c"]
    assert "".join(names[1]) in ("acb", "cab", "bac", "bca")
    status, _, error = run("plot", "confusion", path, "--out", out, "--order", "size")
    assert (status, error) == (2, "videxplain: error: unknown order 'size'; known: index, similarity\n")


def test_quiet_prints_the_files_and_what_was_left_out(run, tmp_path):
    put_run(tmp_path / "runs/a", validation=0.9, test=0.8)
    put_run(tmp_path / "runs/b")
    out = tmp_path / "table.md"
    status, said, error = run("plot", "table", tmp_path / "runs", "--out", out, "--quiet")
    assert (status, said) == (0, f"{out}\n")
    assert error.startswith("videxplain: left out: ")
    assert run("plot", "curves", "--help", "--quiet")[0] == 0


def test_figures_for_a_column_of_a_paper(run, tmp_path):
    path, out = tmp_path / "predictions.csv", tmp_path / "confusion.pdf"
    path.write_text(PREDICTIONS)
    assert run("plot", "confusion", path, "--out", out, "--width", "column", "--font-size", "7")[0] == 0
    assert pdf_page(out)[0] == pytest.approx(234)
    put_run(tmp_path / "run", curves=CURVES)
    assert run("plot", "curves", tmp_path / "run", "--out", tmp_path / "curves.pdf", "--width", "8.5cm")[0] == 0
    assert pdf_page(tmp_path / "curves.pdf")[0] == pytest.approx(240.945, abs=0.01)


WRONG = {
    "no run": (("curves", "{folder}/nowhere", "--out", "{folder}/x.png"), "no such run: {folder}/nowhere"),
    "no curves": (("curves", "{folder}", "--out", "{folder}/x.png"), "{folder} has no curves: "),
    "no picture": (("curves", "{folder}/run", "--out", "{folder}/x.jpg"), "cannot write a figure as 'x.jpg': "),
    "no place": (("curves", "{folder}/run", "--out", "{folder}/new/x.png"), "cannot write {folder}/new/x.png: "),
    "no runs": (("table", "{folder}/run", "--out", "{folder}/x.md"), "{folder}/run has no runs: "),
    "no text": (("table", "{folder}", "--out", "{folder}/x.txt"), "cannot write a table as 'x.txt': "),
    "not evaluated": (("table", "{folder}", "--out", "{folder}/x.md"), "no run in {folder} has been evaluated: "),
    "no predictions": (("confusion", "{folder}/no.csv", "--out", "{folder}/x.png"), "cannot read {folder}/no.csv: "),
    "no evaluation": (
        ("confusion", "{folder}/run", "--out", "{folder}/x.png"),
        "{folder}/run has no predictions.csv, ",
    ),
    "nowhere to": (("confusion", "{folder}/no.csv"), "Missing option '--out' / '-o'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_get_a_line_and_leave_nothing(run, tmp_path, case):
    put_run(tmp_path / "run", curves=CURVES)
    arguments, said = WRONG[case]
    status, output, error = run("plot", *(argument.format(folder=tmp_path) for argument in arguments))
    assert (status, output) == (2, "")
    assert error.startswith(f"videxplain: error: {said.format(folder=tmp_path)}")
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def _keeping(drawn, module):
    """The module's drawing function, which also puts what it drew into ``drawn``."""
    name = f"{module.rpartition('.')[2]}_figure"
    draw = getattr(importlib.import_module(module), name)

    def keep(*arguments, **options):
        drawn.append(draw(*arguments, **options))
        return drawn[-1]

    return keep
