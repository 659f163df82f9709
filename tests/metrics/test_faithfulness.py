"""Deletion, insertion, average drop and increase, on scores whose answer is known and against other packages."""

import math
from contextlib import nullcontext
from itertools import pairwise, permutations

import numpy as np
import pytest
import torch

from tests.metrics.networks import Tiny
from tests.oracles import metrics as literal
from videxplain.errors import VidexplainError
from videxplain.metrics.faithfulness import UNITS, Curve, average_drop, deletion, increase, insertion, ranks

SHAPES = {"voxel": (1, 1, 5), "frame": (5, 2, 3), "tubelet": (1, 5, 1)}
"""Five units each."""


def contributions(unit):
    """What the five units of an additive score contribute, 5 to 1, in the order of their numbers: 2, 5, 1, 4, 3."""
    order = torch.tensor([2.0, 5, 1, 4, 3])
    dims = {"voxel": (1, 1, 5), "frame": (5, 1, 1), "tubelet": (1, 5, 1)}[unit]
    return (order.reshape(dims) / math.prod(SHAPES[unit]) * 5).expand(SHAPES[unit])


def additive(weights):
    """The sum of weights times voxels, all channels alike, so that of ones each voxel contributes its weight."""
    return lambda versions: (versions.mean(1) * weights).sum((1, 2, 3))


@pytest.mark.parametrize("unit", UNITS)
def test_an_additive_score_has_the_areas_a_hand_computes(unit):
    x, weights = torch.ones(1, 3, *SHAPES[unit]), contributions(unit)
    gone = deletion(additive(weights), x, weights, unit=unit)
    assert gone.shares.tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert gone.scores.tolist() == pytest.approx([15, 10, 6, 3, 1, 0], abs=1e-5)
    # (15 / 2 + 10 + 6 + 3 + 1 + 0 / 2) / 5
    assert gone.area == pytest.approx(5.5, abs=1e-6)
    come = insertion(additive(weights), x, weights, unit=unit)
    assert come.scores.tolist() == pytest.approx([0, 5, 9, 12, 14, 15], abs=1e-5)
    assert come.area == pytest.approx(9.5, abs=1e-6)
    # The worst map is the true one upside down, and there the two change places.
    assert deletion(additive(weights), x, -weights, unit=unit).area == pytest.approx(9.5, abs=1e-6)
    assert insertion(additive(weights), x, -weights, unit=unit).area == pytest.approx(5.5, abs=1e-6)


@pytest.mark.parametrize("unit", UNITS)
def test_no_order_beats_the_true_map_of_an_additive_score(unit):
    x, weights = torch.ones(1, 1, *SHAPES[unit]), contributions(unit)
    score = additive(weights)
    dims = {"voxel": (1, 1, 5), "frame": (5, 1, 1), "tubelet": (1, 5, 1)}[unit]
    areas = {}
    for order in permutations(range(5)):
        heat = torch.tensor(order, dtype=torch.float32).reshape(dims).expand(SHAPES[unit])
        areas[order] = deletion(score, x, heat, unit=unit).area, insertion(score, x, heat, unit=unit).area
    true = (1, 4, 0, 3, 2)  # the ranks of 2, 5, 1, 4, 3
    assert {order for order in areas if areas[order][0] < areas[true][0] + 1e-4} == {true}
    assert {order for order in areas if areas[order][1] > areas[true][1] - 1e-4} == {true}


def test_a_constant_map_hides_in_the_order_of_time_rows_and_columns():
    shape = (2, 2, 3)
    weights = torch.arange(1.0, 13).reshape(shape)
    curve = deletion(additive(weights), torch.ones(1, 1, *shape), torch.full(shape, 0.3), unit="voxel", steps=12)
    assert curve.scores.tolist() == pytest.approx([78 - k * (k + 1) / 2 for k in range(13)])
    assert ranks(torch.zeros(shape), "voxel").flatten().tolist() == list(range(12))


