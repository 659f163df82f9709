"""Help, lists and completion: what there is, on 80 columns, without importing torch."""

import json
import re
import subprocess
import sys

import pytest

from videxplain.attribution.display_names import DISPLAY_NAMES, display_name
from videxplain.attribution.registry import METHODS
from videxplain.cli.arguments.names import FAMILIES, complete_method, complete_model, listed_methods
from videxplain.models.architectures import ARCHITECTURES
from videxplain.models.zoo import load_model


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_the_list_of_methods_is_the_table_of_methods():
    # In a process of its own, because other tests register methods from outside.
    script = (
        "import json; from videxplain.attribution.registry import METHODS, list_methods\n"
        "print(json.dumps([[name, METHODS[name].family, METHODS[name].summary] for name in list_methods()]))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert [[one.name, one.family, one.summary] for one in listed_methods()] == json.loads(ran.stdout)
    assert list(FAMILIES) == list(dict.fromkeys(one.family for one in listed_methods()))


def test_every_method_has_a_name_for_pictures(run):
    assert sorted(DISPLAY_NAMES) == sorted(one.name for one in listed_methods())
    assert len(set(DISPLAY_NAMES.values())) == len(DISPLAY_NAMES)
    # The same letters in the same order, so that a reader finds the command of a picture; a few have more words.
    other = {"guided-backprop": "Guided Backpropagation", "attention-gradient-rollout": "Gradient Attention Rollout"}
    for name, shown in DISPLAY_NAMES.items():
        same = "".join(re.findall(r"[a-z+]", shown.lower())) == "".join(re.findall(r"[a-z+]", name))
        assert same or other[name] == shown
    assert display_name("mine") == "mine"
    _, out, _ = run("methods", "gradcam++")
    assert re.search(r"figures +Grad-CAM\+\+", out)


def test_the_help_has_groups_and_names_every_method(run):
    status, out, _ = run("--help")
    assert status == 0
    titles = ("Explain a clip", "Measure", "Data and training", "Catalogue")
    places = [out.index(f"─ {title} ─") for title in titles]
    assert places == sorted(places)
    words = set(out.replace(",", " ").split())
    assert {one.name for one in listed_methods()} <= words
    assert max(len(line) for line in out.splitlines()) <= 80


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("models",), ("methods",), ("models", "i3d")])
def test_what_only_tells_does_not_import_torch(arguments):
    script = "import sys; from videxplain.cli import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    ran = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout


@pytest.mark.parametrize("command", ["models", "methods"])
def test_a_list_is_whole_and_folded_only_on_a_terminal(command, run, monkeypatch):
    entries = [ARCHITECTURES[name] for name in ARCHITECTURES] if command == "models" else listed_methods()
    names = list(ARCHITECTURES) if command == "models" else [one.name for one in listed_methods()]
    status, out, _ = run(command)
    assert status == 0
    for name, entry in zip(names, entries, strict=True):
        (line,) = (line for line in out.splitlines() if line.split(" ")[0] == name)
        assert f"  {entry.summary}" in line
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    _, folded, _ = run(command)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", folded)
    assert max(map(len, plain.splitlines())) <= 80
    assert "..." not in plain
    if command == "methods":  # without a third column between the lines of a text
        assert " ".join(plain.split()) == " ".join(out.split())
    assert len(plain.splitlines()) > len(out.splitlines())


@pytest.mark.parametrize("name", ["gradcam", "rise", "activations", "attention-rollout"])
def test_a_method_is_described(name, run):
    status, out, _ = run("methods", name)
    assert status == 0
    entry, said = METHODS[name], " ".join(out.split())
    for text in (entry.summary, entry.paper, entry.cost, entry.caution, *(one.help for one in entry.options)):
        assert " ".join(text.split()) in said
    for option in entry.options:
        assert f"--{option.name} " in said


def test_a_model_is_described_with_all_its_weights(run):
    _, out, _ = run("models", "i3d")
    said = " ".join(out.split())
    for words in ("ResNet-50 inflated to video", "16 frames, 224x224", "bundled: trained on ActionFigures"):
        assert words in said
    assert "kinetics400-8x8: Kinetics-400, pytorchvideo" in said
    _, out, _ = run("models", "torchvision")
    assert "torchvision:r3d_18" in out.split()
    _, out, _ = run("models", "torchvision:r3d_18")
    assert "auto: those of its package" in out


@pytest.mark.parametrize(
    ("model", "views"),
    [
        (
            "i3d",
            {
                "none": "whole frames resized to 224x224",
                "kinetics400": "the middle 224x224 of frames whose shorter side is resized to 256",
                "kinetics400-8x8": "whole frames resized to 224x224",
            },
        ),
        (
            "c3d",
            {
                "sports1m": "whole frames resized to 112x112",
                "ucf101": "the middle 112x112 of frames resized to 171x128",
            },
        ),
        ("torchvision:r3d_18", {"auto": "the middle 112x112 of frames resized to 171x128"}),
        ("pytorchvideo:x3d_s", {"auto": "whole frames resized to 160x160"}),
        ("hf:owner/name", {"auto": "what the processor of the checkpoint says; whole frames where it has none"}),
    ],
)
def test_a_model_says_how_it_sees_frames_with_each_of_its_weights(model, views, run):
    _, out, _ = run("models", model, "--json")
    said = {one["name"]: one["view"] for one in json.loads(out)["weights"]}
    assert {name: said[name] for name in views} == views
    _, out, _ = run("models", model)
    printed = " ".join(out.split())
    for words in views.values():
        assert f": {words}" in printed


