"""torchvision's video models by name: what is torchvision's own comes through unchanged, and explanations work."""

import re
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import get_model, get_model_weights, list_models, video
from torchvision.models.video.mvit import MSBlockConfig, MViT

import videxplain as vx
from videxplain.attribution.engine import trace
from videxplain.attribution.layers import resolve
from videxplain.models import build
from videxplain.models.hubs import torchvision as torchvision_models
from videxplain.models.hubs.sources import SOURCES
from videxplain.models.hubs.torchvision import published_config

NAMES = SOURCES["torchvision"].names
KINETICS = ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989))
HALF = ((0.45, 0.45, 0.45), (0.225, 0.225, 0.225))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PUBLISHED = {
    "r3d_18": (16, 2, 112, *KINETICS),
    "mc3_18": (16, 2, 112, *KINETICS),
    "r2plus1d_18": (16, 2, 112, *KINETICS),
    "s3d": (32, 2, 224, *KINETICS),
    "mvit_v1_b": (16, 4, 224, *HALF),
    "mvit_v2_s": (16, 4, 224, *HALF),
    "swin3d_t": (32, 2, 224, *IMAGENET),
    "swin3d_s": (32, 2, 224, *IMAGENET),
    "swin3d_b": (32, 2, 224, *IMAGENET),
}
SMALL = {
    "r3d_18": {"num_frames": 8, "size": (32, 48)},
    "mc3_18": {"num_frames": 8, "size": (32, 48)},
    "r2plus1d_18": {"num_frames": 8, "size": (32, 48)},
    "s3d": {"num_frames": 14},
    "mvit_v1_b": {},
    "mvit_v2_s": {},
    "swin3d_t": {"num_frames": 4, "size": (64, 96)},
}
"""What of each network takes the least time."""
LAST = {
    "r3d_18": ("layer4", (1, 2, 3)),
    "mc3_18": ("layer4", (8, 2, 3)),
    "r2plus1d_18": ("layer4", (1, 2, 3)),
    "s3d": ("features.15", (2, 7, 7)),
    "mvit_v1_b": ("blocks.15.norm1", (8, 7, 7)),
    "mvit_v2_s": ("blocks.15.norm1", (8, 7, 7)),
    "swin3d_t": ("norm", (2, 2, 3)),
}
"""Where Grad-CAM looks, and how fine its map is there."""
FIRST = {
    "r3d_18": ("stem.0", (8, 16, 24)),
    "mc3_18": ("stem.0", (8, 16, 24)),
    "r2plus1d_18": ("stem.0", (8, 16, 24)),
    "s3d": ("features.0.0.0", (14, 112, 112)),
    "mvit_v1_b": ("conv_proj", (8, 56, 56)),
    "mvit_v2_s": ("conv_proj", (8, 56, 56)),
    "swin3d_t": ("patch_embed.proj", (2, 16, 24)),
}
WITHOUT_RELU = ("mvit_v1_b", "mvit_v2_s", "swin3d_t")


def narrow_mvit(name: str, *, weights: None, num_classes: int) -> nn.Module:
    """torchvision's MViT with its sixteen blocks and its input, a tenth as wide: a pass of the real one takes 4 s."""
    strides = {1: [1, 2, 2], 3: [1, 2, 2], 14: [1, 2, 2]}
    shrink, blocks = 8, []
    for place in range(16):
        query = strides.get(place, [1, 1, 1] if name == "mvit_v2_s" else [])
        shrink //= 2 if place in strides else 1
        kernels = ([3, 3, 3] if query else [], [3, 3, 3])
        blocks.append(MSBlockConfig(1, 8, 8, *kernels, query, [1, shrink, shrink]))
    second = name == "mvit_v2_s"
    return MViT(
        (224, 224),
        16,
        blocks,
        residual_pool=second,
        residual_with_cls_embed=False,
        rel_pos_embed=second,
        proj_after_attn=second,
        num_classes=num_classes,
    )


@pytest.fixture
def narrow(monkeypatch):
    """MViTs are built narrow, everything else as it is."""

    def build(name, **arguments):
        return (narrow_mvit if name.startswith("mvit") else get_model)(name, **arguments)

    monkeypatch.setattr(torchvision_models, "get_model", build)


def load(name: str, weights="none", **options) -> nn.Module:
    return vx.load_model(f"torchvision:{name}", weights, **options)


