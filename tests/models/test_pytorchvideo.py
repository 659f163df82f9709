"""Models of pytorchvideo's hub by name: its logits, its layer names, and explanations of one and two pathways."""

import sys
from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn

import videxplain as vx
from videxplain.attribution.engine import trace
from videxplain.attribution.layers import first_layer, resolve
from videxplain.models import build
from videxplain.models.hubs.pytorchvideo import ENTRIES, published_config, two_pathways
from videxplain.models.hubs.sources import SOURCES

pytest.importorskip("pytorchvideo")

SMALL = {"num_frames": 8, "size": (64, 64)}
POOLED = {
    "slow_r50": (8, 2, 2),
    "c2d_r50": (4, 2, 2),
    "i3d_r50": (4, 2, 2),
    "csn_r101": (1, 2, 2),
    "r2plus1d_r50": (2, 2, 2),
    "x3d_xs": (8, 2, 2),
    "slowfast_r50": ((2, 2, 2), (8, 2, 2)),
}
"""What the hub's head averages over where it gets the small input, so that it is all of it as at full size."""
ENDS_IN_SOFTMAX = ("r2plus1d_r50", "x3d_xs")
LAST = {
    "slow_r50": ("blocks.4", (8, 2, 2)),
    "c2d_r50": ("blocks.5", (4, 2, 2)),
    "i3d_r50": ("blocks.5", (4, 2, 2)),
    "csn_r101": ("blocks.4", (1, 2, 2)),
    "r2plus1d_r50": ("blocks.4", (2, 2, 2)),
    "x3d_xs": ("blocks.4", (8, 2, 2)),
    "slowfast_r50": ("blocks.4.multipathway_blocks.0", (2, 2, 2)),
    "mvit_base_16x4": ("blocks.15.norm1", (4, 2, 2)),
}
"""Where Grad-CAM looks, and how fine its map is there."""
FIRST = {
    "x3d_xs": "blocks.0.conv.conv_t",
    "slowfast_r50": "blocks.0.multipathway_blocks.0.conv",
    "mvit_base_16x4": "patch_embed.patch_model",
}


def load(name: str, weights="none", **options) -> nn.Module:
    return vx.load_model(f"pytorchvideo:{name}", weights, **options)


