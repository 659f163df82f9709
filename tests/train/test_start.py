from urllib.error import URLError

import pytest
import torch

from tests.oracles import mmaction2
from videxplain.errors import VidexplainError
from videxplain.models import build
from videxplain.models.networks.blocks import ResNet2d
from videxplain.models.zoo import load_model, save_model
from videxplain.train import start
from videxplain.train.recipe_file import recipe_from
from videxplain.train.start import begin

LABELS = ("a", "b", "c")


def recipe(model="i3d", **changes):
    clips = "uniform" if model in ("late_fusion", "lrcn") else "one"
    options = {"width": 4, "size": 16} | ({} if model == "c3d" else {"depth": 18})
    return recipe_from({"model": model, "data": "d", "clips": clips, "options": options} | changes)


@pytest.fixture
def imagenet(monkeypatch):
    """A ResNet-18 as torchvision would give it, classifier included, asked for by depth."""
    torch.manual_seed(0)
    state = ResNet2d(18).state_dict() | {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    state = {name: torch.randn_like(v) if v.is_floating_point() else v for name, v in state.items()}
    asked = []
    monkeypatch.setattr(start, "imagenet_state", lambda depth: asked.append(depth) or state)
    return state, asked


def test_random_weights_have_the_labels():
    found = begin(recipe(), LABELS)
    assert found.network.config.labels == LABELS
    assert found.network.fc.weight.shape == (3, 32)
    assert found.notes == ()


def test_image_weights_are_spread_over_time(imagenet):
    state, asked = imagenet
    found = begin(recipe("non_local", options={"depth": 18}, init="imagenet"), LABELS)
    assert asked == [18]
    inflated = found.network.state_dict()
    for t in range(5):
        torch.testing.assert_close(inflated["conv1.weight"][:, :, t], state["conv1.weight"] / 5)
    assert torch.equal(inflated["layer4.1.bn2.running_var"], state["layer4.1.bn2.running_var"])
    assert "begin at random" in found.notes[1]


@pytest.mark.parametrize("model", ["late_fusion", "lrcn"])
def test_image_weights_go_into_the_trunk_as_they_are(imagenet, model):
    state, _ = imagenet
    found = begin(recipe(model, options={"depth": 18}, init="imagenet"), LABELS)
    trunk = found.network.trunk.state_dict()
    assert len(trunk) == len(state) - 2
    assert all(torch.equal(value, state[name]) for name, value in trunk.items())


def test_a_file_of_the_same_classes_gives_the_classifier_too(tmp_path):
    source = load_model("i3d", "none", depth=18, width=4, size=16, labels=LABELS)
    path = tmp_path / "a.safetensors"
    save_model(source, path)
    found = begin(recipe(init=str(path)), LABELS)
    state = source.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in found.network.state_dict().items())
    assert found.notes == (f"{len(state)} of {len(state)} tensors from {path}",)
    assert "fc.weight" in begin(recipe(init=str(path)), LABELS[::-1]).notes[1]


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_a_file_gives_everything_but_the_classifier(tmp_path, suffix):
    source = load_model("i3d", "none", depth=18, width=4, labels=("x", "y", "z"))
    with torch.no_grad():
        for value in source.parameters():
            value.add_(1)
    path = tmp_path / f"a.{suffix}"
    if suffix == "pt":
        torch.save(source.state_dict() | {"extra": torch.zeros(1)}, path)
    else:
        save_model(source, path)
    found = begin(recipe(init=str(path)), LABELS)
    fresh = begin(recipe(), LABELS).network.state_dict()
    for name, value in found.network.state_dict().items():
        expected = fresh if name.startswith("fc.") else source.state_dict()
        assert torch.equal(value, expected[name]), name
    total = len(fresh)
    assert found.notes[0] == f"{total - 2} of {total} tensors from {path}"
    # Safetensors come in the order of their names.
    assert found.notes[1] == f"not taken: {'fc.weight, fc.bias, extra' if suffix == 'pt' else 'fc.bias, fc.weight'}"
    assert found.notes[2] == "begin at random: fc.weight, fc.bias"


