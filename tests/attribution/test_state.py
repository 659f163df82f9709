"""A network that remembers passes, takes one clip a pass or mixes its batch: each clip has the map it has alone."""

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import videxplain as vx
from tests.attribution.networks import Small3D, seeded, video
from tests.device import here
from videxplain.attribution.api import MapWarning
from videxplain.attribution.versions import VARIES, takes_batches

METHODS = {
    "gradcam": {"layer": "r"},
    "ablationcam": {"layer": "r"},
    "scorecam": {"layer": "r"},
    "saliency": {},
    "smoothgrad": {"samples": 4},
    "integrated-gradients": {"steps": 6},
    "frame-occlusion": {},
    "rise": {"samples": 8},
    "temporal-mask": {"steps": 3},
}


class Net(nn.Module):
    """A convolution, its ReLU, and a head that adds what ``past`` says."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.r, self.fc = nn.Conv3d(3, 6, 3, padding=1), nn.ReLU(), nn.Linear(6, 3)

    def features(self, x: Tensor) -> Tensor:
        return self.r(self.c(x)).mean((2, 3, 4))

    def forward(self, x: Tensor) -> Tensor:
        y = self.features(x)
        return self.fc(y * y)


class Streaming(Net):
    """Adds the features of the pass before, kept in a buffer or as a plain attribute."""

    def __init__(self, kept: str) -> None:
        super().__init__()
        self.kept, self.hidden = kept, None
        self.register_buffer("past", torch.zeros(1, 6))

    def forward(self, x: Tensor) -> Tensor:
        y = self.features(x)
        if self.kept == "buffer":
            y = y + self.past
            self.past.copy_(y.detach()[:1])
        else:
            y = y if self.hidden is None else y + self.hidden
            self.hidden = y.detach()[:1]
        return self.fc(y * y)


class OneClip(Net):
    def forward(self, x: Tensor) -> Tensor:
        y = self.features(x).view(1, 6)
        return self.fc(y * y)


class FirstClip(Net):
    """Answers for the first clip of a batch alone."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.features(x)[:1]
        return self.fc(y * y)


class BatchMean(Net):
    def forward(self, x: Tensor) -> Tensor:
        y = self.features(x)
        y = y - 0.5 * y.mean(0, keepdim=True)
        return self.fc(y * y)


class MeanOfOne(Net):
    """What :class:`BatchMean` is for one clip."""

    def forward(self, x: Tensor) -> Tensor:
        y = 0.5 * self.features(x)
        return self.fc(y * y)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kept", ["buffer", "attribute"])
def test_every_pass_begins_with_the_state_that_the_call_found(method: str, kept: str) -> None:
    network, x = seeded(lambda: Streaming(kept)), video(1, 3, 4, 10, 10)
    found = vx.attribute(network, x, method=method, target=1, **METHODS[method])
    torch.testing.assert_close(found, vx.attribute(seeded(Net), x, method=method, target=1, **METHODS[method]))
    assert not network.past.any()
    assert network.hidden is None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("build", "same"), [(OneClip, Net), (FirstClip, Net), (BatchMean, MeanOfOne)])
def test_versions_of_a_clip_do_not_meet_where_they_would_change_each_other(
    method: str, build: type[nn.Module], same: type[nn.Module]
) -> None:
    x, options = video(1, 3, 4, 10, 10), METHODS[method]
    if method == "smoothgrad" and here().type != "cpu":
        options = {**options, "noise": 0.0}  # a GPU draws other noise for copies one by one than for all together
    found = vx.attribute(seeded(build), x, method=method, target=1, **options)
    wanted = vx.attribute(seeded(same), x, method=method, target=1, **options)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_a_batch_that_the_network_mixes_is_explained_clip_by_clip() -> None:
    x = video(3, 3, 4, 10, 10)
    for target in (1, [0, 1, 2], None):
        found = vx.attribute(seeded(BatchMean), x, method="gradcam", layer="r", target=target)
        torch.testing.assert_close(
            found, vx.attribute(seeded(MeanOfOne), x, method="gradcam", layer="r", target=target), rtol=1e-4, atol=1e-7
        )
    with pytest.raises(vx.VidexplainError, match="2 targets for a batch of 3"):
        vx.attribute(seeded(BatchMean), x, method="gradcam", layer="r", target=[0, 1])


@pytest.mark.parametrize("method", ["gradcam", "saliency", "rise", "integrated-gradients"])
def test_a_batch_for_a_network_of_one_clip_is_explained_clip_by_clip(method: str) -> None:
    class Asserts(Net):
        def forward(self, x: Tensor) -> Tensor:
            assert len(x) == 1, "one clip, please"
            return super().forward(x)

    x, options = video(2, 3, 4, 10, 10), METHODS.get(method, {})
    wanted = vx.attribute(seeded(Net), x, method=method, target=[1, 2], **options)
    assert wanted.abs().amax((1, 2, 3)).min() > 0
    for build in (OneClip, FirstClip, Asserts):
        found = vx.attribute(seeded(build), x, method=method, target=[1, 2], **options)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-7)


class Draws(Net):
    """Dropout that evaluation mode does not switch off."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(nn.functional.dropout(self.features(x), 0.5, training=True))


class Counts(Net):
    """Doubles every second answer."""

    passes = 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        return super().forward(x) * (1 + self.passes % 2)


@pytest.mark.parametrize("build", [Draws, Counts])
def test_a_network_that_answers_one_clip_in_several_ways_is_said_to(build: type[nn.Module]) -> None:
    with pytest.warns(MapWarning, match="answers one clip differently from pass to pass"):
        vx.attribute(seeded(build), video(1, 3, 4, 10, 10), method="frame-occlusion", target=1)
    model = vx.wrap(seeded(build), num_frames=4, size=10)
    clip = vx.Clip(np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3), dtype=np.uint8))
    assert VARIES in vx.explain(model, clip, "rise", samples=8, target=1).notes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vx.attribute(seeded(BatchMean), video(1, 3, 4, 10, 10), method="frame-occlusion", target=1)


class AlwaysNaN(Net):
    """The same answer every time."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * float("nan")


@pytest.mark.parametrize("method", ["frame-occlusion", "lime", "saliency"])
def test_a_network_that_answers_nan_is_not_said_to_vary(method: str) -> None:
    x, options = video(1, 3, 4, 10, 10), {"count": 4, "samples": 20} if method == "lime" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert vx.attribute(seeded(AlwaysNaN), x, method=method, target=1, **options).isnan().all()


def test_it_is_found_out_once_for_each_size() -> None:
    network = seeded(Small3D)
    assert takes_batches(network, video(1, 3, 4, 8, 8))
    network.calls = 0
    assert takes_batches(network, video(5, 3, 4, 8, 8, seed=3))
    assert network.calls == 0
    assert takes_batches(network, video(1, 3, 5, 8, 8))
    assert network.calls == 3
    assert not takes_batches(seeded(BatchMean), video(1, 3, 4, 8, 8))
    assert not takes_batches(seeded(OneClip), video(1, 3, 4, 8, 8))
