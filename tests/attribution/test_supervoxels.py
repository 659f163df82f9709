"""Supervoxels: every voxel in one, as many as asked for, and tubes that follow what moves."""

import sys

import numpy as np
import pytest
import torch

from tests.attribution.networks import video
from tests.explanation.clips import SIDE, corner, planted
from videxplain.attribution.supervoxels import KINDS, supervoxels
from videxplain.data.transforms import to_model_input
from videxplain.errors import VidexplainError


def moving(frames=16):
    """A square that moves, as the input of a network, ``(1, 3, T, 64, 64)``, textured so that its flow is visible."""
    clip = planted(frames, 0, frames - 1)
    grain = np.random.default_rng(0).integers(0, 80, (SIDE, SIDE, 1))
    for t, frame in enumerate(clip.frames):
        y, x = corner(t)
        frame[y : y + SIDE, x : x + SIDE] = 255 - grain
    x = to_model_input(clip.frames, size=(64, 64), mean=(0.45,) * 3, std=(0.225,) * 3)
    return torch.from_numpy(x)[None]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "shape",
    [(1, 3, 4, 8, 8), (1, 3, 1, 20, 12), (1, 1, 5, 6, 6), (1, 2, 3, 8, 9), (1, 3, 16, 56, 40), (1, 3, 2, 1, 1)],
)
def test_numbers_run_from_zero_without_gaps(kind, shape):
    labels = supervoxels(video(*shape), kind, 12)
    assert labels.shape == shape[2:]
    assert labels.dtype == torch.int64
    assert labels.unique().tolist() == list(range(int(labels.max()) + 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("frames", "count"), [(16, 64), (16, 150), (5, 60), (32, 100)])
def test_about_as_many_as_asked_for(kind, frames, count):
    found = int(supervoxels(moving(frames), kind, count).max()) + 1
    assert 0.6 * count < found < 1.5 * count


def test_boxes_are_a_grid():
    labels = supervoxels(video(1, 3, 8, 6, 6), "boxes", 16)
    expected = torch.empty(8, 6, 6, dtype=torch.int64)
    for t in range(8):
        for y in range(6):
            for x in range(6):
                expected[t, y, x] = 4 * (t // 2) + 2 * (y // 3) + x // 3
    assert torch.equal(labels.cpu(), expected)


@pytest.mark.parametrize("count", [2, 3, 7, 12, 50, 64, 99])
def test_tubes_and_boxes_are_never_more_than_asked_for(count):
    for kind in ("tubes", "boxes"):
        found = int(supervoxels(moving(16), kind, count).max()) + 1
        assert 0.5 * count < found <= count


def test_one_supervoxel_is_the_whole_clip():
    for kind in KINDS:
        assert supervoxels(moving(8), kind, 1).max() == 0


def inside(labels, t):
    """The labels in the square of a frame, without its rim."""
    y, x = corner(t)
    return labels[t, y + 3 : y + SIDE - 3, x + 3 : x + SIDE - 3].numpy()


def test_a_tube_follows_what_moves():
    """In the middle frame some cells cover the square. In all frames the same cells cover it, at its new place."""
    labels = supervoxels(moving(), "tubes", 4 * 16)
    rows = labels % 16  # the cell, whatever the step in time
    middle = inside(rows, 8)
    assert len(np.unique(middle)) > 1
    for t in range(16):
        assert (inside(rows, t) == middle).mean() > 0.85
    # Boxes do not follow: the square leaves them.
    boxes = supervoxels(moving(), "boxes", 4 * 16) % 16
    assert (inside(boxes, 0) == inside(boxes, 8)).mean() < 0.6


def test_slic_keeps_to_edges():
    """Hardly a supervoxel holds parts of the square and of the background."""
    labels = supervoxels(moving(), "slic", 64)
    square = torch.zeros_like(labels, dtype=torch.bool)
    for t in range(16):
        y, x = corner(t)
        square[t, y : y + SIDE, x : x + SIDE] = True
    shares = torch.stack([square[labels == k].double().mean() for k in labels.unique()])
    sizes = torch.bincount(labels.flatten())
    mixed = ((shares > 0.15) & (shares < 0.85)).double() @ sizes.double() / sizes.sum()
    assert mixed < 0.1
    assert (shares > 0.85).sum() >= 2


def test_the_same_again():
    for kind in KINDS:
        assert torch.equal(supervoxels(moving(), kind, 40), supervoxels(moving(), kind, 40))


def test_the_scale_of_values_does_not_matter():
    x = moving(8)
    for kind in KINDS:
        same = (supervoxels(x, kind, 40) == supervoxels(7 * x - 3, kind, 40)).double().mean()
        assert same > 0.95


def test_what_is_wrong_is_one_line(monkeypatch):
    with pytest.raises(VidexplainError, match=r"unknown kind of supervoxels 'slik'; did you mean slic\?"):
        supervoxels(moving(4), "slik", 8)
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(VidexplainError, match=r"need scikit-image: .*, or take tubes or boxes"):
        supervoxels(moving(4), "slic", 8)
