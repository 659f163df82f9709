"""Calls from several threads give what each gives alone, and leave networks and torch's settings as they were."""

import threading
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


class Interrupted(nn.Module):
    """Convolutions and a mean; in the middle of a pass another thread may run the whole network by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.r = nn.Conv3d(3, 4, 3, padding=1), nn.ReLU()
        self.d, self.q, self.fc = nn.Conv3d(4, 6, 3, padding=1), nn.ReLU(), nn.Linear(6, 5)
        self.between = lambda: None

    def forward(self, x: Tensor) -> Tensor:
        x = self.r(self.c(x))
        self.between()
        return self.fc(self.q(self.d(x)).mean((2, 3, 4)))


@pytest.mark.parametrize(
    ("method", "layer"),
    [("gradcam", "r"), ("gradcam", "q"), ("layercam", "r"), ("ablationcam", "q"), ("cam", "q"), ("lrp", "r")],
)
def test_who_calls_the_network_meanwhile_changes_nothing_and_gets_its_answer(method: str, layer: str) -> None:
    net, x, other = seeded(Interrupted), video(1, 3, 4, 12, 12), video(1, 3, 4, 12, 12, seed=1)
    wanted, answer = vx.attribute(net, x, method=method, layer=layer, target=1), net(other).detach()
    asked, answers, me = [], [], threading.current_thread()

    def ask() -> None:
        with torch.no_grad():
            answers.append(net(other))

    def between() -> None:
        if threading.current_thread() is me:
            asked.append(threading.Thread(target=ask))
            asked[-1].start()
            asked[-1].join()

    net.between = between
    found = vx.attribute(net, x, method=method, layer=layer, target=1)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-7)
    assert len(answers) == len(asked) > 0
    for one in answers:
        torch.testing.assert_close(one, answer, rtol=1e-5, atol=1e-6)
