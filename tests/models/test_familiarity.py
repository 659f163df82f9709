"""What a network says of clips that it cannot know: the numbers, and that they survive in a weights file."""

import json
import math

import pytest
import torch
from safetensors import safe_open
from torch import nn

from videxplain.errors import VidexplainError
from videxplain.models.familiarity import ClipFamiliarity, Familiarity, Measurement, energies
from videxplain.models.stages import stage_features, stage_names
from videxplain.models.zoo import load_model, save_model

KNOWN = Familiarity(
    ("layer1",), torch.tensor([[0.0, 0.0], [10.0, 0.0]]), torch.diag(torch.tensor([1.0, 0.5])), 3, -1, 5, 4
)


def test_distance_is_that_to_the_nearest_class_in_units_of_the_covariance():
    # (1, 2) is 1 and 2 from the first mean; the second feature has a standard deviation of 2.
    points = torch.tensor([[0.0, 0.0], [1.0, 2.0], [10.0, 4.0], [7.0, 0.0]])
    assert KNOWN.distances(points).tolist() == pytest.approx([0, 2**0.5, 2, 3])


def test_energy_is_minus_the_logarithm_of_the_summed_exponentials():
    assert energies(torch.tensor([[0.0, 0.0], [3.0, -50.0]])).tolist() == pytest.approx([-(0.693147), -3.0], abs=1e-6)


def test_a_clip_is_beyond_where_the_mean_distance_of_its_windows_is_over_the_limit():
    measurement = Measurement(KNOWN)
    assert measurement.result() is None
    for x in (2.0, 5.0):
        measurement.add(torch.tensor([[x, 0.0]]), torch.zeros(1, 2))
    found = measurement.result()
    assert found.distance == pytest.approx(3.5)
    assert found.energy == pytest.approx(-0.693147)
    assert found.beyond
    assert ClipFamiliarity.from_record(json.loads(json.dumps(found.record()))) == found
    assert ClipFamiliarity.from_record(None) is None
    assert not ClipFamiliarity(3.0, 3.0, 0.0, -1.0).beyond  # the energy decides nothing


@pytest.fixture
def network():
    model = load_model("i3d", "none", num_classes=3, depth=18, width=4, num_frames=5, size=(32, 32))
    model.config = model.config.replace(weights="made up")
    model.familiarity = Familiarity(
        ("layer1", "layer2"), torch.arange(24.0).reshape(2, 12) / 7, torch.eye(12) * 12345.678, 1.5, -2.25, 20, 10
    )
    return model


def test_a_weights_file_keeps_it_in_full_precision(network, tmp_path):
    path = tmp_path / "i3d.safetensors"
    save_model(network, path, dtype=torch.float16)
    again = load_model("i3d", path).familiarity
    assert torch.equal(again.means, network.familiarity.means)
    assert torch.equal(again.whitening, network.familiarity.whitening)
    assert again.numbers() == network.familiarity.numbers()
    save_model(load_model("i3d", path), path)
    assert load_model("i3d", path).familiarity.numbers() == again.numbers()


def test_weights_without_it_load_as_before(network, tmp_path):
    path = tmp_path / "i3d.safetensors"
    network.familiarity = None
    save_model(network, path)
    assert getattr(load_model("i3d", path), "familiarity", None) is None
    with safe_open(path, framework="pt") as opened:
        assert not [name for name in opened.keys() if "familiarity" in name]  # noqa: SIM118


def test_frames_other_than_in_training_have_no_known_features(network, tmp_path):
    path = tmp_path / "i3d.safetensors"
    save_model(network, path)
    assert load_model("i3d", path, labels=("a", "b", "c")).familiarity is not None
    assert getattr(load_model("i3d", path, size=48), "familiarity", None) is None


def test_damaged_statistics_are_refused_in_one_line(network, tmp_path):
    path = tmp_path / "i3d.safetensors"
    network.familiarity = Familiarity((), torch.zeros(2, 12), torch.eye(11), 1.0, 1.0, 1, 1)
    save_model(network, path)
    with pytest.raises(VidexplainError, match=r"means \(2, 12\) and whitening \(11, 11\)"):
        load_model("i3d", path)


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("i3d", ("layer1", "layer2", "layer3", "layer4")),
        ("late_fusion", ("trunk.layer1", "trunk.layer2", "trunk.layer3", "trunk.layer4")),
        ("c3d", ("pool1", "pool2", "pool3", "pool4", "pool5")),
    ],
)
def test_stages_of_the_networks(name, stages):
    assert stage_names(load_model(name)) == stages


class Stages(nn.Module):
    """One stage that multiplies by two and is called once for each frame, and one whose output is no map."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False))
        nn.init.zeros_(self.twice[0].weight)
        with torch.no_grad():
            self.twice[0].weight[range(3), range(3)] = 2.0
        self.head = nn.Sequential(nn.Linear(3, 2))

    def forward(self, x):
        frames = [self.twice(frame) for frame in x.unbind(2)]
        return self.head(torch.stack(frames).mean((0, 3, 4)))


def test_features_are_logarithms_of_deviations_over_frames_and_places_of_the_last_pass():
    model = Stages()
    assert stage_names(model) == ("twice", "head")
    x = torch.zeros(1, 3, 4, 2, 2)
    x[:, 1, 3], x[:, 2, :, 0] = 6.0, 1.0
    # The stage doubles: a quarter of the second channel is 12, half of the third is 2. The first does not change.
    deviations = [0.0, (0.25 * 0.75) ** 0.5 * 12, 0.5 * 2]
    whole = (sum(one**2 for one in deviations) / 3) ** 0.5
    expected = pytest.approx([math.log(one + whole) for one in deviations], rel=1e-5)
    with stage_features(model, stage_names(model)) as seen:
        assert seen.row() is None
        model(torch.ones(1, 3, 4, 2, 2))
        model(x)
        assert seen.row()[0].tolist() == expected
        seen.done = True
        model(torch.ones(1, 3, 4, 2, 2))
        assert seen.row()[0].tolist() == expected
    assert not model._forward_pre_hooks
    assert not model.twice._forward_hooks


def test_features_of_a_clip_without_any_change_are_finite():
    model = Stages()
    with stage_features(model, stage_names(model)) as seen:
        model(torch.ones(1, 3, 4, 2, 2))
    assert torch.isfinite(seen.row()).all()


def test_weights_that_know_other_features_say_nothing():
    numbers = KNOWN.numbers()
    assert Familiarity.of(KNOWN.tensors(), numbers).numbers() == numbers
    del numbers["features"]
    assert Familiarity.of(KNOWN.tensors(), numbers) is None


def test_features_of_several_clips_together_are_not_mixed():
    model = Stages()
    with stage_features(model, stage_names(model)) as seen:
        model(torch.ones(2, 3, 4, 2, 2))
    assert seen.row() is None
