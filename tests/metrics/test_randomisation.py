"""Layers made random and put back, and how alike two maps are."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.oracles import metrics as literal
from videxplain.errors import VidexplainError
from videxplain.metrics.randomisation import (
    layers_from_the_top,
    randomisation_test,
    randomised,
    similarity,
    spearman,
    ssim,
)
from videxplain.models.zoo import load_model


class Mixed(nn.Module):
    """Every kind of layer that is drawn anew in a way of its own."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv3d(2, 4, 3)
        self.norm = nn.BatchNorm3d(4)
        self.scale = Scale(4)
        self.attend = nn.MultiheadAttention(4, 2)
        self.lstm = nn.LSTM(4, 4)
        self.fc = nn.Linear(4, 3)
        for value in (*self.parameters(), self.norm.running_mean, self.norm.running_var):
            nn.init.uniform_(value, 2, 3)  # far from what any layer is drawn from


class Scale(nn.Module):
    """Parameters of its own, and nothing that says how they begin."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, 1000))
        self.single = nn.Parameter(torch.zeros(1))


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def changed(before, after):
    """The modules whose state differs."""
    return {name.rpartition(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_layers_come_from_the_top_down():
    expected = ["fc", "lstm", "attend.out_proj", "attend", "scale", "norm", "conv"]
    assert layers_from_the_top(Mixed()) == expected


@pytest.mark.parametrize("name", ["late_fusion", "lrcn", "c3d", "i3d", "non_local"])
def test_the_top_of_a_network_is_what_decides_and_the_bottom_what_sees(name):
    network = load_model(name)
    layers = layers_from_the_top(network)
    assert network.get_submodule(layers[0]).weight.shape[0] == network.config.num_classes
    assert network.get_submodule(layers[-1]).weight.shape[1] == 3
    # Together they hold every parameter, each once.
    held = [id(p) for layer in layers for p in network.get_submodule(layer).parameters(recurse=False)]
    assert sorted(held) == sorted(id(p) for p in network.parameters())


@pytest.mark.parametrize("layer", ["fc", "lstm", "attend.out_proj", "scale", "norm", "conv"])
def test_one_layer_is_drawn_anew_and_put_back(layer):
    module = Mixed()
    before, random = state(module), torch.get_rng_state()
    with randomised(module, [layer]) as same:
        assert same is module
        assert changed(before, state(module)) == {layer}
        # All of it: no number is where it was.
        own = [n for n in before if n.rpartition(".")[0] == layer]
        assert all((before[n] != module.state_dict()[n]).all() for n in own if before[n].is_floating_point())
    assert all(torch.equal(before[n], value) for n, value in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


def test_a_batch_normalisation_forgets_its_statistics():
    module = Mixed()
    with randomised(module, ["norm"]):
        values = (module.norm.weight, module.norm.bias, module.norm.running_mean, module.norm.running_var)
        assert [v.unique().tolist() for v in values] == [[1], [0], [0], [1]]


def test_parameters_that_nobody_draws_take_normal_values_of_the_same_mean_and_deviation():
    module = Mixed()
    with torch.no_grad():
        module.scale.weight.normal_(5, 0.25)
        module.scale.single.fill_(7)
    with randomised(module, ["scale"]):
        assert module.scale.weight.mean().item() == pytest.approx(5, abs=0.03)
        assert module.scale.weight.std().item() == pytest.approx(0.25, rel=0.05)
        assert module.scale.single.item() != 7


def test_everything_is_put_back_when_something_raises():
    module = Mixed()
    before, random = state(module), torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), randomised(module, layers_from_the_top(module)):
        raise ZeroDivisionError
    assert not changed(before, state(module))
    assert torch.equal(torch.get_rng_state(), random)


def test_a_layer_gets_the_same_values_whatever_the_others_get():
    module = Mixed()
    layers = layers_from_the_top(module)
    with randomised(module, layers):
        together = state(module)
    for layer in ("fc", "conv"):
        with randomised(module, [layer]):
            alone = state(module)
        assert all(torch.equal(together[n], alone[n]) for n in alone if n.startswith(layer + "."))
    with randomised(module, layers, seed=1):
        assert changed(together, state(module)) == set(layers) - {"norm"}  # which begins with zeros and ones


def test_layers_of_the_same_size_get_values_of_their_own():
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    with randomised(module, ["0", "1"]):
        assert (module[0].weight != module[1].weight).all()


def test_a_layer_that_is_not_there_is_named():
    module = Mixed()
    before = state(module)
    with (
        pytest.raises(VidexplainError, match=r"unknown layer with parameters 'cnv'; did you mean conv\?"),
        randomised(module, ["cnv"]),
    ):
        pass
    assert not changed(before, state(module))


@pytest.mark.parametrize("mode", ["cascading", "independent"])
def test_a_cascade_keeps_the_layers_above_random(mode):
    module = nn.Sequential(nn.Conv3d(1, 2, 1), nn.Conv3d(2, 2, 1), nn.Flatten(), nn.Linear(16, 2))
    before, seen = state(module), []

    def explain(network):
        seen.append(changed(before, state(network)))
        return torch.rand(2, 2, 2)

    steps = randomisation_test(module, explain, mode=mode)
    assert [step.layer for step in steps] == ["3", "1", "0"]
    assert seen == [set(), {"3"}, *([{"3", "1"}, {"3", "1", "0"}] if mode == "cascading" else [{"1"}, {"0"}])]
    assert not changed(before, state(module))


def test_a_map_that_looks_at_no_network_stays_the_same_and_one_of_a_layer_changes_with_it():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv3d(1, 2, 1), nn.Flatten(), nn.Linear(16, 64))
    fixed = torch.rand(4, 4, 4)
    for step in randomisation_test(module, lambda network: fixed):
        assert (step.similarity.spearman, step.similarity.absolute_spearman) == pytest.approx((1, 1))
        assert step.similarity.ssim == pytest.approx(1)
    steps = randomisation_test(module, lambda m: m[2].weight.detach()[:, 0].reshape(4, 4, 4), mode="independent")
    assert [step.layer for step in steps] == ["2", "0"]
    assert abs(steps[0].similarity.spearman) < 0.4
    assert steps[1].similarity.spearman == pytest.approx(1)


def test_an_unknown_mode_is_refused():
    with pytest.raises(VidexplainError, match="'cascading' or 'independent', not 'both'"):
        randomisation_test(Mixed(), lambda m: torch.rand(2, 2, 2), mode="both")


def maps(seed, shape=(3, 14, 17)):
    rng = np.random.default_rng(seed)
    first = rng.random(shape)
    return first, np.clip(first + rng.normal(0, 0.3, shape), 0, 1)


@pytest.mark.parametrize("ties", [False, True])
def test_spearman_equals_the_literal_version_and_scipy(ties):
    first, second = (m.round(1) if ties else m for m in maps(0))
    found = spearman(torch.from_numpy(first), torch.from_numpy(second))
    assert found == pytest.approx(literal.spearman(first, second), abs=1e-12)
    stats = pytest.importorskip("scipy.stats")
    assert found == pytest.approx(stats.spearmanr(first.ravel(), second.ravel()).statistic, abs=1e-12)
    assert 0.4 < found < 0.95


def test_ranks_forget_any_rising_scale():
    first = torch.randn(2, 5, 5, generator=torch.Generator().manual_seed(0))
    assert spearman(first, first.exp()) == pytest.approx(1)
    assert spearman(first, -(first**3)) == pytest.approx(-1)
    assert spearman(first, torch.full_like(first, 3)) == 0


def test_ssim_equals_the_literal_version_and_scikit_images():
    first, second = maps(1)
    found = ssim(torch.from_numpy(first), torch.from_numpy(second))
    assert found == pytest.approx(literal.ssim(first, second), abs=1e-9)
    metrics = pytest.importorskip("skimage.metrics")
    options = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    theirs = np.mean([metrics.structural_similarity(a, b, **options) for a, b in zip(first, second, strict=True)])
    assert found == pytest.approx(theirs, abs=1e-9)
    assert 0.2 < found < 0.9


@pytest.mark.parametrize(("size", "edge"), [((1, 1), 1), ((4, 7), 3), ((10, 30), 9), ((30, 11), 11)])
def test_ssim_takes_maps_smaller_than_its_window(size, edge):
    first, second = maps(2, (2, *size))
    assert ssim(torch.from_numpy(first), torch.from_numpy(first)) == pytest.approx(1)
    found = ssim(torch.from_numpy(first), torch.from_numpy(second))
    assert found == pytest.approx(literal.ssim(first, second, edge), abs=1e-9)
    assert found < 0.99


def test_similarity_looks_at_maps_without_their_signs_and_scales():
    first = torch.randn(2, 12, 12, generator=torch.Generator().manual_seed(0))
    turned = similarity(first, -5 * first)
    assert (turned.spearman, turned.absolute_spearman) == pytest.approx((-1, 1))
    assert turned.ssim == pytest.approx(1)
    nothing = similarity(first, torch.zeros_like(first))
    assert (nothing.spearman, nothing.absolute_spearman) == (0, 0)
    assert nothing.ssim < 0.1
    with pytest.raises(VidexplainError, match=r"two maps \(T, H, W\) are compared, not \(2, 12, 12\) and \(2, 12\)"):
        similarity(first, first[..., 0])
