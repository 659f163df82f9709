"""Frame occlusion: on a network whose answer is known."""

import torch

from tests.attribution.networks import Pixels, Small3D, seeded, video
from videxplain.attribution.api import attribute


def test_a_frame_without_its_colours_loses_what_it_added():
    weights, x = video(6, 4, 5, seed=2), video(2, 3, 6, 4, 5)
    found = attribute(Pixels(weights), x, method="frame-occlusion", target=1, enlarge=False)
    assert found.shape == (2, 6, 1, 1)
    expected = -(x.sum(1) * weights).sum((2, 3))
    torch.testing.assert_close(found[:, :, 0, 0], expected, rtol=1e-4, atol=1e-4)


def test_a_frame_that_equals_the_one_before_adds_no_movement():
    weights = torch.ones(4, 2, 2)
    x = torch.ones(1, 3, 4, 2, 2) * torch.tensor([1.0, 1.0, 3.0, 3.0]).view(1, 1, 4, 1, 1)
    found = attribute(Pixels(weights), x, method="frame-occlusion", target=0, fill="freeze", enlarge=False)
    # The third frame alone differs from the one before it: 2 more in 3 channels and 4 pixels.
    assert found[0, :, 0, 0].tolist() == [0, 0, 24, 0]


def test_scores_share_their_passes():
    class Counting(Small3D):
        rows = 0

        def forward(self, x):
            Counting.rows += len(x)
            return super().forward(x)

    module = seeded(Counting)
    x = video(1, 3, 4, 8, 8)
    attribute(module, x, method="frame-occlusion", target=0)  # finds out once whether clips of a batch are apart
    for targets in ([0], [0, 1, 2]):
        Counting.rows = 0
        attribute(module, x, method="frame-occlusion", targets=targets)
        assert Counting.rows == 1 + 4
