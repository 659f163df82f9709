"""Models of the user's own, and texts as targets, on the command line."""

import json

import numpy as np
import pytest

import videxplain as vx
from tests.small_models import xclip_folder
from videxplain.actionfigures import synthesize
from videxplain.audit.report.words import settings_in_words
from videxplain.audit.result import Audit
from videxplain.benchmark.api import run_benchmark
from videxplain.benchmark.rows import read, rows_path
from videxplain.concepts.result import Concepts
from videxplain.errors import VidexplainError
from videxplain.models.own_models import own_model
from videxplain.models.provenance import state_sha256_of
from videxplain.models.weights.files import sha256_of
from videxplain.models.zoo import load_model

FILE = """
import numpy as np
import videxplain as vx
from beside import LABELS

def brightness(frames):
    bright = float((frames > 200).mean())
    return [100 * bright, 1.0]

model = vx.wrap_function(brightness, num_frames=8, size=32, labels=LABELS, output="logits")
"""


@pytest.fixture
def own(tmp_path):
    """A file that makes a model of a function, and imports a file beside it."""
    (tmp_path / "beside.py").write_text('LABELS = ("bright", "dark")\n')
    (tmp_path / "detector.py").write_text(FILE)
    return tmp_path / "detector.py"


def test_a_function_in_a_file_is_explained(own, clip, run, tmp_path):
    options = ("--samples", "100", "--count", "8", "--target", "bright", "--format", "npz,json")
    status, out, err = run(
        "lime", "--model", f"python:{own}:model", "--clip", clip, *options, "--out", tmp_path / "out"
    )
    assert (status, err) == (0, "")
    assert "95 % intervals: the highest value is " in " ".join(out.split())
    (numbers,) = (tmp_path / "out").glob("*.json")
    content = json.loads(numbers.read_text())
    assert (content["model"], content["target"]) == ("brightness", "bright")
    assert content["weights_file"] == "detector.py"
    assert content["weights_sha256"] == sha256_of(own)
    assert content["state_sha256"] is None  # a function has none
    assert np.ptp(np.load(numbers.with_suffix(".npz"))["maps"]) > 0
    # Another file of the same name is another question.
    own.write_text(FILE.replace("> 200", "> 100"))
    status, _, err = run("lime", "--model", f"python:{own}:model", "--clip", clip, *options, "--out", tmp_path / "out")
    assert status == 2
    assert "was made with other arguments" in err


@pytest.mark.parametrize(
    ("model", "more", "said"),
    [
        ("python:{own}:modle", (), "unknown model of detector.py 'modle'; did you mean model?"),
        (
            "python:{own}:brightness",
            (),
            "'brightness' of detector.py is of type function, and no model: make it one with vx.wrap",
        ),
        ("python:{own}", (), "a model of your own is python:FILE.py:NAME, such as python:detector.py:model, not "),
        ("python:{own}x.py:model", (), "x.py' does not exist"),
        ("python:{own}:model", ("--weights", "none"), "comes as the file makes it: leave --weights, --labels, --view"),
    ],
)
def test_what_is_wrong_with_it_is_one_line(own, clip, run, tmp_path, model, more, said):
    status, _, err = run("lime", "--model", model.format(own=own), "--clip", clip, *more, "--out", tmp_path / "out")
    assert status == 2
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "detector.py cannot be run: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)
def test_a_file_that_fails_is_one_line(own, clip, run, tmp_path, text, said):
    own.write_text(text)
    status, _, err = run("lime", "--model", f"python:{own}:model", "--clip", clip, "--out", tmp_path / "out")
    assert (status, err.count("\n")) == (2, 1)
    assert said in err


def test_a_method_that_needs_layers_names_those_that_work(own, clip, run, tmp_path):
    status, _, err = run("gradcam", "--model", f"python:{own}:model", "--clip", clip, "--out", tmp_path / "out")
    assert status == 2
    assert "gradcam needs the layers or gradients of a network, and this is a plain function: take " in err
    assert "lime" in err


def test_only_the_command_line_runs_files(own):
    """The studio takes names of models from a browser."""
    with pytest.raises(VidexplainError, match="unknown source of models 'python'"):
        load_model(f"python:{own}:model")


