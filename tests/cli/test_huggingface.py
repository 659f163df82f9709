"""Transformers of Hugging Face on the command line, from a folder."""

import json

import numpy as np
import pytest

from tests.small_models import huggingface_folder

METHODS = ("gradcam", "activations", "attention-rollout", "attention-gradient-rollout")


@pytest.mark.parametrize("method", METHODS)
def test_a_folder_is_explained(method, clip, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    huggingface_folder("timesformer", tmp_path / "folder")
    common = ("--model", "hf:./folder", "--weights", "none", "--clip", clip, "--format", "npz,json,png")
    status, out, err = run(method, *common, "--out", tmp_path)
    assert (status, err) == (0, "")
    assert "UNTRAINED" in out
    numbers = json.loads((tmp_path / f"a clip-hf-folder-none-{method}.json").read_text())
    layers = {"gradcam": "timesformer.encoder.layer.1.layernorm_before"}
    layers["activations"] = "timesformer.embeddings.patch_embeddings.projection"
    assert numbers["layer"] == layers.get(method, "all layers")
    assert (numbers["target"] is None) == (method in ("activations", "attention-rollout"))
    maps = np.load(tmp_path / f"a clip-hf-folder-none-{method}.npz")["maps"]
    assert maps.shape[1:] == (3, 3)
    assert np.ptp(maps) > 0


@pytest.mark.parametrize("method", ["attention-rollout", "attention-gradient-rollout"])
def test_a_network_without_tokens_is_refused(method, clip, narrow, run, tmp_path):
    status, _, err = run(method, "--model", "i3d", "--clip", clip, "--out", tmp_path)
    assert status == 2
    assert err.startswith(f"videxplain: error: {method} is for transformers, and this network has no tokens")
    assert not list(tmp_path.glob("*-rollout*"))


def test_a_folder_without_weights_is_said_in_one_line(clip, run, tmp_path):
    huggingface_folder("videomae", tmp_path / "folder")
    status, _, err = run("gradcam", "--model", f"hf:{tmp_path / 'folder'}", "--clip", clip, "--out", tmp_path)
    assert status == 2
    assert err.startswith("videxplain: error: cannot read hf:")
    assert err.count("\n") == 1
