import numpy as np
import pytest
import torch

from tests.attribution.networks import Small3D, seeded, video
from tests.device import placed
from tests.device import same as alike
from videxplain.attribution.api import attribute
from videxplain.attribution.targets import Contrast, class_index, describe, per_sample_scores, score_function
from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig

LABELS = ("Apply Eye Makeup", "archery", "Baby_Crawling", "balance beam", "band")
LOGITS = torch.tensor([[1.0, 5, 2, 0, 3], [9, 1, 4, 4, 8]])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (1, [5, 1]),
        (np.int64(1), [5, 1]),
        ("2", [2, 4]),
        ("archery", [5, 1]),
        ("Archery", [5, 1]),
        ("apply_eye_makeup", [1, 9]),
        ("baby crawling", [2, 4]),
        (Contrast("archery", 0), [4, -8]),
        (lambda logits: logits.sum(1), [11, 26]),
        ([4, "archery"], [3, 1]),
        ([Contrast(0, 1), lambda logits: logits[:, 4]], [-4, 8]),
        (None, [5, 9]),
    ],
)
def test_scores(target, expected):
    assert per_sample_scores(target, LOGITS, LABELS)(LOGITS).tolist() == expected


def test_top_class_stays_the_one_of_the_first_pass():
    assert per_sample_scores(None, LOGITS)(LOGITS.flip(1)).tolist() == [0, 8]


@pytest.mark.parametrize(
    ("target", "labels", "message"),
    [
        (5, LABELS, "class 5 does not exist; the model has classes 0 to 4"),
        (-1, LABELS, "class -1 does not exist; the model has classes 0 to 4"),
        ("-1", LABELS, "class -1 does not exist; the model has classes 0 to 4"),
        ("archry", LABELS, "unknown class 'archry'; did you mean archery?"),
        ("--3", (), "the classes of this model have no names; give '--3' as an index, 0 to 4"),
        ("²", (), "the classes of this model have no names; give '²' as an index, 0 to 4"),
        (1.5, LABELS, "a class is given by index or label, not by float"),
        (Contrast(1, "archery"), LABELS, "a contrast needs two classes, and both are class 1"),
        (
            "Run",
            ("walk", "run", "jump", "RUN", "sit"),
            "'Run' is the name of classes 1 and 3: give one of them by index",
        ),
        (
            "run",
            ("walk", "run", "jump", "run", "sit"),
            "'run' is the name of classes 1 and 3: give one of them by index",
        ),
        ([1], LABELS, "1 targets for a batch of 2"),
        ([1, None], LABELS, "a class is given by index or label, not by NoneType"),
        (
            lambda logits: logits,
            LABELS,
            "a target function must turn logits (2, 5) into scores (2,), not (2, 5)",
        ),
        (lambda logits: 3.0, LABELS, "a target function must turn logits (2, 5) into scores (2,), not float"),
    ],
)
def test_refuses(target, labels, message):
    with pytest.raises(VidexplainError) as error:
        per_sample_scores(target, LOGITS, labels)(LOGITS)
    assert str(error.value) == message


def test_labels_that_differ_in_case_are_told_apart():
    names = ("a", "Same", "same", "SAME_one")
    assert [class_index(name, 4, names) for name in names] == [0, 1, 2, 3]
    assert class_index("same ONE", 4, names) == 3


def test_a_label_made_of_digits_is_a_label():
    assert class_index("2", 3, ("2", "1", "0")) == 0


@pytest.mark.parametrize(
    ("target", "labels", "words"),
    [
        (1, LABELS, "archery"),
        ("ARCHERY", LABELS, "archery"),
        (1, (), "class 1"),
        (Contrast(1, 4), LABELS, "archery rather than band"),
        (torch.logsumexp, LABELS, "function logsumexp"),
    ],
)
def test_describe(target, labels, words):
    assert describe(target, 5, labels) == words


def test_score_function_of_one_class():
    assert score_function("band", 5, LABELS)(LOGITS).tolist() == [3, 8]


def test_the_same_target_said_in_different_ways_gives_the_same_map():
    module, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    module.config = ModelConfig("small", 5, 4, (8, 8), "consecutive", "relu2", "conv1", labels=LABELS)

    def found(target):
        return attribute(module, x, method="gradcam", target=target)

    expected = found(1)
    assert expected.max() > 0
    for same in ("archery", "1", lambda logits: logits[:, 1], [1, "archery"]):
        assert alike(found(same), expected)
    with torch.no_grad():
        top = module(x).argmax(1).tolist()
    assert alike(found(None), found(top))
    against = found(Contrast(1, 0))
    assert alike(against, found(lambda logits: logits[:, 1] - logits[:, 0]))
    assert (against - expected).abs().max() > 0.01 * expected.max()


@pytest.mark.parametrize("method", ["saliency", "gradcam", "frame-occlusion"])
def test_a_function_that_works_in_place_changes_no_other_target(method):
    module, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    both = attribute(module, x, method=method, targets=[lambda logits: logits.mul_(2)[:, 0], 1])
    expected = attribute(module, x, method=method, targets=[lambda logits: 2 * logits[:, 0], 1])
    assert both.abs().amax() > 0
    assert alike(both, expected)


MIXES = "the target function mixes the samples of the batch: the score of a sample may depend on its own logits alone"


@pytest.mark.parametrize("method", ["saliency", "gradcam", "frame-occlusion"])
@pytest.mark.parametrize(
    "function", [lambda logits: logits.flip(0)[:, 1], lambda logits: logits[:, 1] - logits[:, 1].mean()]
)
def test_a_function_that_mixes_samples_is_refused(function, method):
    """The map of each sample was of another one, or of nothing."""
    with pytest.raises(VidexplainError, match=MIXES):
        attribute(seeded(Small3D), video(2, 3, 4, 8, 8), method=method, target=function)


def test_a_function_may_treat_each_sample_by_its_place():
    module, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    classes = placed(torch.tensor([[3], [1]]))
    found = attribute(module, x, method="gradcam", target=lambda logits: logits.gather(1, classes)[:, 0])
    assert alike(found, attribute(module, x, method="gradcam", target=[3, 1]))


@pytest.mark.parametrize("targets", ["12", 3])
def test_one_target_is_not_a_list_of_targets(targets):
    """The two letters of "12" were two classes."""
    with pytest.raises(VidexplainError, match=f"targets is a list, such as .*{targets}.*; for one target give target="):
        attribute(seeded(Small3D), video(2, 3, 4, 8, 8), targets=targets)
