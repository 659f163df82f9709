"""A search from videos to tables: the numbers, a kill, refusals, damaged videos."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import norm, t

import videxplain as vx
from tests.concepts.networks import LABELS, Small, windows_of
from videxplain.concepts import work
from videxplain.concepts.api import find_concepts
from videxplain.concepts.factors import factorise
from videxplain.concepts.importance import shares_of
from videxplain.concepts.layer import read
from videxplain.concepts.result import Concepts
from videxplain.concepts.settings import Settings
from videxplain.concepts.shares import DRAWS, interval, tail_of
from videxplain.data.datasets.open import open_dataset
from videxplain.data.datasets.types import Video, VideoDataset
from videxplain.errors import VidexplainError
from videxplain.runs.engines import Here, Processes
from videxplain.runs.shards import cut

WANTED = {"layer": "relu2", "subset": "all", "concepts": 6, "places": 4000, "designs": 16}


def test_maps_and_means_are_those_of_a_literal_version(marked, found):
    """Every window by itself, its coefficients enlarged in time and blended with the shares of the plan."""
    model, _ = marked
    for number in (0, 17):
        whole, x = windows_of(model, found.path(number))
        expected = np.zeros(found.maps(number).shape)
        coefficients = []
        for window, shares, one in zip(whole.windows, whole.shares, x, strict=True):
            with torch.no_grad():
                values = model.relu2(model.conv2(model.relu1(model.conv1(one[None]))))[0]
            flat = values.flatten(1).T.numpy()
            coefficients.append(found.factors.coefficients(flat))
            video = torch.from_numpy(coefficients[-1].T.reshape(6, *values.shape[1:])).float()
            large = F.interpolate(video[None], size=(4, *values.shape[2:]), mode="trilinear", align_corners=False)[0]
            for place, share, frame in zip(window, shares, large.transpose(0, 1).numpy(), strict=True):
                expected[:, place] += share * frame
        assert np.abs(found.maps(number) - expected).max() <= 1e-3 * expected.max()
        row = found.videos.iloc[number]
        np.testing.assert_allclose(row["mean"], np.concatenate(coefficients).mean(0), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(row["peak"], np.concatenate(coefficients).max(0), rtol=1e-4, atol=1e-6)


def test_predictions_are_those_of_the_network(marked, found):
    model, _ = marked
    for number in (3, 20):
        label, probability = vx.predict(model, found.path(number))[0]
        row = found.videos.iloc[number]
        assert (row["prediction"], pytest.approx(row["probability"], abs=1e-5)) == (label, probability)


def test_gradient_x_activation_and_the_rest_add_up_to_the_score(marked, found):
    """Behind this layer are an average and a linear layer, so that the gradient gives the score less its bias."""
    model, _ = marked
    for _, row in found.videos.iterrows():
        bias = float(model.fc.bias[LABELS.index(row["prediction"])])
        assert sum(row["gradient_x_activation"]) + row["rest"] == pytest.approx(row["score"] - bias, abs=1e-3)
        # And leaving a concept out takes exactly its part away.
        falls = row["score_reconstructed"] - np.array(row["score_without"])
        np.testing.assert_allclose(falls, row["gradient_x_activation"], atol=2e-3)


def test_sobol_indices_of_a_linear_head_are_its_squared_parts(found):
    """For a sum of independent terms the total index of a term is its share of the variance."""
    row = found.videos.iloc[0]
    parts = np.array(row["gradient_x_activation"]) ** 2
    assert np.argmax(row["sobol"]) == np.argmax(parts)
    np.testing.assert_allclose(row["sobol"], parts / parts.sum(), atol=0.25)


def test_shares_are_those_of_a_literal_version(found):
    videos = found.videos
    for _, row in found.shares.iterrows():
        own = videos[videos["prediction"] == row["label"]]
        k = row["concept"]
        assert row["videos"] == len(own)
        assert row["sobol"] == pytest.approx(np.mean([one[k] for one in own["sobol"]]))
        parts = [
            shares_of(np.array(one), rest)[k]
            for one, rest in zip(own["gradient_x_activation"], own["rest"], strict=True)
        ]
        assert row["gradient_x_activation"] == pytest.approx(np.mean(parts))
        fall = [
            all_of - left[k]
            for all_of, left in zip(own["probability_reconstructed"], own["probability_without"], strict=True)
        ]
        assert row["fall"] == pytest.approx(np.mean(fall))
        if row["groups"] >= 5:
            assert row["fall_low"] <= row["fall"] <= row["fall_high"]
        else:
            assert np.isnan(row["fall_low"])
        assert row["strength"] == pytest.approx(np.mean([one[k] for one in own["mean"]]))


def test_intervals_have_the_width_of_the_standard_error():
    values = np.random.default_rng(0).normal(5, 2, (400, 1))
    low, high = interval(values, [""] * 400)
    assert (high - low)[0] == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    # Groups of four that are the same count as one video each.
    low, high = interval(np.repeat(values[:100], 4, axis=0), [f"g{i // 4}" for i in range(400)])
    assert (high - low)[0] == pytest.approx(2 * 1.96 * values[:100].std() / 10, rel=0.1)
    assert interval(values, [f"g{i % 4}" for i in range(400)]) is None


def test_the_interval_is_that_of_a_literal_bootstrap():
    """Groups of different sizes, drawn one by one, each with all its videos."""
    rng = np.random.default_rng(3)
    groups = ["a"] * 4 + ["b"] * 2 + ["c", "d", "e"] + ["", ""]
    values = rng.normal(0, 1, (len(groups), 2))
    members = [[0, 1, 2, 3], [4, 5], [6], [7], [8], [9], [10]]
    draws = np.random.default_rng(5)
    means = []
    for _ in range(DRAWS):
        counts = draws.multinomial(7, np.full(7, 1 / 7))
        drawn = [video for group, count in zip(members, counts, strict=True) for video in group * count]
        means.append(values[drawn].mean(0))
    tail = norm.cdf(-np.sqrt(7 / 6) * t.ppf(0.975, 6))
    low, high = interval(values, groups, seed=5)
    np.testing.assert_allclose(low, np.quantile(means, tail, axis=0), atol=1e-9)
    np.testing.assert_allclose(high, np.quantile(means, 1 - tail, axis=0), atol=1e-9)
    # Other random draws, by choice of a group at a time, agree within their own spread.
    chosen = np.random.default_rng(6).integers(7, size=(DRAWS, 7))
    again = [values[[video for group in one for video in members[group]]].mean(0) for one in chosen]
    np.testing.assert_allclose(low, np.quantile(again, tail, axis=0), atol=0.1)


@pytest.mark.parametrize(("videos", "least"), [(5, 0.88), (10, 0.9), (40, 0.91)])
def test_an_interval_contains_the_mean_as_often_as_it_says(videos, least):
    """The plain percentiles of five videos would contain it in 84 % of trials."""
    values = np.random.default_rng(videos).normal(0, 1, (videos, 400))
    low, high = interval(values, [""] * videos)
    assert least < ((low <= 0) & (high >= 0)).mean() < 0.985


def test_the_tail_is_that_of_the_normal_distribution_for_many_groups():
    assert tail_of(10**6) == pytest.approx(0.025, abs=1e-5)
    assert tail_of(5) == pytest.approx(norm.cdf(-2.7764 * np.sqrt(1.25)), abs=1e-6)


def test_workers_load_the_network_that_was_asked_for():
    """What ``--set`` says goes with every task, and so do the names of the classes."""
    said = {"sampling": "uniform", "num_classes": 4, "width": 4, "size": (32, 32)}
    network = {"model": "i3d", "weights": "none", "weights_sha256": "", "labels": LABELS, "expects": said}
    videos = {"data": "videos", "kind": "folder", "split": 1, "subset": "all", "videos": 1, "videos_sha256": ""}
    asked = Settings(**network, **videos, layer="layer4")
    config = work.Task(cut(1)[0], asked, "cpu", ()).model.config
    assert (config.sampling, config.labels, config.size) == ("uniform", LABELS, (32, 32))


def test_the_concepts_are_those_of_the_sampled_places(marked, found):
    """The same number of places of each video, and scikit-learn's factorisation of them."""
    model, data = marked
    settings = found.settings
    rng = np.random.default_rng([0, 0])
    _, x = windows_of(model, data.unused[0].path if data.unused else found.path(0))
    flat = read(model, x, work.resolve(model, "relu2"))[0].movedim(1, -1).reshape(-1, 16).numpy()
    sampled, smallest = work._sample_video(model, found.path(0), "relu2", 125, rng)
    chosen = np.sort(np.random.default_rng([0, 0]).choice(len(flat), 125, replace=False))
    np.testing.assert_allclose(sampled, flat[chosen], atol=1e-5)
    assert smallest == 0
    everything = np.concatenate(
        [
            work._sample_video(model, found.path(i), "relu2", 125, np.random.default_rng([0, i]))[0]
            for i in range(settings.videos)
        ]
    )
    np.testing.assert_allclose(factorise(everything, 6, False).vectors, found.factors.vectors, atol=1e-6)