def error(name: str, weights="none", **options) -> str:
    with pytest.raises(vx.VidexplainError) as raised:
        load(name, weights, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def shaken(network: nn.Module, seed: int = 1) -> nn.Module:
    """Every parameter and running statistic different from what a new network has; variances stay positive."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.mul_(0.8 + 0.4 * torch.rand(value.shape, generator=generator))
                value.add_(0.02 * torch.rand(value.shape, generator=generator) if value.ndim == 1 else 0)
    return network.eval()


def test_all_of_torchvisions_are_listed():
    assert sorted(NAMES) == sorted(list_models(module=video))
    assert set(PUBLISHED) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_input_and_classes_are_those_that_torchvision_publishes(name, monkeypatch):
    monkeypatch.setattr(torchvision_models, "get_model", lambda *_, **__: nn.Identity())
    config = published_config(name)
    assert load(name).config == config.replace(labels=())  # random weights know no classes
    frames, interval, side, mean, std = PUBLISHED[name]
    assert (config.num_frames, config.frame_interval, config.size) == (frames, interval, (side, side))
    assert (config.mean, config.std, config.sampling) == (mean, std, "consecutive")
    assert (len(config.labels), config.labels[0], config.labels[399]) == (400, "abseiling", "zumba")
    assert (config.architecture, config.weights) == (f"torchvision:{name}", "none")
    for weights in get_model_weights(name):  # what it says in words and by its preprocessing, for all its weights
        said = dict(re.findall(r"`(\w+)=([\d.]+)`", weights.meta["_docs"]))
        # Measured on 128 frames; that many are offered, not taken for granted.
        assert int(said["clip_len"]) == (128 if name == "s3d" else frames)
        assert round(30 / float(said["frame_rate"])) == interval
        preset = weights.transforms()
        assert (preset.crop_size, tuple(preset.mean), tuple(preset.std)) == ([side, side], mean, std)
        assert tuple(weights.meta["categories"]) == config.labels


@pytest.mark.parametrize("name", ["r3d_18", "s3d", "swin3d_t"])
def test_a_file_in_torchvisions_names_gives_torchvisions_logits(name, tmp_path):
    theirs = shaken(get_model(name, weights=None, num_classes=400))
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")
    ours = load(name, tmp_path / "theirs.pth", **SMALL[name])
    assert (ours.config.num_classes, ours.config.labels) == (400, ())  # they may be any 400
    assert type(ours) is type(theirs)
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
    assert ours.config.weights == "theirs.pth"
    x = torch.randn(1, 3, ours.config.num_frames, *ours.config.size)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))


@pytest.mark.parametrize(
    ("name", "weights", "file", "digits", "words"),
    [
        ("r3d_18", "auto", "r3d_18-b3b3357e.pth", "b3b3357e", "trained on Kinetics-400 by torchvision"),
        ("r3d_18", "KINETICS400_V1", "r3d_18-b3b3357e.pth", "b3b3357e", "trained on Kinetics-400 by torchvision"),
        ("swin3d_b", "auto", "swin3d_b_1k-24f7c7c6.pth", "24f7c7c6", "trained on Kinetics-400 by torchvision"),
        (
            "swin3d_b",
            "kinetics400_imagenet22k_v1",
            "swin3d_b_22k-7c6ae6fa.pth",
            "7c6ae6fa",
            "trained on ImageNet-22k and Kinetics-400 by torchvision",
        ),
    ],
)
def test_weights_are_fetched_from_torchvisions_address_and_checked(
    name, weights, file, digits, words, tmp_path, monkeypatch
):
    # The smallest of a kind stands for the others, which differ in depth and width.
    small = {"swin3d_b": "swin3d_t"}.get(name, name)
    monkeypatch.setattr(torchvision_models, "get_model", lambda _, **arguments: get_model(small, **arguments))
    state = shaken(get_model(small, weights=None)).state_dict()
    torch.save(state, tmp_path / file)
    asked = []

    def fetch(url, sha256, progress):
        asked.append((url, sha256, progress))
        return tmp_path / file

    def progress(done, total): ...

    monkeypatch.setattr(build, "fetch", fetch)
    model = load(name, weights, progress=progress)
    assert asked == [(f"https://download.pytorch.org/models/{file}", digits, progress)]
    assert model.config.weights == words
    assert (model.config.labels[0], model.config.labels[399]) == ("abseiling", "zumba")
    loaded = model.state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[key], state[key]) for key in state)


@pytest.mark.parametrize("name", ["mine.pth", "r3d_18-b3b3357e.pth"])
def test_a_copy_of_torchvisions_weights_has_its_names_whatever_it_is_called(name, tmp_path, monkeypatch):
    torch.save(shaken(get_model("r3d_18", weights=None)).state_dict(), tmp_path / name)
    assert load("r3d_18", tmp_path / name).config.labels == ()  # the name of a file may be anything
    monkeypatch.setattr(torchvision_models, "sha256_of", lambda path: "b3b3357e" + 56 * "0")
    config = load("r3d_18", tmp_path / name).config
    assert (len(config.labels), config.labels[0], config.weights) == (400, "abseiling", name)
    assert load("r3d_18", tmp_path / name, labels=[f"own {k}" for k in range(400)]).config.labels[0] == "own 0"


def test_every_address_of_torchvision_holds_the_digits_that_are_checked(monkeypatch):
    asked = []
    monkeypatch.setattr(build, "fetch", lambda url, sha256, progress: asked.append(sha256))
    urls = [weights.url for name in NAMES for weights in get_model_weights(name)]
    for url in urls:
        build.downloaded(url, None)
    assert len(asked) == 10
    assert all(re.fullmatch("[0-9a-f]{8}", digits) and digits in url for digits, url in zip(asked, urls, strict=True))


def test_without_a_network_it_is_said_what_to_fetch_and_where_to_put_it(tmp_path, monkeypatch):
    def offline(*args, **options):
        raise URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    monkeypatch.setenv("VIDEXPLAIN_CACHE", str(tmp_path))
    url = "https://download.pytorch.org/models/r3d_18-b3b3357e.pth"
    place = tmp_path / "download.pytorch.org" / "models" / "r3d_18-b3b3357e.pth"
    said = f"cannot download {url}: no route to host; get it by other means and put it at '{place}'"
    assert error("r3d_18", "auto") == said
    assert list(place.parent.iterdir()) == []
    torch.save({}, place)
    assert "is not what was published" in error("r3d_18", "auto")


def test_a_fine_tuned_file_says_how_many_classes_it_has(tmp_path):
    path = tmp_path / "mine.pt"
    torch.save(shaken(get_model("mc3_18", weights=None, num_classes=3)).state_dict(), path)
    config = load("mc3_18", path).config
    assert (config.num_classes, config.labels) == (3, ())
    assert load("mc3_18", path, labels=["a", "b", "c"]).config.labels == ("a", "b", "c")
    assert error("mc3_18", path, labels=["a", "b"]) == f"weights '{path}' have 3 classes, not 2"
    assert error("mc3_18", path, num_classes=4) == f"weights '{path}' have 3 classes, not 4"
    said = error("r3d_18", path)  # another network differs in more than its classes
    assert said.startswith(f"weights '{path}' do not fit torchvision:r3d_18: 14 of another shape (")
    assert "layer2.0.conv2.0.weight (128, 128, 1, 3, 3) for (128, 128, 3, 3, 3)" in said
    assert said.endswith("; they fit torchvision:mc3_18")
    torch.save({"fc.weight": torch.zeros(3, 512)}, path)  # no network's
    assert "they fit" not in error("r3d_18", path)


def test_a_saved_network_comes_back_with_its_labels(tmp_path):
    model = shaken(load("mc3_18", labels=["fall", "rise"], num_frames=12, size=64))
    model.config = model.config.replace(weights="trained for a test")
    vx.save_model(model, tmp_path / "mine.safetensors")
    again = load("mc3_18", tmp_path / "mine.safetensors", size=96)
    assert again.config == model.config.replace(size=(96, 96))
    assert all(torch.equal(again.state_dict()[key], value) for key, value in model.state_dict().items())
    said = error("r3d_18", tmp_path / "mine.safetensors")
    assert said.endswith("are of 'torchvision:mc3_18', not of 'torchvision:r3d_18'; they fit torchvision:mc3_18")


def test_random_weights_are_always_the_same_and_leave_the_random_state_alone():
    torch.manual_seed(5)
    first, drawn = load("r3d_18").state_dict(), torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), drawn)
    second = load("r3d_18")
    assert all(torch.equal(first[key], value) for key, value in second.state_dict().items())
    assert not any(module.training for module in second.modules())


@pytest.mark.parametrize(
    ("name", "weights", "options", "said"),
    [
        ("r3d18", "none", {}, "unknown model of torchvision 'r3d18'; did you mean r3d_18?"),
        ("", "none", {}, "after torchvision: comes the name of a model, such as r3d_18"),
        ("r3d_18", "KINETICS400_V2", {}, "'KINETICS400_V2'; did you mean KINETICS400_V1?"),
        ("r3d_18", "bundled", {}, "unknown weights of torchvision:r3d_18 'bundled'; known: auto, none, KINETICS400_V1"),
        ("r3d_18", "missing.pt", {}, "no weights 'missing.pt'"),
        ("r3d_18", "none", {"width": 4}, "unknown option of torchvision:r3d_18 'width'"),
        ("r3d_18", "none", {"num_classes": 0}, "num_classes must be at least 1, not 0"),
        ("r3d_18", "none", {"size": (0, 4)}, "size is a height and a width in pixels, not '(0, 4)'"),
        ("s3d", "none", {"num_frames": 13}, "torchvision:s3d needs 14 frames of 224x224 pixels or more"),
        ("s3d", "auto", {"size": 112}, "torchvision:s3d needs 14 frames of 224x224 pixels or more"),
        ("mvit_v1_b", "auto", {"num_frames": 32}, "takes 16 frames of 224x224 pixels: leave num_frames and size out"),
    ],
)
def test_what_cannot_be_is_one_line(name, weights, options, said, monkeypatch):
    monkeypatch.setattr(build, "fetch", lambda *args: pytest.fail("downloaded before the options were read"))
    assert said in error(name, weights, **options)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("r3d_18", "unknown model 'r3d_18'; did you mean torchvision:r3d_18?"),
        ("slowfast_r50", "unknown model 'slowfast_r50'; did you mean pytorchvideo:slowfast_r50?"),
        ("torchvison:r3d_18", "unknown source of models 'torchvison'; did you mean torchvision or pytorchvideo?"),
    ],
)
def test_a_source_that_is_missing_or_mistyped_is_named(name, said):
    with pytest.raises(vx.VidexplainError) as raised:
        vx.load_model(name, "none")
    assert str(raised.value) == said


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", SMALL)
def test_methods_work_at_the_layers_that_are_their_default(name):
    model = shaken(load(name, num_classes=4, **SMALL[name]))
    x = torch.randn(1, 3, model.config.num_frames, *model.config.size)
    layer, shape = LAST[name]
    assert model.config.default_layer == layer
    heat = vx.attribute(model, x, method="gradcam", target=vx.Contrast(0, 1), enlarge=False)
    against = vx.attribute(model, x, method="gradcam", target=vx.Contrast(1, 0), enlarge=False)
    assert heat.shape == against.shape == (1, *shape)
    # The one is what the ReLU cuts off the other, so that both are zero only where there are no gradients.
    assert float(heat.amax() + against.amax()) > 0
    assert not ((heat > 0) & (against > 0)).any()

    layer, shape = FIRST[name]
    assert model.config.first_layer == layer
    assert isinstance(model.get_submodule(layer), nn.Conv3d)
    seen = vx.attribute(model, x, method="activations", enlarge=False)
    with torch.no_grad():
        torch.testing.assert_close(seen, model.get_submodule(layer)(x).mean(1))
    assert seen.shape == (1, *shape)

    if name in WITHOUT_RELU:
        with pytest.raises(vx.VidexplainError, match="calls no ReLU"):
            vx.attribute(model, x, method="guided-backprop", target=0)
    else:
        guided = vx.attribute(model, x, method="guided-backprop", target=0)
        assert guided.shape == x.shape
        assert float(guided.abs().amax()) > 0


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", SMALL)
def test_a_whole_video_is_explained(name):
    options = SMALL[name] if name == "s3d" else SMALL[name] | {"frame_interval": 2}
    model = shaken(load(name, num_classes=4, **options))
    frames = np.random.default_rng(0).integers(0, 256, (20, 24, 32, 3), np.uint8)
    found = vx.explain(model, vx.Clip(frames, fps=25.0), "gradcam")
    assert found.origin.layer == LAST[name][0]
    assert found.heatmap.shape == (20, 24, 32)
    assert np.isfinite(found.heatmap).all()
    assert sum(share for _, share in found.predictions) == pytest.approx(1, abs=1e-5)
    assert len(found.predictions) == 4


def test_swins_last_norm_holds_the_whole_answer_and_what_goes_into_it_is_orthogonal_to_its_gradients():
    model = shaken(load("swin3d_t", num_classes=4, num_frames=4, size=64))
    layers = [resolve(model, name) for name in ("features.6", "norm")]
    with trace(model, torch.randn(1, 3, 4, 64, 64), layers) as run:
        gradients = next(run.gradients(run.logits[None, :, 0]))
        before, behind = (run.activations(layer) * gradients[layer] for layer in layers)
        logit = run.logits[0, 0].item()
    # A mean and one linear layer follow.
    assert behind.sum().item() == pytest.approx(logit - model.head.bias[0].item(), abs=1e-5)
    # The norm takes out the mean over channels and divides by their length: no change along them changes the answer.
    assert before.sum(1).abs().amax().item() < 0.01 * behind.sum(1).abs().amax().item()
    assert before.abs().amax().item() > 0.01 * behind.abs().amax().item()


def test_the_real_mvits_have_the_layers_that_the_narrow_ones_are_tried_at():
    for name, blocks in (("mvit_v1_b", 16), ("mvit_v2_s", 16)):
        model = load(name)
        small = narrow_mvit(name, weights=None, num_classes=400)
        assert len(model.blocks) == len(small.blocks) == blocks
        assert isinstance(model.get_submodule("blocks.15.norm1"), nn.LayerNorm)
        theirs, ours = ([tuple(p.pool.stride) for p in pools(network)] for network in (model, small))
        assert theirs == ours


def pools(network: nn.Module) -> list[nn.Module]:
    return [m for block in network.blocks for m in block.modules() if hasattr(m, "pool") and m.pool is not None]
