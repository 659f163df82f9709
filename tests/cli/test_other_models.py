"""Models of other packages on the command line."""

import json

import pytest
import torch
import torchvision

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


def test_weights_without_names_of_classes_say_how_to_name_them(run, clip, tmp_path):
    weights, labels = tmp_path / "three.pth", tmp_path / "labels.txt"
    torch.save(torchvision.models.video.mc3_18(num_classes=3).state_dict(), weights)
    labels.write_text("a\nb\nc\n")
    call = ("predict", "--model", "torchvision:mc3_18", "--weights", weights, "--clip", clip)
    status, printed, _ = run(*call)
    assert status == 0
    assert "these weights name no classes: --labels FILE does, with a name on each line" in printed
    assert "--labels" not in run(*call, "--labels", labels)[1]
    assert "--labels" not in run("predict", "--model", "i3d", "--clip", clip)[1]


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


def test_what_a_network_expects_is_set_on_the_command_line(run, clip, tmp_path):
    settings = ("--set", "sampling=uniform", "--set", "mean=0.5,0.4,0.3", "--set", "num_frames=8", "--view", "64x80:56")
    labels = tmp_path / "labels.txt"
    labels.write_text("calm\nwild\n")
    status, _, errors = run(
        *("gradcam", "--model", "torchvision:mc3_18", "--weights", "none", "--labels", labels, "--clip", clip),
        *(*settings, "--format", "json", "--out", tmp_path / "out"),
    )
    assert (status, errors) == (0, "")
    found = json.loads(next((tmp_path / "out").iterdir()).read_text())
    seen = found["model_input"]
    assert (seen["sampling"], seen["num_frames"], seen["size"]) == ("uniform", 8, [56, 56])
    assert seen["mean"] == [0.5, 0.4, 0.3]
    assert (seen["view"]["resize"], seen["view"]["crop"]) == ([64, 80], [56, 56])
    assert {one["label"] for one in found["predictions"]} == {"calm", "wild"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "sampling"), "--set takes NAME=VALUE, such as frame_interval=3, not 'sampling'"),
        (("--set", "labels=a,b"), "--set labels: there is an option --labels for it"),
        (
            ("--set", "num_frames=16", "--set", "num_frames=8"),
            "--set num_frames takes one value, and it is given 16 and 8",
        ),
        (("--set", "fps=3"), "unknown option of torchvision:mc3_18 'fps'; known: num_classes, labels"),
        (("--set", "mean=1"), "mean is several values, not '1'"),
        (("--set", "num_frames=many"), "num_frames is a number from 1 to 1000000, not 'many'"),
        (("--view", "112"), "view is model, whole, or RESIZE:CROP in pixels"),
        (("--view", "128x171:112", "--set", "size=64"), "the view crops frames to 112x112: leave size out"),
    ],
)
def test_a_wrong_setting_is_one_line(run, clip, tmp_path, arguments, said):
    model = ("--model", "torchvision:mc3_18", "--weights", "none", "--clip", clip)
    status, printed, problem = run("predict", *model, *arguments)
    assert (status, printed) == (2, "")
    assert problem.startswith(f"videxplain: error: {said}")
    assert problem.count("\n") == 1