def test_the_image_network_of_a_file_is_inflated(tmp_path):
    source = load_model("late_fusion", "none", depth=18, width=4, num_classes=5)
    path = tmp_path / "images.safetensors"
    save_model(source, path)
    found = begin(recipe("non_local", init=str(path)), LABELS)
    images, inflated = source.trunk.state_dict(), found.network.state_dict()
    for t in range(5):
        torch.testing.assert_close(inflated["conv1.weight"][:, :, t], images["conv1.weight"] / 5)
    assert torch.equal(inflated["layer4.1.conv2.weight"][:, :, 0], images["layer4.1.conv2.weight"])
    assert found.notes[0] == f"{len(images)} of {len(inflated)} tensors from the image network of {path}, inflated"


@pytest.mark.parametrize(
    ("model", "theirs"),
    [("i3d", mmaction2.tsn(4, 7)), ("lrcn", mmaction2.tsn(4, 7)), ("non_local", mmaction2.i3d(4, 7))],
)
def test_a_checkpoint_of_another_project_begins_what_it_fits(model, theirs, tmp_path):
    path = tmp_path / "theirs.pth"
    torch.save({"state_dict": theirs.state_dict()}, path)
    found = begin(recipe(model, options={"depth": 50, "width": 4}, init=str(path)), LABELS)
    first = getattr(found.network, "trunk", found.network).conv1.weight
    kernel = theirs.backbone.conv1.conv.weight
    if kernel.ndim < first.ndim:
        kernel = kernel.unsqueeze(2).expand_as(first) / 5
    torch.testing.assert_close(first, kernel)
    assert found.network.fc.weight.shape[0] == 3


def test_a_checkpoint_of_another_project_that_fits_nothing_is_refused(tmp_path):
    path = tmp_path / "theirs.pth"
    torch.save(mmaction2.i3d(4, 7, (1, 1, 1, 1)).state_dict(), path)
    with pytest.raises(VidexplainError, match=r"init: weights .* are a network of mmaction2: they fit i3d or"):
        begin(recipe("lrcn", init=str(path)), LABELS)


def test_other_shapes_are_not_taken(tmp_path):
    save_model(load_model("i3d", "none", depth=18, width=8, num_classes=3), tmp_path / "wide.safetensors")
    found = begin(recipe("non_local", init=str(tmp_path / "wide.safetensors")), LABELS)
    # Only the counters of batch normalisation have the same shape at another width: 20, of the network without blocks.
    assert found.notes[0].startswith("20 of ")
    assert "conv1.weight" not in found.notes[0]


@pytest.mark.parametrize(
    ("init", "line"),
    [("imagent", "init is none, imagenet or a file"), ("gone.safetensors", "no weights 'gone.safetensors'")],
)
def test_a_start_that_is_not_there_gives_one_line(init, line):
    with pytest.raises(VidexplainError, match=line):
        begin(recipe(init=init), LABELS)


def test_a_file_of_which_nothing_fits_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(2)}, tmp_path / "a.pt")
    with pytest.raises(VidexplainError, match=r"nothing in .*a\.pt fits i3d"):
        begin(recipe(init=str(tmp_path / "a.pt")), LABELS)


def test_the_image_network_is_fetched_once_into_the_one_cache_and_checked(monkeypatch, tmp_path):
    asked = []

    def fetch(url, sha256, progress):
        asked.append((url, sha256))
        torch.save({"conv1.weight": torch.ones(2)}, tmp_path / "resnet152.pth")
        return tmp_path / "resnet152.pth"

    monkeypatch.setattr(build, "fetch", fetch)
    assert torch.equal(start.imagenet_state(152)["conv1.weight"], torch.ones(2))
    assert asked == [("https://download.pytorch.org/models/resnet152-394f9c45.pth", "394f9c45")]


def test_no_network_at_hand_gives_one_line(monkeypatch, tmp_path):
    def offline(*args, **options):
        raise URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    monkeypatch.setenv("VIDEXPLAIN_CACHE", str(tmp_path))
    with pytest.raises(
        VidexplainError, match=r"cannot download .*resnet152-394f9c45\.pth: no route to host; get it by"
    ):
        start.imagenet_state(152)
