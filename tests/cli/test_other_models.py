"""Models of other packages on the command line."""

import json

import pytest

from videxplain.files import file_stem
from videxplain.models.hubs.sources import SOURCES


@pytest.mark.parametrize("prefix", SOURCES)
def test_models_lists_every_name_of_a_source(run, prefix):
    status, printed, _ = run("models")
    assert status == 0
    assert f"\n{prefix}:" in printed
    status, printed, _ = run("models", prefix)
    assert status == 0
    assert {f"{prefix}:{name}" for name in SOURCES[prefix].names} <= set(printed.split())


def test_a_model_of_torchvision_is_explained_and_its_files_have_plain_names(run, clip, tmp_path):
    name = "torchvision:mc3_18"
    out = ("--weights", "none", "--out", tmp_path)
    status, printed, _ = run("gradcam", "--model", name, "--clip", clip, "--format", "json", *out)
    assert status == 0
    (path,) = tmp_path.iterdir()
    assert path.name == "a clip-torchvision-mc3_18-none-gradcam.json"
    assert printed.splitlines()[-1] == str(path)
    found = json.loads(path.read_text())
    assert (found["model"], found["weights"], found["layer"]) == (name, "none", "layer4")
    assert len(found["predictions"]) == 400


@pytest.mark.parametrize(
    ("model", "weights", "said"),
    [
        ("torchvision:r3d18", "auto", "unknown model of torchvision 'r3d18'; did you mean r3d_18?"),
        ("r3d_18", "auto", "unknown model 'r3d_18'; did you mean torchvision:r3d_18?"),
        ("pytorchvidoe:slow_r50", "auto", "unknown source of models 'pytorchvidoe'; did you mean pytorchvideo"),
        ("torchvision:r3d_18", "KINETICS_V1", "unknown weights of torchvision:r3d_18 'KINETICS_V1'; did you mean"),
        ("torchvision:", "auto", "after torchvision: comes the name of a model, such as r3d_18"),
    ],
)
def test_a_mistake_is_one_line(run, clip, tmp_path, model, weights, said):
    status, printed, problem = run(
        "gradcam", "-m", model, "--clip", clip, "--weights", weights, "--out", tmp_path / "out"
    )
    assert (status, printed) == (2, "")
    assert problem.startswith(f"videxplain: error: {said}")
    assert problem.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("model", "stem"),
    [
        ("i3d", "i3d"),
        ("torchvision:r2plus1d_18", "torchvision-r2plus1d_18"),
        ("hf:MCG-NJU/videomae-base-finetuned-kinetics", "hf-MCG-NJU-videomae-base-finetuned-kinetics"),
        ("hf:./folder", "hf-folder"),
        ("hf:../my models/v1.5", "hf-my-models-v1.5"),
        ("hf:C:\\models\\mine", "hf-C-models-mine"),
    ],
)
def test_a_models_name_in_a_files_name(model, stem):
    assert file_stem(model) == stem
