"""What ``view`` of ``load_model`` means in words, and options that say what a network expects."""

import numpy as np
import pytest

import videxplain as vx
from videxplain.data.transforms import to_model_input
from videxplain.models.config import View
from videxplain.models.views import parse_view

SMALL = {"depth": 18, "width": 4, "size": 32, "num_frames": 8, "labels": ("a", "b")}


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("256:224", View(256, (224, 224))),
        ("128x171:112", View((128, 171), (112, 112))),
        ("128x171:112x96", View((128, 171), (112, 96))),
        ("model", "model"),
        ("whole", "whole"),
    ],
)
def test_words(text, view):
    assert parse_view(text) == view


@pytest.mark.parametrize("text", ["", "224", "a:b", "0:10", "10:", "10x10x10:5", "9999999:5", None])
def test_other_words_are_refused(text):
    with pytest.raises(vx.VidexplainError, match="RESIZE:CROP in pixels, such as 256:224"):
        parse_view(text)


def test_a_given_view_is_what_the_network_sees():
    model = vx.load_model("i3d", "none", view="40:28", **{**SMALL, "size": None})
    assert (model.config.view, model.config.size) == (View(40, (28, 28)), (28, 28))
    assert vx.load_model("i3d", "none", view=View(40, (28, 28)), **{**SMALL, "size": 28}).config == model.config
    frames = np.random.default_rng(0).integers(0, 256, (8, 40, 60, 3), np.uint8)
    config = model.config
    seen = to_model_input(frames, size=config.size, mean=config.mean, std=config.std, view=config.view)
    # The shorter side is 40 already: rows 6 to 34 and columns 16 to 44.
    assert np.allclose(seen[0, 0], (frames[0, 6:34, 16:44, 0] / 255 - config.mean[0]) / config.std[0], atol=1e-5)
    with pytest.raises(vx.VidexplainError, match="the view crops frames to 28x28: leave size out"):
        vx.load_model("i3d", "none", view="40:28", **SMALL)


def test_a_preset_gives_way_to_a_given_view(tmp_path):
    model = vx.load_model("torchvision:mc3_18", "none", view="100:96", num_classes=2)
    assert (model.config.view, model.config.size) == (View(100, (96, 96)), (96, 96))
    vx.save_model(model, tmp_path / "a.safetensors")
    assert vx.load_model("torchvision:mc3_18", tmp_path / "a.safetensors").config.view == View(100, (96, 96))
    assert vx.load_model("torchvision:mc3_18", tmp_path / "a.safetensors", view="whole").config.view is None


def test_sampling_is_an_option(tmp_path):
    model = vx.load_model("torchvision:mc3_18", "none", sampling="uniform", num_classes=2)
    assert (model.config.sampling, model.config.frame_interval) == ("uniform", 1)
    vx.save_model(model, tmp_path / "a.safetensors")
    assert vx.load_model("torchvision:mc3_18", tmp_path / "a.safetensors").config.sampling == "uniform"
    with pytest.raises(vx.VidexplainError, match="frame_interval has no use"):
        vx.load_model("torchvision:mc3_18", "none", sampling="uniform", frame_interval=2)
    with pytest.raises(vx.VidexplainError, match=r"mean is several values, not '0\.5'"):
        vx.load_model("torchvision:mc3_18", "none", mean=0.5)