@pytest.mark.parametrize("unit", UNITS)
def test_where_all_contribute_alike_every_map_gets_half(unit):
    x, score = torch.ones(1, 2, 4, 8, 8), additive(torch.full((4, 8, 8), 1 / 256))
    for heat in (torch.zeros(4, 8, 8), torch.rand(4, 8, 8, generator=torch.Generator().manual_seed(0))):
        assert deletion(score, x, heat, unit=unit, steps=7).area == pytest.approx(0.5, abs=1e-6)
        assert insertion(score, x, heat, unit=unit, steps=7).area == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("fill", ["mean", "blur", "freeze"])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("hide", [True, False])
def test_the_network_sees_what_the_literal_version_shows_it(unit, fill, hide):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 5, 11, 9)).astype(np.float32)
    heat = rng.normal(size=(5, 11, 9)).astype(np.float32).round(1)  # rounded, so that there are equal values
    seen = []

    def score(versions):
        seen.extend(versions.clone())
        return versions.flatten(1).sum(1)

    measure = deletion if hide else insertion
    curve = measure(score, torch.from_numpy(x)[None], torch.from_numpy(heat), unit=unit, fill=fill, steps=6)
    shares, expected = zip(*literal.versions(x, heat.astype(np.float64), unit, fill, 6, hide=hide), strict=True)
    assert curve.shares.tolist() == pytest.approx(shares)
    assert len(seen) == len(expected)
    assert max(np.abs(a.numpy() - b).max() for a, b in zip(seen, expected, strict=True)) < 1e-5


@pytest.mark.parametrize(
    ("units", "steps", "reached"), [(7, 3, [0, 3, 5, 7]), (7, 7, list(range(8))), (3, 20, [0, 1, 2, 3]), (5, 1, [0, 5])]
)
def test_steps_share_the_units_and_none_is_empty(units, steps, reached):
    x = torch.ones(1, 1, units, 2, 2)
    curve = deletion(additive(torch.ones(units, 2, 2)), x, torch.rand(units, 2, 2), unit="frame", steps=steps)
    assert curve.shares.tolist() == pytest.approx([count / units for count in reached])
    assert all(a < b for a, b in pairwise(curve.shares.tolist()))


