"""LIME: equal to captum and to scikit-learn on the same versions, and intervals that hold what they say."""

import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import Lime
from sklearn.linear_model import Ridge

from tests.attribution.networks import Small3D, seeded, video
from tests.device import placed
from videxplain.attribution.api import attribute
from videxplain.attribution.methods.lime import linear_model, nearness
from videxplain.attribution.supervoxels import supervoxels
from videxplain.errors import VidexplainError
from videxplain.fills import Filler

OPTIONS = {"supervoxels": "boxes", "count": 12, "samples": 200}


def draw(parts, samples=200, seed=0):
    """The versions as the method draws them."""
    shown = torch.rand((samples, parts), generator=torch.Generator().manual_seed(seed)) < 0.5
    shown[0] = True
    return placed(shown)


def scores_of(module, x, labels, shown, target, fill="mean"):
    """The score of each version, hidden voxel by voxel."""
    without = Filler(x, fill)
    with torch.no_grad():
        return torch.cat([module(without(~one[labels]))[:, target] for one in shown]).double()


def at_parts(found, labels):
    """The value of each supervoxel; all its voxels have it."""
    values = []
    for k in range(int(labels.max()) + 1):
        of_part = found[labels == k]
        assert (of_part == of_part[0]).all()
        values.append(of_part[0])
    return torch.stack(values).double()


@pytest.mark.parametrize("fill", ["mean", "blur", "freeze"])
def test_lime_is_scikit_learns_ridge_on_the_same_versions(fill):
    module, x = seeded(Small3D), video(1, 3, 8, 12, 12)
    labels = supervoxels(x, "boxes", 12)
    shown = draw(int(labels.max()) + 1)
    scores = scores_of(module, x, labels, shown, 2, fill).cpu()
    shown = shown.cpu()
    distances = 1 - shown.double() @ torch.ones(shown.shape[1]).double() / (
        shown.double().norm(dim=1) * shown.shape[1] ** 0.5
    )
    weights = (-(distances**2) / 0.25**2).exp().sqrt()
    expected = Ridge(alpha=1, fit_intercept=True).fit(shown.double(), scores, sample_weight=weights).coef_
    found = at_parts(attribute(module, x, method="lime", target=2, fill=fill, **OPTIONS)[0], labels)
    torch.testing.assert_close(found.cpu(), torch.from_numpy(expected), rtol=1e-4, atol=1e-6)
    assert np.abs(expected).max() > 1e-3


def test_lime_equals_captum_on_the_same_versions():
    module, x = seeded(Small3D), video(1, 3, 8, 12, 12)
    labels = supervoxels(x, "boxes", 12)
    versions = iter(draw(int(labels.max()) + 1).float())
    reference = Lime(
        module,
        interpretable_model=SkLearnRidge(alpha=1.0),
        similarity_func=lambda _, __, shown, **___: nearness(shown > 0),
        perturb_func=lambda *_, **__: next(versions)[None],
    )
    expected = reference.attribute(x, target=2, feature_mask=labels[None, None], n_samples=200)
    found = attribute(module, x, method="lime", target=2, **OPTIONS)
    torch.testing.assert_close(found, expected[:, 0], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("parts", "samples", "least", "most"), [(10, 1000, 0.90, 0.98), (60, 1000, 0.90, 0.98), (10, 40, 0.85, 0.98)]
)
def test_the_interval_holds_what_it_says(parts, samples, least, most):
    """Of 200 draws about 95 % have the value of very many versions in their interval; the game is far from linear.

    The last case has the fewest versions that are allowed: the penalty pulls values towards zero a little.
    """
    game = torch.Generator().manual_seed(1)
    first, second = torch.randn(parts, generator=game).double(), torch.randn(parts, parts, generator=game).double()

    def falls(shown):
        z = shown.double()
        scores = z @ first + 0.3 * ((z @ second) * z).sum(1)
        return scores[0] - scores

    many = draw(parts, 100_000, seed=1000)
    truth = linear_model(many, falls(many)).estimate
    hits = []
    for seed in range(200):
        shown = draw(parts, samples, seed)
        values = linear_model(shown, falls(shown))
        hits.append(((values.estimate - truth).abs() <= 1.96 * values.error).double().mean())
    assert least < torch.stack(hits).mean() < most


def test_what_is_wrong_is_one_line():
    module, x = seeded(Small3D), video(1, 3, 4, 8, 8)
    for options, said in (
        ({"samples": 1}, "lime: samples is a whole number from 2 to 1000000, not 1"),
        (
            {"supervoxels": "boxes", "count": 12, "samples": 40},
            "lime needs 48 samples for 12 supervoxels, and got 40: give more samples, or a smaller count",
        ),
        ({"supervoxels": "tube"}, r"lime: unknown supervoxels 'tube'; did you mean tubes\?"),
        ({"count": 0}, "lime: count is a whole number from 1 to 10000, not 0"),
        ({"fill": "grey"}, "lime: unknown fill 'grey'"),
    ):
        with pytest.raises(VidexplainError, match=said):
            attribute(module, x, method="lime", **options)
