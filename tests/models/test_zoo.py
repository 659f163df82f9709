import json
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from videxplain.device import find_device
from videxplain.errors import VidexplainError
from videxplain.models import zoo
from videxplain.models.config import ModelConfig
from videxplain.models.networks.i3d import I3D
from videxplain.models.video_model import VideoModel
from videxplain.models.weights import files as weights
from videxplain.models.weights.config_json import CONFIG_KEY
from videxplain.models.weights.files import read_metadata
from videxplain.models.zoo import available_weights, list_models, load_model, save_model

OPTIONS = {
    "late_fusion": {"depth": 18, "latent": 8},
    "lrcn": {"depth": 18, "latent": 8, "hidden": 8, "bidirectional": True},
    "c3d": {"num_frames": 8},
    "i3d": {"blocks": (1, 2, 2, 1), "time_strides": (1, 1, 2)},
    "i3d_inception": {},
    "non_local": {"depth": 18, "mode": "dot_product"},
}
NARROW = {"width": 4, "size": (32, 48)}
LABELS = ("jump", "walk", "wave")


@pytest.fixture(autouse=True)
def no_bundled_weights(monkeypatch):
    monkeypatch.setattr(zoo, "bundled_path", lambda name: None)


def trained(name: str, **options) -> nn.Module:
    model = load_model(name, "none", labels=LABELS, **NARROW, **OPTIONS[name], **options)
    for parameter in model.parameters():
        parameter.data.mul_(1.1)
    model.config = model.config.replace(weights="trained for a test")
    return model