def test_tubelets_are_ranked_by_their_mean_not_their_sum():
    # Ten columns in eight tubelets, so that two are twice as wide: of 0.6 each their sum is 1.2.
    heat = torch.zeros(1, 1, 10)
    sizes = [len(unit) for unit in literal.units_of((1, 1, 10), "tubelet")]
    assert sorted(sizes) == [1, 1, 1, 1, 1, 1, 2, 2]
    wide, narrow = sizes.index(2), sizes.index(1)
    of = [i * 8 // 10 for i in range(10)]
    heat[0, 0, [i for i in range(10) if of[i] == wide]] = 0.6
    heat[0, 0, of.index(narrow)] = 0.9
    places = ranks(heat)[0, 0].tolist()
    assert places[of.index(narrow)] == 0
    assert {places[i] for i in range(10) if of[i] == wide} == {1}


def test_a_clip_as_large_as_real_ones_has_256_tubelets_of_a_quarter_by_an_eighth():
    places = ranks(torch.rand(16, 112, 112, generator=torch.Generator().manual_seed(0)))
    assert places.unique().tolist() == list(range(256))
    assert torch.equal(
        places, places[::4, ::14, ::14].repeat_interleave(4, 0).repeat_interleave(14, 1).repeat_interleave(14, 2)
    )


def test_negative_values_are_the_least():
    assert ranks(torch.tensor([[[-1.0, 0.5, 0, -3]]]), "voxel").tolist() == [[[2, 0, 1, 3]]]


def test_versions_are_scored_together_without_gradients_and_give_what_single_ones_do():
    batches = []

    def score(versions):
        assert not torch.is_grad_enabled()
        batches.append(len(versions))
        return versions.flatten(1).pow(2).mean(1)

    x, heat = torch.randn(1, 3, 16, 112, 112), torch.rand(16, 112, 112)
    together = deletion(score, x, heat, steps=10).scores
    assert batches == [4, 4, 3]  # four clips of 112 pixels
    batches.clear()
    large, coarse = (t.repeat_interleave(3, -1).repeat_interleave(3, -2) for t in (x, heat))
    deletion(score, large, coarse, steps=2)
    assert batches == [1, 1, 1]
    assert together[0].item() == pytest.approx(x.pow(2).mean().item(), rel=1e-6)
    assert together[-1].item() == 0


def test_area_is_that_of_trapezoids_of_unequal_width():
    curve = Curve(torch.tensor([0, 0.5, 1.0]), torch.tensor([1.0, 0, 4]))
    assert curve.area == pytest.approx(0.25 + 1.0)
    assert Curve(torch.tensor([0, 0.9, 1.0]), torch.tensor([1.0, 0, 4])).area == pytest.approx(0.45 + 0.2)


@pytest.mark.parametrize(
    ("heat", "drop", "more"),
    [
        ([1, 1, 0, 0], 0.5, 0),  # half of the clip is left of a mean of 0.5
        ([2, 1, 0, 1], 0.5, 0),  # brought to [0, 1]: 1, 1/2, 0, 1/2
        ([1, 1, 1, 1], 1, 0),  # singles nothing out
        ([0, 0, 0, 0], 1, 0),
        ([-3, -3, -1, -1], 1, 0),  # no evidence for the class: the clip is not seen at all
        ([4, 0, -4, 2], 0.625, 0),  # negative is no evidence: 1, 0, 0, 1/2; by its minimum it would be 1, 1/2, 0, 3/4
    ],
)
def test_average_drop_and_increase_of_a_mean(heat, drop, more):
    x, heat = torch.full((1, 3, 1, 2, 2), 0.5), torch.tensor(heat, dtype=torch.float32).reshape(1, 2, 2)

    def score(versions):
        return versions.flatten(1).mean(1)

    assert average_drop(score, x, heat) == pytest.approx(drop)
    assert increase(score, x, heat) == more


def test_a_score_that_rises_drops_by_nothing():
    x = torch.tensor([1.0, -1, 0.5, 0]).reshape(1, 1, 1, 2, 2)
    heat = torch.tensor([1.0, 0, 1, 0]).reshape(1, 2, 2)

    def score(versions):
        return versions.flatten(1).mean(1)

    assert (average_drop(score, x, heat), increase(score, x, heat)) == (0, 1)
    # The same picture as before is no rise, and of a score of zero nothing can be lost.
    assert increase(lambda v: torch.full((len(v),), 0.5), x, heat) == 0
    assert average_drop(lambda v: torch.zeros(len(v)), x, heat) == 0


@pytest.mark.parametrize("measure", [deletion, insertion, average_drop, increase])
def test_a_map_of_another_clip_is_refused(measure):
    with pytest.raises(VidexplainError, match=r"belong together, not \(1, 3, 4, 8, 8\) and \(4, 8, 7\)"):
        measure(lambda v: v.flatten(1).sum(1), torch.rand(1, 3, 4, 8, 8), torch.rand(4, 8, 7))
    with pytest.raises(VidexplainError, match="belong together"):
        measure(lambda v: v.flatten(1).sum(1), torch.rand(2, 3, 4, 8, 8), torch.rand(4, 8, 8))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"unit": "pixel"}, "unknown unit 'pixel'"),
        ({"fill": "black"}, "unknown fill 'black'"),
        ({"steps": 0}, "steps is a number, at least 1, not 0"),
    ],
)
def test_what_there_is_not_is_named(options, words):
    with pytest.raises(VidexplainError, match=words):
        deletion(lambda v: v.flatten(1).sum(1), torch.rand(1, 3, 4, 8, 8), torch.rand(4, 8, 8), **options)


