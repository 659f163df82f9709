"""Sobol indices against a closed form; shares against a literal version; what follows a layer, run on other values."""

import numpy as np
import pytest
import torch
from torch import nn

import videxplain as vx
from tests.concepts.networks import Folded, Small
from tests.small_models import Transformer, image_transformer
from videxplain.attribution.layers import resolve
from videxplain.concepts.factors import Factors, factorise
from videxplain.concepts.importance import measure_importance, shares_of, sobol_masks, total_indices
from videxplain.concepts.layer import Rest, layer_of, read
from videxplain.errors import VidexplainError


def test_total_indices_of_the_ishigami_function():
    """sin x1 + a sin^2 x2 + b x3^4 sin x1 on [-pi, pi] (Ishigami and Homma, 1990); indices in closed form."""
    a, b, pi = 7.0, 0.1, np.pi
    x = (2 * sobol_masks(4096, 3, 0) - 1) * pi
    got = total_indices(np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0]), 4096, 3)
    of_two = a**2 / 8
    of_one, of_both = 0.5 * (1 + b * pi**4 / 5) ** 2, b**2 * pi**8 * (1 / 18 - 1 / 50)
    expected = np.array([of_one + of_both, of_two, of_both]) / (of_one + of_two + of_both)
    np.testing.assert_allclose(got, expected, atol=0.01)


def test_total_indices_of_a_sum_and_of_nothing():
    masks = sobol_masks(1024, 3, 1)
    np.testing.assert_allclose(total_indices(masks @ [3.0, 1.0, 0.0], 1024, 3), [0.9, 0.1, 0], atol=0.01)
    assert np.isnan(total_indices(np.full(5 * 8, 4.0), 8, 3)).all()


def test_shares_add_up_with_the_rest():
    np.testing.assert_allclose(shares_of(np.array([3.0, -1.0]), 4.0), [0.375, -0.125])
    np.testing.assert_array_equal(shares_of(np.zeros(2), 0.0), [0, 0])


def model_and_layer(kind: str):
    torch.manual_seed(3)
    if kind == "convolutions":
        return Small().eval(), "relu1", torch.rand(1, 3, 4, 32, 40)
    if kind == "folded":
        return vx.wrap(Folded().eval(), num_frames=4, size=24), "relu", torch.rand(1, 3, 4, 24, 24)
    if kind == "images":
        return image_transformer().cpu().eval(), None, torch.rand(1, 3, 4, 24, 24)
    return vx.wrap(Transformer().eval(), num_frames=4, size=24), None, torch.rand(1, 3, 4, 24, 24)


def prepared(kind: str):
    model, name, x = model_and_layer(kind)
    layer = layer_of(model, x, name)
    activations = read(model, x, layer)[0]
    places = activations.movedim(1, -1).reshape(-1, activations.shape[1]).numpy()
    return model, layer, x, activations, factorise(places, 4, bool(places.min() < 0))


@pytest.mark.parametrize(
    ("kind", "way"),
    [("convolutions", "repeated"), ("folded", "rows"), ("images", "rows"), ("transformer", "repeated")],
)
def test_what_follows_gives_the_same_whichever_way(kind, way):
    model, layer, x, _, _ = prepared(kind)
    rest = Rest(model, layer)
    calls = rest.calls(x)
    factor = torch.linspace(0.2, 1.0, 5)

    def make(call, numbers):
        values = calls[call]
        return values[None] * factor[numbers].reshape(-1, *[1] * values.ndim)

    expected = rest._run(x, torch.arange(5), make, "single")
    assert (expected[0] - expected[4]).abs().max() > 1e-4
    torch.testing.assert_close(rest.run(x, 5, make), expected, rtol=1e-4, atol=1e-5)
    assert rest._way == way
    with torch.no_grad():
        torch.testing.assert_close(expected[4:], model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["convolutions", "folded", "transformer"])
def test_importance_is_that_of_a_literal_version(kind):
    """A hook that puts the reconstruction in, one concept after the other."""
    model, layer, x, activations, factors = prepared(kind)
    assert factors.signed == (kind == "transformer")
    label, designs = 2, 4
    got = measure_importance(Rest(model, layer), x, factors, model.config, label, designs=designs, seed=5)
    c = activations.shape[1]
    flat = activations.movedim(1, -1).reshape(-1, c).numpy()
    coefficients = factors.coefficients(flat)

    def said(mask) -> float:
        made = torch.from_numpy((coefficients * mask) @ factors.directions).float()
        video = made.reshape(*activations.movedim(1, -1).shape).movedim(-1, 1)[0]

        def hook(module, _, output):
            if kind == "folded":
                return video.transpose(0, 1)
            if kind == "transformer":
                return video.flatten(1).T[None]
            return video[None]

        handle = model.get_submodule(layer.name).register_forward_hook(hook)
        with torch.no_grad():
            out = model(x)
        handle.remove()
        return float(out[0, label])

    assert got.reconstructed == pytest.approx(said(np.ones(4)), abs=1e-4)
    for k in range(4):
        assert got.without[k] == pytest.approx(said(np.arange(4) != k), abs=1e-4)
    scores = np.array([said(mask) for mask in sobol_masks(designs, 4, 5)])
    np.testing.assert_allclose(got.sobol, total_indices(scores, designs, 4), atol=1e-3)
    with torch.no_grad():
        assert got.score == pytest.approx(float(model(x)[0, label]), abs=1e-5)

    seen = []
    handle = model.get_submodule(layer.name).register_forward_hook(lambda *a: seen.append(a[2]) or a[2].retain_grad())
    model(x.clone().requires_grad_())[0, label].backward()
    handle.remove()
    gradient = seen[0].grad
    if kind == "folded":
        gradient = gradient.transpose(0, 1)[None]
    rows = (gradient.movedim(1, -1) if kind != "transformer" else gradient).reshape(-1, c).double().numpy()
    values = (seen[0].transpose(0, 1)[None] if kind == "folded" else seen[0]).detach()
    values = (values.movedim(1, -1) if kind != "transformer" else values).reshape(-1, c).double().numpy()
    expected = [float((rows * np.outer(coefficients[:, k], factors.directions[k])).sum()) for k in range(4)]
    np.testing.assert_allclose(got.gradient_x_activation, expected, rtol=1e-3, atol=1e-5)
    assert got.gradient_x_activation.sum() + got.rest == pytest.approx(float((rows * values).sum()), abs=1e-4)


def test_the_network_is_left_as_it_was():
    model, layer, x, _, factors = prepared("convolutions")
    model.train()
    measure_importance(Rest(model, layer), x, factors, model.config, 0, designs=2, seed=0)
    assert model.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_several_layers_and_a_layer_without_extent_are_refused():
    model, x = Small().eval(), torch.rand(1, 3, 4, 32, 40)
    with pytest.raises(VidexplainError, match="one layer"):
        layer_of(model, x, "relu1+relu2")
    with pytest.raises(VidexplainError, match="no extent in space"):
        read(model, x, resolve(model, "fc"))


def test_a_dead_layer_has_no_indices():
    model, x = Small().eval(), torch.rand(1, 3, 4, 32, 40)
    nn.init.zeros_(model.fc.weight)
    layer = resolve(model, "relu2")
    factors = Factors(np.eye(2, 16), False)
    got = measure_importance(Rest(model, layer), x, factors, model.config, 0, designs=4, seed=0)
    assert np.isnan(got.sobol).all()
    assert not got.gradient_x_activation.any()
