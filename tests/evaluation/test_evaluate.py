import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.order_videos import order_tree
from videxplain.data.datasets.frames import read_video_frames
from videxplain.data.datasets.open import open_dataset, split_validation
from videxplain.data.datasets.types import Video, spread_evenly
from videxplain.data.transforms import to_model_input
from videxplain.errors import VidexplainError
from videxplain.evaluation.api import choose_videos, evaluate
from videxplain.evaluation.classify import UNDISTURBED, classify
from videxplain.evaluation.clips import find_readable
from videxplain.evaluation.result import Evaluation, top_accuracy
from videxplain.evaluation.runs import Division, other_split_note
from videxplain.evaluation.setup import EvaluationSetup
from videxplain.explanation.api import ShortClipWarning, predict
from videxplain.models.config import ModelConfig
from videxplain.models.zoo import load_model

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
def readable(tree):
    return find_readable(open_dataset(tree).test[::3])


def test_numbers_a_hand_can_compute(tmp_path):
    videos = tuple(Video(tmp_path / f"{i}.avi", label, "g") for i, label in enumerate([0, 0, 1, 1, 1, 5]))
    first = [0, 2, 1, 1, 0, 4]
    probabilities = np.full((6, 7), 0.05, np.float32)
    probabilities[np.arange(6), first] = 0.7
    probabilities[5, 6] = 0.01  # so that class 5 is among the best five of the last video, and class 6 is not
    probabilities[4] = [0.3, 0.01, 0.2, 0.15, 0.14, 0.1, 0.1]  # class 1 is last there
    wrong = np.eye(7, dtype=np.float32)[[1, 0, 1, 0, 0, 5]]
    evaluation = Evaluation(EvaluationSetup("i3d", "none", "a"), videos, tuple("abcdefg"), probabilities)
    assert evaluation.predicted.tolist() == first
    assert evaluation.accuracy() == pytest.approx(3 / 6)
    assert evaluation.per_class() == pytest.approx({"a": 1 / 2, "b": 2 / 3, "f": 0.0})
    assert evaluation.majority() == pytest.approx(3 / 6)
    assert evaluation.confusion[1].tolist() == [1, 2, 0, 0, 0, 0, 0]
    assert top_accuracy(wrong, evaluation.truth) == pytest.approx(3 / 6)
    # Ties go to the class that comes first: 0 to 4 are among the best five of the last video, 5 is not.
    assert evaluation.accuracy(5) == pytest.approx(4 / 6)
    assert evaluation.accuracy(7) == 1.0


@pytest.mark.parametrize("model", TINY)
def test_a_video_is_judged_by_the_mean_of_its_clips(model, readable):
    network = load_model(model, "none", num_classes=4, **TINY[model])
    config = network.config
    probabilities = classify(network, config, readable, batch_size=4)[UNDISTURBED]
    for video, row in zip(readable.videos, probabilities, strict=True):
        # Of 12 frames 8, five times; or the middles of five parts: 1.2, 3.6, 6, 8.4, 10.8.
        sets = [range(start, start + 8) for start in range(5)] if model == "i3d" else [[1, 3, 6, 8, 10]]
        clips = [
            to_model_input(read_video_frames(video.path, frames), size=config.size, mean=config.mean, std=config.std)
            for frames in sets
        ]
        with torch.no_grad():
            expected = network(torch.from_numpy(np.stack(clips))).softmax(1).mean(0)
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_late_fusion_loses_nothing_without_the_order(readable):
    network = load_model("late_fusion", "none", num_classes=4, **TINY["late_fusion"])
    answers = classify(network, network.config, readable)
    for name in ("shuffled", "reversed"):
        np.testing.assert_allclose(answers[name], answers[UNDISTURBED], atol=1e-6)
    assert np.abs(answers["frozen"] - answers[UNDISTURBED]).max() > 1e-4


