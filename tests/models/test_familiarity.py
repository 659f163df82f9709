"""What a network says of clips that it cannot know: the numbers, and that they survive in a weights file."""

import json
import math

import pytest
import torch
from safetensors import safe_open
from torch import nn

from videxplain.errors import VidexplainError
from videxplain.models.familiarity import ClipFamiliarity, Distribution, Familiarity, Measurement, energies
from videxplain.models.picture import feature_count, picture_features
from videxplain.models.stages import clip_features, stage_names
from videxplain.models.zoo import load_model, save_model

CLASSES = Distribution(torch.tensor([[0.0, 0.0], [10.0, 0.0]]), torch.diag(torch.tensor([1.0, 0.5])), 2.0)
PICTURE = Distribution(torch.tensor([[1.0]]), torch.tensor([[4.0]]), 8.0)
KNOWN = Familiarity(("layer1",), PICTURE, CLASSES, 1.4, -1, 5, 4)


def test_distance_is_that_to_the_nearest_class_in_units_of_the_covariance():
    # (1, 2) is 1 and 2 from the first mean; the second feature has a standard deviation of 2.
    points = torch.tensor([[0.0, 0.0], [1.0, 2.0], [10.0, 4.0], [7.0, 0.0]])
    assert CLASSES.distances(points).tolist() == pytest.approx([0, 2**0.5, 2, 3])


def test_a_clip_is_as_far_as_picture_and_stages_are_on_average_in_terms_of_what_is_usual():
    # The picture is 3 from its mean, which is 12 whitened and 1.5 of the usual 8; the stages are 3 of the usual 2.
    assert KNOWN.distances(torch.tensor([[4.0, 7.0, 0.0]])).tolist() == pytest.approx([(1.5 + 1.5) / 2])
    assert KNOWN.distances(torch.tensor([[1.0, 7.0, 0.0]])).tolist() == pytest.approx([1.5 / 2])


def test_energy_is_minus_the_logarithm_of_the_summed_exponentials():
    assert energies(torch.tensor([[0.0, 0.0], [3.0, -50.0]])).tolist() == pytest.approx([-(0.693147), -3.0], abs=1e-6)


def test_a_clip_is_beyond_where_the_mean_distance_of_its_windows_is_over_the_limit():
    measurement = Measurement(KNOWN)
    assert measurement.result() is None
    for x in (4.0, 10.0):
        measurement.add(torch.tensor([[x, 0.0, 0.0]]), torch.zeros(1, 2))
    found = measurement.result()
    assert found.distance == pytest.approx((3 + 9) * 4 / 8 / 2 / 2)
    assert found.energy == pytest.approx(-0.693147)
    assert found.beyond
    assert ClipFamiliarity.from_record(json.loads(json.dumps(found.record()))) == found
    assert ClipFamiliarity.from_record(None) is None
    assert not ClipFamiliarity(3.0, 3.0, 0.0, -1.0).beyond  # the energy decides nothing


@pytest.fixture
def network():
    model = load_model("i3d", "none", num_classes=3, depth=18, width=4, num_frames=5, size=(32, 32))
    model.config = model.config.replace(weights="made up")
    of_picture = Distribution(torch.arange(27.0)[None] / 3, torch.eye(27) / 9, 0.75)
    of_stages = Distribution(torch.arange(24.0).reshape(2, 12) / 7, torch.eye(12) * 12345.678, 4.5)
    model.familiarity = Familiarity(("layer1", "layer2"), of_picture, of_stages, 1.5, -2.25, 20, 10)
    return model


def test_a_weights_file_keeps_it_in_full_precision(network, tmp_path):
    path = tmp_path / "i3d.safetensors"
    save_model(network, path, dtype=torch.float16)
    again = load_model("i3d", path).familiarity
    assert list(again.tensors()) == list(network.familiarity.tensors())
    for name, value in network.familiarity.tensors().items():
        assert torch.equal(again.tensors()[name], value)
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
    network.familiarity = Familiarity((), PICTURE, Distribution(torch.zeros(2, 12), torch.eye(11), 1.0), 1, 1, 1, 1)
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
    with clip_features(model, stage_names(model)) as seen:
        assert seen.row() is None
        model(torch.ones(1, 3, 4, 2, 2))
        model(x)
        features = seen.row()[0].tolist()
        assert features[9:] == expected
        assert features[:9] == picture_features(x)[0].tolist()
        seen.done = True
        model(torch.ones(1, 3, 4, 2, 2))
        assert seen.row()[0].tolist() == features
    assert not model._forward_pre_hooks
    assert not model.twice._forward_hooks


def test_features_of_a_clip_without_any_change_are_finite():
    model = Stages()
    with clip_features(model, stage_names(model)) as seen:
        model(torch.ones(1, 3, 4, 2, 2))
    assert torch.isfinite(seen.row()).all()


def test_weights_that_know_other_features_say_nothing():
    numbers = KNOWN.numbers()
    assert Familiarity.of(KNOWN.tensors(), numbers).numbers() == numbers
    del numbers["features"]
    assert Familiarity.of(KNOWN.tensors(), numbers) is None


def test_features_of_several_clips_together_are_not_mixed():
    model = Stages()
    with clip_features(model, stage_names(model)) as seen:
        model(torch.ones(2, 3, 4, 2, 2))
    assert seen.row() is None


def test_the_picture_is_told_by_the_differences_of_its_neighbours():
    # A grey picture of 4 x 8 pixels: each column is 3 of 255 brighter than the one before, and frames are equal.
    level = 1 / 255
    row = 3 * level * torch.arange(8.0)
    x = row.expand(1, 3, 5, 4, 8) / torch.tensor([0.2, 0.4, 0.5]).view(3, 1, 1, 1)
    even = [math.log(level / 2)] * 2 + [0.0]
    expected = []
    for step in (3 * level, 6 * level):  # scale 4 has no neighbours in four rows
        expected += [math.log(step + level / 2)] * 2 + [0.0] + 2 * even
    assert picture_features(x, (0.2, 0.4, 0.5))[0].tolist() == pytest.approx(expected, abs=1e-4)
    assert feature_count((4, 8)) == len(expected)


def test_one_spot_is_spread_otherwise_than_noise_of_the_same_strength():
    spot, noise = torch.zeros(2, 1, 3, 4, 16, 16)
    spot[:, :, :, 8, 8] = 3.0
    noise[:] = torch.randn(noise.shape, generator=torch.Generator().manual_seed(0)) * 3.0 / 16
    alone = [picture_features(one)[0] for one in (spot, noise)]
    assert alone[0][0] == pytest.approx(float(alone[1][0]), abs=0.6)  # the root mean square
    assert alone[0][1] < alone[1][1] - 3  # the median
    assert alone[0][2] < alone[1][2] - 2  # the mean as a share
    assert torch.equal(picture_features(torch.cat([spot, noise])), torch.stack(alone))


def test_one_frame_alone_has_finite_features_of_time():
    assert torch.isfinite(picture_features(torch.rand(2, 3, 1, 8, 8))).all()
    assert picture_features(torch.rand(2, 3, 1, 8, 8)).shape == (2, feature_count((8, 8))) == (2, 27)
