"""What a GPU computes is what the CPU computes: every method on every kind of network. Needs ``--device cuda``."""

import copy

import pytest
import torch

from tests.attribution.every_network import NETWORKS, options, refusal
from tests.device import here
from videxplain.attribution.api import METHODS, attribute


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Each network once on the device and once on the CPU."""
    pairs = {}

    def build(name):
        if name not in pairs:
            network = NETWORKS[name][0](tmp_path_factory.mktemp(name.replace(" ", "-")))
            pairs[name] = network, copy.deepcopy(network).cpu()
        return pairs[name]

    return build


def clip(shape):
    return torch.randn(1, 3, *shape, generator=torch.Generator().manual_seed(0))


WITHOUT_NOISE = {"smoothgrad": {"noise": 0.0}, "gradient-shap": {"noise": 0.0}}
"""The noise is the device's own."""
UNSTEADY = {"extremal-perturbation"}
"""Its first steps start from equal values and go by the sign of small gradients, so rounding decides between places."""
FOR_ROUNDING = {("mc3", "integrated-gradients"): 1e-2}
"""A ReLU whose input is zero but for rounding."""


def apart(a, b):
    """The largest difference as a share of the largest value."""
    return float((a.cpu() - b.cpu()).abs().max() / b.abs().max().clamp_min(1e-12))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_map_is_the_same_as_on_the_cpu(network, method, pair):
    if refusal(network, method):
        pytest.skip("not for this network")
    there, on_cpu = pair(network)
    x = clip(NETWORKS[network][1])
    asked = {**options(network, method), **WITHOUT_NOISE.get(method, {}), "target": 1}
    found, expected = attribute(there, x.to(here()), **asked), attribute(on_cpu, x, **asked)
    assert found.device.type == here().type
    assert found.shape == expected.shape
    if method not in UNSTEADY:
        assert apart(found, expected) < FOR_ROUNDING.get((network, method), 1e-3)


@pytest.mark.parametrize("network", [name for name in NETWORKS if name != "c3d"])
def test_a_found_part_keeps_the_score_as_on_the_cpu(network, pair):
    """Extremal perturbation: which places it finds may differ, not how much of the score they keep.

    In so few steps it finds nothing that keeps the score of the small c3d.
    """
    there, on_cpu = pair(network)
    x = clip(NETWORKS[network][1])
    asked = {"method": "extremal-perturbation", "steps": 30, "areas": (0.3,), "target": 1, "fill": "mean"}
    masks = [attribute(n, x.to(d), **asked).cpu() for n, d in ((there, here()), (on_cpu, "cpu"))]
    with torch.no_grad():
        whole, nothing = (float(on_cpu(v)[0, 1]) for v in (x, torch.zeros_like(x)))
        kept = [(float(on_cpu(x * mask[:, None])[0, 1]) - nothing) / abs(whole - nothing) for mask in masks]
    assert kept[0] == pytest.approx(kept[1], abs=0.2, rel=0.2)
    assert float(masks[0].mean()) == pytest.approx(float(masks[1].mean()), abs=0.1)


@pytest.mark.parametrize("method", ["gradcam", "guided-backprop", "lrp", "rise"])
@pytest.mark.parametrize("network", ["i3d", "c3d", "lrcn", "late_fusion", "videomae"])
def test_bfloat16_is_close_to_float32(network, method, pair):
    if refusal(network, method):
        pytest.skip("not for this network")
    there, _ = pair(network)
    x = clip(NETWORKS[network][1]).to(here())
    exact, short = (attribute(there, x, **options(network, method), target=1, precision=p) for p in ("fp32", "bf16"))
    assert apart(short, exact) < 0.25
    assert float(torch.corrcoef(torch.stack([short.flatten(), exact.flatten()]))[0, 1]) > 0.95


@pytest.mark.parametrize("training", [False, True])
def test_an_lstm_in_either_mode(training, pair):
    there, on_cpu = pair("lrcn")
    x = clip(NETWORKS["lrcn"][1])
    enabled = torch.backends.cudnn.enabled
    try:
        for module in there.modules():
            if isinstance(module, torch.nn.RNNBase):
                module.train(training)
        found = attribute(there, x.to(here()), method="gradcam", target=1)
    finally:
        there.eval()
    assert torch.backends.cudnn.enabled == enabled
    assert apart(found, attribute(on_cpu, x, method="gradcam", target=1)) < 1e-4
    assert not any(parameter.grad is not None for parameter in there.parameters())


def test_memory_does_not_grow_from_call_to_call(pair):
    if here().type != "cuda":
        pytest.skip("counts CUDA's memory")
    there, _ = pair("i3d")
    x = clip(NETWORKS["i3d"][1]).to(here())
    held = []
    for _ in range(4):
        for method in ("gradcam", "guided-backprop", "lrp", "rise"):
            attribute(there, x, **options("i3d", method), target=1)
        held.append(torch.cuda.memory_allocated())
    assert held[-1] == held[1]
