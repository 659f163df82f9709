"""Every method is a command, made from the table of methods."""

import json

import numpy as np
import pytest
import torch

from videxplain.attribution.registry import METHODS

OPTIONS = {option.name for name in METHODS for option in METHODS[name].options}
FEW = {
    "smoothgrad": ("--samples", "2"),
    "gradient-shap": ("--samples", "2"),
    "extremal-perturbation": ("--steps", "2"),
    "temporal-mask": ("--steps", "2"),
    "integrated-gradients": ("--steps", "2"),
    "rise": ("--samples", "4"),
    "lime": ("--samples", "16", "--count", "4", "--supervoxels", "boxes"),
    "kernel-shap": ("--samples", "40", "--count", "8", "--fill", "blur"),
    "occlusion": ("--fill", "freeze", "--box", "8,16,16"),
    "frame-occlusion": ("--fill", "blur"),
}
# At the default layer these small networks have too few positions for any to be rare.
EARLIER = {"fem": ("--layer", "layer2")}


TRIED_ELSEWHERE = ("gradcam", "guided-backprop", "attention-rollout", "attention-gradient-rollout")


@pytest.mark.parametrize("method", [name for name in METHODS if name not in TRIED_ELSEWHERE])
def test_a_command_for_every_method(method, clip, narrow, run, tmp_path):
    common = ("--model", "i3d", "--clip", clip, "--format", "npz,json", *FEW.get(method, ()), *EARLIER.get(method, ()))
    status, _, err = run(method, *common, "--out", tmp_path / "short")
    assert (status, err) == (0, "")
    assert run("explain", "--method", method, *common, "--out", tmp_path / "long")[0] == 0
    short, long = (np.load(tmp_path / folder / f"a clip-i3d-{method}.npz") for folder in ("short", "long"))
    # A GPU, which the command takes where there is one, adds up in an order of its own.
    rounding = 1e-3 * np.abs(long["maps"]).max() if torch.cuda.is_available() else 0
    np.testing.assert_allclose(short["maps"], long["maps"], rtol=0, atol=rounding)
    assert np.isfinite(short["maps"]).all()
    assert np.ptp(short["maps"]) > 0
    numbers = json.loads((tmp_path / "short" / f"a clip-i3d-{method}.json").read_text())
    assert numbers["method"] == method
    assert (numbers["target"] is None) == (METHODS[method].candidates == 0)
    given = {name[2:]: value for name, value in zip(*[iter(FEW.get(method, ()))] * 2, strict=True)}
    read = {"box": lambda text: [int(part) for part in text.split(",")], "fill": str, "supervoxels": str}
    assert numbers["options"] == {name: read.get(name, int)(value) for name, value in given.items()}


@pytest.mark.parametrize("method", METHODS)
def test_a_command_asks_only_for_what_its_method_takes(method, run):
    status, out, _ = run(method, "--help")
    assert status == 0
    entry = METHODS[method]
    assert ("--target" in out, "--against" in out) == (entry.candidates > 0,) * 2
    assert ("--layer" in out) == (entry.layer is not None)
    taken = {option.name for option in entry.options}
    for name in OPTIONS:
        assert (f"--{name} " in out) == (name in taken), name
    for always in ("--model", "--clip", "--weights", "--precision", "--stride", "--format", "--out"):
        assert always in out


def test_explain_takes_the_options_of_all_methods(run):
    status, out, _ = run("explain", "--help")
    assert status == 0
    for name in OPTIONS:
        assert f"--{name} " in out


def test_an_option_that_a_method_does_not_take_is_refused(clip, narrow, run, tmp_path):
    status, _, err = run("hirescam", "--model", "i3d", "--clip", clip, "--out", tmp_path, "--pooling", "frame")
    assert status == 2
    assert err.startswith("videxplain: error: No such option: --pooling")


@pytest.mark.parametrize(
    ("box", "said"), [("4,16", "(4, 16)"), ("4,16,0", "(4, 16, 0)"), ("a,b,c", "'a,b,c'"), ("4,-1,2", "(4, -1, 2)")]
)
def test_a_box_that_is_none_is_refused(box, said, clip, narrow, run, tmp_path):
    status, _, err = run("occlusion", "--model", "i3d", "--clip", clip, "--out", tmp_path / "out", "--box", box)
    assert (status, err) == (
        2,
        f"videxplain: error: occlusion: box is 3 whole numbers (T,H,W), each at least 1, not {said}\n",
    )


def test_cam_of_a_network_without_a_linear_head_is_one_line(clip, narrow, run, tmp_path):
    status, out, err = run("cam", "--model", "c3d", "--clip", clip, "--out", tmp_path / "out")
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("videxplain: error: cam needs a network that ends in the average of layer")
    assert not (tmp_path / "out").exists()


def test_several_layers(clip, narrow, run, tmp_path):
    command = ("gradcam", "--model", "i3d", "--clip", clip, "--out", tmp_path, "--format", "json")
    assert run(*command, "--layer", "layer3+layer4")[0] == 0
    assert json.loads((tmp_path / "a clip-i3d-gradcam.json").read_text())["layer"] == "layer3+layer4"
