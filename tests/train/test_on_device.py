"""Clips that are varied on the device."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as TF

from videxplain import VidexplainError
from videxplain.data.augmentation import JITTER, Augmentation
from videxplain.data.datasets.types import Video
from videxplain.evaluation.clips import Clips, Readable
from videxplain.models.config import ModelConfig
from videxplain.train.data import VideoData
from videxplain.train.on_device import ByteClips, Bytes, jittered, on_device
from videxplain.train.recipe import DataSource, Recipe
from videxplain.train.start import network_config

CONFIG = ModelConfig("c3d", 2, 4, (8, 10), "consecutive", "relu5b", "conv1a")


def frames_of(path, indices):
    """A video of its own for each path, at twice the network's size."""
    pixels = np.random.default_rng(int(path.stem)).integers(0, 256, (30, 16, 20, 3), np.uint8)
    return pixels[indices]


def clips(kind, augmentation="flip", *, clips="one", **flips):
    videos = tuple(Video(Path(f"{number}.avi"), number % 2, "") for number in range(200))
    return kind(
        Readable(videos, (30,) * 200, ()),
        CONFIG,
        clips=clips,
        augmentation=Augmentation(augmentation, CONFIG.size, CONFIG.mean, CONFIG.std, **flips),
        seed=3,
        at_random=True,
        read=frames_of,
    )


def pixels(*shape, low=0.3, high=0.6):
    return low + (high - low) * torch.rand(*shape, 3, generator=torch.Generator().manual_seed(0))


def colours(*rows):
    return torch.tensor(rows)


def test_clips_that_are_not_varied_are_those_of_the_cpu():
    indices = [(0, 5), (2, 17), (0, 0)]
    found, labels, videos = on_device(clips(ByteClips, "resize").__getitems__(indices), CONFIG)
    there = [clips(Clips, "resize")[index] for index in indices]
    assert (found - torch.stack([clip for clip, _, _ in there])).abs().max() < 1e-5
    assert labels.tolist() == [label for _, label, _ in there] == [1, 1, 0]
    assert videos.tolist() == [5, 17, 0]


def test_half_of_the_clips_are_flipped_each_way_and_half_are_jittered():
    batch = clips(ByteClips).__getitems__([(0, number) for number in range(200)])
    assert batch.flips.float().mean(0).tolist() == pytest.approx([0.5, 0.5], abs=0.1)
    jitter = batch.colours - torch.tensor([1.0, 1.0, 1.0, 0.0])
    varied = jitter.abs().sum(1) > 0
    assert varied.float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert jitter[varied].abs().max() <= JITTER
    assert jitter[varied].std(0).tolist() == pytest.approx([JITTER / math.sqrt(3)] * 4, rel=0.15)


def test_a_flip_that_the_recipe_does_not_want_is_never_drawn():
    batch = clips(ByteClips, vertical_flip=False).__getitems__([(0, number) for number in range(50)])
    assert batch.flips[:, 0].any()
    assert not batch.flips[:, 1].any()


def test_draws_depend_on_the_pass_and_the_clip_alone():
    several = clips(ByteClips).__getitems__([(0, 4), (1, 4), (0, 9)])
    alone = clips(ByteClips).__getitems__([(1, 4)])
    for one, other in zip(several, alone, strict=True):
        assert torch.equal(one[1:2], other)
    assert not torch.equal(several.frames[0], several.frames[1])


def test_flips_turn_the_picture():
    frames = torch.arange(2 * 1 * 2 * 3 * 3, dtype=torch.uint8).view(2, 1, 2, 3, 3)
    flips = torch.tensor([[True, False], [False, True]])
    batch = Bytes(frames, flips, colours([1, 1, 1, 0.0], [1, 1, 1, 0.0]), torch.zeros(2), torch.zeros(2))
    plain = ModelConfig("c3d", 2, 1, (2, 3), "consecutive", "a", "b", mean=(0, 0, 0), std=(1, 1, 1))
    found = on_device([batch], plain)[0][0] * 255
    wanted = frames.permute(0, 4, 1, 2, 3).float()
    assert torch.allclose(found[0], wanted[0].flip(-1), atol=1e-4)
    assert torch.allclose(found[1], wanted[1].flip(-2), atol=1e-4)


