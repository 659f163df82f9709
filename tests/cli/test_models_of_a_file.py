"""``videxplain models FILE``."""

import json
import shlex
import shutil

import pytest
import torch
from torchvision.models import get_model

import videxplain as vx
from tests.models.foreign import randomise
from tests.oracles import mmaction2
from videxplain.errors import VidexplainError
from videxplain.models.hubs import torchvision as hub


def test_a_file_of_torchvision(tmp_path, monkeypatch, run):
    monkeypatch.setattr(hub, "TORCHVISION", ("s3d", "r3d_18"))
    path = tmp_path / "theirs.pth"
    torch.save(get_model("s3d", weights=None, num_classes=2).state_dict(), path)
    (reading,) = vx.recognise(path).readings
    assert (reading.model, reading.config.num_classes, reading.config.labels) == ("torchvision:s3d", 2, ())
    status, out, err = run("models", path)
    assert (status, err) == (0, "")
    assert "model      torchvision:s3d (names and shapes of the weights)" in out
    assert "classes    2, without names" in out
    command = f"videxplain gradcam --model torchvision:s3d --weights {path} --labels labels.txt --clip video.mp4"
    assert out.splitlines()[-1] == f"{command}  # labels.txt: a name on each line"
    status, out, _ = run("models", path, "--json")
    record = json.loads(out)["models"][0]
    assert (record["name"], record["classes"], record["input"]["num_frames"]) == ("torchvision:s3d", 2, 32)
    assert len(record["unknown"]) == 2


def test_the_command_that_is_printed_runs_and_names_the_classes(tmp_path, monkeypatch, run, clip):
    monkeypatch.chdir(tmp_path)
    net = vx.load_model("c3d", "none", width=4, num_classes=2)
    torch.save(net.state_dict(), "my weights.pt")
    shutil.copy(clip, "video.mp4")
    (tmp_path / "labels.txt").write_text("walk\nrun\n")
    _, out, _ = run("models", "my weights.pt")
    assert "--labels labels.txt" in out.splitlines()[-1]
    assert "--set width=4" in out.splitlines()[-1]
    program, *arguments = shlex.split(out.splitlines()[-1], comments=True)
    assert program == "videxplain"
    status, _, _ = run(*arguments, "--out", "o", "--format", "json")
    assert status == 0
    (written,) = (tmp_path / "o").glob("*.json")
    assert {one["label"] for one in json.loads(written.read_text())["predictions"]} == {"walk", "run"}


def test_a_file_with_names_needs_no_labels(tmp_path, run):
    net = vx.load_model("c3d", "none", width=4, labels=("walk", "run"))
    vx.save_model(net, tmp_path / "mine.safetensors")
    _, out, _ = run("models", tmp_path / "mine.safetensors")
    assert out.splitlines()[-1] == (
        f"videxplain gradcam --model c3d --weights {tmp_path / 'mine.safetensors'} --clip video.mp4"
    )


def test_the_command_has_a_place_for_each_option_that_nothing_tells(tmp_path, run):
    theirs = randomise(mmaction2.i3d(8, 6, (1, 2, 2, 1), "dot_product"))
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "mine.pth")
    _, out, _ = run("models", tmp_path / "mine.pth")
    (command,) = (line for line in out.splitlines() if "--model non_local" in line)
    assert command.endswith("--clip video.mp4 --set mode=...")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"stem.weight": torch.ones(2, 3)}, r"fits no network that is known here; it begins with stem.weight \(2, 3\)"),
        ([1, 2], "are no state dict"),
        (None, "no weights"),
    ],
)
def test_what_is_no_known_network_is_one_line(content, said, tmp_path, run):
    path = tmp_path / "x.pth"
    if content is not None:
        torch.save(content, path)
    with pytest.raises(VidexplainError, match=said):
        vx.recognise(path)
    status, out, err = run("models", path)
    assert (status, out, err.count("\n")) == (2, "", 1)