def same(first: Concepts, second: Concepts) -> None:
    np.testing.assert_allclose(first.factors.vectors, second.factors.vectors, atol=1e-5)
    for name in ("videos", "concepts", "shares", "tubes"):
        one, other = getattr(first, name), getattr(second, name)
        assert list(one.columns) == list(other.columns)
        assert len(one) == len(other)
        for column in one.columns:
            for a, b in zip(one[column], other[column], strict=True):
                if isinstance(a, np.ndarray) and a.dtype != object:
                    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
                elif isinstance(a, float):
                    assert a == pytest.approx(b, rel=1e-3, abs=1e-4, nan_ok=True), column
                else:
                    assert np.all(a == b) or pd.isna(a), column


def test_batches_do_not_matter(marked, found, tmp_path, monkeypatch):
    model, data = marked
    monkeypatch.setattr(work, "versions_at_once", lambda *_, **__: 1)
    same(found, find_concepts(model, data, tmp_path / "out", **WANTED))


def test_processes_do_not_matter(marked, found, tmp_path):
    model, data = marked
    same(found, find_concepts(model, data, tmp_path / "out", engine=Processes(2), **WANTED))


class _StopsAfter(Here):
    """Raises after some shards, as a process that is killed between two of them."""

    def __init__(self, shards: int) -> None:
        self._left = shards

    def run(self, function, tasks):
        for task in tasks:
            if not self._left:
                raise KeyboardInterrupt
            self._left -= 1
            yield task, function(task)