@pytest.mark.parametrize(
    ("which", "literal"), [(0, TF.adjust_brightness), (1, TF.adjust_contrast), (2, TF.adjust_saturation)]
)
def test_brightness_contrast_and_saturation_are_torchvisions(which, literal):
    """On one frame, because torchvision measures the mean brightness frame by frame. Its weights have four digits."""
    clip = pixels(2, 1, 6, 5)
    factors = torch.tensor([[1.0, 1.0, 1.0, 0.0]] * 2)
    factors[:, which] = torch.tensor([0.83, 1.17])
    found = jittered(clip, factors)
    for one, before, factor in zip(found, clip, factors[:, which].tolist(), strict=True):
        wanted = literal(before.permute(0, 3, 1, 2), factor).permute(0, 2, 3, 1)
        assert (one - wanted).abs().max() < 2e-4


def test_all_four_come_one_after_the_other():
    clip, (b, c, s, h) = pixels(1, 2, 3, 4), (1.1, 0.9, 1.15, 0.07)
    to_yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    x = clip[0].double().numpy() * b
    x = c * x + (1 - c) * (x @ to_yiq[0]).mean()
    x = s * x + (1 - s) * (x @ to_yiq[0])[..., None]
    y, i, q = np.moveaxis(x @ to_yiq.T, -1, 0)
    turned = (i + 1j * q) * np.exp(2j * np.pi * h)
    x = np.stack([y, turned.real, turned.imag], -1) @ np.linalg.inv(to_yiq).T
    assert np.abs(jittered(clip, colours([b, c, s, h]))[0].numpy() - x.clip(0, 1)).max() < 1e-5


def test_a_turn_of_the_hue_leaves_greys_and_brightness():
    grey = torch.full((1, 1, 2, 2, 3), 0.4)
    assert torch.allclose(jittered(grey, colours([1, 1, 1, 0.2])), grey, atol=2e-3)
    clip = pixels(1, 1, 4, 4, low=0.45, high=0.55)
    luma = torch.tensor([0.299, 0.587, 0.114])
    turned = jittered(clip, colours([1, 1, 1, 0.5]))
    assert torch.allclose(turned @ luma, clip @ luma, atol=1e-5)
    assert (turned - clip).abs().max() > 0.01
    assert torch.allclose(jittered(clip, colours([1, 1, 1, 1.0])), clip, atol=1e-5)


def test_values_stay_between_black_and_white():
    bright = jittered(torch.full((1, 1, 1, 1, 3), 0.95), colours([1.2, 1, 1, 0.0]))
    assert bright.max().item() == 1


def test_what_the_device_does_not_know_is_refused():
    with pytest.raises(VidexplainError, match="the device knows resize and flip, not crop"):
        Recipe("c3d", (DataSource("x"),), augmentation="crop", vary_on="device")


@pytest.mark.parametrize("cache", [False, True])
def test_a_loader_gives_what_the_module_takes(recipe_of, cache):
    recipe = recipe_of(vary_on="device", cache=cache)
    data = VideoData(recipe, network_config(recipe))
    batch = next(iter(data.train_dataloader()[0]))
    assert batch.frames.shape == (4, 8, 16, 16, 3)
    assert batch.frames.dtype == torch.uint8
    varied, labels, videos = data.on_after_batch_transfer([batch], 0)[0]
    assert varied.shape == (4, 3, 8, 16, 16)
    assert varied.is_contiguous(memory_format=torch.channels_last_3d)
    known = data.parts[0].training.videos
    assert labels.tolist() == [known[position].label for position in videos]
