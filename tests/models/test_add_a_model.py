"""The page docs/add-a-model.md: its example runs, is short, and gives a model like any other."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import videxplain as vx
from videxplain.models.architectures import ARCHITECTURES

PAGE = Path(__file__).parents[2] / "docs" / "add-a-model.md"


@pytest.fixture
def example(tmp_path, monkeypatch):
    """What the example defines, run in an empty folder; the model is taken out of the table afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ARCHITECTURES, "_entries", dict(ARCHITECTURES.fill()))
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) < 30
    names: dict[str, object] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    return names


def test_the_example_saves_and_loads_the_same_network(example):
    model, again = example["model"], example["again"]
    assert (again.config.labels, again.config.options) == (("fall", "rise"), {"width": 8})
    assert again.fc.weight.shape == (2, 16)
    x = torch.randn(1, 3, 16, 112, 112, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(model(x), again(x))


@pytest.mark.usefixtures("example")
def test_it_is_a_model_like_any_other(tmp_path):
    assert "small3d" in vx.list_models()
    model = vx.load_model("small3d", num_classes=3, size=32, num_frames=4)
    assert isinstance(model, vx.VideoModel)
    assert not model.training
    assert not model.config.trained
    other = vx.load_model("small3d", num_classes=3)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    found = vx.explain(model, vx.Clip(np.random.default_rng(0).integers(0, 256, (6, 24, 32, 3), np.uint8), 25.0))
    assert (found.origin.model, found.origin.layer) == ("small3d", "relu2")
    with pytest.raises(vx.VidexplainError, match="unknown option of small3d 'widht'; did you mean width"):
        vx.load_model("small3d", widht=3)
    with pytest.raises(vx.VidexplainError, match="unknown model 'smal3d'; did you mean small3d"):
        vx.load_model("smal3d")


@pytest.mark.usefixtures("example")
def test_its_state_dict_says_how_many_classes_it_has(tmp_path):
    model = vx.load_model("small3d", num_classes=7)
    torch.save(model.state_dict(), tmp_path / "mine.pt")
    again = vx.load_model("small3d", tmp_path / "mine.pt")
    assert (again.config.num_classes, again.config.weights) == (7, "mine.pt")
    assert torch.equal(again.fc.weight, model.fc.weight)
    with pytest.raises(vx.VidexplainError, match="have 7 classes, not 2"):
        vx.load_model("small3d", tmp_path / "mine.pt", labels=("a", "b"))


@pytest.mark.usefixtures("example")
def test_shared_weights_are_saved_and_other_things_refused(tmp_path):
    class Shared(torch.nn.Module):
        def __init__(self, config):
            super().__init__()
            self.conv, self.fc = torch.nn.Conv3d(3, 4, 3), torch.nn.Linear(4, config.num_classes)
            self.again, self.other = self.conv, torch.nn.Linear(4, config.num_classes)
            self.other.weight = self.fc.weight
            torch.nn.utils.parametrizations.weight_norm(self.conv)

        def forward(self, x):
            return self.other(self.fc(self.again(x).relu().mean((2, 3, 4))) @ self.fc.weight)

    class Counts(Shared):
        def get_extra_state(self):
            return {"steps": 3}

    for kind in (Shared, Counts):
        config = vx.ModelConfig(kind.__name__.lower(), num_classes=3, num_frames=4, size=(16, 16))
        vx.register_model("of layers that share weights", config)(kind)
    model, x = vx.load_model("shared", "none"), torch.ones(1, 3, 4, 16, 16)
    vx.save_model(model, tmp_path / "shared.safetensors")
    with torch.no_grad():
        assert torch.equal(vx.load_model("shared", tmp_path / "shared.safetensors")(x), model(x))
    with pytest.raises(vx.VidexplainError, match="keeps something else, '_extra_state'"):
        vx.save_model(vx.load_model("counts", "none"), tmp_path / "counts.safetensors")


def test_a_name_can_be_taken_once_and_has_no_colon(example):
    register = vx.register_model("the same again", example["expects"])
    with pytest.raises(vx.VidexplainError, match="model 'small3d' is registered twice"):
        register(example["small3d"])
    with pytest.raises(vx.VidexplainError, match="cannot be called 'my:net': leave out the colon"):
        vx.register_model("", example["expects"].replace(architecture="my:net"))