@pytest.mark.parametrize("model", ["i3d", "lrcn"])
def test_other_networks_see_the_order(readable, model):
    network = load_model(model, "none", num_classes=4, **TINY[model])
    answers = classify(network, network.config, readable)
    for name in ("shuffled", "reversed", "frozen"):
        assert np.abs(answers[name] - answers[UNDISTURBED]).max() > 1e-4, name


def test_the_network_is_left_as_it_was(readable):
    network = load_model("i3d", "none", num_classes=4, **TINY["i3d"]).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    classify(network, network.config, readable)
    assert all(part.training for part in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_subsets_are_those_of_training(tree):
    dataset = open_dataset(tree)
    network = config(num_classes=2, labels=dataset.labels)
    training, validation = split_validation(dataset.train, by="random", seed=4)
    assert choose_videos(dataset, "test", network) == dataset.test
    assert choose_videos(dataset, "validation", network, Division("random", 4)) == validation
    assert choose_videos(dataset, "train", network, Division("random", 4)) == training


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


def test_videos_shorter_than_a_window_are_counted_and_answered_as_predict_does(tree, tmp_path):
    options = {**TINY["i3d"], "num_frames": 16, "labels": ("Fall", "Rise")}
    network = load_model("i3d", "none", num_classes=2, **options)
    evaluation = evaluate(network, tree, limit=2)
    assert evaluation.filled == len(evaluation.videos) >= 1
    for video, row in zip(evaluation.videos, evaluation.probabilities, strict=True):
        with pytest.warns(ShortClipWarning):
            ranked = dict(predict(network, video.path))
        np.testing.assert_allclose(row, [ranked["Fall"], ranked["Rise"]], atol=1e-5)
    assert Evaluation.load(evaluation.save(tmp_path / "run")).filled == evaluation.filled


@pytest.fixture(scope="module")
def small():
    return load_model("i3d", "none", num_classes=2, labels=("Fall", "Rise"), **TINY["i3d"])


def test_an_evaluation_is_saved_and_loaded(tree, small, tmp_path):
    evaluation = evaluate(small, open_dataset(tree), limit=4)
    assert evaluation.setup == EvaluationSetup("i3d", "none", "data", 1, "test", 4, "fp32")
    assert evaluation.videos == tuple(spread_evenly(open_dataset(tree).test, 4))
    assert len(evaluation.videos) == 4
    assert evaluation.save(tmp_path / "new") == tmp_path / "new"
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        *("confusion.png", "metrics.json", "predictions.csv")
    ]
    loaded = Evaluation.load(tmp_path / "new")
    np.testing.assert_array_equal(loaded.probabilities, evaluation.probabilities)
    assert loaded.metrics() == evaluation.metrics()
    assert loaded.temporal == evaluation.temporal
    assert [video.path.name for video in loaded.videos] == [video.path.name for video in evaluation.videos]


def test_only_the_same_evaluation_is_written_over(tree, small, tmp_path):
    evaluation = evaluate(small, str(tree))
    evaluation.save(tmp_path)
    evaluation.save(tmp_path)
    other = dataclasses.replace(evaluation, setup=dataclasses.replace(evaluation.setup, limit=4))
    before = (tmp_path / "metrics.json").read_text()
    with pytest.raises(VidexplainError, match="holds an evaluation with no limit, and this one has limit 4: choose"):
        other.save(tmp_path)
    assert (tmp_path / "metrics.json").read_text() == before
    other.save(tmp_path, overwrite=True)
    assert Evaluation.load(tmp_path).setup.limit == 4


