"""What an output means: probabilities, targets and scores of each kind, and how wrapped networks are recognised."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import videxplain as vx
from tests.small_models import huggingface_folder
from videxplain.models.assumption import AssumptionWarning
from videxplain.models.config import ModelConfig
from videxplain.models.outputs import probabilities

transformers = pytest.importorskip("transformers")


class Headed(nn.Module):
    """A small video network whose output depends on the clip, around given numbers."""

    def __init__(self, numbers: tuple[float, ...], end: nn.Module | None = None, slope: float = 0.0) -> None:
        super().__init__()
        self.c, self.r, self.fc = nn.Conv3d(3, 4, 3, padding=1), nn.ReLU(), nn.Linear(4, len(numbers))
        torch.manual_seed(0)
        nn.init.normal_(self.fc.weight, std=slope)
        self.fc.bias.data.copy_(torch.tensor(numbers))
        self.end = end or nn.Identity()

    def forward(self, x):
        return self.end(self.fc(self.r(self.c(x)).mean((2, 3, 4))))


class ByHand(nn.Module):
    """A sigmoid that no call of a sigmoid shows."""

    def forward(self, x):
        return 1 / (1 + torch.exp(-x))


def wrapped(numbers, end=None, *, slope=0.0, **options) -> vx.VideoModel:
    return vx.wrap(Headed(numbers, end, slope).eval(), num_frames=4, size=16, **options)


def quiet(*args, **options) -> vx.VideoModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        return wrapped(*args, **options)


CLIP = vx.Clip(np.random.default_rng(0).integers(0, 256, (8, 24, 32, 3), np.uint8), 25.0)


def config(output: str, classes: int = 3, **more) -> ModelConfig:
    return ModelConfig("net", classes, 4, (16, 16), output=output, **more)


@pytest.mark.parametrize(
    ("output", "raw", "expected"),
    [
        ("logits", [0.0, np.log(3.0)], [0.25, 0.75]),
        ("probabilities", [0.25, 0.75], [0.25, 0.75]),
        ("probabilities", [0.9], [0.9, 0.1]),
        ("log_probabilities", [np.log(0.25), np.log(0.75)], [0.25, 0.75]),
        ("binary", [np.log(3.0)], [0.75, 0.25]),
        ("multilabel", [0.0, np.log(3.0)], [0.5, 0.75]),
        ("regression", [-2.0, 3.5], [-2.0, 3.5]),
    ],
)
def test_probabilities_of_each_kind(output, raw, expected):
    found = probabilities(torch.tensor([raw]), config(output, len(raw)))
    assert found[0].tolist() == pytest.approx(expected, abs=1e-6)
    assert config(output, len(raw)).num_outcomes == len(expected)


def test_another_number_of_outputs_is_refused():
    with pytest.raises(vx.VidexplainError, match="returned 2 classes, and its config says 3"):
        probabilities(torch.zeros(1, 2), config("logits"))


def test_one_output_has_two_names():
    assert config("binary", 1, labels=("fall",)).outcome_labels == ("fall", "not fall")
    assert config("binary", 1, labels=("fall", "stand")).outcome_labels == ("fall", "stand")
    assert config("binary", 1).outcome_labels == ("class 0", "not class 0")
    assert config("regression", 1, labels=("score",)).outcome_labels == ("score",)
    with pytest.raises(vx.VidexplainError, match="2 labels for 1 classes"):
        config("regression", 1, labels=("a", "b"))
    with pytest.raises(vx.VidexplainError, match="output binary is one logit, and num_classes is 3; say multilabel"):
        config("binary")


@pytest.mark.parametrize(
    ("numbers", "end", "kind", "said"),
    [
        ((5.0, 0.0, 0.0), None, "logits", ""),
        ((0.5, 0.5), None, "logits", ""),  # adds up to 1 for a still clip alone
        ((5.0, 0.0, 0.0), nn.Softmax(1), "probabilities", "add up to 1"),
        ((5.0, 0.0, 0.0), nn.LogSoftmax(1), "log_probabilities", "logarithms of probabilities"),
        ((5.0, 0.0, -1.0), nn.Sigmoid(), "probabilities", "ends in a sigmoid"),
        ((-8.0,), None, "binary", "has one output: it is taken as a logit"),
        ((0.5,), None, "binary", "has one output"),
        ((0.4, 0.9), None, "logits", ""),  # between 0 and 1 for weak clips alone
        ((-1.0, -3.0), None, "logits", ""),
        ((5.0, 0.0, -1.0), ByHand(), "probabilities", "between 0 and 1 for every trial clip"),
        ((5.0, 0.0, -1.0), nn.Hardsigmoid(), "probabilities", "between 0 and 1 for every trial clip"),
        ((3.0, -1.0, 0.5), nn.LogSigmoid(), "log_probabilities", "ends in a logsigmoid"),
        ((-8.0,), ByHand(), "probabilities", "between 0 and 1 for every trial clip"),
        ((-8.0,), nn.Sigmoid(), "probabilities", "ends in a sigmoid"),
        ((-8.0,), nn.Flatten(0), "binary", "has one output"),
    ],
)
def test_a_wrapped_networks_output_is_recognised_and_said(numbers, end, kind, said):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        model = wrapped(numbers, end, slope=0.05)
    assert model.config.output == kind
    assert model.config.num_classes == len(numbers)
    messages = [str(one.message) for one in heard if issubclass(one.category, AssumptionWarning)]
    assert len(messages) == bool(said)
    assert not said or (said in messages[0] and "\n" not in messages[0])


@pytest.mark.parametrize(
    ("numbers", "end", "slope", "said"),
    [
        ((0.4, 0.9), None, 0.0, "the same numbers between 0 and 1 for every trial clip"),
        ((0.4,), None, 0.0, "the same numbers between 0 and 1"),
    ],
)
def test_what_may_be_several_kinds_is_refused(numbers, end, slope, said):
    with pytest.raises(vx.VidexplainError, match=said):
        wrapped(numbers, end, slope=slope)
    for kind in ("logits", "multilabel") if len(numbers) > 1 else ("binary",):
        assert wrapped(numbers, end, slope=slope, output=kind).config.output == kind


def test_what_is_told_is_not_guessed_and_is_checked():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert wrapped((1.0,), output="regression").config.output == "regression"
        assert wrapped((1.0, 2.0), output="multilabel").config.output == "multilabel"
        assert wrapped((1.0, 2.0), nn.Softmax(1), output="logits").config.output == "logits"
    for numbers, output, said in [
        ((5.0, 0.0), "probabilities", r"returned values from 0 to 5, which are no probabilities: say logits"),
        ((5.0, 0.0), "log_probabilities", r"returned 5, which is no logarithm of a probability"),
        ((5.0, 0.0), "binary", "output binary is one logit, and Headed returned 2: say multilabel"),
        ((5.0, 0.0), "softmax", "unknown output 'softmax'; "),
    ]:
        with pytest.raises(vx.VidexplainError, match=said):
            wrapped(numbers, output=output)


@pytest.mark.parametrize(
    ("numbers", "end", "options", "expected"),
    [
        ((5.0, 0.0, 0.0), nn.Softmax(1), {}, {"class 0": 0.98670, "class 1": 0.00665, "class 2": 0.00665}),
        ((-8.0,), None, {"labels": ("fall",)}, {"not fall": 0.99966, "fall": 0.00034}),
        ((-8.0,), None, {"labels": ("fall", "stand")}, {"stand": 0.99966, "fall": 0.00034}),
        ((-8.0,), nn.Sigmoid(), {"labels": ("fall",)}, {"not fall": 0.99966, "fall": 0.00034}),
        ((6.0, 6.5, -6.0), None, {"output": "multilabel"}, {"class 1": 0.9985, "class 0": 0.99753, "class 2": 0.00247}),
        ((2.5,), None, {"output": "regression", "labels": ("score",)}, {"score": 2.5}),
    ],
)
def test_predictions_follow_it(numbers, end, options, expected):
    model = quiet(numbers, end, **options)
    found = vx.predict(model, CLIP)
    assert [label for label, _ in found] == list(expected)
    assert dict(found) == pytest.approx(expected, abs=1e-4)
    explained = vx.explain(model, CLIP, "rise", samples=4)
    assert explained.predictions == found
    assert explained.origin.target == next(iter(expected))
    assert explained.origin.output == model.config.output


def test_the_complement_is_explained_by_minus_the_logit():
    model, x = quiet((0.1,), slope=1.0, labels=("fall", "stand")), torch.randn(2, 3, 4, 16, 16)
    fall, stand = (vx.attribute(model, x, method="input-x-gradient", target=one) for one in ("fall", "stand"))
    torch.testing.assert_close(fall, -stand)
    assert fall.abs().amax() > 0
    torch.testing.assert_close(vx.attribute(model, x, method="input-x-gradient", target=1), stand)


@pytest.mark.parametrize("name", ["not fall", "Not Fall", 1])
def test_a_complement_without_a_name_of_its_own_is_explained_by_the_one_that_predictions_give_it(name):
    model = quiet((0.1,), slope=1.0, labels=("fall",))
    fall, other = (vx.explain(model, CLIP, "lime", target=one, count=4, samples=20) for one in ("fall", name))
    assert (other.explained_label, other.origin.target_index) == ("not fall", 1)
    assert max(float(abs(values).max()) for values in fall.maps) > 0
    for one, minus in zip(fall.maps, other.maps, strict=True):
        np.testing.assert_allclose(one, -minus, rtol=1e-4, atol=1e-7)


def test_the_top_class_of_one_logit_is_the_likelier_one():
    x = torch.randn(1, 3, 4, 16, 16)
    for bias, end, top in [(5.0, None, 0), (-5.0, None, 1), (-5.0, nn.Sigmoid(), 1), (5.0, nn.Sigmoid(), 0)]:
        model = quiet((bias,), end, slope=0.5)
        found = vx.attribute(model, x, method="input-x-gradient")
        torch.testing.assert_close(found, vx.attribute(model, x, method="input-x-gradient", target=top))
        assert vx.explain(model, CLIP, "gradcam").origin.target_index == top


@pytest.mark.parametrize(
    ("labels", "problem", "kind"),
    [
        (3, None, "logits"),
        (3, "single_label_classification", "logits"),
        (3, "multi_label_classification", "multilabel"),
        (3, "regression", "regression"),
        (1, None, "regression"),
        (1, "multi_label_classification", "binary"),
    ],
)
def test_a_folder_of_hugging_face_says_it_by_its_problem_type(labels, problem, kind, tmp_path):
    settings = transformers.VideoMAEConfig(
        image_size=16,
        patch_size=8,
        num_frames=4,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        num_labels=labels,
        problem_type=problem,
    )
    settings.save_pretrained(tmp_path)
    assert vx.load_model(f"hf:{tmp_path}", "none").config.output == kind


def test_one_logit_of_a_folder_may_have_a_second_name_for_the_complement(tmp_path):
    huggingface_folder("videomae", tmp_path, num_labels=1, problem_type="multi_label_classification")
    assert vx.load_model(f"hf:{tmp_path}", "none", labels=("fall", "stand")).config.outcome_labels == ("fall", "stand")
    assert vx.load_model(f"hf:{tmp_path}", "none", labels=("fall",)).config.outcome_labels == ("fall", "not fall")
    with pytest.raises(vx.VidexplainError, match="num_classes is 3"):
        vx.load_model(f"hf:{tmp_path}", "none", labels=("a", "b", "c"))


@pytest.mark.parametrize("output", [None, "logits"])
def test_an_answer_without_an_axis_for_clips_is_no_single_logit(output):
    class Bare(Headed):
        def forward(self, x):
            return super().forward(x)[0]

    with pytest.raises(vx.VidexplainError, match=r"must return logits \(1, classes\), and it returned \(3,\)$"):
        vx.wrap(Bare((0.1, 0.2, 0.3), slope=1.0).eval(), num_frames=4, size=16, output=output)


class Through(nn.Module):
    """A function as the end of a network."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda x: -x.log_softmax(1), "minus the logarithms of probabilities"),
        (lambda x: x.softmax(1).log2(), "logarithms of probabilities to base 2"),
        (lambda x: x.softmax(1).log10(), "logarithms of probabilities to base 10"),
    ],
)
def test_other_logarithms_are_refused_unless_they_are_said_to_be_logits(end, words):
    numbers = (3.0, 0.0, -2.0)
    with pytest.raises(vx.VidexplainError, match=f"returns {words}: return natural logarithms"):
        wrapped(numbers, Through(end), slope=0.3)
    assert quiet(numbers, Through(end), slope=0.3, output="logits").config.output == "logits"
    assert quiet(numbers, Through(lambda x: x.log_softmax(1)), slope=0.3).config.output == "log_probabilities"
    assert wrapped(numbers, Through(lambda x: -x), slope=0.3).config.output == "logits"


@pytest.mark.parametrize(("end", "number"), [(lambda x: x.softmax(1), "1"), (lambda x: x.log_softmax(1), "0")])
def test_a_softmax_over_one_class_is_refused(end, number):
    with pytest.raises(vx.VidexplainError, match=f"returned {number} for every trial clip, as a softmax"):
        wrapped((2.0,), Through(end), slope=0.3)
    model = quiet((2.0,), Through(lambda x: x.softmax(1)), slope=0.3, output="probabilities")
    assert vx.predict(model, CLIP)[0] == ("class 0", 1.0)
    assert quiet((2.0,), slope=0.3).config.output == "binary"


def test_probabilities_in_per_cent_are_refused_unless_they_are_said_to_be_logits():
    class PerCent(Headed):
        def forward(self, x):
            return 100 * super().forward(x).softmax(1)

    network = PerCent((0.1, 0.2, 0.3), slope=1.0).eval()
    with pytest.raises(vx.VidexplainError, match="numbers that add up to 100, such as probabilities in per cent"):
        vx.wrap(network, num_frames=4, size=16)
    assert vx.wrap(network, num_frames=4, size=16, output="logits").config.output == "logits"
