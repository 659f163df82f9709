"""A gradient that a network cuts is found anyway, or said to be cut; never a map of zeros or an untrue sentence."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import videxplain as vx
from tests.attribution.networks import seeded, video

GRADIENT_METHODS = ["saliency", "input-x-gradient", "smoothgrad", "integrated-gradients", "gradient-shap", "deeplift"]
CAMS = ["gradcam", "hirescam", "layercam"]


class Net(nn.Module):
    """Convolutions that ``cut`` runs in some way, and a linear head."""

    def __init__(self, cut: str = "") -> None:
        super().__init__()
        self.c1, self.r1 = nn.Conv3d(3, 6, 3, padding=1), nn.ReLU()
        self.c2, self.r2 = nn.Conv3d(6, 8, 3, padding=1), nn.ReLU()
        self.fc, self.cut = nn.Linear(8, 3), cut

    def body(self, x: Tensor) -> Tensor:
        return self.r2(self.c2(self.r1(self.c1(x))))

    def forward(self, x: Tensor) -> Tensor:
        if self.cut == "no_grad":
            with torch.no_grad():
                y = self.body(x)
        elif self.cut == "no_grad decorator":
            y = torch.no_grad()(self.body)(x)
        elif self.cut == "set_grad_enabled":
            with torch.set_grad_enabled(False):
                y = self.body(x)
        elif self.cut == "half of it":
            with torch.no_grad():
                y = self.r1(self.c1(x))
            y = self.r2(self.c2(y))
        elif self.cut == "a shortcut":
            y = self.r1(self.c1(x))
            with torch.no_grad():
                z = self.c2(y)
            y = self.r2(z + torch.cat([y, y[:, :2]], 1))
        elif self.cut == "inference_mode":
            with torch.inference_mode():
                y = self.body(x)
            y = y.clone()
        elif self.cut == "detach":
            y = self.body(x).detach()
        elif self.cut == "rounding":
            y = (self.body(x) * 50).round() / 50
        elif self.cut == "numpy":
            y = torch.from_numpy(self.body(x).detach().cpu().numpy()).to(x)
        elif self.cut.startswith("checkpoint"):
            y = checkpoint(self.body, x, use_reentrant=self.cut == "checkpoint, reentrant")
        elif self.cut == "nothing depends on it":
            y = self.body(x) * 0 + 1
            y = torch.ones_like(y)
        elif self.cut == "a shortcut around":
            y = torch.cat([x, x, x[:, :2]], 1) + 0 * len(self.body(x))
        else:
            y = self.body(x)
        return self.fc(y.mean((2, 3, 4)))


def net(cut: str = "") -> nn.Module:
    return seeded(lambda: Net(cut))


def whole(cut: str) -> nn.Module:
    """The same function with nothing cut."""
    if cut != "a shortcut":
        return net()

    class Shortcut(Net):
        def body(self, x: Tensor) -> Tensor:
            y = self.r1(self.c1(x))
            return self.r2(self.c2(y) + torch.cat([y, y[:, :2]], 1))

    return seeded(Shortcut)


SWITCHED = ["no_grad", "no_grad decorator", "set_grad_enabled", "half of it", "a shortcut"]


@pytest.mark.parametrize("cut", SWITCHED)
@pytest.mark.parametrize("method", ["gradcam", "layercam", "saliency", "guided-backprop", "integrated-gradients"])
def test_what_runs_without_gradients_has_the_map_of_the_same_network_with_them(method: str, cut: str) -> None:
    x, options = video(2, 3, 4, 12, 12), {"layer": "r1"} if "cam" in method else {}
    found = vx.attribute(net(cut), x, method=method, target=1, **options)
    wanted = vx.attribute(whole(cut), x, method=method, target=1, **options)
    torch.testing.assert_close(found, wanted)
    assert found.abs().max() > 0


@pytest.mark.parametrize("cut", ["detach", "numpy", "rounding", "inference_mode"])
@pytest.mark.parametrize(
    "method", [*CAMS, *GRADIENT_METHODS, "guided-backprop", "extremal-perturbation", "temporal-mask"]
)
def test_what_stays_cut_is_said_to_be_cut(method: str, cut: str) -> None:
    options = {"layer": "r1"} if method in CAMS else {}
    with pytest.raises(vx.VidexplainError) as refusal:
        vx.attribute(net(cut), video(1, 3, 4, 12, 12), method=method, target=1, **options)
    assert "not depend" not in str(refusal.value)
    assert "scorecam" in str(refusal.value) or method == "deeplift"  # whose parts then do not add up
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("cut", ["detach", "numpy", "rounding", "no_grad", "inference_mode"])
@pytest.mark.parametrize("method", ["ablationcam", "scorecam", "occlusion", "rise", "lime", "kernel-shap"])
def test_methods_without_gradients_do_not_mind(method: str, cut: str) -> None:
    x, options = video(1, 3, 4, 12, 12), {"layer": "r1"} if "cam" in method else {}
    if method == "rise":
        options["samples"] = 10
    if method in ("lime", "kernel-shap"):
        options |= {"samples": 40, "count": 8}
    found = vx.attribute(net(cut), x, method=method, target=1, **options)
    wanted = vx.attribute(net("" if cut != "rounding" else cut), x, method=method, target=1, **options)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_quantised_head_has_no_gradient_and_it_is_said() -> None:
    quantised = torch.ao.quantization.quantize_dynamic(net().cpu(), {nn.Linear}, dtype=torch.qint8)
    for method in (*CAMS, *GRADIENT_METHODS):
        options = {"layer": "r2"} if method in CAMS else {}
        with pytest.raises(vx.VidexplainError, match=r"cuts the gradient.*scorecam"):
            vx.attribute(quantised, video(1, 3, 4, 12, 12).cpu(), method=method, target=1, **options)


@pytest.mark.parametrize("method", ["gradcam", "layercam", "saliency", "integrated-gradients"])
@pytest.mark.parametrize("layer", ["r1", "c2", "r2"])
def test_segments_that_are_recomputed_have_the_same_map(method: str, layer: str) -> None:
    x, options = video(2, 3, 4, 12, 12), {"layer": layer} if "cam" in method else {}
    found = vx.attribute(net("checkpoint"), x, method=method, target=1, **options)
    torch.testing.assert_close(found, vx.attribute(net(), x, method=method, target=1, **options))
    both = vx.attribute(net("checkpoint"), x, method=method, targets=[1, 2], **options)
    torch.testing.assert_close(both, vx.attribute(net(), x, method=method, targets=[1, 2], **options))


def test_other_rules_for_relus_are_refused_where_segments_are_recomputed() -> None:
    with pytest.raises(vx.VidexplainError, match="switch gradient checkpointing off"):
        vx.attribute(net("checkpoint"), video(1, 3, 4, 12, 12), method="guided-backprop", target=1)


@pytest.mark.parametrize("method", ["gradcam", "saliency", "guided-backprop", "integrated-gradients"])
def test_reentrant_segments_are_refused_in_their_own_terms(method: str) -> None:
    options = {"layer": "r2"} if method == "gradcam" else {}
    with pytest.raises(vx.VidexplainError, match=r"switch gradient checkpointing off|a quantised or recomputed part"):
        vx.attribute(net("checkpoint, reentrant"), video(1, 3, 4, 12, 12), method=method, target=1, **options)


def test_what_truly_does_not_count_is_said_not_to_count() -> None:
    x = video(1, 3, 4, 12, 12)
    with pytest.raises(vx.VidexplainError, match="does not depend on layer 'r1'"):
        vx.attribute(net("a shortcut around"), x, method="gradcam", target=1, layer="r1")
    with pytest.raises(vx.VidexplainError, match="does not depend on the input"):
        vx.attribute(net("nothing depends on it"), x, method="saliency", target=1)
    with pytest.raises(vx.VidexplainError, match="the score does not depend on the network's output"):
        vx.attribute(net(), x, method="gradcam", target=lambda logits: logits.detach()[:, 0], layer="r1")


def test_a_flat_score_keeps_its_map_of_zeros() -> None:
    flat = net()
    with torch.no_grad():
        flat.c2.bias.fill_(-100)  # nothing passes the last ReLU, and a small change does not change that
    assert vx.attribute(flat, video(1, 3, 4, 12, 12), method="gradcam", target=1, layer="r1").abs().max() == 0
    assert vx.attribute(flat, video(1, 3, 4, 12, 12), method="saliency", target=1).abs().max() == 0


def test_modules_that_torch_cannot_look_into_are_refused_in_one_line() -> None:
    x = video(1, 3, 4, 12, 12)
    with torch.inference_mode():
        inferring = net()
    with pytest.raises(vx.VidexplainError, match=r"made inside torch\.inference_mode"):
        vx.attribute(inferring, x, method="gradcam", target=1)
    lazy = nn.Sequential(nn.LazyConv3d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
    with pytest.raises(vx.VidexplainError, match="lazy layers that have not run"):
        vx.attribute(lazy, x, method="gradcam", target=1)
    scripted = torch.jit.script(nn.Sequential(nn.Conv3d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(800, 3)))
    with pytest.raises(vx.VidexplainError, match="a scripted or traced network shows none"):
        vx.attribute(scripted, x, method="gradcam", target=1)
    assert vx.attribute(scripted, x, method="saliency", target=1).abs().max() > 0


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize(
    "method",
    ["gradcam", "scorecam", "ablationcam", "saliency", "rise", "integrated-gradients", "lrp", "lime", "kernel-shap"],
)
def test_other_types_of_numbers_have_the_float32_map(method: str, kind: torch.dtype) -> None:
    x, options = video(1, 3, 4, 12, 12), {"layer": "r2"} if "cam" in method else {}
    if method == "rise":
        options["samples"] = 10
    if method in ("lime", "kernel-shap"):
        options |= {"count": 4, "samples": 40}
    wanted = vx.attribute(net(), x, method=method, target=1, **options)
    found = vx.attribute(net().to(kind), x.to(kind), method=method, target=1, **options)
    assert found.dtype == torch.float32
    both = torch.stack([found.flatten(), wanted.flatten()])
    assert torch.corrcoef(both)[0, 1] > (0.9999 if kind == torch.float64 else 0.9)


@pytest.mark.parametrize("method", ["saliency", "gradcam", "frame-occlusion"])
def test_a_network_that_adapts_itself_in_a_pass_is_refused(method: str) -> None:
    class Adapting(Net):
        def forward(self, x: Tensor) -> Tensor:
            with torch.enable_grad():
                entropy = -(super().forward(x).log_softmax(1)).mean()
                (step,) = torch.autograd.grad(entropy, [self.fc.weight])
            return nn.functional.linear(self.body(x).mean((2, 3, 4)), self.fc.weight - step, self.fc.bias)

    network, x = seeded(Adapting), video(1, 3, 4, 8, 8)
    assert network(x).shape == (1, 3)
    with pytest.raises(vx.VidexplainError, match="takes gradients during a pass, as test-time adaptation does"):
        vx.attribute(network, x, method=method, target=0)