@pytest.mark.parametrize("shards", [1, 3])
def test_a_run_that_was_stopped_goes_on(marked, found, tmp_path, shards):
    """After one of two shards of the sample, and after one of two shards of the measurement."""
    model, data = marked
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        find_concepts(model, data, out, engine=_StopsAfter(shards), **WANTED)
    with pytest.raises(VidexplainError, match="not finished"):
        Concepts.load(out)
    if shards == 3:  # a shard that was begun leaves nothing that counts
        (out / "places.zarr" / "00001").mkdir()
    told = []
    again = find_concepts(model, data, out, progress=lambda done, total: told.append((done, total)), **WANTED)
    assert told[0] == ((16, 64) if shards == 1 else (32, 64))
    assert told[-1] == (64, 64)
    same(found, again)
    assert not (out / "sample").exists()
    assert Concepts.load(out).settings == found.settings


def test_other_settings_networks_and_layers_are_refused(marked, found):
    model, data = marked
    for changed, message in (
        ({"layer": "relu1"}, r"another layer \(relu2, not relu1\)"),
        ({"concepts": 5}, r"another number of concepts \(6, not 5\)"),
        ({"subset": "all", "limit": 4}, "another number of videos"),
        ({"seed": 1}, r"another seed \(0, not 1\)"),
    ):
        with pytest.raises(VidexplainError, match=message):
            find_concepts(model, data, found.folder, **{**WANTED, **changed})
    with pytest.raises(VidexplainError, match="another state of the network: choose another --out"):
        find_concepts(Small(seed=5).eval(), data, found.folder, **WANTED)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"layer": "relu3"}, "unknown layer 'relu3'; did you mean relu"),
        ({"layer": "fc"}, "no extent in space"),
        ({"concepts": 0}, "concepts is at least 1, not 0"),
        ({"concepts": 17}, "17 concepts cannot be found in .* of 16 features: ask for 1 to 16"),
        ({"concepts": 99}, "99 concepts cannot be found in layer 'relu2' of 16 channels: ask for 1 to 16"),
        ({"designs": -1}, "designs is 0, or 2 to 12,500 for 6 concepts, not -1$"),
        ({"designs": 1}, "designs is 0, or 2 to 12,500 for 6 concepts, not 1$"),
        ({"designs": 12_501}, "designs is 0, or 2 to 12,500 for 6 concepts, not 12501$"),
        ({"designs": 10**21}, "designs is 0, or 2 to 12,500 for 6 concepts, not 1000000000000000000000$"),
        ({"seed": 2**32}, "seed is 0 to 4,294,967,295, not 4294967296$"),
        ({"seed": -1}, "seed is 0 to 4,294,967,295, not -1$"),
        ({"subset": "some"}, "--subset is test, train or all, not 'some'"),
    ],
)
def test_bad_input_is_one_line(marked, tmp_path, changed, message):
    model, data = marked
    with pytest.raises(VidexplainError, match=message) as raised:
        find_concepts(model, data, tmp_path / "out", **{**WANTED, "limit": 2, **changed})
    assert "\n" not in str(raised.value)