def same(a: nn.Module, b: nn.Module) -> bool:
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def error(*args, **options) -> str:
    with pytest.raises(VidexplainError) as raised:
        load_model(*args, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_saved_network_comes_back_whole(name, tmp_path):
    model = trained(name)
    path = tmp_path / "mine.safetensors"
    save_model(model, path, {"accuracy": 0.875})
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.safetensors"]
    again = load_model(name, path)
    assert same(model, again)
    assert again.config == model.config  # its words too, and not where the file happens to lie
    assert again.config.trained
    assert not any(module.training for module in again.modules())
    assert all(parameter.requires_grad for parameter in again.parameters())
    x = torch.randn(2, 3, model.config.num_frames, 32, 48)
    with torch.no_grad():
        assert torch.equal(model(x), again(x))
    assert read_metadata(path)[1] == {"accuracy": 0.875}


def test_a_random_network_stays_random_when_saved(tmp_path):
    path = tmp_path / "random.safetensors"
    model = load_model("i3d", "none", **NARROW)
    assert model.config.weights == "none"
    save_model(model, path)
    assert not load_model("i3d", path).config.trained


def test_weights_in_the_package_are_found_by_architecture(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "files", lambda package: tmp_path)
    (tmp_path / "i3d.safetensors").touch()
    assert weights.bundled_path("i3d") == tmp_path / "i3d.safetensors"
    assert weights.bundled_path("c3d") is None


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_plain_state_dicts_take_their_options_from_the_call(wrapped, suffix, tmp_path):
    model = trained("i3d")
    path = tmp_path / f"plain{suffix}"
    torch.save({"state_dict": model.state_dict()} if wrapped else model.state_dict(), path)
    again = load_model("i3d", path, labels=LABELS, **NARROW, **OPTIONS["i3d"])
    assert same(model, again)
    # A file that does not say where its weights come from is called by its name.
    assert again.config == model.config.replace(weights=f"plain{suffix}")


def test_weights_stored_in_float16_come_back_as_float32_rounded(tmp_path):
    model = trained("non_local")
    path, full = tmp_path / "half.safetensors", tmp_path / "full.safetensors"
    save_model(model, path, {"accuracy": 0.5}, dtype=torch.float16)
    save_model(model, full)
    again = load_model("non_local", path)
    numbers = sum(value.numel() for value in model.state_dict().values() if value.is_floating_point())
    assert full.stat().st_size - path.stat().st_size == pytest.approx(2 * numbers, abs=200)
    assert again.config == model.config
    assert read_metadata(path)[1] == {"accuracy": 0.5}
    for name, value in model.state_dict().items():
        expected = value.to(torch.float16).float() if value.is_floating_point() else value
        assert torch.equal(again.state_dict()[name], expected), name
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())  # which was not touched
    x = torch.randn(2, 3, model.config.num_frames, 32, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(again(x), model(x), rtol=0.01, atol=0.01)


def test_half_precision_weights_become_float32(tmp_path):
    model = trained("i3d")
    path = tmp_path / "half.safetensors"
    save_model(model.half(), path)
    again = load_model("i3d", path)
    assert {p.dtype for p in again.parameters()} == {torch.float32}


def test_labels_size_and_length_may_change_where_the_weights_stay_valid(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_model(trained("i3d"), path)
    config = load_model("i3d", path, labels=["a", "b", "c"], num_frames=16, size=64, dropout=0.0).config
    assert (config.labels, config.num_frames, config.size) == (("a", "b", "c"), 16, (64, 64))
    assert config.options["dropout"] == 0.0
    assert config.options["width"] == 4
    # The file's own options may be repeated, as a list too.
    assert load_model("i3d", path, width=4, blocks=[1, 2, 2, 1], num_classes=3).config.labels == LABELS
    assert error("i3d", path, labels=["a", "b"]) == "2 labels for 3 classes"


def test_auto_prefers_what_travels_with_the_package(tmp_path, monkeypatch):
    assert load_model("i3d", **NARROW).config.weights == "none"
    assert error("i3d", "bundled") == "no weights of 'i3d' come with the package; say none, or name a file"
    assert available_weights("i3d") == [("none", "random, 400 classes: its explanations mean nothing")]

    path = tmp_path / "i3d.safetensors"
    model = trained("i3d")
    save_model(model, path, {"test": 0.9375, "validation": 0.95, "epochs": 30, "per_class": {"a": 1.0}})
    monkeypatch.setattr(zoo, "bundled_path", lambda name: path if name == "i3d" else None)
    for choice in ("auto", "bundled"):
        loaded = load_model("i3d", choice)
        assert same(model, loaded)
        assert loaded.config.weights == "trained for a test"
    assert not load_model("i3d", "none", **NARROW).config.trained
    assert available_weights("i3d")[0] == ("bundled", "trained for a test; accuracy 94 % (test), 95 % (validation)")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"width": 8}, "have width 4, not 8: leave width out, or say weights none"),
        ({"num_classes": 9}, "have num_classes 3, not 9: leave num_classes out, or say weights none"),
        ({"wdith": 8}, "unknown option of i3d 'wdith'; did you mean width or depth?"),
    ],
)
def test_options_that_contradict_the_file_are_refused(options, said, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_model(trained("i3d"), path)
    assert error("i3d", path, **options).endswith(said)


def test_an_unknown_model_names_the_nearest():
    elsewhere = "Models of other packages begin with torchvision:, pytorchvideo:, hf:"
    assert error("i3dd") == f"unknown model 'i3dd'; did you mean i3d or c3d? {elsewhere}"
    assert list_models() == ["late_fusion", "lrcn", "c3d", "i3d", "i3d_inception", "non_local"]


def test_weights_of_another_architecture_say_whose_they_are(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_model(trained("c3d"), path)
    assert error("i3d", path) == f"weights '{path}' are of 'c3d', not of 'i3d'"


def test_what_does_not_fit_is_counted_and_named(tmp_path):
    state = trained("i3d").state_dict()
    state["fc.weight"] = torch.zeros(9, 2)
    del state["bn1.weight"], state["bn1.bias"], state["conv1.weight"], state["layer1.0.bn1.bias"]
    state["head.weight"] = torch.zeros(1)
    path = tmp_path / "odd.pt"
    torch.save(state, path)
    said = error("i3d", path, labels=LABELS, **NARROW, **OPTIONS["i3d"])
    assert said == (
        f"weights '{path}' do not fit i3d: 1 of another shape (fc.weight (9, 2) for (3, 128)); "
        "4 missing (conv1.weight, bn1.weight, bn1.bias, ...); 1 unexpected (head.weight)"
    )


def test_files_that_are_not_there_or_of_another_kind(tmp_path):
    assert error("i3d", "missing.pt") == "no weights 'missing.pt': say auto, bundled, none, or name a file"
    assert error("i3d", "kinetics").startswith("unknown weights of i3d 'kinetics'; did you mean kinetics400 or ")
    assert error("lrcn", "kinetics400") == "unknown weights of lrcn 'kinetics400'; known: auto, none"
    (tmp_path / "weights.txt").write_text("x")
    assert error("i3d", tmp_path / "weights.txt").endswith("the name must end in .safetensors, .pt or .pth")
    torch.save([1, 2], tmp_path / "list.pt")
    assert error("i3d", tmp_path / "list.pt").endswith("are no state dict: names with a tensor each are needed")
    torch.save({"epoch": 3}, tmp_path / "epoch.pt")
    assert error("i3d", tmp_path / "epoch.pt").endswith("are no state dict: names with a tensor each are needed")


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
@pytest.mark.parametrize("damage", ["empty", "noise", "cut"])
def test_damaged_files_are_one_line(suffix, damage, tmp_path):
    path = tmp_path / f"damaged{suffix}"
    if suffix == ".safetensors":
        save_model(trained("i3d"), path)
    else:
        torch.save(trained("i3d").state_dict(), path)
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "noise": bytes(range(256)) * 8, "cut": whole[: len(whole) // 2]}[damage])
    said = ": it is empty" if damage == "empty" else ", the file is damaged or of another kind"
    assert error("i3d", path).startswith(f"cannot read weights '{path}'{said}")


def test_code_in_a_weights_file_is_not_run(tmp_path):
    ran = tmp_path / "ran"

    class Attack:
        def __reduce__(self):
            return (type(ran).touch, (ran,))

    path = tmp_path / "attack.pt"
    torch.save({"weight": Attack()}, path)
    assert "cannot read weights" in error("i3d", path)
    path.write_bytes(pickle.dumps(Attack(), protocol=2))
    assert "cannot read weights" in error("i3d", path)
    assert not ran.exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"architecture": "i3d"}', '{"speed": 1}'])
def test_headers_that_make_no_sense_are_one_line(text, tmp_path):
    path = tmp_path / "odd.safetensors"
    save_file({"a": torch.zeros(1)}, path, {CONFIG_KEY: text})
    assert "describe a network that this version cannot read" in error("i3d", path)


def test_options_of_a_later_version_are_named(tmp_path):
    path = tmp_path / "later.safetensors"
    model = trained("i3d")
    model.config = model.config.replace(options={**model.config.options, "attention": 2})
    save_model(model, path)
    assert error("i3d", path).endswith("need attention, which 'i3d' does not have here")


def test_nothing_is_left_when_saving_fails(tmp_path):
    model = trained("i3d")
    with pytest.raises(VidexplainError, match="does not exist"):
        save_model(model, tmp_path / "none" / "mine.safetensors")
    with pytest.raises(VidexplainError, match=r"must end in \.safetensors"):
        save_model(model, tmp_path / "mine.pt")
    with pytest.raises(TypeError):
        save_model(model, tmp_path / "mine.safetensors", {"curve": object()})
    with pytest.raises(VidexplainError, match="no config"):
        save_model(nn.Linear(1, 1), tmp_path / "mine.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_the_header_holds_the_configuration_as_json(tmp_path):
    path = tmp_path / "mine.safetensors"
    model = trained("c3d")
    save_model(model, path)
    config, metrics = read_metadata(path)
    assert config == model.config
    assert metrics == {}
    assert isinstance(config, ModelConfig)
    assert json.loads(json.dumps(config.options)) == {"width": 4, "batch_norm": False, "dropout": 0.5}


def test_a_loaded_network_is_a_video_model_and_any_module_with_a_configuration_is_one():
    model = load_model("i3d", "none", device="cpu", **NARROW)
    assert isinstance(model, VideoModel)
    plain = nn.Linear(1, 1)
    assert not isinstance(plain, VideoModel)
    assert not isinstance(plain, I3D)
    plain.config = model.config
    assert isinstance(plain, VideoModel)
    assert not isinstance(plain, I3D)


def test_a_device_that_is_not_there_is_named():
    assert error("i3d", "none", device="cuda:99").startswith("no device 'cuda:99' on this machine; there is cpu")
    assert next(load_model("i3d", "none", device="auto", **NARROW).parameters()).device.type == find_device("auto").type
