"""Infidelity and sensitivity: closed forms of linear scores, and captum's own numbers."""

import pytest
import torch

from tests.metrics.networks import Tiny
from videxplain.errors import VidexplainError
from videxplain.metrics.robustness import NOISE, RADIUS, infidelity, sensitivity


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def linear(weights):
    """A score that is the sum of weights ``(C, T, H, W)`` times the clip."""
    return lambda versions: (versions * weights).flatten(1).sum(1)


@pytest.mark.parametrize("scale", [1, 1e-4, -20])
def test_the_weights_of_a_linear_score_foretell_everything(scale):
    x, weights = drawn(1, 3, 2, 5, 5), drawn(3, 2, 5, 5, seed=1)
    assert infidelity(linear(weights), x, scale * weights.sum(0)) == pytest.approx(0, abs=1e-6)


def test_a_map_of_zeros_foretells_nothing_and_one_at_random_hardly_more():
    x, weights = drawn(1, 3, 4, 8, 8), drawn(3, 4, 8, 8, seed=1)
    assert infidelity(linear(weights), x, torch.zeros(4, 8, 8)) == 1
    assert 0.5 < infidelity(linear(weights), x, drawn(4, 8, 8, seed=2)) <= 1 + 1e-6
    half = weights.sum(0).clone()
    half[2:] = 0
    assert 0.2 < infidelity(linear(weights), x, half, samples=64) < 0.8


def test_infidelity_is_what_is_left_after_the_best_multiple():
    """By hand: with noise I, the map's sums a and the score's falls b, 1 - (a b)^2 / (a a) (b b)."""
    model, x, heat = Tiny().eval(), drawn(1, 3, 4, 8, 8), drawn(4, 8, 8, seed=3)

    def score(versions):
        return model(versions).softmax(1)[:, 1]

    torch.manual_seed(5)
    noise = [NOISE * x.std() * torch.randn_like(x[:, :1]) for _ in range(8)]
    with torch.no_grad():
        sums = torch.stack([(one[0, 0] * heat).sum() for one in noise])
        falls = torch.cat([score(x) - score(x - one) for one in noise])
    expected = 1 - (sums @ falls) ** 2 / ((sums @ sums) * (falls @ falls))
    found = infidelity(score, x, heat, samples=8, seed=5)
    assert found == pytest.approx(expected.item(), abs=1e-4)
    assert 0.1 < found < 1


def test_a_score_that_never_changes_leaves_nothing_to_foretell():
    x = drawn(1, 3, 2, 4, 4)
    assert infidelity(lambda versions: torch.ones(len(versions)), x, drawn(2, 4, 4)) == 0


def test_a_map_of_another_clip_is_refused():
    with pytest.raises(VidexplainError, match="belong together"):
        infidelity(lambda versions: versions.flatten(1).sum(1), drawn(1, 3, 2, 4, 4), drawn(2, 4, 5))


def test_sensitivity_of_a_fixed_map_is_nothing():
    x = drawn(1, 3, 2, 4, 4)
    assert sensitivity(lambda one: torch.ones(2, 4, 4), x) == 0
    assert sensitivity(lambda one: torch.zeros(2, 4, 4), x) == 0


def test_sensitivity_is_the_largest_share_of_the_norm():
    x, seen = drawn(1, 3, 2, 4, 4), []

    def explain(one):
        assert one.shape == x.shape
        seen.append(one.clone())
        return one[0].sum(0) ** 2

    found = sensitivity(explain, x, samples=5, seed=3)
    changes = torch.stack([one - x for one in seen[1:]])
    assert torch.equal(seen[0], x)
    assert len(changes) == 5
    assert changes.abs().max() <= RADIUS * (1 + 1e-5)
    assert changes.abs().max() > 0.9 * RADIUS
    first, *others = (one[0].sum(0) ** 2 for one in seen)
    assert found == pytest.approx(max(float((first - o).norm() / first.norm()) for o in others), rel=1e-5)
    assert found == sensitivity(explain, x, samples=5, seed=3)
    assert found != sensitivity(explain, x, samples=5, seed=4)


def test_the_radius_bounds_every_change():
    x, seen = drawn(1, 3, 2, 4, 4), []

    def explain(one):
        seen.append(one.clone())
        return one[0].sum(0)

    wide = sensitivity(explain, x, radius=0.5)
    assert 0.4 < max((one - x).abs().max().item() for one in seen) <= 0.5 * (1 + 1e-5)
    # The map is linear, and the changes are the same ones but for their size.
    assert wide == pytest.approx(25 * sensitivity(explain, x, radius=0.02), rel=1e-3)


def test_sensitivity_equals_captums():
    from captum.metrics import sensitivity_max

    model, x = Tiny().eval(), drawn(1, 3, 4, 8, 8)

    def gradient(one):
        one = one.clone().requires_grad_()
        return torch.autograd.grad(model(one)[:, 2].sum(), one)[0]

    def captums(inputs):
        with torch.enable_grad():
            return (gradient(inputs[0]).abs().amax(1),)

    torch.manual_seed(7)
    expected = sensitivity_max(captums, x, n_perturb_samples=4)
    found = sensitivity(lambda one: gradient(one).abs().amax(1)[0], x, samples=4, seed=7)
    assert found == pytest.approx(expected.item(), rel=1e-5)
    assert found > 0.001


@pytest.mark.parametrize("measure", ["infidelity", "sensitivity"])
def test_the_random_state_and_the_clip_are_left_alone(measure):
    x = drawn(1, 3, 2, 4, 4)
    kept, random = x.clone(), torch.get_rng_state()
    if measure == "infidelity":
        infidelity(lambda versions: versions.flatten(1).sum(1), x, drawn(2, 4, 4))
    else:
        sensitivity(lambda one: one[0, 0], x)
    assert torch.equal(x, kept)
    assert torch.equal(torch.get_rng_state(), random)