def test_the_largest_seed_and_more_places_than_there_are(marked, tmp_path):
    model, data = marked
    asked = {"seed": 2**32 - 1, "places": 10**21, "limit": 2, "designs": 2}
    done = find_concepts(model, data, tmp_path / "out", **{**WANTED, **asked})
    assert Concepts.load(tmp_path / "out").settings.seed == 2**32 - 1
    assert done.explained > 0.8


def test_damaged_videos_are_rows_with_an_error_and_nothing_but_them_is_refused(marked, found, tmp_path):
    model, _ = marked
    shutil.copy(found.path(0), tmp_path / "clip.avi")
    (tmp_path / "broken.avi").write_bytes(b"no video")
    listed = [tmp_path / name for name in ("clip.avi", "broken.avi", "gone.avi")]
    data = VideoDataset("mine", tmp_path, (), (), tuple(Video(path, -1, "") for path in listed))
    done = find_concepts(model, data, tmp_path / "out", layer="relu2", concepts=3, designs=0)
    assert done.videos["error"].notna().tolist() == [False, True, True]
    assert done.shares["sobol"].isna().all()
    assert done.shares["fall_low"].isna().all()
    with pytest.raises(VidexplainError, match="there are no maps of broken"):
        done.maps("broken")
    with pytest.raises(VidexplainError, match="unknown video 'clop'; did you mean clip"):
        done.maps("clop")
    data = VideoDataset("mine", tmp_path, (), (), tuple(Video(path, -1, "") for path in listed[1:]))
    with pytest.raises(VidexplainError, match=r"none of the 2 videos .* the first: .*broken\.avi"):
        find_concepts(model, data, tmp_path / "other", layer="relu2", concepts=3)


def test_a_layer_with_negative_values(marked, tmp_path):
    """The convolution itself, before its ReLU: positive and negative parts are features of their own."""
    model, data = marked
    done = find_concepts(model, data, tmp_path / "out", **{**WANTED, "layer": "conv2", "limit": 4, "designs": 0})
    factors = done.factors
    assert factors.signed
    assert factors.vectors.shape == (6, 32)
    assert (factors.directions < 0).any()
    assert 0.3 < done.explained <= 1


def test_opened_again(found):
    again = Concepts.load(found.folder)
    assert repr(again).startswith("Concepts(6 of small at relu2 on ")
    assert again.concepts["concept"].tolist() == list(range(6))
    assert again.concepts["weight"].sum() == pytest.approx(1)
    assert 0.8 < again.explained <= 1
    assert again.tubes.groupby("concept")["strength"].apply(lambda s: s.is_monotonic_decreasing).all()
    assert again.mean_maps.shape == (6, 24, 32)
    with pytest.raises(VidexplainError, match="does not hold concepts"):
        Concepts.load(found.folder.parent)


def test_by_data_set_path(marked, tmp_path):
    model, data = marked
    done = find_concepts(model, data.root, tmp_path / "out", **{**WANTED, "limit": 2, "designs": 0})
    assert done.settings.data == str(open_dataset(data.root, for_training=False).root)
