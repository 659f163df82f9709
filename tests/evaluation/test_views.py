"""Multi-view testing equals decoding, cutting, cropping and averaging by hand."""

import json

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import resize

import videxplain as vx
from tests.order_videos import order_tree, write_noisy
from videxplain.data.crops import three_crops
from videxplain.data.datasets.open import open_dataset
from videxplain.data.sampling import uniform_indices, uniform_sets
from videxplain.errors import VidexplainError
from videxplain.evaluation.api import evaluate
from videxplain.evaluation.result import Evaluation
from videxplain.evaluation.views import Views, parse_views
from videxplain.models.config import ModelConfig, View

CLIPS = 10


class Patches(nn.Module):
    """Reads every place and moment differently, so that each crop and each clip counts."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        draw = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(2, 3, config.num_frames, 4, 4, generator=draw))

    def forward(self, x):
        pooled = nn.functional.adaptive_avg_pool3d(x, (x.shape[2], 4, 4))
        return 3 * torch.einsum("nctyx,kctyx->nk", pooled, self.weight) / self.weight[0].numel() ** 0.5


def network(view, size, sampling="consecutive", interval=1):
    config = ModelConfig("patches", 2, 4, size, sampling, labels=("Fall", "Rise"), frame_interval=interval, view=view)
    return Patches(config.replace(weights="drawn")).eval()


NETWORKS = {
    "torchvision": network(View((128, 171), (112, 112)), (112, 112), interval=2),
    "transformers": network(View(48, (48, 48), antialias=True, corner="floor"), (48, 48)),
    "pytorchvideo": network(View(40, (40, 40)), (40, 40), interval=3),
    "bundled": network(None, (20, 26)),
    "bundled, frames of the whole video": network(None, (24, 24), "uniform"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Test videos in which a smooth pattern moves to the right and grows brighter."""
    root = order_tree(tmp_path_factory.mktemp("data") / "order", groups=5, clips=1, frames=30)
    for number, video in enumerate(open_dataset(root).test):
        rng = np.random.default_rng(number)
        pattern = cv2.resize(
            rng.uniform(0, 200, (4, 6, 3)).astype(np.float32), (64, 24), interpolation=cv2.INTER_LINEAR
        )
        write_noisy(video.path, [pattern[:, t : t + 32] + t for t in range(30)], rng)
    return root


