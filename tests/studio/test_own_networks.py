"""Networks that files of Python make: those that the studio was started with, and no others."""

import httpx
import pytest
from fastapi.testclient import TestClient

import videxplain as vx
from tests.studio.running import LIMITS, PATIENCE, answered, running, upload, write_clip
from videxplain.cli.commands.serve import serve
from videxplain.errors import VidexplainError
from videxplain.models.own_models import own_model
from videxplain.studio.questions.asking import asked
from videxplain.studio.questions.catalogue import offers, own_offers
from videxplain.studio.questions.commands import command_line, python_lines
from videxplain.studio.settings import Studio
from videxplain.studio.web.app import create_app
from videxplain.studio.worker.networks import Networks

NETWORK = """
import torch
from torch import nn
import videxplain as vx

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv3d(3, 8, 3, (1, 2, 2), 1), nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).mean((2, 3, 4)))

torch.manual_seed(3)
net = vx.wrap(Small(), num_frames=4, size=(24, 32), labels=("fall", "sit", "walk"))
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(NETWORK)
    return path


def test_the_network_answers_as_it_does_in_python(file, tmp_path):
    own = own_offers([f"python:{file}:net"])
    clip = write_clip(tmp_path / "clip.mp4")
    with running(tmp_path / "data", own=own) as found, httpx.Client(base_url=found.address, timeout=PATIENCE) as client:
        (offered,) = [one for one in client.get("/api/models").json() if one["id"].startswith("python:")]
        assert (offered["id"], offered["labels"]) == ("python:own.py:net", ["fall", "sit", "walk"])
        assert "own.py, SHA-256 " in offered["weights"]
        assert str(tmp_path) not in str(offered)
        sha = upload(client, clip)
        _, answer = answered(client, kind="predict", clip=sha, model="python:own.py:net")
        assert "python:own.py:net" in client.get(f"/clip/{sha}?model=python:own.py:net").text
    expected = vx.predict(own_model(f"python:{file}:net"), clip)
    assert [label for label, _ in answer["predictions"]] == [label for label, _ in expected]
    assert [share for _, share in answer["predictions"]] == pytest.approx([share for _, share in expected], abs=1e-6)


def test_a_request_runs_no_other_file(file, tmp_path):
    other = tmp_path / "other.py"
    other.write_text("raise SystemExit('this file was run')")
    studio = Studio(folder=tmp_path / "data", limits=LIMITS, own=own_offers([f"python:{file}:net"]))
    app = create_app(studio, examples=False, work=False)
    with TestClient(app, base_url="http://127.0.0.1:8765") as client:
        for model in (f"python:{other}:net", f"python:{file}:net", "python:own.py:Small"):
            answer = client.post("/api/jobs", json={"kind": "layers", "model": model})
            assert answer.status_code == 400
            assert "no model 'python:" in answer.text


def test_a_file_that_has_changed_since_is_refused(file):
    own = own_offers([f"python:{file}:net"])
    question = asked({"kind": "layers", "model": "python:own.py:net"}, None, own)
    Networks("cpu", None, own).get(question.model, question.weights_sha256, question.view)
    file.write_text(NETWORK.replace("manual_seed(3)", "manual_seed(4)"))
    with pytest.raises(VidexplainError, match="is not the network that the studio was started with"):
        Networks("cpu", None, own).get(question.model, question.weights_sha256, question.view)
    # Started again, the studio has other questions, so that no old answer is shown.
    again = own_offers([f"python:{file}:net"])
    assert asked({"kind": "layers", "model": "python:own.py:net"}, None, again).key != question.key


def test_commands_name_the_file(file):
    own = own_offers([f"python:{file}:net"])
    question = asked({"clip": "0" * 64, "model": "python:own.py:net", "view": "whole"}, None, own)
    offer = offers(None, own)[question.model]
    assert command_line(question, offer, "a.mp4") == ("videxplain gradcam --model python:own.py:net --clip a.mp4")
    assert "from own import net as model\n" in python_lines(question, offer, "a.mp4")


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (["i3d"], "serve --model takes python:FILE.py:NAME, not 'i3d'"),
        (["python:{file}:Small"], "'Small' of own.py is a class, and no model"),
        (["python:{file}:net", "python:{file}:net"], "two models are called python:own.py:net"),
    ],
)
def test_what_cannot_be_offered_is_one_line(file, tmp_path, models, said):
    named = [one.format(file=file) for one in models]
    with pytest.raises(VidexplainError, match=said):
        serve(
            port=0, folder=tmp_path / "data", model=named, browse=False, token=None, name=None, weights=None, audit=None
        )
    assert not (tmp_path / "data").exists()
