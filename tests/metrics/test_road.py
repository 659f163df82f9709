"""ROAD in space and time: what is filled in solves the system, and the score is watched in both orders."""

import numpy as np
import pytest
import torch

from tests.oracles import metrics as literal
from videxplain.errors import VidexplainError
from videxplain.metrics import road as module
from videxplain.metrics.road import NOISE, SHARES, impute, road


def drawn(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def picked(shape, share, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_what_is_filled_in_solves_the_linear_system(share):
    x, hidden = drawn((1, 3, 4, 7, 6)), picked((4, 7, 6), share)
    expected = literal.imputed(x[0].double().numpy(), hidden.numpy())
    found = impute(x, hidden)[0].numpy()
    # The residual is a thousandth, the noise a tenth.
    assert np.abs(found - expected).max() < 0.01 * x.std()
    assert (found[:, ~hidden.numpy()] == x[0, :, ~hidden].numpy()).all()
    assert np.abs(found - x[0].numpy()).max() > 0.5


def test_a_block_is_filled_from_around_it():
    hidden = torch.zeros(6, 9, 9, dtype=torch.bool)
    hidden[1:5, 2:7, 2:7] = True
    x = drawn((1, 2, 6, 9, 9))
    expected = literal.imputed(x[0].double().numpy(), hidden.numpy())
    assert np.abs(impute(x, hidden)[0].numpy() - expected).max() < 0.01 * x.std()


def test_one_voxel_is_the_weighted_mean_of_its_26_neighbours():
    x, hidden = torch.zeros(1, 1, 3, 3, 3), torch.zeros(3, 3, 3, dtype=torch.bool)
    hidden[1, 1, 1] = True
    # 6 faces of weight 1, 12 edges of 1/2 and 8 corners of 1/3 make 14 2/3.
    for place, weight in {(0, 1, 1): 1, (1, 0, 1): 1, (0, 0, 1): 1 / 2, (1, 2, 2): 1 / 2, (0, 2, 0): 1 / 3}.items():
        x.zero_()
        x[0, 0][place] = 44
        assert impute(x, hidden)[0, 0, 1, 1, 1].item() == pytest.approx(3 * weight, abs=0.01)


def test_a_clip_of_one_colour_stays_as_it_is():
    x = torch.full((1, 3, 4, 8, 8), -1.5)
    assert (impute(x, picked((4, 8, 8), 0.9)) - x).abs().max() < 1e-5


def test_a_clip_hidden_whole_is_the_mean_colour():
    assert impute(drawn((1, 3, 2, 4, 4)), torch.ones(2, 4, 4, dtype=torch.bool)).abs().max() == 0


def test_zeros_are_filled_with_zeros(monkeypatch):
    # Far from the holes there is something, around them nothing: the system's right side is zero, its start is not.
    x, hidden = torch.zeros(1, 1, 1, 4, 40), torch.zeros(1, 4, 40, dtype=torch.bool)
    x[..., -1] = 1000.0
    hidden[0, 1:3, 1:6] = True
    rounds, neighbours = [], module._neighbours
    monkeypatch.setattr(module, "_neighbours", lambda values: rounds.append(1) or neighbours(values))
    assert impute(x, hidden)[0, 0, 0, 1:3, 1:6].abs().max() < 0.01
    assert len(rounds) < 20  # and not as many as there may be at most


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_one_frame_is_filled_as_quantus_does(share):
    perturbing = pytest.importorskip("quantus.functions.perturb_func")
    x, hidden = drawn((1, 3, 1, 12, 10)), picked((1, 12, 10), share)
    expected = perturbing.noisy_linear_imputation(
        x[0, :, 0].double().numpy(), np.flatnonzero(hidden[0].numpy()), noise=0.0
    )
    assert np.abs(impute(x, hidden)[0, :, 0].numpy() - expected).max() < 0.01 * x.std()


def watched(x, heat, **options):
    """The versions that the score was asked about, and the curve."""
    seen = []

    def score(versions):
        seen.extend(versions.clone())
        return versions.flatten(1).mean(1)

    curve = road(score, x, heat, **options)
    return torch.stack(seen), curve


@pytest.mark.parametrize("order", ["most", "least"])
def test_the_most_or_the_least_important_voxels_are_replaced(order):
    x, heat = drawn((1, 3, 4, 5, 5)), torch.randperm(100, generator=torch.Generator().manual_seed(1)).reshape(4, 5, 5)
    heat = heat.float()
    seen, curve = watched(x, heat, order=order)
    assert curve.shares.tolist() == pytest.approx(SHARES)
    for version, share in zip(seen, SHARES, strict=True):
        count = round(100 * share)
        gone = heat >= 100 - count if order == "most" else heat < count
        assert torch.equal((version != x[0]).all(0), gone)
        assert torch.equal((version != x[0]).any(0), gone)
    assert curve.scores.tolist() == pytest.approx([float(version.mean()) for version in seen])


def test_the_noise_is_a_tenth_of_the_clip_and_follows_from_the_seed():
    x, heat = 5 * drawn((1, 3, 8, 20, 20)), drawn((8, 20, 20), 1)
    before = torch.get_rng_state()
    seen, _ = watched(x, heat, shares=(0.5,))
    again, _ = watched(x, heat, shares=(0.5,))
    other, _ = watched(x, heat, shares=(0.5,), seed=1)
    assert torch.equal(seen, again)
    assert not torch.equal(seen, other)
    assert torch.equal(torch.get_rng_state(), before)
    gone = (seen[0] != x[0]).any(0)
    noise = (seen[0] - impute(x, gone)[0])[:, gone]
    assert noise.std().item() == pytest.approx(NOISE * x.std().item(), rel=0.05)


def test_the_true_map_of_an_additive_score_opens_the_widest_gap():
    weights = picked((4, 8, 8), 0.2, 1).float()
    # A spot stands out from its surroundings, so that what is foretold from these is worth nothing.
    x = weights.expand(1, 3, 4, 8, 8).clone()

    def score(versions):
        return (versions.mean(1) * weights).sum((1, 2, 3))

    def gap(heat):
        least, most = (road(score, x, heat, order=order) for order in ("least", "most"))
        return float((least.scores - most.scores).mean())

    true = gap(weights)
    assert true > 0.3 * score(x).item()
    assert gap(-weights) == pytest.approx(-true, rel=0.2)
    for seed in range(5):
        assert abs(gap(drawn((4, 8, 8), seed))) < 0.5 * true


@pytest.mark.parametrize("shares", [(), (0, 0.5), (0.5, 1), (0.5, 0.3), (0.5, 0.5)])
def test_shares_that_do_not_rise_between_0_and_1_are_refused(shares):
    with pytest.raises(VidexplainError, match="shares of voxels rise between 0 and 1"):
        road(lambda v: v.flatten(1).sum(1), drawn((1, 3, 2, 4, 4)), drawn((2, 4, 4)), shares=shares)


def test_a_map_of_another_clip_is_refused():
    with pytest.raises(VidexplainError, match="belong together"):
        road(lambda v: v.flatten(1).sum(1), drawn((1, 3, 2, 4, 4)), drawn((2, 4, 5)))
