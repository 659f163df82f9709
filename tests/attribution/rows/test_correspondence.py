"""Which rows of a layer are which sample and moment: found out, equal to the features of the frames, or refused."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest
import torch
from torch import Tensor, nn

from tests.attribution import folded_networks as nets
from tests.attribution.networks import seeded, video
from videxplain import VidexplainError
from videxplain.attribution.rows.correspondence import Correspondence, find_correspondence
from videxplain.attribution.rows.probing import code_words

SIZE = (3, 6, 16, 16)


def outputs_of(net: nn.Module, layer: str) -> Callable[[Tensor], list[Tensor]]:
    """A pass that gives the outputs of all calls of a layer."""

    def run(x: Tensor) -> list[Tensor]:
        calls: list[Tensor] = []
        with ExitStack() as stack:
            handle = net.get_submodule(layer).register_forward_hook(lambda _, __, output: calls.append(output))
            stack.callback(handle.remove)
            stack.enter_context(torch.no_grad())
            net(x)
        return calls

    return run


def found_in(net: nn.Module, x: Tensor, layer: str = "cnn") -> tuple[Correspondence, list[Tensor]]:
    """The correspondence at a layer, and the outputs of a pass to lay out by it."""
    run = outputs_of(net, layer)
    return find_correspondence(run, video(*x.shape, seed=7), layer), run(x)


def frame_features(net: nn.Module, clips: Tensor, frames: Sequence[int] | None = None) -> Tensor:
    """The image network on the frames one by one, ``(N, C, T, h, w)``."""
    chosen = range(clips.shape[2]) if frames is None else frames
    with torch.no_grad():
        return torch.stack([net.cnn(clips[:, :, t]) for t in chosen], 2)


EVERY_FRAME = [
    nets.SampleFirst,
    nets.TimeFirst,
    nets.FrameByFrame,
    nets.LastFrameFirst,
    nets.Shuffled,
    nets.ClipByClip,
    nets.UnevenChunks,
]


@pytest.mark.parametrize("samples", [1, 2, 3])
@pytest.mark.parametrize("build", EVERY_FRAME)
def test_every_frame_of_every_sample_is_found_however_they_are_folded(build: type[nn.Module], samples: int) -> None:
    net, x = seeded(build), video(samples, *SIZE)
    found, outputs = found_in(net, x)
    assert len(found.uses) == 1
    torch.testing.assert_close(found.gather(outputs, 0), frame_features(net, x))


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("frames", [1, 2, 5, 17])
def test_any_number_of_frames(frames: int, samples: int) -> None:
    net, x = seeded(nets.TimeFirst), video(samples, 3, frames, 16, 16)
    found, outputs = found_in(net, x)
    torch.testing.assert_close(found.gather(outputs, 0), frame_features(net, x))


@pytest.mark.parametrize("samples", [1, 2])
def test_of_every_other_frame_there_is_a_step_for_each_that_is_seen(samples: int) -> None:
    net, x = seeded(nets.EveryOther), video(samples, *SIZE)
    found, outputs = found_in(net, x)
    torch.testing.assert_close(found.gather(outputs, 0), frame_features(net, x, [0, 2, 4]))


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize(
    ("build", "mixed"),
    [
        (nets.Shifted, lambda net, x: net.shifted(x)),
        (nets.StemIn3D, lambda net, x: net.stem(x)),
        (nets.Gated, lambda net, x: x * torch.sigmoid(x.mean((2, 3, 4), keepdim=True))),
        (nets.Differences, lambda net, x: x.diff(dim=2)),
    ],
)
def test_frames_that_are_mixed_before_the_layer_keep_their_order(
    build: type[nn.Module], mixed: Callable[[nn.Module, Tensor], Tensor], samples: int
) -> None:
    net, x = seeded(build), video(samples, *SIZE)
    found, outputs = found_in(net, x)
    with torch.no_grad():
        images = mixed(net, x)
    torch.testing.assert_close(found.gather(outputs, 0), frame_features(net, images))


@pytest.mark.parametrize("samples", [1, 2])
def test_stacks_of_frames_are_steps(samples: int) -> None:
    net, x = seeded(nets.StemOfImages), video(samples, *SIZE)
    found, outputs = found_in(net, x)
    with torch.no_grad():
        wanted = torch.stack([net.cnn(x[:, :, 3 * i : 3 * i + 3].transpose(1, 2).flatten(1, 2)) for i in (0, 1)], 2)
    torch.testing.assert_close(found.gather(outputs, 0), wanted)


@pytest.mark.parametrize("samples", [1, 2])
def test_clips_of_half_the_frames_are_one_after_the_other(samples: int) -> None:
    net, x = seeded(nets.Chunks3D), video(samples, *SIZE)
    found, outputs = found_in(net, x)
    with torch.no_grad():
        wanted = torch.cat([net.cnn(x[:, :, :3]), net.cnn(x[:, :, 3:])], 2)
    torch.testing.assert_close(found.gather(outputs, 0), wanted)


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("order", ["folded", "every frame twice", "two loops", "the second behind the mean"])
def test_two_uses_are_two_uses_in_whatever_order(order: str, samples: int) -> None:
    net, x = seeded(lambda: nets.SharedReLU(order)), video(samples, *SIZE)
    found, outputs = found_in(net, x, "relu")
    assert len(found.uses) == 2
    with torch.no_grad():
        first = torch.stack([net.c1(frame).relu() for frame in x.unbind(2)], 2)
        if order == "the second behind the mean":
            second = net.c2(first.mean(2)).relu()[:, :, None]
        else:
            second = torch.stack([net.c2(frame).relu() for frame in first.unbind(2)], 2)
    torch.testing.assert_close(found.gather(outputs, 0), first)
    torch.testing.assert_close(found.gather(outputs, 1), second)


@pytest.mark.parametrize("samples", [1, 2])
def test_frames_stacked_as_channels_are_one_step_and_uses_are_no_moments(samples: int) -> None:
    net, x = seeded(nets.StackedFrames), video(samples, *SIZE)
    found, outputs = found_in(net, x, "relu")
    with torch.no_grad():
        first = net.c1(x.transpose(1, 2).flatten(1, 2)).relu()
        second = net.c2(first).relu()
    assert len(found.uses) == 2
    torch.testing.assert_close(found.gather(outputs, 0), first[:, :, None])
    torch.testing.assert_close(found.gather(outputs, 1), second[:, :, None])


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize(
    ("build", "said"),
    [
        (nets.TwoCrops, "it sees 2 images of each frame"),
        (nets.Repeated, "it sees 2 images of each frame"),
        (nets.OneMore, "it sees frame 5 2 times and frame 0 1 time"),
        (nets.FirstHalf, "it sees frames 0, 1, 2 of 6"),
        (nets.Padded, "of its .* images show nothing of the clip"),
    ],
)
def test_images_that_are_not_the_frames_once_each_are_refused(build: type[nn.Module], said: str, samples: int) -> None:
    with pytest.raises(VidexplainError, match=said):
        found_in(seeded(build), video(samples, *SIZE))


def test_a_network_that_crops_or_mirrors_the_picture_is_known() -> None:
    x = video(1, *SIZE)
    assert "left border" in found_in(seeded(nets.CentreCrop), x)[0].uses[0].wrong
    assert "mirrored, left for right" in found_in(seeded(nets.Mirrored), x)[0].uses[0].wrong
    assert not found_in(seeded(nets.SampleFirst), x)[0].uses[0].wrong


def test_uses_in_a_network_of_clips_are_told_by_few_passes() -> None:
    class Shared3D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c1, self.c2 = nn.Conv3d(3, 5, 3, padding=1), nn.Conv3d(5, 5, 3, (2, 1, 1), 1)
            self.relu, self.fc = nn.ReLU(), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.relu(self.c2(self.relu(self.c1(x)))).mean((2, 3, 4)))

    net, x, count = seeded(Shared3D), video(2, *SIZE), []
    run = outputs_of(net, "relu")

    def counted(clip: Tensor) -> list[Tensor]:
        count.append(len(clip))
        return run(clip)

    found, outputs = find_correspondence(counted, x, "relu"), run(x)
    assert len(count) == 1 + 2 + 4  # as it is, both halves, and the four borders
    assert len(found.uses) == 2
    for use in (0, 1):
        torch.testing.assert_close(found.gather(outputs, use), outputs[use])


def test_a_batch_that_is_mixed_is_refused() -> None:
    class Mixed(nets.SampleFirst):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x - x.mean(0, keepdim=True))

    with pytest.raises(VidexplainError, match="depends on other clips of the batch"):
        found_in(seeded(Mixed), video(3, *SIZE))
    assert len(found_in(seeded(nets.SampleFirst), video(1, *SIZE))[0].uses) == 1


def test_a_network_whose_calls_depend_on_the_clip_is_refused() -> None:
    class Skips(nets.Folded):
        def forward(self, x: Tensor) -> Tensor:
            kept = [frame for frame in x.unbind(2) if frame.mean() > 0]
            return self.head(torch.stack([self.cnn(frame).mean((2, 3)) for frame in kept], 1))

    with pytest.raises(VidexplainError, match="depends on what the clip shows"):
        found_in(seeded(Skips), video(1, *SIZE))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("frames", [4, 8])
def test_a_network_that_chooses_frames_by_what_they_show_is_refused(frames: int, seed: int) -> None:
    class Brightest(nets.Folded):
        def forward(self, x: Tensor) -> Tensor:
            chosen = x.mean((0, 1, 3, 4)).topk(2).indices.sort().values
            return self.head(torch.stack([self.cnn(x[:, :, t]).mean((2, 3)) for t in chosen.tolist()], 1))

    net = seeded(Brightest)
    with pytest.raises(VidexplainError):
        find_correspondence(outputs_of(net, "cnn"), video(1, 3, frames, 16, 16, seed=seed), "cnn")


def test_few_passes_tell_many_cells_apart() -> None:
    # Changing two cells at once changes a row in more passes than any one cell does.
    words = code_words(70)
    assert len(set(words)) == 70
    assert {len(word) for word in words} == {4}
    assert max(max(word) for word in words) == 7
    assert code_words(1) == [(0,)]


def test_the_cost_is_a_few_passes() -> None:
    net, count = seeded(nets.TimeFirst), []
    run = outputs_of(net, "cnn")

    def counted(x: Tensor) -> list[Tensor]:
        count.append(len(x))
        return run(x)

    find_correspondence(counted, video(1, 3, 16, 16, 16), "cnn")
    assert len(count) == 1 + 6 + 4  # as it is, C(6, 3) = 20 >= 16 cells, and the four borders
