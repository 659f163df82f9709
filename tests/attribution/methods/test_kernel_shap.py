"""Kernel SHAP: exact where all versions are run, equal to captum on the same versions, and intervals that hold."""

import pytest
import torch
from captum.attr import KernelShap

from tests.attribution.networks import Pixels, Small3D, seeded, video
from tests.device import placed
from tests.oracles.shapley import shapley
from videxplain.attribution.api import attribute
from videxplain.attribution.methods.kernel_shap import _every_half, _random_halves, shapley_values
from videxplain.attribution.supervoxels import supervoxels
from videxplain.errors import VidexplainError
from videxplain.fills import Filler


def values_at(found, labels):
    """The value of each supervoxel."""
    return torch.stack([found[labels == k][0] for k in range(int(labels.max()) + 1)]).double()


@pytest.mark.parametrize(("count", "fill"), [(1, "mean"), (2, "mean"), (4, "blur"), (8, "mean"), (8, "freeze")])
def test_with_all_versions_the_values_are_shapleys(count, fill):
    module, x = seeded(Small3D), video(1, 3, 2, 12, 12)
    labels = supervoxels(x, "boxes", count)
    parts = int(labels.max()) + 1
    assert parts == count
    without = Filler(x, fill)

    def value(shown):
        hidden = torch.ones_like(labels, dtype=torch.bool)
        for part in shown:
            hidden[labels == part] = False
        with torch.no_grad():
            return float(module(without(hidden))[0, 2].double())

    expected = placed(torch.tensor(shapley(parts, value)).double())
    found = attribute(
        module, x, method="kernel-shap", target=2, supervoxels="boxes", count=count, fill=fill, samples=254
    )
    torch.testing.assert_close(values_at(found[0], labels), expected, rtol=1e-4, atol=1e-6)


def test_values_of_a_sum_are_its_parts():
    """On a network that adds up pixels the value of a supervoxel is what its own pixels add, in any draw."""
    weights, x = video(4, 8, 8, seed=1), video(1, 3, 4, 8, 8)
    options = {"supervoxels": "tubes", "count": 16, "samples": 100}
    found = attribute(Pixels(weights), x, method="kernel-shap", target=0, **options)[0]
    labels = supervoxels(x, "tubes", 16)
    added = x[0].sum(0) * weights
    expected = torch.stack([added[labels == k].sum() for k in range(int(labels.max()) + 1)]).double()
    torch.testing.assert_close(values_at(found, labels), expected, rtol=1e-4, atol=1e-4)


def test_the_parts_add_up():
    module, x = seeded(Small3D), video(2, 3, 8, 12, 12)
    for kind in ("tubes", "slic", "boxes"):
        found = attribute(module, x, method="kernel-shap", target=1, supervoxels=kind, count=20, samples=200)
        for n in range(2):
            labels = supervoxels(x[n : n + 1], kind, 20)
            with torch.no_grad():
                change = module(x[n : n + 1])[0, 1] - module(torch.zeros_like(x[:1]))[0, 1]
            assert values_at(found[n], labels).sum() == pytest.approx(float(change), abs=1e-4)


def test_kernel_shap_equals_captum_on_the_same_versions():
    module, x = seeded(Small3D), video(1, 3, 8, 12, 12)
    module.fc.weight.data *= 100
    labels = supervoxels(x, "boxes", 12)
    parts = int(labels.max()) + 1
    half = _random_halves(parts, 60, seed=0)
    shown = placed(torch.cat([torch.ones(1, parts), torch.zeros(1, parts), half.float(), (~half).float()]))
    reference = KernelShap(module)
    reference.inf_weight = 1e4  # of 1e6 little is left in captum's float32

    def versions(*_, **__):
        yield from shown.long()[:, None]

    reference.perturb_func = versions
    expected = reference.attribute(x, target=2, feature_mask=labels[None, None], n_samples=len(shown))
    found = attribute(module, x, method="kernel-shap", target=2, supervoxels="boxes", count=12, samples=120)
    assert expected.abs().max() > 1e-2
    torch.testing.assert_close(found, expected[:, 0], rtol=5e-3, atol=5e-4 * float(expected.abs().max()))


def test_halves_and_their_opposites_are_all_versions():
    for parts in (2, 3, 6):
        half = _every_half(parts)
        both = {tuple(row) for row in torch.cat([half, ~half]).tolist()}
        assert len(both) == 2 * len(half) == 2**parts - 2


def test_sizes_are_drawn_with_the_weights_of_the_kernel():
    half = _random_halves(6, 60_000, seed=3)
    sizes = torch.bincount(half.sum(1), minlength=7)[1:6].double() / 60_000
    expected = torch.tensor([1 / (s * (6 - s)) for s in range(1, 6)]).double()
    torch.testing.assert_close(sizes, expected / expected.sum(), rtol=0, atol=0.01)
    torch.testing.assert_close(half.double().mean(0), torch.full((6,), 0.5).double(), rtol=0, atol=0.01)


def pairs_game(parts):
    """A game of players and pairs of them, ``versions -> scores``, and its Shapley values: half of each pair's."""
    game = torch.Generator().manual_seed(2)
    alone = torch.randn(parts, generator=game).double()
    together = torch.randn(parts, parts, generator=game).double().triu(1)
    expected = alone + 0.3 * (together.sum(0) + together.sum(1)) / 2
    return lambda shown: shown.double() @ alone + 0.3 * ((shown.double() @ together) * shown.double()).sum(1), expected


@pytest.mark.parametrize("parts", [10, 60])
def test_the_interval_holds_what_it_says(parts):
    """Of 200 draws about 95 % have the true value in their interval, in a game of three players at a time."""
    game, truth = pairs_game(parts)
    three = torch.randint(parts, (200, 3), generator=torch.Generator().manual_seed(4))
    three = three[(three[:, 0] != three[:, 1]) & (three[:, 1] != three[:, 2]) & (three[:, 0] != three[:, 2])]
    for group in three:
        truth[group] += 1 / 3

    def scores(shown):
        return game(shown) + sum(shown[:, group].all(1).double() for group in three)

    hits, widths = [], []
    whole = torch.ones(1, parts, dtype=torch.bool)
    for seed in range(200):
        half = _random_halves(parts, 500, seed)
        shown = torch.cat([~whole, half, ~half])
        values = shapley_values(shown, scores(whole) - scores(shown), exact=False)
        hits.append(((values.estimate - truth).abs() <= 1.96 * values.error).double().mean())
        widths.append(values.error.mean())
    assert 0.92 < torch.stack(hits).mean() < 0.98
    assert torch.stack(widths).mean() > 0


def test_pairs_alone_leave_no_error():
    """A version and its opposite together know what pairs of players do, whatever versions were drawn."""
    scores, truth = pairs_game(12)
    half, whole = _random_halves(12, 100, seed=0), torch.ones(1, 12, dtype=torch.bool)
    shown = torch.cat([~whole, half, ~half])
    values = shapley_values(shown, scores(whole) - scores(shown), exact=False)
    torch.testing.assert_close(values.estimate, truth, rtol=1e-8, atol=1e-8)
    assert values.error.max() < 1e-8


def test_too_few_versions_are_refused():
    said = "kernel-shap needs 48 samples for 12 supervoxels, and got 40: give more samples, or a smaller count"
    options = {"supervoxels": "boxes", "count": 12, "samples": 40}
    with pytest.raises(VidexplainError, match=said):
        attribute(seeded(Small3D), video(1, 3, 8, 12, 12), method="kernel-shap", **options)
