"""Which networks a file of weights fits, and what is said to be unknown."""

import pytest
import torch

import videxplain as vx
from tests.models.foreign import randomise
from tests.oracles import mmaction2
from tests.small_models import huggingface_folder

SMALL = {"width": 4, "num_classes": 6, "size": (32, 32)}


def test_a_file_of_ours_says_all_itself(tmp_path):
    model = vx.load_model("c3d", "none", **SMALL, labels=tuple("abcdef"))
    model.config = model.config.replace(weights="trained on six letters")
    vx.save_model(model, tmp_path / "mine.safetensors")
    (reading,) = vx.recognise(tmp_path / "mine.safetensors").readings
    assert (reading.model, reading.source, reading.unknown) == ("c3d", "the file says so itself", ())
    assert (reading.config.labels, reading.config.size) == (tuple("abcdef"), (32, 32))
    assert reading.config == vx.load_model("c3d", tmp_path / "mine.safetensors").config


@pytest.mark.parametrize(("name", "more"), [("c3d", {}), ("lrcn", {"depth": 18, "hidden": 8, "latent": 8})])
def test_names_and_shapes_say_which_network_it_is(name, more, tmp_path):
    model = vx.load_model(name, "none", width=4, num_classes=6, **more)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "mine.pt")
    found = vx.recognise(tmp_path / "mine.pt")
    (reading,) = found.readings
    assert (reading.model, reading.weights, reading.config.num_classes) == (name, str(tmp_path / "mine.pt"), 6)
    unsaid = " ".join(reading.unknown)
    assert "how clips were prepared in training" in unsaid
    assert "the names of the 6 classes: give --labels FILE" in unsaid
    assert found.sha256 == reading.config.weights_sha256
    # A network that is narrower than usual needs its options, which the shapes say.
    assert reading.settings["width"] == 4
    loaded = vx.load_model(name, reading.weights, **reading.settings).state_dict()
    assert all(torch.equal(value, loaded[key]) for key, value in model.state_dict().items())


def test_what_nothing_tells_is_asked_for(tmp_path):
    """mmaction2's networks with non-local blocks have weights of the same names in two modes."""
    theirs = randomise(mmaction2.i3d(8, 6, (1, 2, 2, 1), "dot_product"))
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "mine.pth")
    readings = {one.model: one for one in vx.recognise(tmp_path / "mine.pth").readings}
    assert readings["non_local"].config is None
    assert readings["non_local"].unknown == ("mode: give --set mode=...",)


def test_a_file_beside_its_settings(tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = huggingface_folder("videomae", tmp_path / "hub")
    torch.manual_seed(0)
    config = transformers.AutoConfig.from_pretrained(folder)
    transformers.AutoModelForVideoClassification.from_config(config).save_pretrained(folder)
    (reading,) = vx.recognise(folder / "model.safetensors").readings
    assert (reading.model, reading.weights) == (f"hf:{folder}", "auto")
    assert reading.source == "config.json beside the file says so"