def error(name: str, weights="none", **options) -> str:
    with pytest.raises(vx.VidexplainError) as raised:
        load(name, weights, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def theirs(name: str, **arguments) -> nn.Module:
    """What the hub itself gives, in evaluation, its weights and statistics shaken."""
    network = getattr(import_module(f"pytorchvideo.models.hub.{ENTRIES[name].module}"), name)(**arguments).eval()
    return shaken(network)


def shaken(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.mul_(0.8 + 0.4 * torch.rand(value.shape, generator=generator))
                value.add_(0.02 * torch.rand(value.shape, generator=generator) if value.ndim == 1 else 0)
    return network


def test_every_model_that_is_listed_is_one_of_the_hub():
    assert set(SOURCES["pytorchvideo"].names) == set(ENTRIES)
    hub = import_module("pytorchvideo.models.hub")
    assert all(callable(getattr(hub, name)) for name in ENTRIES)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_address_is_that_of_the_hub_and_the_layer_is_there(name):
    entry = ENTRIES[name]
    module = import_module(f"pytorchvideo.models.hub.{entry.module}")
    published = module.checkpoint_paths[name]
    assert published == f"https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/{entry.file}"
    model = load(name)
    config = model.config
    resolve(model, config.default_layer)
    assert (config.mean, config.std) == ((0.45,) * 3, (0.225,) * 3)
    named = published_config(name)
    assert (len(named.labels), named.labels[0], named.labels[399]) == (400, "abseiling", "zumba")
    assert config == named.replace(labels=())  # random weights know no classes
    assert (config.num_frames, config.size) == (entry.num_frames, (entry.size, entry.size))
    # The last block before the head, so that nothing of it is left out.
    if not entry.is_mvit:
        assert config.default_layer.startswith(f"blocks.{len(model.blocks) - (2 if entry.alpha == 1 else 3)}")


@pytest.mark.parametrize("name", [*POOLED, "mvit_base_16x4"])
def test_logits_are_those_of_the_hubs_own_network(name, tmp_path):
    extent = {"spatial_size": 64, "temporal_size": 8} if "mvit" in name else {}
    network = theirs(name, **extent)
    if "mvit" not in name:
        pools = [m for m in network.modules() if isinstance(m, nn.AvgPool3d)]
        kernels = POOLED[name] if "slowfast" in name else [POOLED[name]]
        for pool, kernel in zip(pools, kernels, strict=True):
            pool.kernel_size = kernel
    # Files of the hub have the weights under this name, beside other things.
    torch.save({"model_state": network.state_dict(), "cfg": "text"}, tmp_path / "theirs.pyth")
    ours = load(name, tmp_path / "theirs.pyth", **SMALL)
    assert ours.state_dict().keys() == network.state_dict().keys()
    assert ours.config.weights == "theirs.pyth"
    x = torch.randn(2, 3, 8, 64, 64)
    with torch.no_grad():
        expected = network([x[:, :, [0, 7]], x] if "slowfast" in name else x)
        logits = ours(x)
    if name in ENDS_IN_SOFTMAX:
        assert float(expected.sum(1).sub(1).abs().amax()) < 1e-5
        logits = logits.softmax(1)
    assert float((logits - expected).abs().amax()) <= 1e-5 * float(expected.abs().amax())


def test_at_full_size_the_mean_is_the_hubs_own():
    network = theirs("x3d_xs")
    ours = load("x3d_xs")
    ours.load_state_dict(network.state_dict())
    x = torch.randn(1, 3, 4, 160, 160)
    with torch.no_grad():
        torch.testing.assert_close(ours(x).softmax(1), network(x), rtol=1e-5, atol=1e-8)


def test_the_slow_pathway_sees_these_frames():
    x = torch.arange(32.0).reshape(1, 1, 32, 1, 1)
    slow, fast = two_pathways(x, 4)
    assert slow.flatten().tolist() == [0, 4, 8, 13, 17, 22, 26, 31]
    assert fast is x
    assert two_pathways(x[:, :, :8], 4)[0].flatten().tolist() == [0, 7]


@pytest.mark.parametrize("name", LAST)
def test_methods_work_at_the_layers_that_are_their_default(name):
    model = shaken(load(name, num_classes=4, **SMALL))
    x = torch.randn(1, 3, 8, 64, 64)
    layer, shape = LAST[name]
    assert model.config.default_layer == layer
    heat = vx.attribute(model, x, method="gradcam", target=vx.Contrast(0, 1), enlarge=False)
    against = vx.attribute(model, x, method="gradcam", target=vx.Contrast(1, 0), enlarge=False)
    assert heat.shape == against.shape == (1, *shape)
    assert float(heat.amax() + against.amax()) > 0
    assert not ((heat > 0) & (against > 0)).any()
    assert first_layer(model).name == FIRST.get(name, "blocks.0.conv")
    assert vx.attribute(model, x, method="activations", enlarge=False).shape[-2:] == (
        (16, 16) if "mvit" in name else (32, 32)
    )
    if "mvit" in name:
        with pytest.raises(vx.VidexplainError, match="calls no ReLU"):
            vx.attribute(model, x, method="guided-backprop", target=0)
    else:
        assert float(vx.attribute(model, x, method="guided-backprop", target=0).abs().amax()) > 0


@pytest.mark.parametrize("name", ["slow_r50", "x3d_s", "slowfast_r50", "mvit_base_16x4"])
def test_a_whole_video_is_explained(name):
    model = shaken(load(name, num_classes=4, frame_interval=1, **SMALL))
    frames = np.random.default_rng(0).integers(0, 256, (20, 24, 32, 3), np.uint8)
    found = vx.explain(model, vx.Clip(frames, fps=25.0), "gradcam")
    assert found.heatmap.shape == (20, 24, 32)
    assert np.isfinite(found.heatmap).all()
    assert found.origin.model == f"pytorchvideo:{name}"
    assert sum(share for _, share in found.predictions) == pytest.approx(1, abs=1e-5)


def test_either_pathway_can_be_named_and_together_they_are_the_whole_answer():
    model = shaken(load("slowfast_r50", num_classes=4, **SMALL))
    x = torch.randn(1, 3, 8, 64, 64)
    slow, fast = (f"blocks.4.multipathway_blocks.{i}" for i in (0, 1))
    for layer, steps, method in ((slow, 2, "gradcam"), (fast, 8, "gradcam"), (fast, 8, "hirescam")):
        heat = vx.attribute(model, x, method=method, target=0, layer=layer, enlarge=False)
        assert heat.shape == (1, steps, 2, 2)
    # A mean and one linear layer follow: activations times gradients add up to the logit but for its bias.
    layers = [resolve(model, layer) for layer in (slow, fast)]
    with trace(model, x, layers) as run:
        gradients = next(run.gradients(run.logits[None, :, 0]))
        parts = [float((run.activations(layer) * gradients[layer]).sum()) for layer in layers]
        logit = run.logits[0, 0].item()
    assert sum(parts) == pytest.approx(logit - model.blocks[6].proj.bias[0].item(), abs=1e-5)
    assert all(abs(part) > 1e-4 for part in parts)


def test_the_hubs_weights_are_fetched_from_its_address(tmp_path, monkeypatch):
    network, asked = theirs("x3d_xs"), []
    torch.save({"model_state": network.state_dict()}, tmp_path / "X3D_XS.pyth")

    def fetch(url, sha256, progress):
        asked.append((url, sha256))
        return tmp_path / "X3D_XS.pyth"

    monkeypatch.setattr(build, "fetch", fetch)
    model = load("x3d_xs", "auto")
    assert asked == [("https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/X3D_XS.pyth", "")]
    assert model.config.weights == "trained on Kinetics-400 by pytorchvideo"
    assert model.config.labels[:2] == ("abseiling", "air drumming")
    assert load("x3d_xs", tmp_path / "X3D_XS.pyth").config.labels == model.config.labels
    (tmp_path / "X3D_XS.pyth").rename(tmp_path / "mine.pyth")
    assert load("x3d_xs", tmp_path / "mine.pyth").config.labels == ()  # they may be any 400
    assert all(torch.equal(model.state_dict()[key], value) for key, value in network.state_dict().items())


def test_a_fine_tuned_file_says_how_many_classes_it_has(tmp_path):
    torch.save(theirs("x3d_xs", model_num_class=3).state_dict(), tmp_path / "mine.pt")
    model = load("x3d_xs", tmp_path / "mine.pt", **SMALL)
    assert (model.config.num_classes, model.config.labels) == (3, ())
    model.config = model.config.replace(labels=("a", "b", "c"))
    vx.save_model(model, tmp_path / "mine.safetensors")
    assert load("x3d_xs", tmp_path / "mine.safetensors").config == model.config


@pytest.mark.parametrize(
    ("name", "weights", "options", "said"),
    [
        ("slowr50", "none", {}, "unknown model of pytorchvideo 'slowr50'; did you mean slow_r50 or"),
        ("slow_r50", "kinetics", {}, "unknown weights of pytorchvideo:slow_r50 'kinetics'; known: auto, none"),
        ("slowfast_r50", "none", {"num_frames": 30}, "num_frames of pytorchvideo:slowfast_r50 is a multiple of 4"),
        ("c2d_r50", "none", {"num_frames": 7}, "num_frames of pytorchvideo:c2d_r50 is a multiple of 2"),
        ("i3d_r50", "none", {"num_frames": 1}, "num_frames of pytorchvideo:i3d_r50 is a multiple of 2"),
        ("mvit_base_16x4", "auto", {"size": 64}, "are for 16 frames of 224x224 pixels: leave num_frames and size out"),
        ("mvit_base_16x4", "none", {"size": 100}, "needs an even num_frames, and sides that 32 divides"),
    ],
)
def test_what_cannot_be_is_one_line(name, weights, options, said, monkeypatch):
    monkeypatch.setattr(build, "fetch", lambda *args: pytest.fail("downloaded before the options were read"))
    assert said in error(name, weights, **options)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch):
    for module in [name for name in sys.modules if name.partition(".")[0] == "pytorchvideo"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr("sys.meta_path", [Hidden(), *sys.meta_path])
    assert error("slow_r50") == "pytorchvideo: needs that package: pip install 'videxplain[pytorchvideo]'"


class Hidden:
    """Finds nothing where pytorchvideo would be."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pytorchvideo":
            raise ModuleNotFoundError(f"No module named '{name}'", name="pytorchvideo")