def test_half_of_an_evaluation_over_another_counts_as_none(tree, small, tmp_path, monkeypatch):
    evaluation = evaluate(small, str(tree))
    evaluation.save(tmp_path)
    other = dataclasses.replace(evaluation, setup=dataclasses.replace(evaluation.setup, limit=4))

    def full(*_, **__):
        raise VidexplainError("cannot write: No space left on device")

    monkeypatch.setattr("videxplain.viz.save.save_figure", full)
    with pytest.raises(VidexplainError, match="No space left"):
        other.save(tmp_path, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["confusion.png", "predictions.csv"]
    with pytest.raises(VidexplainError, match=r"cannot read .*metrics\.json"):
        Evaluation.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "i3d-ucf101-test"),
        ({"split": 2}, "i3d-ucf101-split2-test"),
        ({"limit": 9, "subset": "train"}, "i3d-ucf101-train-9"),
        ({"model": "torchvision:r3d_18", "dataset": "my set"}, "torchvision-r3d_18-my-set-test"),
    ],
)
def test_each_evaluation_has_a_folder_of_its_own(tmp_path, changes, name):
    setup = dataclasses.replace(EvaluationSetup("i3d", "none", "ucf101"), **changes)
    assert setup.default_folder("auto") == Path("evaluation") / name
    weights = tmp_path / "i3d.safetensors"
    weights.touch()
    assert setup.default_folder(weights) == Path("evaluation") / name
    (tmp_path / "recipe.yaml").touch()  # the weights are those of a run
    assert setup.default_folder(weights) == tmp_path / "evaluation" / name.removeprefix(
        f"{setup.model.replace(':', '-')}-"
    )


def test_only_missing_videos_of_the_subset_are_reported(tmp_path, small):
    root = order_tree(tmp_path / "data", groups=6, clips=1)
    dataset = open_dataset(root)
    learned, tested = dataset.train[0].path, dataset.test[0].path
    for path in (learned, tested):
        path.unlink()
    assert evaluate(small, root).skipped == ((tested, "no such file"),)
    assert evaluate(small, root, subset="train").skipped == ((learned, "no such file"),)


def test_an_incomplete_folder_is_refused(tmp_path):
    with pytest.raises(VidexplainError, match=r"cannot read .*metrics.json: No such file"):
        Evaluation.load(tmp_path)
    (tmp_path / "predictions.csv").write_text("video,group,label,predicted,a\nv,g,a,a,1\n")
    (tmp_path / "metrics.json").write_text('{"model": "i3d"}')
    with pytest.raises(VidexplainError, match=r"metrics.json is not what evaluating writes"):
        Evaluation.load(tmp_path)


def test_test_videos_of_another_split_than_that_of_training_are_cautioned_about(tmp_path):
    (tmp_path / "a.safetensors").touch()
    assert other_split_note(tmp_path / "a.safetensors", 2, "test") is None
    (tmp_path / "recipe.yaml").write_text("model: i3d\nclips: one\ndata: [{root: a, split: 3}, b]\n")
    for split, subset, caution in ((1, "test", False), (3, "test", False), (2, "test", True), (2, "train", False)):
        note = other_split_note(tmp_path / "a.safetensors", split, subset)
        assert note == (
            "trained on split 1 and 3: test videos of split 2 may be among the training videos" if caution else None
        )


def test_other_weights_that_are_described_in_the_same_words_are_told_apart(tmp_path):
    setup = EvaluationSetup("i3d", "trained on a", "a", weights_file="i3d.pt", weights_sha256="01" * 32)
    (tmp_path / "metrics.json").write_text(json.dumps(setup.as_dict()))
    setup.refuse_other(tmp_path)
    with pytest.raises(VidexplainError, match="holds an evaluation with weights_sha256 0101"):
        dataclasses.replace(setup, weights_sha256="23" * 32).refuse_other(tmp_path)
    dataclasses.replace(setup, weights_sha256="").refuse_other(tmp_path)  # not known: a network that was not read


def test_a_regression_is_refused(tree):
    network = load_model("i3d", "none", num_classes=2, **TINY["i3d"])
    network.config = network.config.replace(output="regression")
    with pytest.raises(VidexplainError, match="i3d is a regression"):
        evaluate(network, tree)
