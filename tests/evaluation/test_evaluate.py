import numpy as np
import pytest
import torch

from videxplain.data.datasets.frames import read_video_frames
from videxplain.data.datasets.open import open_dataset, split_validation
from videxplain.data.datasets.types import Video
from videxplain.data.transforms import to_model_input
from videxplain.errors import VidexplainError
from videxplain.evaluation.evaluate import Evaluation, choose_videos, evaluate
from videxplain.models.config import ModelConfig
from videxplain.models.zoo import load_model
from videxplain.train.clips import find_readable

TINY = {
    "i3d": {"depth": 18, "width": 4, "size": 16, "num_frames": 8},
    "late_fusion": {"depth": 18, "width": 4, "size": 32},
    "lrcn": {"depth": 18, "width": 4, "size": 32, "latent": 8, "hidden": 8},
}


def config(**changes):
    return ModelConfig("i3d", 3, 8, (16, 16), "consecutive", "layer4", "conv1", labels=("a", "b", "c")).replace(
        **changes
    )


@pytest.fixture
def found(tree):
    return find_readable(open_dataset(tree).test[::3])


def test_numbers_a_hand_can_compute(tmp_path):
    videos = tuple(Video(tmp_path / f"{i}.avi", label, "g") for i, label in enumerate([0, 0, 1, 1, 1, 5]))
    first = [0, 2, 1, 1, 0, 4]
    probabilities = np.full((6, 7), 0.05, np.float32)
    probabilities[np.arange(6), first] = 0.7
    probabilities[5, 6] = 0.01  # so that class 5 is among the best five of the last video, and class 6 is not
    probabilities[4] = [0.3, 0.01, 0.2, 0.15, 0.14, 0.1, 0.1]  # class 1 is last there
    wrong = np.eye(7, dtype=np.float32)[[1, 0, 1, 0, 0, 5]]
    found = Evaluation(videos, tuple("abcdefg"), probabilities, {"reversed": wrong})
    assert found.predicted.tolist() == first
    assert found.accuracy() == pytest.approx(3 / 6)
    assert found.per_class() == pytest.approx({"a": 1 / 2, "b": 2 / 3, "f": 0.0})
    assert found.temporal() == pytest.approx({"reversed": 3 / 6})
    # Ties go to the class that comes first: 0 to 4 are among the best five of the last video, 5 is not.
    assert found.accuracy(5) == pytest.approx(4 / 6)
    assert found.accuracy(7) == 1.0


@pytest.mark.parametrize("model", TINY)
def test_a_video_is_judged_by_the_mean_of_its_clips(model, found):
    network = load_model(model, "none", num_classes=4, **TINY[model])
    evaluation = evaluate(network, found, batch_size=4)
    assert evaluation.videos == found.videos
    config = network.config
    for video, row in zip(found.videos, evaluation.probabilities, strict=True):
        # Of 12 frames 8, five times; or the middles of five parts: 1.2, 3.6, 6, 8.4, 10.8.
        sets = [range(start, start + 8) for start in range(5)] if model == "i3d" else [[1, 3, 6, 8, 10]]
        clips = [
            to_model_input(read_video_frames(video.path, frames), size=config.size, mean=config.mean, std=config.std)
            for frames in sets
        ]
        with torch.no_grad():
            expected = network(torch.from_numpy(np.stack(clips))).softmax(1).mean(0)
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_late_fusion_loses_nothing_without_the_order(found):
    network = load_model("late_fusion", "none", num_classes=4, **TINY["late_fusion"])
    evaluation = evaluate(network, found)
    for name in ("shuffled", "reversed"):
        np.testing.assert_allclose(evaluation.disturbed[name], evaluation.probabilities, atol=1e-6)
    assert np.abs(evaluation.disturbed["frozen"] - evaluation.probabilities).max() > 1e-4


@pytest.mark.parametrize("model", ["i3d", "lrcn"])
def test_other_networks_see_the_order(found, model):
    network = load_model(model, "none", num_classes=4, **TINY[model])
    evaluation = evaluate(network, found)
    for name in ("shuffled", "reversed", "frozen"):
        assert np.abs(evaluation.disturbed[name] - evaluation.probabilities).max() > 1e-4, name


def test_the_network_is_left_as_it_was(found):
    network = load_model("i3d", "none", num_classes=4, **TINY["i3d"]).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    evaluate(network, found)
    assert all(part.training for part in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_subsets_are_those_of_training(tree):
    dataset = open_dataset(tree)
    network = config(num_classes=2, labels=dataset.labels)
    training, validation = split_validation(dataset.train, by="random", seed=4)
    assert choose_videos(dataset, "test", network) == dataset.test
    assert choose_videos(dataset, "validation", network, by="random", seed=4) == validation
    assert choose_videos(dataset, "train", network, by="random", seed=4) == training


def test_classes_are_matched_by_name(tree):
    dataset = open_dataset(tree)  # Fall, Rise
    videos = choose_videos(dataset, "test", config(labels=("Rise", "Other", "Fall")))
    assert [video.label for video in videos] == [(2, 0)[video.label] for video in dataset.test]
    unnamed = config(num_classes=2, labels=())
    assert choose_videos(dataset, "test", unnamed) == dataset.test


@pytest.mark.parametrize(
    ("subset", "changes", "line"),
    [
        ("tests", {}, "unknown subset 'tests'; did you mean test"),
        ("test", {}, "does not know: Fall and 1 more; it knows 3: a, b, c"),
        ("test", {"labels": ("Fall", "a", "b")}, "does not know: Rise; it knows 3"),
        ("test", {"labels": ()}, "has 2 classes, and the network 3 without names"),
    ],
)
def test_what_does_not_match_gives_one_line(tree, subset, changes, line):
    with pytest.raises(VidexplainError) as error:
        choose_videos(open_dataset(tree), subset, config(**changes))
    assert line in str(error.value)
