"""Files of weights and folders as others write them: read where they are sound, refused in one line otherwise."""

import hashlib
import json
import struct
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import videxplain as vx
from videxplain.models.assumption import AssumptionWarning
from videxplain.models.weights.config_json import CONFIG_KEY, config_to_json
from videxplain.models.weights.files import read_metadata

transformers = pytest.importorskip("transformers")

NARROW = {"depth": 18, "width": 4, "size": 32, "num_frames": 4, "num_classes": 5}


def small() -> vx.VideoModel:
    model = vx.load_model("i3d", "none", **NARROW)
    model.config = model.config.replace(weights="trained for a test")
    return model


def refused(*args, **options) -> str:
    with pytest.raises(vx.VidexplainError) as raised:
        vx.load_model(*args, **options)
    said = str(raised.value)
    assert "\n" not in said
    assert len(said) < 500
    return said


def prefixed(prefix: str, state: dict) -> dict:
    return {f"{prefix}{name}": value for name, value in state.items()}


CHECKPOINTS = {
    "DataParallel": lambda state: prefixed("module.", state),
    "compiled": lambda state: prefixed("_orig_mod.", state),
    "compiled DataParallel": lambda state: {"model": prefixed("module._orig_mod.", state), "epoch": 3},
    "Lightning": lambda state: {"state_dict": prefixed("model.", state), "optimizer_states": [{}]},
    "Lightning with loss and metric": lambda state: {
        "state_dict": {
            **prefixed("net.", state),
            "criterion.weight": torch.ones(5),
            "loss_fn.pos_weight": torch.ones(5),
            "train_acc.tp": torch.zeros(5),
        }
    },
    "mean of weights": lambda state: {**prefixed("module.", state), "n_averaged": torch.tensor(3)},
    "a compiled layer": lambda state: {
        name.replace("layer1.0.", "layer1.0._orig_mod.").replace("layer2.", "layer2._checkpoint_wrapped_module."): value
        for name, value in state.items()
    },
    "DeepSpeed": lambda state: {"module": state, "ds_version": "0.1"},
    "FSDP": lambda state: prefixed("_fsdp_wrapped_module.", state),
    "model_state_dict": lambda state: {"model_state_dict": state, "optimizer_state_dict": {}},
    "net": lambda state: {"net": prefixed("module.", state), "acc": 0.9},
    "a name of somebody's own": lambda state: {"epoch": 3, "best": prefixed("video.backbone.", state)},
    "beside those of the optimiser": lambda state: {"params": state, "optimizer": {"state": {0: torch.ones(3)}}},
    "nested": lambda state: {"model": {"state_dict": prefixed("model.model.", state)}},
    "float16": lambda state: {n: v.half().float() if v.is_floating_point() else v for n, v in state.items()},
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_state_dict_is_found_however_it_is_wrapped(name, tmp_path):
    state = small().state_dict()
    content = CHECKPOINTS[name](state)
    torch.save(content, tmp_path / "a.pth")
    loaded = vx.load_model("i3d", tmp_path / "a.pth", **NARROW).state_dict()
    assert loaded.keys() == state.keys()
    wanted = content if name == "float16" else state
    assert all(torch.equal(loaded[key], wanted[key]) for key in state)
    assert all(value.dtype in (torch.float32, torch.int64) for value in loaded.values())


@pytest.mark.parametrize("name", ["DataParallel", "compiled DataParallel", "Lightning with loss and metric"])
def test_a_network_of_another_package_is_found_too(name, tmp_path):
    from torchvision.models.video import mc3_18

    torch.manual_seed(0)
    state = mc3_18(num_classes=5).state_dict()
    torch.save(CHECKPOINTS[name](state), tmp_path / "a.pth")
    model = vx.load_model("torchvision:mc3_18", tmp_path / "a.pth")
    assert model.config.num_classes == 5
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_what_belongs_to_no_network_is_named(tmp_path):
    torch.save({**prefixed("model.", small().state_dict()), "head2.weight": torch.ones(2)}, tmp_path / "a.pth")
    assert "missing" in refused("i3d", tmp_path / "a.pth", **NARROW)
    torch.save({}, tmp_path / "b.pth")
    assert refused("i3d", tmp_path / "b.pth").endswith("b.pth' are empty")


@pytest.mark.parametrize(("number", "words"), [(float("nan"), "NaN"), (float("inf"), "infinite values")])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_that_are_no_numbers_are_refused_by_name(number, words, suffix, tmp_path):
    model, path = small(), tmp_path / f"a{suffix}"
    model.layer2[0].conv1.weight.data[0, 0, 0, 0, 0] = number
    if suffix == ".pth":
        torch.save(model.state_dict(), path)
    else:
        vx.save_model(model, path)
    said = refused("i3d", path, **NARROW)
    assert said == f"weights '{path}' cannot be used: layer2.0.conv1.weight holds {words}"
    with pytest.raises(vx.VidexplainError, match=r"cannot be explained: layer2\.0\.conv1\.weight holds"):
        vx.wrap(model, num_frames=4, size=32)


def with_config(path: Path, change) -> Path:
    """A saved network with another text in the place of its configuration."""
    vx.save_model(small(), path)
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"][CONFIG_KEY] = change(header["__metadata__"][CONFIG_KEY])
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    return path


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("size", None, "size is a height and a width in pixels, not 'None'"),
        ("size", [0, 32], "size is a height and a width in pixels, not '(0, 32)'"),
        ("num_frames", "x", "num_frames is a number from 1 to 1000000, not 'x'"),
        ("num_frames", 10**21, "num_frames is a number from 1 to 1000000, not '1000000000000000000000'"),
        ("num_classes", 1.5, "num_classes is a number from 1 to 1000000, not '1.5'"),
        ("num_classes", True, "num_classes is a number from 1 to 1000000, not 'True'"),
        ("labels", "x", "labels is names, not 'x'"),
        ("labels", ["a", 1, 2, 3, 4], "labels is names, not "),
        ("mean", [0, 0], "mean is three numbers, not '(0, 0)'"),
        ("mean", [0, 0, float("nan")], "mean is three numbers, not '(0, 0, nan)'"),
        ("std", [0, 0, 0], "std is three numbers above zero, not '(0, 0, 0)'"),
        ("sampling", 5, "sampling is consecutive or uniform, not '5'"),
        ("output", "softmax", "output is logits or probabilities or "),
        ("options", "x", "options is names with values, not 'x'"),
        ("options", {"width": "x"}, "width of i3d cannot be 'x'"),
        ("options", {"width": 10**21}, "width of i3d cannot be '1000000000000000000000'"),
        ("options", {"width": -1}, "width must be at least 1, not -1"),
        ("options", {"blocks": [1, "y", 1, 1]}, "blocks of i3d cannot be "),
        ("options", {"caffe2": 7}, "caffe2 of i3d cannot be '7'"),
        ("options", {"depth": 19}, "unknown depth '19'"),
        ("tokens", {"grid": [1], "colour": 3}, "unexpected keyword argument 'colour'"),
        ("architecture", None, "architecture is text, not 'None'"),
        ("default_layer", 5, "default_layer is text, not '5'"),
    ],
)
def test_a_configuration_with_wrong_values_is_refused(field, value, said, tmp_path):
    path = with_config(tmp_path / "a.safetensors", lambda text: json.dumps({**json.loads(text), field: value}))
    assert said in refused("i3d", path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"options": ' + '{"a": ' * 50_000, "7" * 5000])
def test_a_configuration_that_is_nested_or_long_without_end_is_refused(text, tmp_path):
    path = with_config(tmp_path / "a.safetensors", lambda _: text)
    assert "describe a network that this version cannot read" in refused("i3d", path)


TWICE = "call several classes 'walk': give a list with a name for each class, labels=[...] in Python, --labels FILE"


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_classes_of_one_name_are_refused_until_they_are_named_anew(suffix, tmp_path):
    """Files of before the check, and checkpoints of training, have such names."""

    def shared(text: str) -> str:
        return json.dumps({**json.loads(text), "labels": ["walk", "run", "walk", "sit", "fall"]})

    if suffix == ".ckpt":
        path, model = tmp_path / "a.ckpt", small()
        torch.save({"state_dict": model.state_dict(), CONFIG_KEY: [shared(config_to_json(model.config))]}, path)
    else:
        path = with_config(tmp_path / "a.safetensors", shared)
    assert refused("i3d", path).startswith(f"weights '{path}' {TWICE}")
    assert "2 labels for 5 classes" in refused("i3d", path, labels=("a", "b"))
    named = vx.load_model("i3d", path, labels=tuple("abcde"))
    assert named.config.labels == tuple("abcde")
    vx.save_model(named, tmp_path / "named.safetensors")
    assert vx.load_model("i3d", tmp_path / "named.safetensors").config.labels == tuple("abcde")


def test_names_that_no_file_can_have_are_refused():
    assert "File name too long" in refused("i3d", "x" * 5000)
    assert "File name too long" in refused("i3d", "x" * 5000 + ".pth")
    assert "File name too long" in refused("hf:" + "x" * 5000)
    assert refused("i3d", "a\0b.pth").startswith("no weights 'a")


def test_the_file_and_its_digest_go_into_the_configuration(tmp_path):
    model = small()
    assert (model.config.weights_file, model.config.weights_sha256) == ("", "")
    vx.save_model(model, tmp_path / "mine.safetensors")
    config = vx.load_model("i3d", tmp_path / "mine.safetensors").config
    digest = hashlib.sha256((tmp_path / "mine.safetensors").read_bytes()).hexdigest()
    assert (config.weights_file, config.weights_sha256) == ("mine.safetensors", digest)
    assert config == model.config  # which says what the network is, not where it lies
    again = vx.load_model("i3d", tmp_path / "mine.safetensors")
    vx.save_model(again, tmp_path / "copy.safetensors")
    copied, _ = read_metadata(tmp_path / "copy.safetensors")
    assert (copied.weights_file, copied.weights_sha256) == ("", "")
    bundled = vx.load_model("i3d").config
    assert bundled.weights_file == "i3d.safetensors"
    assert len(bundled.weights_sha256) == 64


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Weights whose names and shapes fit i3d of videxplain and of pytorch-resnet3d, whose pooling differs."""
    folder = tmp_path_factory.mktemp("two")
    state = vx.load_model("i3d", "none").state_dict()
    torch.save(state, folder / "counted.pth")
    torch.save({k: v for k, v in state.items() if "num_batches" not in k}, folder / "plain.pth")
    return folder


class TestTwoProjects:
    """Names and shapes do not say whose network it is."""

    @pytest.mark.parametrize(
        ("file", "assumed", "other", "caffe2"),
        [("counted", "videxplain", "pytorch-resnet3d", False), ("plain", "pytorch-resnet3d", "videxplain", True)],
    )
    def test_it_is_said_which_was_assumed_and_one_word_chooses(self, file, assumed, other, caffe2, files):
        path = files / f"{file}.pth"
        with pytest.warns(AssumptionWarning) as heard:
            model = vx.load_model("i3d", path)
        assert [str(one.message) for one in heard] == [
            f"weights '{path}' fit i3d of {assumed} and of {other}, whose pooling differs; {assumed} is assumed: give "
            f"load_model project='{other}' or project='{assumed}'"
        ]
        assert model.config.options["caffe2"] is caffe2
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            chosen = vx.load_model("i3d", path, project=other)
            same = vx.load_model("i3d", path, project=assumed)
            told = vx.load_model("i3d", path, caffe2=not caffe2)
        assert chosen.config.options["caffe2"] is told.config.options["caffe2"] is not caffe2
        assert same.config == model.config
        assert chosen.config.mean == ((0.45,) * 3 if other == "pytorch-resnet3d" else (0.485, 0.456, 0.406))
        x = torch.randn(1, 3, 16, 64, 64)
        with torch.no_grad():
            assert not torch.allclose(model(x), chosen(x), rtol=1e-3)
            assert torch.equal(model(x), same(x))

    def test_another_width_is_of_nobody_else(self, tmp_path):
        torch.save(small().state_dict(), tmp_path / "a.pth")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            vx.load_model("i3d", tmp_path / "a.pth", **NARROW)

    def test_a_project_that_has_no_such_network_is_refused(self, files):
        said = refused("i3d", files / "plain.pth", project="c3d-pytorch")
        assert said.startswith("unknown project with weights of i3d 'c3d-pytorch'; ")
        assert refused("torchvision:r3d_18", "none", project="videxplain").startswith("project has no meaning for")


# Folders of Hugging Face.

TINY = {
    "image_size": 16,
    "patch_size": 8,
    "num_frames": 4,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "num_labels": 3,
}


def folder(path: Path, dtype: torch.dtype = torch.float32, **changes) -> Path:
    """A tiny VideoMAE, saved, with changes to what its config.json says."""
    torch.manual_seed(0)
    network = transformers.VideoMAEForVideoClassification(transformers.VideoMAEConfig(**TINY))
    nn.init.normal_(network.classifier.weight, std=2.0)
    network.to(dtype).save_pretrained(path)
    file = path / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    return path


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_folder_in_half_precision_is_loaded_in_float32(dtype, tmp_path):
    model = vx.load_model(f"hf:{folder(tmp_path / 'short', dtype)}")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    full = vx.load_model(f"hf:{folder(tmp_path / 'full')}")
    for (name, one), other in zip(model.named_parameters(), full.parameters(), strict=True):
        assert torch.equal(one, other.to(dtype).float()), name
    digest = hashlib.sha256((tmp_path / "short" / "model.safetensors").read_bytes()).hexdigest()
    assert (model.config.weights_file, model.config.weights_sha256) == ("model.safetensors", digest)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_attention_heads": 0},
        {"num_attention_heads": 3},
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": "x"},
        {"hidden_act": "eval"},
        {"patch_size": 0},
        {"patch_size": 64},
        {"tubelet_size": "x"},
        {"num_frames": 10**21},
        {"image_size": [16, 24]},
        {"id2label": 5},
        {"problem_type": 7},
        {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}},
        {"model_type": 3},
    ],
)
def test_settings_that_make_no_sense_are_one_line(changes, tmp_path):
    place = folder(tmp_path / "model", **changes)
    for weights in ("auto", "none"):
        refused(f"hf:{place}", weights)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"0": "walk", "1": "run", "2": "walk"}, TWICE),
        ({"0": "walk", "1": "run", "3": "sit"}, "have no name for class 2: give a list "),
    ],
)
def test_a_folder_whose_labels_are_no_use_loads_with_those_of_the_caller(names, said, tmp_path):
    place = folder(tmp_path / "model", id2label=names)
    for weights in ("auto", "none"):
        assert said in refused(f"hf:{place}", weights)
        assert "2 labels for the 3 classes" in refused(f"hf:{place}", weights, labels=("a", "b"))
        assert vx.load_model(f"hf:{place}", weights, labels=("a", "b", "c")).config.labels == ("a", "b", "c")


def test_what_is_no_folder_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused("hf:./nothing").startswith(
        "the folder './nothing' does not exist; hf: takes a folder, or owner/name"
    )
    assert refused("hf:a/b/c").startswith("the folder 'a/b/c' does not exist")
    (tmp_path / "file.bin").write_text("x")
    assert refused("hf:./file.bin") == "hf:./file.bin is a file: give the folder in which it lies"


def test_nothing_that_a_folder_asks_to_run_is_run(tmp_path, monkeypatch):
    """Code beside the weights, and kernels by the name of a repository."""
    place = folder(
        tmp_path / "model",
        auto_map={"AutoConfig": "own.Own", "AutoModelForVideoClassification": "own.Own"},
        attn_implementation="somebody/kernel",
        _attn_implementation="somebody/kernel",
        _attn_implementation_internal="somebody/kernel",
        trust_remote_code=True,
    )
    (place / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    asked = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *args, **options: asked.append(args))
    model = vx.load_model(f"hf:{place}")
    assert model.module.config._attn_implementation in ("sdpa", "eager")
    assert vx.load_model(f"hf:{place}", "none").module.config._attn_implementation in ("sdpa", "eager")
    assert not (tmp_path / "ran").exists()
    assert asked == []
    (place / "adapter_config.json").write_text("{}")
    assert "holds an adapter: merge it" in refused(f"hf:{place}")


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"image_mean": "x"}',
        '{"image_mean": [1]}',
        '{"image_std": [1, 1, 1, 1]}',
        '{"rescale_factor": 0}',
        "[" * 9999,
    ],
)
def test_a_processor_that_makes_no_sense_is_one_line(text, tmp_path):
    place = folder(tmp_path / "model")
    (place / "preprocessor_config.json").write_text(text)
    refused(f"hf:{place}")


def test_weights_of_a_folder_that_are_no_numbers_are_refused_by_name(tmp_path):
    place = folder(tmp_path / "model")
    network = transformers.VideoMAEForVideoClassification.from_pretrained(place)
    network.classifier.weight.data[0, 0] = float("nan")
    network.save_pretrained(place)
    assert refused(f"hf:{place}") == f"the weights of hf:{place} cannot be used: classifier.weight holds NaN"


# Networks that wrap is given.


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c, self.r, self.fc = nn.Conv3d(3, 4, 3, padding=1), nn.ReLU(), nn.Linear(4, 5)

    def forward(self, x):
        return self.fc(self.r(self.c(x)).mean((2, 3, 4)))


class Lazy(Net):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.LazyLinear(5)


def test_networks_in_a_state_that_cannot_be_explained_are_refused():
    with torch.inference_mode():
        frozen = Net()
    for network, said in [
        (
            Lazy(),
            "Lazy has lazy layers without weights (fc.weight): run it once or load its weights before wrap",
        ),
        (frozen, "Net was made inside torch.inference_mode() (c.weight), so it has no gradients: load it outside"),
        (Net().half(), "Net computes in float16, and explanations in float32: wrap network.float()"),
        (Net().double(), "Net computes in float64, and explanations in float32: wrap network.float()"),
    ]:
        with pytest.raises(vx.VidexplainError) as raised:
            vx.wrap(network, num_frames=4, size=16)
        assert str(raised.value) == said


@pytest.mark.filterwarnings("ignore:.torch.jit")
@pytest.mark.parametrize("kind", ["scripted", "traced", "exported"])
def test_compiled_graphs_answer_and_pass_gradients_as_the_network_does(kind):
    torch.manual_seed(0)
    network, x = Net().eval(), torch.randn(1, 3, 4, 16, 16)
    graph = {
        "scripted": lambda: torch.jit.script(network),
        "traced": lambda: torch.jit.trace(network, x),
        "exported": lambda: torch.export.export(network, (x,)).module(),
    }[kind]()
    model = vx.wrap(graph, num_frames=4, size=16)
    torch.testing.assert_close(model(x), network(x))
    torch.testing.assert_close(
        vx.attribute(model, x, method="input-x-gradient", target=1),
        vx.attribute(network, x, method="input-x-gradient", target=1),
    )
    with pytest.raises(vx.VidexplainError) as raised:
        vx.attribute(model, x, method="gradcam", target=1, layer="c")
    assert "\n" not in str(raised.value)


def test_two_networks_in_one_checkpoint_are_not_chosen_between(tmp_path):
    state = vx.load_model("i3d").state_dict()
    torch.save({"student": state, "teacher": state}, tmp_path / "a.pt")
    with pytest.raises(vx.VidexplainError, match=r"a\.pt' are no state dict"):
        vx.load_model("i3d", tmp_path / "a.pt")


@pytest.mark.parametrize("ema", ["ema", "model_ema", "state_dict_ema", "teacher"])
@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_of_two_networks_the_one_that_is_taken_is_named(key, ema, tmp_path):
    state = small().state_dict()
    other = {name: value * 1.5 if value.is_floating_point() else value for name, value in state.items()}
    torch.save({ema: {"module": prefixed("module.", other)}, key: state, "epoch": 3}, tmp_path / "a.pth")
    with pytest.warns(AssumptionWarning, match=f"'{key}' is taken, and not '{ema}'; for another"):
        loaded = vx.load_model("i3d", tmp_path / "a.pth", **NARROW).state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)
    for nothing_to_choose in ({key: state, ema: dict(state)}, {key: state, "loss": {"weight": torch.ones(5)}}):
        torch.save(nothing_to_choose, tmp_path / "b.pth")
        with warnings.catch_warnings():
            warnings.simplefilter("error", AssumptionWarning)
            vx.load_model("i3d", tmp_path / "b.pth", **NARROW)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12345\n", "it is a pointer of Git LFS"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "it is a web page"),
        (b"", "it is empty"),
        (b"\x1f\x8bsomething else", "the file is damaged or of another kind"),
    ],
)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_file_that_is_taken_for_weights_is_told(content, words, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(vx.VidexplainError, match=f"cannot read weights '.*'[,:] {words}"):
        vx.load_model("i3d", path, **NARROW)


def test_weights_with_the_name_of_the_other_format_say_which_is_right(tmp_path):
    torch.save(small().state_dict(), tmp_path / "a.pt")
    vx.save_model(small(), tmp_path / "b.safetensors")
    (tmp_path / "a.pt").rename(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").rename(tmp_path / "b.pth")
    for name, right in (("a.safetensors", r"PyTorch: name it \.pt"), ("b.pth", r"safetensors: name it \.safetensors")):
        with pytest.raises(vx.VidexplainError, match=f"it is in the format of {right}"):
            vx.load_model("i3d", tmp_path / name, **NARROW)


def test_a_torchscript_archive_is_told_from_weights(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(torch.nn.ReLU()).save(tmp_path / "a.pt")
    with pytest.raises(vx.VidexplainError, match="it is a TorchScript archive: wrap"):
        vx.load_model("i3d", tmp_path / "a.pt")
