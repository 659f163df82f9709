import csv
import json
from pathlib import Path

import pytest

from tests.order_videos import order_tree
from videxplain.actionfigures import LABELS, synthesize
from videxplain.models.zoo import load_model, save_model


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return order_tree(tmp_path_factory.mktemp("data") / "order")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A network that says Rise to everything."""
    import torch

    network = load_model("i3d", "none", depth=18, width=4, size=16, num_frames=8, labels=("Fall", "Rise"))
    with torch.no_grad():
        network.fc.weight.zero_()
        network.fc.bias.copy_(torch.tensor([0.0, 1.0]))
    network.config = network.config.replace(weights="made up")
    path = tmp_path_factory.mktemp("weights") / "rise.safetensors"
    save_model(network, path)
    return path


def evaluate(run, weights, data, out, *more):
    return run("evaluate", "--model", "i3d", "--weights", weights, "--data", data, "--out", out, *more)


def test_the_files_say_what_the_network_said(run, weights, data, tmp_path):
    status, printed, errors = evaluate(run, weights, data, tmp_path / "out", "--precision", "fp32")
    assert (status, errors) == (0, "")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["top1"], metrics["top5"], metrics["videos"]) == (0.5, 1.0, 8)
    assert metrics["majority"] == 0.5
    assert metrics["per_class"] == {"Fall": 0.0, "Rise": 1.0}
    assert metrics["temporal"] == {"shuffled": 0.5, "reversed": 0.5, "frozen": 0.5}
    expected = {"model": "i3d", "dataset": "order", "split": 1, "subset": "test", "skipped": 0, "precision": "fp32"}
    expected |= {"weights": "made up"}  # in their own words, and not where the file lies
    assert {name: metrics[name] for name in expected} == expected
    assert metrics["most_confused"] == [{"true": "Fall", "predicted": "Rise", "count": 4, "share": 1.0}]
    with (tmp_path / "out" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["video", "group", "label", "predicted", "Fall", "Rise"]
    assert rows[0] == {
        "video": "Fall/v_Fall_g01_c01.avi",
        "group": rows[0]["group"],
        "label": "Fall",
        "predicted": "Rise",
        "Fall": "0.268941432",  # 1 / (1 + e)
        "Rise": "0.731058598",
    }
    assert (tmp_path / "out" / "confusion.png").stat().st_size > 1000
    assert printed.startswith("i3d, weights: made up; order split 1, test\n")
    assert "8 videos" in printed
    assert "50.0 %" in printed
    assert "Fall taken for Rise: 4 (100 %)" in printed


def test_a_limit_takes_videos_of_all_classes(run, weights, data, tmp_path):
    status, _, _ = evaluate(run, weights, data, tmp_path / "out", "--limit", 4)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (status, metrics["videos"]) == (0, 4)
    assert set(metrics["per_class"]) == {"Fall", "Rise"}
    assert metrics["limit"] == 4


def test_a_limited_result_leaves_the_full_one_alone(run, weights, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for more in ((), ("--limit", 4)):
        assert run("evaluate", "--model", "i3d", "--weights", weights, "--data", data, *more)[0] == 0
    found = {path.parent.name: json.loads(path.read_text()) for path in Path("evaluation").glob("*/metrics.json")}
    assert {name: metrics["videos"] for name, metrics in found.items()} == {
        "i3d-order-test": 8,
        "i3d-order-test-4": 4,
    }
    # Also not in a folder that is named.
    out = Path("evaluation/i3d-order-test")
    before = (out / "metrics.json").read_text()
    status, _, errors = evaluate(run, weights, data, out, "--limit", 4)
    assert (status, errors.count("\n")) == (2, 1)
    assert "holds an evaluation with no limit, and this one has limit 4" in errors
    assert (out / "metrics.json").read_text() == before
    assert evaluate(run, weights, data, out, "--limit", 4, "--overwrite")[0] == 0
    assert json.loads((out / "metrics.json").read_text())["videos"] == 4


def test_left_out_videos_are_named_and_counted(run, weights, tmp_path):
    root = order_tree(tmp_path / "data")
    torn, gone = sorted((root / "UCF-101" / "Rise").glob("*_g01_*.avi"))
    torn.write_bytes(torn.read_bytes()[:700])
    gone.unlink()
    status, _, errors = evaluate(run, weights, root, tmp_path / "out")
    assert status == 0
    assert torn.name in errors
    assert gone.name in errors
    assert "skipped: 2 videos in all" in errors
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["skipped"] == 2
    status, _, errors = evaluate(run, weights, root, tmp_path / "strict", "--strict")
    assert status == 2
    assert gone.name in errors
    assert not (tmp_path / "strict").exists()


def test_evidence_is_measured(run, tmp_path):
    synthesize(tmp_path / "figures", videos=14 * 8, num_frames=10, size=(48, 64))
    network = load_model("i3d", "none", depth=18, width=4, size=16, num_frames=8, labels=LABELS)
    save_model(network, tmp_path / "a.safetensors")
    out = tmp_path / "out"
    status, printed, _ = evaluate(
        run, tmp_path / "a.safetensors", tmp_path / "figures", out, "--evidence", "--limit", 14
    )
    assert status == 0
    report = json.loads((out / "evidence.json").read_text())
    assert report["videos"] == 14
    assert [row["map"] for row in report["maps"]] == [
        *("gradcam", "random", "centre", "frame differences", "blurred frame differences", "any person")
    ]
    random = report["maps"][1]
    assert random["energy"] == pytest.approx(report["mask"], rel=0.1)  # a map that knows nothing
    assert report["tolerance"] == 15
    assert all(0 <= row["pointing"] <= row["maximum_within_tolerance"] <= 1 for row in report["maps"])
    assert set(report["per_class"]) == set(LABELS)
    assert "maximum in it" in printed
    assert "UNTRAINED" in printed
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(metrics["order_pairs"]) == {"SitDown/StandUp", "PickUp/PutDown"}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--data", "nowhere"), "no such folder: nowhere"),
        (("--subset", "tests"), "unknown subset 'tests'; did you mean test"),
        (("--split", "2"), "trainlist02.txt"),
        (("--evidence",), "no evidence of"),
        (("--model", "c3d"), "are of 'i3d', not of 'c3d'"),
    ],
)
def test_a_mistake_is_one_line(run, weights, data, tmp_path, arguments, line):
    status, _, errors = evaluate(run, weights, data, tmp_path / "out", *arguments)
    assert status == 2
    assert line in errors
    assert len(errors.splitlines()) == 1


def test_classes_that_the_network_does_not_know(run, weights, tmp_path):
    other = order_tree(tmp_path / "other", ("Drop", "Grow", "Sink"), groups=5, clips=1)
    status, _, errors = evaluate(run, weights, other, tmp_path / "out")
    assert status == 2
    assert "does not know: Drop and 2 more; it knows 2: Fall, Rise" in errors
    assert not (tmp_path / "out").exists()
