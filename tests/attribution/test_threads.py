"""Calls from several threads give what each gives alone, and leave networks and torch's settings as they were."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

import videxplain as vx
from tests.attribution.left_behind import state
from tests.attribution.networks import seeded, video

METHODS = {
    "gradcam": {"layer": "r"},
    "ablationcam": {"layer": "r"},
    "saliency": {},
    "guided-backprop": {},
    "smoothgrad": {"samples": 4},
    "gradient-shap": {"samples": 4},
    "frame-occlusion": {},
    "rise": {"samples": 8},
}


class Net(nn.Module):
    """A convolution of images in a loop over frames, a GRU and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.r = nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU()
        self.rnn, self.fc = nn.GRU(4, 8, batch_first=True), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        steps = torch.stack([self.r(self.c(frame)).mean((2, 3)) for frame in x.unbind(2)], 1)
        return self.fc(self.rnn(steps)[0][:, -1])


@pytest.mark.parametrize("networks", [1, 3])
def test_threads_get_what_each_gets_alone(networks: int) -> None:
    nets = [seeded(Net, seed).train() for seed in range(networks)]
    jobs = [
        (nets[k % networks], video(1, 3, 4, 12, 12, seed=k), method, options)
        for k in range(3)
        for method, options in METHODS.items()
    ]

    def run(job: tuple[nn.Module, Tensor, str, dict]) -> Tensor:
        net, x, method, options = job
        return vx.attribute(net, x, method=method, target=1, **options)

    wanted = [
        run((seeded(Net, k % networks), *job[1:])) for k, job in ((i // len(METHODS), j) for i, j in enumerate(jobs))
    ]
    before = [state(net) for net in nets]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, jobs))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)
    assert [state(net) for net in nets] == before
