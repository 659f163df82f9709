"""``videxplain models FILE``."""

import json

import pytest
import torch
from torchvision.models import get_model

import videxplain as vx
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
    assert out.splitlines()[-1] == f"videxplain gradcam --model torchvision:s3d --weights {path} --clip video.mp4"
    status, out, _ = run("models", path, "--json")
    record = json.loads(out)["models"][0]
    assert (record["name"], record["classes"], record["input"]["num_frames"]) == ("torchvision:s3d", 2, 32)
    assert len(record["unknown"]) == 2


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
