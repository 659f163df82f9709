"""Layers captured in a pass that the caller runs: values of plain autograd, and no trace on the network."""

import pytest
import torch
from torch import nn

import videxplain as vx
from tests.attribution.networks import Deep3D, Small3D, seeded, three_lrcns, video
from tests.device import placed


def plain(module, names, x, score):
    """Outputs of layers and gradients of a score at them, by autograd over the whole network."""
    kept = {}

    def keep(name):
        def hook(_, __, out):
            kept[name] = out
            return out.clone()

        return hook

    hooks = [module.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    total = score(module(x.clone().requires_grad_())).sum()
    for hook in hooks:
        hook.remove()
    return kept, dict(zip(names, torch.autograd.grad(total, list(kept.values())), strict=True))


def hooks_of(module):
    return [m for m in module.modules() if m._forward_hooks or m._forward_pre_hooks]


@pytest.mark.parametrize("build", [Small3D, Deep3D])
def test_equals_plain_autograd(build):
    module, x, names = seeded(build), video(2, 3, 4, 8, 8), ["conv1", "conv2"]
    with vx.capture(module, names) as seen:
        logits = module(x)
    for score in (lambda out: out[:, 3], lambda out: out[:, 1] - out[:, 0] ** 2):
        outputs, gradients = plain(module, names, x, score)
        found = seen.gradients(score(logits))
        assert list(found) == list(seen) == names
        for name in names:
            torch.testing.assert_close(seen[name].activations, outputs[name].detach())
            assert gradients[name].abs().max() > 0
            torch.testing.assert_close(found[name], gradients[name], rtol=1e-5, atol=1e-8)


def test_gives_what_attribute_makes_a_map_of():
    module, x = seeded(Deep3D), video(2, 3, 4, 8, 8)
    with vx.capture(module, [module.conv2]) as seen:
        logits = module(x)
    weights = seen.gradients(logits[:, 1])["conv2"].mean((2, 3, 4), keepdim=True)
    expected = (weights * seen[module.conv2].activations).sum(1).relu()
    found = vx.attribute(module, x, method="gradcam", layer=module.conv2, target=1, enlarge=False)
    torch.testing.assert_close(found, expected)


def test_frames_of_a_2d_network_become_video():
    x = video(2, 3, 5, 8, 8)
    found = []
    for network in three_lrcns().values():
        with vx.capture(network, ["features.relu:1"]) as seen:
            logits = network(x)
        found.append((seen["features.relu:1"].activations, seen.gradients(logits[:, 1])["features.relu:1"]))
    assert found[0][0].shape[:3:2] == (2, 5)
    for activations, gradients in found[1:]:
        torch.testing.assert_close(activations, found[0][0])
        torch.testing.assert_close(gradients, found[0][1], rtol=1e-4, atol=1e-8)


def test_a_layer_that_the_score_does_not_need_has_zeros():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Conv3d(3, 2, 1), nn.Conv3d(3, 2, 1)

        def forward(self, x):
            return torch.cat([self.used(x).mean((2, 3, 4)), self.unused(x).mean((2, 3, 4))], 1)

    module = seeded(Two)
    with vx.capture(module, ["used", "unused"]) as seen:
        logits = module(video(1, 3, 2, 4, 4))
    gradients = seen.gradients(logits[:, 0])
    assert gradients["unused"].abs().max() == 0
    torch.testing.assert_close(gradients["used"][0, 0], placed(torch.full((2, 4, 4), 1 / 32)))


def test_the_last_of_several_passes_counts():
    module, x = seeded(Small3D), video(3, 3, 4, 8, 8)
    with vx.capture(module, ["relu1"]) as seen:
        module(x[:2])
        logits = module(x[2:])
        assert len(seen["relu1"].activations) == 1
        inside = seen.gradients(logits[:, 0])["relu1"]
    torch.testing.assert_close(seen.gradients(logits[:, 0])["relu1"], inside)


def test_another_order_of_axes():
    class FramesFirst(Small3D):
        def forward(self, x):
            return super().forward(x.transpose(1, 2))

    x = video(2, 3, 4, 8, 8)
    with vx.capture(seeded(Small3D), ["relu2"]) as expected:
        expected._module(x)
    module = seeded(FramesFirst)
    with vx.capture(module, ["relu2"], layout="NTCHW") as seen:
        module(x.transpose(1, 2))
    torch.testing.assert_close(seen["relu2"].activations, expected["relu2"].activations)


@pytest.mark.parametrize("raises", [False, True])
def test_the_network_is_left_as_it_was(raises):
    module, x = seeded(Deep3D).train(), video(1, 3, 4, 8, 8)
    module.conv1.eval()
    module.conv1.weight.requires_grad_(False)
    training = [m.training for m in module.modules()]
    required = [p.requires_grad for p in module.parameters()]
    try:
        with vx.capture(module, ["conv1", "conv2"]) as seen:
            logits = module(x)
            assert not module.training
            if raises:
                module(x[0])
    except vx.VidexplainError:
        assert raises
    assert [m.training for m in module.modules()] == training
    assert [p.requires_grad for p in module.parameters()] == required
    assert not hooks_of(module)
    if not raises:
        seen.gradients(logits.sum(1))
    assert all(p.grad is None for p in module.parameters())


def test_what_cannot_be_given_is_one_line():
    module, x = seeded(Small3D), video(1, 3, 4, 8, 8)
    with pytest.raises(vx.VidexplainError, match="unknown layer 'relu9'"), vx.capture(module, ["relu9"]):
        pass
    with pytest.raises(vx.VidexplainError, match="each named once"), vx.capture(module, ["relu1", module.relu1]):
        pass
    with pytest.raises(vx.VidexplainError, match="not a part of the model"), vx.capture(module, [nn.ReLU()]):
        pass
    with vx.capture(module, ["relu1"]) as seen:
        with pytest.raises(vx.VidexplainError, match="the network has not run yet"):
            seen["relu1"].activations  # noqa: B018
        logits = module(x)
    with pytest.raises(vx.VidexplainError, match="layer 'relu2' was not captured; captured are relu1"):
        seen["relu2"]
    with pytest.raises(vx.VidexplainError, match="the score does not depend on the network's output"):
        seen.gradients(torch.ones(1))
    assert logits.shape == (1, 5)
