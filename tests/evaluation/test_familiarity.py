"""Learning which clips a network knows."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf as reference

from videxplain.actionfigures.synthesis import write_avi
from videxplain.data.datasets.types import Video
from videxplain.errors import VidexplainError
from videxplain.evaluation.familiarity import distribution, fit_familiarity, ledoit_wolf, limit, video_features
from videxplain.explanation.api import UnfamiliarClipWarning, explain, predict, predict_source
from videxplain.explanation.sources import as_source
from videxplain.models.familiarity import Distribution, Familiarity
from videxplain.models.zoo import load_model


@pytest.mark.parametrize(("rows", "size"), [(40, 12), (10, 30)])
def test_shrinkage_is_that_of_scikit_learn(rows, size):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(rows, size)) @ rng.normal(size=(size, size))
    assert ledoit_wolf(values) == pytest.approx(reference(values, assume_centered=True)[0], abs=1e-10)


def test_whitening_makes_the_shared_covariance_of_two_classes_the_identity():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(4000, 2)) @ np.array([[1.0, 0.0], [3.0, 0.1]])
    labels = torch.arange(4000) % 2
    features = torch.from_numpy(noise) + 100.0 * labels[:, None]
    known = distribution(features, 7 * labels)
    means, whitening = known.means, known.whitening
    assert means.numpy() == pytest.approx(np.array([[0.0, 0.0], [100.0, 100.0]]), abs=0.2)
    white = (features - 100.0 * labels[:, None]).numpy() @ whitening.numpy().T
    assert np.cov(white.T) == pytest.approx(np.eye(2), abs=0.15)


def test_one_clip_a_class_gives_plain_distances():
    known = distribution(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([0, 1]))
    assert known.means.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert known.whitening.tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(("count", "wanted"), [(3, 3.0), (298, 298.0), (472, 472.0), (473, 472.0), (1000, 996.0)])
def test_limit_is_the_published_rank_of_a_tolerance_limit(count, wanted):
    assert limit([float(value) for value in range(count, 0, -1)]) == wanted


def test_in_nineteen_of_twenty_fits_at_least_99_percent_stay_under_the_limit():
    rng = np.random.default_rng(0)
    under = [limit(rng.exponential(size=700)) for _ in range(4000)]
    held = np.mean([1 - np.exp(-one) >= 0.99 for one in under])
    assert held == pytest.approx(0.9709, abs=0.01)  # the chance that at most 697 of 700 are among the lower 99 %


@pytest.fixture
def videos(tmp_path):
    """Eight videos of dark noise, whose label is that of the half that is brighter."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(8):
        frames = rng.integers(0, 60, (6, 32, 32, 3), dtype=np.uint8)
        frames[:, :, 16 * (number % 2) :][:, :, :16] += 40
        write_avi(tmp_path / f"{number}.avi", frames)
        made.append(Video(tmp_path / f"{number}.avi", number % 2, str(number)))
    return made


@pytest.fixture
def network():
    model = load_model("i3d", "none", num_classes=2, depth=18, width=4, num_frames=5, size=(32, 32))
    model.config = model.config.replace(weights="made up")
    return model


def test_known_clips_are_within_and_others_are_beyond(network, videos, tmp_path):
    seen = []
    network.familiarity = fit_familiarity(network, videos[:4], videos[4:], progress=lambda *step: seen.append(step))
    assert seen == [(number, 8) for number in range(1, 9)]
    distances = [predict_source(network, as_source(video.path)).familiarity.distance for video in videos]
    assert network.familiarity.distance_limit == pytest.approx(max(distances[4:]), rel=1e-9)
    for name, part in (("of_picture", slice(27)), ("of_stages", slice(27, None))):
        known = getattr(network.familiarity, name)
        rows = [video_features(network, video, network.familiarity.stages)[0][:, part] for video in videos[4:]]
        assert known.usual == pytest.approx(np.median([float(known.distances(row).mean()) for row in rows]), rel=1e-9)
    assert len(network.familiarity.of_picture.means) == 1
    assert len(network.familiarity.of_stages.means) == 2
    assert (network.familiarity.training_clips, network.familiarity.validation_clips) == (4, 4)
    write_avi(tmp_path / "bright.avi", np.full((6, 32, 32, 3), 250, np.uint8))
    with pytest.warns(UnfamiliarClipWarning, match="unlike anything"):
        predict(network, tmp_path / "bright.avi")
    found = explain(network, tmp_path / "bright.avi")
    assert found.familiarity.beyond
    assert found.notes[0].startswith("This clip is unlike anything this network has learned from")
    assert found.notes[2:5] == (
        "videxplain predict --model torchvision:r3d_18 --clip bright.avi",
        "videxplain gradcam --model torchvision:r3d_18 --clip bright.avi",
        "videxplain layercam --model torchvision:r3d_18 --clip bright.avi --layer layer3",
    )
    # Not the one that the limit comes from: a last digit would decide.
    nearest = min(range(4, 8), key=distances.__getitem__)
    within = explain(network, videos[nearest].path)
    assert not within.familiarity.beyond
    assert not within.notes


@pytest.mark.parametrize(
    "method",
    ["gradcam", "activations", "saliency", "smoothgrad", "occlusion", "guided-backprop", "integrated-gradients"],
)
def test_every_explanation_has_the_distance_of_the_prediction(network, videos, method):
    network.familiarity = fit_familiarity(network, videos[:4], videos[4:])
    source = as_source(videos[5].path)
    wanted, found = predict_source(network, source).familiarity, explain(network, source, method).familiarity
    assert found.distance == pytest.approx(wanted.distance, rel=1e-4)
    assert found.energy == pytest.approx(wanted.energy, rel=1e-4)
    hooks = [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in network.modules()]
    assert sum(hooks) == 0


def test_explanations_of_weights_that_do_not_say_have_none(network, videos):
    assert explain(network, videos[0].path).familiarity is None


def test_a_saved_explanation_keeps_it(network, videos, tmp_path):
    of_picture = Distribution(torch.zeros(1, 27), torch.eye(27), 1.0)
    of_stages = Distribution(torch.zeros(1, 4), torch.eye(4), 1.0)
    network.familiarity = Familiarity(("layer1",), of_picture, of_stages, 0.0, math.pi, 1, 1)
    found = explain(network, videos[0].path)
    assert found.familiarity.beyond
    for name in ("a.npz", "a.json"):
        found.save(tmp_path / name)
        again = type(found).load(tmp_path / name)
        assert again.familiarity == found.familiarity
        assert again.notes == found.notes


def test_without_videos_nothing_can_be_learned(network, videos):
    with pytest.raises(VidexplainError, match="one has none"):
        fit_familiarity(network, videos, [])


def test_the_bundled_network_knows_the_example_clips_and_not_a_noisy_scene():
    network = load_model("i3d")
    for path in sorted((Path(__file__).parents[2] / "examples/clips").glob("*.mp4"))[:2]:
        assert not predict_source(network, as_source(path)).familiarity.beyond
    noise = np.random.default_rng(0).integers(0, 256, (32, 120, 160, 3), dtype=np.uint8)
    assert predict_source(network, as_source(noise)).familiarity.beyond