def test_a_map_with_holes_is_refused():
    heat = torch.rand(4, 8, 8)
    heat[1, 2, 3] = math.nan
    with pytest.raises(VidexplainError, match="a map is finite"):
        deletion(lambda v: v.flatten(1).sum(1), torch.rand(1, 3, 4, 8, 8), heat)


class Given:
    """A map in place of torchcam's CAM."""

    def __init__(self, model, heat):
        self.model, self.heat = model, heat

    def __call__(self, class_idx=None, scores=None, normalized=True, **kwargs):
        return [self.heat[None]]

    def fuse_cams(self, cams):
        return cams[0]

    def _hooks_off(self):
        return nullcontext()


@pytest.mark.parametrize("flat", [False, True])
def test_equals_torchcams_deletion_and_insertion(flat):
    metrics = pytest.importorskip("torchcam.metrics")
    model, x = Tiny().eval(), torch.randn(1, 3, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    heat = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(2))
    if flat:
        heat = heat.relu()  # half of it is equal: zero
    reference = metrics.DeletionInsertionMetric(Given(model, heat), lambda logits: logits.softmax(1), steps=16)
    reference.update(x, 2)
    expected = reference.summary()

    def score(versions):
        return model(versions).softmax(1)[:, 2]

    gone = deletion(score, x, heat, unit="voxel", steps=16)
    assert gone.area == pytest.approx(expected["deletion_auc"], abs=1e-6)
    assert insertion(score, x, heat, unit="voxel", steps=16).area == pytest.approx(expected["insertion_auc"], abs=1e-6)
    assert gone.scores.max() - gone.scores.min() > 0.01


def test_equals_torchcams_average_drop_and_increase():
    metrics = pytest.importorskip("torchcam.metrics")
    model, drops = Tiny().eval(), []
    for seed in range(6):
        x = torch.randn(1, 3, 4, 8, 8, generator=torch.Generator().manual_seed(seed))
        heat = torch.rand(4, 8, 8, generator=torch.Generator().manual_seed(seed + 10))
        heat = (heat - heat.min()) / (heat.max() - heat.min())
        label = seed % 4
        reference = metrics.ClassificationMetric(Given(model, heat), lambda logits: logits.softmax(1))
        reference.update(x, label)

        def score(versions, label=label):
            return model(versions).softmax(1)[:, label]

        drops.append(average_drop(score, x, heat))
        assert drops[-1] == pytest.approx(reference.summary()["avg_drop"], abs=1e-6)
        assert increase(score, x, heat) == reference.summary()["conf_increase"]
    assert min(drops) == 0
    assert max(drops) > 0.01


def test_equals_quantus_pixel_flipping():
    quantus = pytest.importorskip("quantus")
    model, x = Tiny(1).eval(), torch.randn(1, 1, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    heat = torch.randperm(32, generator=torch.Generator().manual_seed(2)).reshape(2, 4, 4).float()

    class Model:
        """What Quantus asks of a network; its own wrapper takes pictures only."""

        def shape_input(self, x, shape, channel_first=None, batched=False):
            return x

        def predict(self, x):
            with torch.no_grad():
                return model(torch.from_numpy(x)).softmax(1).numpy()

    metric = quantus.PixelFlipping(
        features_in_step=4, perturb_baseline=0.0, normalise=False, disable_warnings=True, return_aggregate=False
    )
    (expected,) = metric.evaluate_batch(
        model=Model(), x_batch=x.numpy(), y_batch=np.array([3]), a_batch=heat[None, None].numpy()
    )
    curve = deletion(lambda v: model(v).softmax(1)[:, 3], x, heat, unit="voxel", steps=8)
    # Quantus leaves out the clip as it was.
    assert curve.scores[1:].tolist() == pytest.approx(expected, abs=1e-6)
    assert np.ptp(expected) > 0.01