def test_a_text_is_a_target(clip, run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    xclip_folder(tmp_path / "xclip")
    capsys.readouterr()  # what transformers says of writing
    common = ("--model", "hf:./xclip", "--clip", clip, "--format", "json", "--out", tmp_path)
    texts = ("--target", "text: a person falls", "--against", "text: a person sits down")
    status, out, err = run("gradcam", *common, *texts)
    assert (status, err) == (0, "")
    assert "a person sits down" in out
    (path,) = tmp_path.glob("*.json")
    content = json.loads(path.read_text())
    assert content["target"] == "a person falls rather than a person sits down"
    assert content["contrast"] == [0, 1]
    assert [one["label"] for one in sorted(content["predictions"], key=lambda one: one["label"])] == [
        "a person falls",
        "a person sits down",
    ]
    labels = tmp_path / "texts.txt"
    labels.write_text("the ball\na figure waves\n")
    status, out, err = run("attention-rollout", *common, "--labels", labels)
    assert (status, err) == (0, "")
    assert "the ball" in out
    assert run("predict", *common[:4], "--labels", labels)[0] == 0
    status, _, err = run("gradcam", *common)
    assert status == 2
    assert "compares videos with texts, and has none" in err


def test_a_text_for_a_network_with_classes_is_refused(clip, narrow, run, tmp_path):
    status, _, err = run("gradcam", "--model", "i3d", "--clip", clip, "--target", "text: a fall", "--out", tmp_path)
    assert (status, err.count("\n")) == (2, 1)
    assert "is a target of networks that compare videos with texts" in err


NETWORK = """
import torch
from torch import nn
import videxplain as vx

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv3d(3, 8, 3, (1, 2, 2), 1), nn.Linear(8, 14)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).mean((2, 3, 4)))

torch.manual_seed(3)
LABELS = "Walk Run Jump Wave Clap Punch Kick Squat Bow Throw SitDown StandUp PickUp PutDown".split()
model = vx.wrap(Small(), num_frames=4, size=(24, 32), labels=LABELS)
"""


@pytest.fixture
def network(tmp_path):
    """A file that makes a network of its own class."""
    (tmp_path / "mine.py").write_text(NETWORK)
    return tmp_path / "mine.py"


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "figures"
    synthesize(root, videos=28, seed=5, num_frames=12, size=(48, 64))
    return root


@pytest.mark.parametrize("workers", [1, 2])
def test_a_data_set_is_audited_with_a_network_in_a_file(network, figures, run, tmp_path, workers):
    """Each worker runs the file itself: the class of the network can be sent to none."""
    name = f"python:{network}:model"
    words = ("--model", name, "--data", figures, "--subset", "all", "--limit", 20, "--no-trust", "--clips", "1")
    status, _, err = run("audit", *words, "--workers", workers, "--out", tmp_path / "out")
    assert status == 0, err
    audit = Audit.load(tmp_path / "out")
    assert len(audit.videos) == 20
    said = vx.predict(own_model(name), audit.path(17))
    row = audit.videos.iloc[17]
    assert (row["prediction"], row["probability"]) == (said[0][0], pytest.approx(said[0][1], abs=1e-6))
    assert audit.settings.repeated("VIDEO") == f"videxplain gradcam --model {name} --clip VIDEO"
    # A picture and the report name the network in the same words: the file, and the state of what it makes.
    picture = vx.explain(own_model(name), audit.path(17)).provenance
    digests = f"SHA-256 {sha256_of(network)[:12]} (file), {state_sha256_of(own_model(name))[:12]} (network's state)"
    assert picture == f"weights: as given, mine.py, {digests}"
    assert dict(settings_in_words(audit))["weights"] == f"as given, mine.py, {digests}"
    # Other weights are another audit.
    network.write_text(NETWORK.replace("manual_seed(3)", "manual_seed(4)"))
    status, _, err = run("audit", *words, "--out", tmp_path / "out")
    assert status == 2
    assert "holds an audit with another file of the network: choose another --out" in err


def test_concepts_and_accuracy_of_a_network_in_a_file(network, figures, run, tmp_path):
    name = f"python:{network}:model"
    words = ("--concepts", 3, "--places", 500, "--designs", 2, "--subset", "all", "--limit", 4, "--clips", 1)
    status, _, err = run("concepts", "--model", name, "--data", figures, *words, "--out", tmp_path / "out")
    assert status == 0, err
    assert Concepts.load(tmp_path / "out").settings.model == name
    status, _, err = run("evaluate", "--model", name, "--data", figures, "--out", tmp_path / "evaluation")
    assert status == 0, err
    expected = vx.evaluate(own_model(name), figures)
    measured = json.loads((tmp_path / "evaluation" / "metrics.json").read_text())
    assert measured["top1"] == pytest.approx(expected.accuracy(), abs=1e-6)
    digests = sha256_of(network), state_sha256_of(own_model(name))
    assert (measured["weights_file"], measured["weights_sha256"], measured["state_sha256"]) == ("mine.py", *digests)
    status, _, err = run("evaluate", "--model", name, "--data", figures, "--view", "whole", "--out", tmp_path / "more")
    assert (status, err.count("\n")) == (2, 1)
    assert "comes as the file makes it: leave --weights, --labels, --view and --set out" in err


def test_a_file_that_makes_another_network_each_time_is_refused(network, figures, run, tmp_path):
    network.write_text(NETWORK.replace("torch.manual_seed(3)", "torch.seed()"))
    words = ("--data", figures, "--subset", "all", "--limit", 2, "--out", tmp_path / "out")
    status, _, err = run("audit", "--model", f"python:{network}:model", *words)
    assert status == 2
    assert "is another network each time the file is run, such as one with random weights" in err


def test_methods_are_measured_on_a_network_in_a_file(network, run, tmp_path):
    """A later run goes on in the folder, unless the file makes another network by then."""
    name, out = f"python:{network}:model", tmp_path / "out"
    words = ("--model", name, "--videos", 1, "--out", out)
    status, _, err = run("benchmark", "--methods", "gradcam", *words)
    assert status == 0, err
    first = read(rows_path(out, name))
    digests = f"SHA-256 {sha256_of(network)[:12]} (file), {state_sha256_of(own_model(name))[:12]} (network's state)"
    assert {row.weights for row in first} == {f"as given, mine.py, {digests}"}
    assert f"Weights: as given, mine.py, {digests}." in (out / "benchmark.md").read_text()
    status, _, err = run("benchmark", "--methods", "gradcam,saliency", *words)
    assert status == 0, err
    later = read(rows_path(out, name))
    assert later[: len(first)] == first  # not measured again: the seconds are the same
    assert [row.method for row in later[len(first) :]] == ["saliency"]
    network.write_text(NETWORK.replace("manual_seed(3)", "manual_seed(4)"))
    status, _, err = run("benchmark", "--methods", "gradcam", *words)
    assert (status, err.count("\n")) == (2, 1)
    assert f"holds results of another network called {name}, whose file or state was different" in err
    assert read(rows_path(out, name)) == later


@pytest.mark.parametrize(
    ("model", "more", "said"),
    [
        ("python:{network}:model=bundled", (), "a model of your own is python:FILE.py:NAME"),
        ("python:{network}:model,c3d", ("--view", "whole"), "comes as the file makes it"),
        ("python:{network}:nothing", (), "unknown model of mine.py 'nothing'"),
    ],
)
def test_a_benchmark_refuses_what_it_cannot_name(network, run, tmp_path, model, more, said):
    status, _, err = run("benchmark", "--models", model.format(network=network), *more, "--out", tmp_path / "out")
    assert (status, err.count("\n")) == (2, 1)
    assert said in err
    assert not (tmp_path / "out").exists()
    with pytest.raises(VidexplainError, match="a benchmark takes networks by name, not Wrapped"):
        run_benchmark({own_model(f"python:{network}:model"): "auto"}, ["gradcam"], tmp_path / "out")


def test_networks_in_files_are_compared(network, clip, run, tmp_path):
    other = network.with_name("other.py")
    other.write_text(NETWORK.replace("manual_seed(3)", "manual_seed(4)"))
    words = ("--clip", clip, "--target", "Wave", "--format", "json", "--out", tmp_path)
    names = [f"python:{network}:model", f"python:{other}:model"]
    status, _, err = run("compare", "--models", ",".join(names), "--method", "saliency", *words)
    assert status == 0, err
    (path,) = tmp_path.glob("*compare*.json")
    said = json.loads(path.read_text())
    assert said["names"] == names
    assert [one["state_sha256"] for one in said["explanations"]] == [state_sha256_of(own_model(name)) for name in names]
    status, _, err = run("compare", "--model", names[0], "--methods", "gradcam,saliency", "--view", "whole", *words)
    assert (status, err.count("\n")) == (2, 1)
    assert "comes as the file makes it" in err