def test_bundled_weights_see_whole_frames_of_their_own_size(run):
    _, out, _ = run("models", "i3d", "--json")
    (bundled,) = (one for one in json.loads(out)["weights"] if one["name"] == "bundled")
    height, width = load_model("i3d", "bundled").config.size
    assert bundled["view"] == f"whole frames resized to {width}x{height}"


def test_models_as_json(run):
    _, out, _ = run("models", "--json")
    models = json.loads(out)
    assert [one["name"] for one in models["models"]] == list(ARCHITECTURES)
    (i3d,) = (one for one in models["models"] if one["name"] == "i3d")
    assert i3d["input"] == {"num_frames": 16, "size": [224, 224], "sampling": "consecutive"}
    assert {"bundled", "none", "kinetics400"} <= {one["name"] for one in i3d["weights"]}
    assert "torchvision:r3d_18" in models["packages"][0]["models"]
    _, out, _ = run("models", "i3d", "--json")
    assert json.loads(out) == i3d


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("models", "i3dd"), "unknown model 'i3dd'; did you mean i3d"),
        (("methods", "gradcm"), "unknown method 'gradcm'; did you mean gradcam"),
    ],
)
def test_a_mistyped_name_is_one_line(arguments, message, run):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"videxplain: error: {message}")
    assert err.count("\n") == 1


def test_completion_of_names():
    assert [name for name, _ in complete_method("gradc")] == ["gradcam", "gradcam++"]
    assert [name for name, _ in complete_model("i3")] == ["i3d", "i3d_inception"]
    assert ("torchvision:", "torchvision, trained on Kinetics-400") in complete_model("t")
    assert [name for name, _ in complete_model("torchvision:r3")] == ["torchvision:r3d_18"]
    assert complete_model("nowhere:") == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("videxplain gradc", ["gradcam", "gradcam++"]),
        ("videxplain predi", ["predict"]),
        ("videxplain rise --model i3", ["i3d", "i3d_inception"]),
        ("videxplain explain --method occ", ["occlusion"]),
        ("videxplain methods occ", ["occlusion"]),
        ("videxplain models i3", ["i3d", "i3d_inception"]),
        ("videxplain rise --opa", ["--opacity"]),
    ],
)
def test_the_shell_completes_without_torch(words, expected):
    script = "import sys; from videxplain.cli import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={"_VIDEXPLAIN_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))},
        capture_output=True,
        text=True,
    )
    assert ran.stdout.split() == expected, ran.stderr


def test_layers_have_their_names_and_sizes(run, tmp_path):
    status, out, _ = run("layers", "--model", "i3d")
    assert status == 0
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines()}
    assert lines["layer4"] == "Sequential 128 channels, 8 x 14 x 18 <- default"
    assert lines["conv1"] == "Conv3d 16 channels, 8 x 56 x 72"
    assert out.count("<- default") == 1
    status, out, _ = run("layers", "--model", "i3d", "--json")
    assert {one["name"]: one["default"] for one in json.loads(out)}["layer4"] is True


def test_layers_of_an_own_network_and_of_a_function(run, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(
        "import torch\nimport videxplain as vx\n"
        "net = torch.nn.Sequential(torch.nn.Conv3d(3, 5, 1), torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten())\n"
        "model = vx.wrap(net, num_frames=4, size=(6, 8))\n"
        "tokens = vx.wrap(net, num_frames=4, size=(6, 8), layer='2')\n"
        "called = vx.wrap_function(lambda frames: [frames.mean(), 1.0], num_frames=4, size=8, output='logits')\n"
        "relu, conv = torch.nn.ReLU(), torch.nn.Conv3d(5, 5, 1)\n"
        "shared = torch.nn.Sequential(net[0], relu, conv, relu, *net[1:])\n"
        "twice = vx.wrap(shared, num_frames=4, size=(6, 8))\n"
    )
    status, out, _ = run("layers", "--model", f"python:{file}:model")
    assert (status, out.splitlines()[1].split()) == (0, ["0", "Conv3d", "5", "channels,", "4", "x", "6", "x", "8"])
    assert out.splitlines()[-1] == "the default layer is found when a clip is explained; results name it"
    assert "the default layer, 2, is not listed" in run("layers", "--model", f"python:{file}:tokens")[1]
    assert run("layers", "--model", f"python:{file}:called")[1].startswith("no layer of this network")
    lines = run("layers", "--model", f"python:{file}:twice")[1].splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == ["0", "1:0", "1:1", "2"]
