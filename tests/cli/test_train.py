import csv

import pytest
import yaml

from tests.order_videos import order_tree

RECIPE = {
    "model": "i3d",
    "options": {"depth": 18, "blocks": [1, 1, 1, 1], "width": 4, "size": 16, "num_frames": 8},
    "clips": "one",
    "epochs": 1,
    "batch_size": 8,
    "workers": 0,
    "logger": ["csv"],
}
MACHINE = ("--accelerator", "cpu", "--devices", 1)


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return order_tree(tmp_path_factory.mktemp("data") / "order")


def epochs_of(run):
    with (run / "logs" / "metrics.csv").open() as file:
        return [row["epoch"] for row in csv.DictReader(file)]


def test_train_resume_and_evaluate(run, recipe, data, tmp_path):
    out = tmp_path / "run"
    common = ("train", recipe, "--data", data, "--out", out, *MACHINE)
    status, printed, errors = run(*common, "--set", "lr=2e-3", "--set", "options.dropout=0.0")
    assert (status, errors) == (0, "")
    assert "epoch 1/1: loss " in printed
    assert str(out / "i3d.safetensors") in printed
    assert yaml.safe_load((out / "recipe.yaml").read_text())["lr"] == 0.002

    status, printed, _ = run(*common, "--set", "lr=2e-3", "--set", "options.dropout=0.0", "--epochs", 2, "--resume")
    assert status == 0
    assert "epoch 1/" not in printed
    assert "epoch 2/2: loss " in printed
    assert epochs_of(out) == ["0", "1"]

    status, printed, _ = run("evaluate", "--model", "i3d", "--weights", out / "i3d.safetensors", "--data", data)
    assert status == 0
    assert (out / "evaluation" / f"{data.name}-test" / "metrics.json").is_file()


def test_two_datasets(run, recipe, data, tmp_path):
    other = order_tree(tmp_path / "other", ("Drop", "Grow", "Sink"), groups=5, clips=1)
    out = tmp_path / "run"
    status, printed, _ = run("train", recipe, "--data", data, "--data", other, "--out", out, *MACHINE)
    assert status == 0
    for name in (data.name, "other"):
        assert str(out / f"i3d-{name}.safetensors") in printed


def test_left_out_videos_are_named_and_counted(run, recipe, tmp_path):
    root = order_tree(tmp_path / "data")
    torn, gone = sorted((root / "UCF-101" / "Rise").glob("*_g0[4-7]_*.avi"))[:2]
    torn.write_bytes(torn.read_bytes()[:700])
    gone.unlink()
    status, _, errors = run("train", recipe, "--data", root, "--out", tmp_path / "run", *MACHINE)
    assert status == 0
    assert torn.name in errors
    assert gone.name in errors
    assert "skipped: 2 videos in all" in errors
    status, _, errors = run("train", recipe, "--data", root, "--out", tmp_path / "other", "--strict", *MACHINE)
    assert status == 2
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--set", "epoch=3"), "unknown key 'epoch'; did you mean epochs"),
        (("--set", "clips=uniform"), "clips is one or five"),
        (("--data", "nowhere"), "no such folder: nowhere"),
        (("--logger", "tensorbord"), "unknown logger 'tensorbord'; did you mean tensorboard"),
        (("--set", "data.split=2"), "trainlist02.txt"),
        (("--resume",), "nothing to resume"),
        (("--accelerator", "gup"), "gup"),
        (("--devices", "none"), "devices"),
        (("--devices", "gpu,1"), "devices gpu,1"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(run, recipe, data, tmp_path, arguments, line):
    where = () if "--data" in arguments else ("--data", data)
    machine = MACHINE if "--accelerator" not in arguments and "--devices" not in arguments else ()
    status, printed, errors = run("train", recipe, *where, "--out", tmp_path / "run", *machine, *arguments)
    assert status == 2
    assert line in errors
    assert len(errors.splitlines()) == 1
    assert printed == ""
    assert not (tmp_path / "run").exists()


def test_a_recipe_must_be_there(run, tmp_path):
    status, _, errors = run("train", tmp_path / "none.yaml", "--out", tmp_path / "run")
    assert status == 2
    assert "cannot read recipe" in errors
