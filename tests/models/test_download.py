"""Weights fetched ahead."""

import io

import pytest
import torch
from torchvision.models import get_model

from videxplain.errors import VidexplainError
from videxplain.models import build
from videxplain.models.download import download
from videxplain.models.weights import cache


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEXPLAIN_CACHE", str(tmp_path))


def test_weights_of_another_package_go_to_the_cache(tmp_path, monkeypatch):
    buffer = io.BytesIO()
    torch.save(get_model("mc3_18", weights=None, num_classes=400).state_dict(), buffer)
    asked = []

    def chunks(url):
        asked.append(url)
        yield buffer.getvalue(), len(buffer.getvalue())

    monkeypatch.setattr(cache, "_chunks", chunks)
    monkeypatch.setattr(build, "downloaded", lambda url, progress: cache.fetch(url, "", progress))
    monkeypatch.setattr("videxplain.models.hubs.torchvision.downloaded", build.downloaded)
    (path,) = download("torchvision:mc3_18")
    assert path == cache.cached(asked[0])
    assert path.read_bytes() == buffer.getvalue()
    assert download("torchvision:mc3_18") == (path,)
    assert len(asked) == 1


def test_without_a_connection_the_message_has_address_and_place(tmp_path, monkeypatch):
    def chunks(url):
        raise cache.AbandonedError("no route to host")
        yield

    monkeypatch.setattr(cache, "_chunks", chunks)
    with pytest.raises(VidexplainError) as caught:
        download("torchvision:r3d_18")
    url = "https://download.pytorch.org/models/r3d_18-b3b3357e.pth"
    place = tmp_path / "download.pytorch.org/models/r3d_18-b3b3357e.pth"
    words = f"cannot download {url}: no route to host; get it by other means and put it at '{place}'"
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("model", "weights", "words"),
    [
        ("i3d", "auto", "--weights with one of kinetics400, kinetics400-8x8, kinetics400-c2d"),
        ("lrcn", "auto", "no public checkpoints"),
        ("torchvision:r3d_18", "none", "weights none are here"),
        ("torchvision:r3d", "auto", "did you mean"),
    ],
)
def test_nothing_to_download(model, weights, words):
    with pytest.raises(VidexplainError, match=words):
        download(model, weights)
