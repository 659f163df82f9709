"""The networks that travel with the package: what they say of themselves, and whether they can do it."""

import hashlib
import re
from importlib.resources import files

import numpy as np
import pytest
import torch

from tests.actionfigures.clips import unseen_clips
from videxplain.actionfigures import LABELS
from videxplain.actionfigures.synthesis import LOOK
from videxplain.attribution.methods.gradcam import TURNED_NOTE
from videxplain.data.clip import Clip
from videxplain.data.sampling import spread_windows, uniform_indices
from videxplain.data.transforms import to_model_input
from videxplain.explanation.api import explain
from videxplain.models.weights.files import bundled_path, read_metadata
from videxplain.models.zoo import available_weights, load_model

MODELS = ("late_fusion", "lrcn", "c3d", "i3d", "non_local")
WORDS = "trained on ActionFigures, 14 classes, not on real video"
ORDER_PAIRS = (("SitDown", "StandUp"), ("PickUp", "PutDown"))


@pytest.fixture(scope="module", params=MODELS)
def network(request):
    return load_model(request.param)


@pytest.fixture(scope="module")
def clips():
    return unseen_clips()


def windows_of(network, frames):
    """What the network sees of a video, ``(N, 3, T, H, W)``."""
    config = network.config
    if config.sampling == "uniform":
        chosen = [uniform_indices(len(frames), config.num_frames)]
    else:
        chosen = spread_windows(len(frames), config.num_frames, interval=config.frame_interval)
    inputs = [to_model_input(frames[c], size=config.size, mean=config.mean, std=config.std) for c in chosen]
    return torch.from_numpy(np.stack(inputs))


@torch.no_grad()
def probabilities(network, inputs):
    return network(inputs).softmax(1).mean(0)


def test_they_are_the_default_and_say_what_they_are(network):
    config = network.config
    assert config.weights == WORDS
    assert config.labels == LABELS
    assert config.trained
    _, metrics = read_metadata(bundled_path(config.architecture))
    assert metrics["look"] == LOOK
    assert set(metrics["per_class"]) == set(LABELS)
    value, note = available_weights(config.architecture)[0]
    assert value == "bundled"
    assert note.startswith(f"{WORDS}; accuracy {100 * metrics['test']:.0f} % (test)")


def test_they_recognise_figures_they_have_never_seen(network, clips):
    """Two standard errors below what they are said to reach, of 42 videos."""
    right = [int(probabilities(network, windows_of(network, frames)).argmax()) == label for label, frames in clips]
    _, metrics = read_metadata(bundled_path(network.config.architecture))
    claimed = metrics["test"]
    error = np.sqrt(claimed * (1 - claimed) / len(clips))
    assert np.mean(right) > claimed - 2 * error - 0.02


def test_only_late_fusion_cannot_tell_what_order_tells(network, clips):
    _, metrics = read_metadata(bundled_path(network.config.architecture))
    shares = metrics["order_pairs"]
    assert set(shares) == {"/".join(pair) for pair in ORDER_PAIRS}
    rng = np.random.default_rng(0)
    changes = []
    for label, frames in clips:
        if LABELS[label] in {name for pair in ORDER_PAIRS for name in pair}:
            x = windows_of(network, frames)
            shuffled = x[:, :, torch.from_numpy(rng.permutation(x.shape[2]))]
            changes.append(float((probabilities(network, x) - probabilities(network, shuffled)).abs().max()))
    if network.config.architecture == "late_fusion":
        assert max(changes) < 1e-5
        assert all(abs(share - 0.5) < 0.1 for share in shares.values())
    else:
        assert np.mean(changes) > 0.1
        assert all(share >= 0.9 for share in shares.values())


def test_explanations_name_the_weights(network, clips):
    label, frames = clips[0]
    found = explain(network, Clip(frames, 25), target=label)
    assert found.has_evidence
    assert found.summary()["weights"] == WORDS
    config = network.config
    assert config.weights_file == f"{config.architecture}.safetensors"
    digest = hashlib.sha256(bundled_path(config.architecture).read_bytes()).hexdigest()
    assert config.weights_sha256 == digest
    assert found.provenance == f"weights: {WORDS}, {config.weights_file}, SHA-256 {digest[:12]}"
    assert found.notes == ((TURNED_NOTE,) if network.config.architecture == "lrcn" else ())


def test_together_they_are_small():
    sizes = [bundled_path(model).stat().st_size for model in MODELS]
    assert sum(sizes) < 15e6


def test_the_card_says_what_the_files_say():
    text = (files("videxplain.trained_models") / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| \*\*top-1, %\*\* \|(.*)\|$", text, re.MULTILINE)
    said = [cell.strip(" *") for cell in row.split("|")]
    inside = [read_metadata(bundled_path(model))[1] for model in MODELS]
    assert said == [f"{100 * metrics['test']:.1f}" for metrics in inside]
    for label in LABELS:
        (row,) = re.findall(rf"^\| {label} \|(.*)\|$", text, re.MULTILINE)
        assert [cell.strip() for cell in row.split("|")] == [f"{100 * m['per_class'][label]:.1f}" for m in inside]
    assert WORDS in text