def literal(model, path):
    """The mean of 30 softmaxes, from the frames of the file on."""
    config = model.config
    frames = torch.from_numpy(vx.read_clip(path).frames).permute(0, 3, 1, 2)
    count, length = len(frames), config.num_frames
    total = torch.zeros(2, dtype=torch.float64)
    for clip in range(CLIPS):
        if config.sampling == "uniform":
            chosen = [int((i + (clip + 0.5) / CLIPS) * count / length) for i in range(length)]
        else:
            room = count - (length - 1) * config.frame_interval - 1
            chosen = [room * clip // (CLIPS - 1) + i * config.frame_interval for i in range(length)]
        seen = frames[chosen]
        height, width = config.size
        if config.view is None:
            # 24x32 frames: to cover 20x26, 20x27; to cover 24x24, 24x32.
            tall, wide = {(20, 26): (20, 27), (24, 24): (24, 32)}[config.size]
        elif isinstance(config.view.resize, tuple):
            tall, wide = config.view.resize
        else:
            tall, wide = config.view.resize, int(config.view.resize * 32 / 24)
        antialias = config.view is None or config.view.antialias
        if (tall, wide) != (24, 32):
            seen = resize(seen, [tall, wide], InterpolationMode.BILINEAR, antialias=antialias)
        top = (tall - height) // 2
        middle = (wide - width) / 2
        middle = round(middle) if config.view and config.view.corner == "round" else int(middle)
        for left in (0, middle, wide - width):
            x = seen[:, :, top : top + height, left : left + width].float() / 255
            mean, std = (torch.tensor(value).view(1, 3, 1, 1) for value in (config.mean, config.std))
            with torch.no_grad():
                total += model(((x - mean) / std).transpose(0, 1)[None])[0].double().softmax(0)
    return (total / (3 * CLIPS)).numpy()


@pytest.mark.parametrize("name", NETWORKS)
def test_it_equals_the_literal_version(name, data):
    model = NETWORKS[name]
    found = evaluate(model, data, views=(CLIPS, 3), batch_size=5)
    assert (found.setup.views, found.temporal) == ("10x3", {})
    paths = [video.path for video in open_dataset(data).test]
    expected = np.stack([literal(model, path) for path in paths])
    assert np.abs(found.probabilities - expected).max() < 5e-3
    assert np.ptp(expected[:, 0]) > 0.05
    # Neither clips nor crops are left out: with fewer of them the answers are others.
    for views in ((CLIPS, 1), (1, 3)):
        other = evaluate(model, data, views=views).probabilities
        assert np.abs(other - found.probabilities).max() > 1e-3


def test_one_crop_is_what_the_network_is_shown(data):
    for model in (NETWORKS["torchvision"], NETWORKS["bundled"]):
        five, usual = evaluate(model, data, views=(5, 1)), evaluate(model, data)
        assert np.allclose(five.probabilities, usual.probabilities, atol=1e-6)
        assert set(usual.temporal) == {"shuffled", "reversed", "frozen"}


def test_crops_lie_along_the_longer_side():
    wide = np.arange(4 * 10, dtype=np.uint8).reshape(1, 4, 10, 1).repeat(3, axis=3)
    left, middle, right = three_crops(wide, (4, 4), View(4, (4, 4)))[:, 0, 0, :, 0]
    assert (left.tolist(), middle.tolist(), right.tolist()) == ([0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9])
    tall = wide.transpose(0, 2, 1, 3)
    top, middle, bottom = three_crops(tall, (4, 4), None)[:, 0, :, 0, 0]
    assert (top.tolist(), middle.tolist(), bottom.tolist()) == ([0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9])
    with pytest.raises(VidexplainError, match="a crop of 5x5 pixels does not fit into frames resized to 10x4"):
        three_crops(wide, (5, 5), View(4, (5, 5)))


def test_sets_of_frames_from_all_over_a_video():
    assert np.array_equal(uniform_sets(50, 5, 1)[0], uniform_indices(50, 5))
    assert [one.tolist() for one in uniform_sets(20, 2, 5)] == [[1, 11], [3, 13], [5, 15], [7, 17], [9, 19]]
    assert [one.tolist() for one in uniform_sets(3, 4, 2)] == [[0, 1, 2, 2]] * 2


def test_views_in_words():
    assert parse_views("10x3") == Views(10, 3)
    for text in ("10", "10x2", "0x3", "x3", "10x3x1"):
        with pytest.raises(VidexplainError, match=r"views are clips in time x crops, such as 10x3"):
            parse_views(text)


def test_crops_that_would_all_be_the_same_are_refused(data):
    squeezed = network(View((32, 32), (32, 32)), (32, 32))
    with pytest.raises(VidexplainError, match="squeezed to 32x32, so all crops are the same: say 4x1"):
        evaluate(squeezed, data, views=(4, 3))


def test_files_and_titles_say_it(data, tmp_path):
    model = NETWORKS["bundled"]
    found = evaluate(model, data, views=(2, 3))
    assert found.setup.words == "patches on order split 1, test, 2x3 views"
    assert found.setup.default_folder("none").name == "patches-order-test-2x3"
    found.save(tmp_path / "a")
    assert json.loads((tmp_path / "a" / "metrics.json").read_text())["views"] == "2x3"
    assert Evaluation.load(tmp_path / "a").setup == found.setup
    with pytest.raises(VidexplainError, match="holds an evaluation with views 2x3, and this one has no views"):
        evaluate(model, data).save(tmp_path / "a")
