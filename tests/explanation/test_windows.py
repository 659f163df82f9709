"""Whole videos, on networks and clips whose evidence is known because it was put there."""

import numpy as np
import pytest
import torch

import videxplain.explanation.frame_maps as maps_module
import videxplain.explanation.windows.maps as window_maps_module
from tests.attribution.networks import BrightSquares, Turncoat
from tests.explanation.clips import SIDE, corner, flat, planted
from videxplain.attribution.registry import METHODS
from videxplain.attribution.rows.placement import passes
from videxplain.attribution.targets import Contrast
from videxplain.data.clip import Clip
from videxplain.data.stream import ClipFrames
from videxplain.data.transforms import to_model_input
from videxplain.errors import VidexplainError
from videxplain.explanation.api import ShortClipWarning, explain, predict
from videxplain.explanation.frame_maps import FrameMaps
from videxplain.explanation.windows.leaders import LeadingClasses, leading_classes
from videxplain.explanation.windows.plan import plan
from videxplain.explanation.windows.video import attribute_video
from videxplain.models.config import ModelConfig


@pytest.mark.parametrize("sampling", ["consecutive", "uniform"])
@pytest.mark.parametrize(("frames", "first", "last"), [(32, 9, 20), (37, 0, 8), (30, 24, 29)])
def test_a_planted_signal_is_found_where_and_when_it_is(sampling, frames, first, last):
    model = BrightSquares(8 if sampling == "consecutive" else 5, 32, sampling)
    found = explain(model, planted(frames, first, last), target=1)
    heatmap = found.heatmap
    assert heatmap.shape == (frames, 64, 64)
    present = np.arange(frames)[first : last + 1]
    assert np.flatnonzero(found.temporal).tolist() == present.tolist()
    for t in present:
        y, x = corner(t)
        inside = heatmap[t, y : y + SIDE, x : x + SIDE]
        # The 3 x 3 convolution at half the size and the enlargement reach a few pixels over the edge.
        around = heatmap[t, max(0, y - 3) : y + SIDE + 3, max(0, x - 3) : x + SIDE + 3]
        assert around.sum() == pytest.approx(heatmap[t].sum(), rel=1e-5)
        assert inside.sum() > 0.8 * heatmap[t].sum()
        top, left = np.unravel_index(heatmap[t].argmax(), (64, 64))
        assert y <= top < y + SIDE
        assert x <= left < x + SIDE
        # Full response, 2 (1 - 0.5), times the weight: 100 over all positions of a window.
        assert heatmap[t].max() == pytest.approx(100 / (model.config.num_frames * 32 * 32), rel=1e-4)


def test_guided_backprop_finds_the_planted_signal():
    model = BrightSquares(8, 32, "consecutive")
    found = explain(model, planted(32, 9, 20), "guided-backprop")
    assert found.origin.target == "class 1"
    assert found.origin.layer == "input"
    assert np.flatnonzero(found.temporal).tolist() == list(range(9, 21))
    for t in range(9, 21):
        y, x = corner(t)
        heatmap = found.heatmap[t]
        assert heatmap[y : y + SIDE, x : x + SIDE].sum() > 0.6 * heatmap.sum()
        assert found.maps[t].max() == pytest.approx(9 * 2 / 27 * 100 / (8 * 32 * 32), rel=1e-4)


def test_guided_backprop_of_a_frame_is_its_strongest_channel():
    model = BrightSquares(8, 32, "consecutive")
    with torch.no_grad():
        model.conv.weight *= torch.tensor([1.5, -0.5, 2]).view(3, 1, 1, 1)
    found = explain(model, planted(8, 0, 7), "guided-backprop", target=1)
    y, x = corner(4)
    # Green counts against, and it is the size that is drawn: blue has the largest.
    at_centre = found.maps[4][(y + SIDE // 2) // 2, (x + SIDE // 2) // 2]
    assert at_centre == pytest.approx(2 * 9 * 2 / 27 * 100 / (8 * 32 * 32), rel=1e-4)
    with torch.no_grad():
        model.conv.weight *= torch.tensor([1, 8, 1]).view(3, 1, 1, 1)
        model.conv.bias += 3
    found = explain(model, planted(8, 0, 7), "guided-backprop", target=1)
    assert found.maps[4][16, 16] == pytest.approx(4 * 9 * 2 / 27 * 100 / (8 * 32 * 32), rel=1e-4)


def test_activations_are_signed_and_need_no_target():
    model = BrightSquares(8, 32, "consecutive")
    found = explain(model, planted(20, 5, 9), "activations")
    assert found.signed
    assert (found.origin.target, found.origin.target_index, found.origin.layer) == ("", None, "conv")
    background = 2 * 40 / 255 - 1
    assert found.maps[0][16, 16] == pytest.approx(background, abs=1e-5)
    y, x = corner(7)
    assert found.maps[7][(y + SIDE // 2) // 2, (x + SIDE // 2) // 2] == pytest.approx(1, abs=1e-5)
    # The zeros that the convolution pads with give less than the grey of the background.
    assert found.range[0] == pytest.approx(-1 + (background + 1) * 4 / 9, abs=1e-2)
    assert found.range[1] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("sampling", "stride"), [("consecutive", None), ("consecutive", 1), ("consecutive", 8), ("uniform", None)]
)
@pytest.mark.parametrize("frames", [8, 9, 16, 31, 100])
def test_shares_add_up_to_one(sampling, frames, stride):
    whole = plan(frames, BrightSquares(8, 32, sampling).config, stride)
    total = np.zeros(frames)
    for window, shares in zip(whole.windows, whole.shares, strict=True):
        assert len(window) == len(shares) == 8
        assert shares.min() > 0
        np.add.at(total, window, shares)
    np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_a_stride_of_frames_spread_over_the_clip_is_refused():
    with pytest.raises(VidexplainError, match=r"^stride is for windows of neighbouring frames, and .* leave it out$"):
        plan(20, BrightSquares(8, 32, "uniform").config, 4)


@pytest.mark.parametrize("frames", [8, 9, 16, 31, 100])
@pytest.mark.parametrize("stride", [None, 1, 8])
def test_shares_of_windows_with_an_interval_add_up_to_one(frames, stride):
    config = BrightSquares(8, 32, "consecutive").config.replace(frame_interval=3)
    whole = plan(frames, config, stride)
    total = np.zeros(frames)
    for window, shares in zip(whole.windows, whole.shares, strict=True):
        np.add.at(total, window, shares)
    np.testing.assert_allclose(total, 1, rtol=1e-6)
    assert {int(step) for window in whole.windows for step in np.diff(window)} == {min(3, frames // 8)}


@pytest.mark.parametrize(("frames", "first", "last"), [(64, 9, 20), (37, 0, 8), (30, 24, 29)])
def test_a_network_that_sees_every_second_frame_explains_all_of_them(frames, first, last):
    model = BrightSquares(8, 32, "consecutive")
    model.config = model.config.replace(frame_interval=2)
    found = explain(model, planted(frames, first, last), target=1)
    assert np.flatnonzero(found.temporal).tolist() == list(range(first, last + 1))
    for t in range(first, last + 1):
        # As if it saw every frame: the response of a frame does not depend on its neighbours here.
        assert found.heatmap[t].max() == pytest.approx(100 / (8 * 32 * 32), rel=1e-4)


def test_maps_between_the_frames_of_windows_side_by_side_are_interpolated():
    """Literally: each window's maps at the frames it skips by np.interp, and the mean over the windows."""
    rng = np.random.default_rng(0)
    values = rng.random((12, 2, 3)).astype(np.float32)
    maps = FrameMaps(12, (2, 3))
    for frame, value in enumerate(values):
        maps.add(frame, value)
    frames = np.arange(12)
    expected = np.zeros_like(values)
    for first in range(3):
        seen = frames[first::3]
        for y in range(2):
            for x in range(3):
                expected[:, y, x] += np.interp(frames, seen, values[seen, y, x]) / 3
    found = np.stack(list(maps.between(3)))
    np.testing.assert_allclose(found[2:-2], expected[2:-2], rtol=1e-5)
    # At the ends, where a window would have to guess beyond its frames, those that are there weigh more.
    np.testing.assert_allclose(found[0], (3 * values[0] + 2 * values[1] + values[2]) / 6, rtol=1e-5)
    np.testing.assert_array_equal(np.stack(list(maps.between(1))), values)


def test_windows_side_by_side_do_not_flicker():
    """Even frames are bright and odd ones dark, and so are windows; the layer has a single step in time."""

    class Coarse(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = torch.nn.AdaptiveAvgPool3d((1, 4, 4))
            self.config = BrightSquares(8, 32, "consecutive").config.replace(frame_interval=2, num_classes=2, labels=())

        def forward(self, x):
            x = self.pool(x).mean((1, 2, 3, 4))
            return torch.stack([x, -x], 1) * 4

    video = np.full((32, 32, 32, 3), 100, np.uint8)
    video[::2] = 200
    found = explain(Coarse(), Clip(video), "activations", layer="pool")
    config = Coarse().config
    even, odd = (
        to_model_input(video[i : i + 1], size=(32, 32), mean=config.mean, std=config.std).mean() for i in (0, 1)
    )
    one, *inner, last = found.temporal
    np.testing.assert_allclose(inner, (even + odd) / 2, rtol=1e-4)
    # At the ends the frame itself weighs twice as much as its one neighbour.
    np.testing.assert_allclose([one, last], [(2 * even + odd) / 3, (even + 2 * odd) / 3], rtol=1e-4)


def test_shares_fade_from_one_window_into_the_next():
    whole = plan(12, BrightSquares(8, 32, "consecutive").config)
    assert [window.tolist() for window in whole.windows] == [list(range(8)), list(range(4, 12))]
    # Triangles 1 2 3 4 4 3 2 1, the second one 4 frames later.
    np.testing.assert_allclose(whole.shares[0], [1, 1, 1, 1, 4 / 5, 3 / 5, 2 / 5, 1 / 5], rtol=1e-6)
    np.testing.assert_allclose(whole.shares[1], [1 / 5, 2 / 5, 3 / 5, 4 / 5, 1, 1, 1, 1], rtol=1e-6)


@pytest.mark.parametrize("sampling", ["consecutive", "uniform"])
@pytest.mark.parametrize("frames", [8, 21, 30])
@pytest.mark.parametrize("method", ["gradcam", "guided-backprop", "activations"])
def test_constant_clip_has_no_seams(method, frames, sampling):
    found = explain(BrightSquares(8, 8, sampling), flat(frames, 255), method)
    assert found.maps[0].max() > 0
    for values in found.maps:
        np.testing.assert_allclose(values, found.maps[0], rtol=1e-5)


def test_blending_hides_the_borders_of_windows():
    # With padding in time a window responds less at its ends; there its share is smallest.
    model = BrightSquares(8, 8, "consecutive", kernel=3)

    def centre(stride):
        found = explain(model, flat(64, 255), stride=stride, target=1)
        return np.array([values[4, 4] for values in found.maps])[8:-8]

    abutting, blended = centre(8), centre(None)
    # At a window's end a third of the kernel sees zeros: 2 (2/3) - 1 = 1/3 of the full response.
    assert abutting.min() == pytest.approx(abutting.max() / 3, rel=1e-4)
    assert blended.min() == pytest.approx(abutting.max() * (1 / 5 * 1 / 3 + 4 / 5), rel=1e-4)


@pytest.mark.parametrize("method", ["gradcam", "guided-backprop", "activations"])
@pytest.mark.parametrize(("sampling", "windows"), [("consecutive", 7), ("uniform", 4)])
def test_one_forward_pass_a_window(method, sampling, windows):
    model = BrightSquares(8, 32, sampling)
    steps = []
    found = explain(model, planted(32, 0, 22), method, progress=lambda *step: steps.append(step))
    judged = 0 if method == "guided-backprop" else passes(8)  # whether the layer lies over the clip, once
    assert model.calls - judged == windows == found.origin.windows
    assert steps == [(i, windows) for i in range(windows + 1)]
    assert found.predictions[0][0] == "class 1"


def test_the_default_layer_costs_four_more_passes_in_all():
    model = BrightSquares(8, 32, "consecutive")
    model.config = model.config.replace(default_layer="")
    assert explain(model, planted(32, 0, 31)).origin.layer == "relu"
    # One finds the layer, and three show whether the answer goes past it.
    assert model.calls == 7 + 4 + passes(8)


def equal(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first.maps, second.maps, strict=True))


@pytest.mark.parametrize(("method", "classes"), [("gradcam", 10), ("guided-backprop", 3)])
def test_windows_that_did_not_keep_the_final_class_are_run_again(method, classes):
    video = np.zeros((32, 4, 4, 3), np.uint8)
    video[12:] = 255
    model = Turncoat(4, classes)
    found = explain(model, Clip(video), method)
    # The first five windows of 15 are all black; the last class does not lead before white has outweighed them.
    assert found.origin.target_index == classes - 1
    calls = model.calls - (passes(4) if method == "gradcam" else 0)
    again = calls - 15
    assert 5 <= again < 15
    assert found.origin.windows == calls
    given = explain(Turncoat(4, classes), Clip(video), method, target=classes - 1)
    assert given.origin.windows == 15
    assert found.maps[0].max() > 0
    for a, b in zip(found.maps, given.maps, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    wrong = explain(Turncoat(4, classes), Clip(video), method, target=0)
    assert not np.allclose(wrong.maps[0], found.maps[0])


def test_a_window_keeps_its_own_best_classes_too():
    config = ModelConfig("net", 5, 4, (8, 8))
    leading = LeadingClasses(2, config)
    leading.choose(torch.tensor([[9.0, 8, 0, 0, 0]]))
    assert leading.keys == [0, 1]
    leading.choose(torch.tensor([[0.0, 0, 0, 5, 4]]))
    assert set(leading.keys[:2]) == {0, 3}
    assert leading.keys[2:] == [4]
    alone = LeadingClasses(1, config)
    alone.choose(torch.tensor([[9.0, 8, 0, 0, 0]]))
    alone.choose(torch.tensor([[0.0, 0, 0, 0.1, 0]]))
    assert alone.keys == [0]


def test_classes_that_are_unlikely_so_far_are_left_out():
    total = np.array([1.8, 0.15, 0.035, 0.015])
    said = np.array([0.9, 0.05, 0.035, 0.015])
    assert leading_classes(total, said, 2, 5) == [0, 1, 2]  # 0.035 and 0.015 against a fiftieth of 0.9, 0.018
    assert leading_classes(total, np.array([0.5, 0.4, 0.05, 0.05]), 2, 5) == [0, 1, 2, 3]
    assert leading_classes(np.full(400, 0.005), np.full(400, 0.0025), 2, 5) == [0, 1, 2, 3, 4]
    assert leading_classes(np.array([0.0, 3e-9]), np.array([0.0, 3e-9]), 1, 1) == [1]


def test_probabilities_are_the_mean_over_windows():
    video = np.zeros((8, 4, 4, 3), np.uint8)
    video[4:] = 255
    model = Turncoat(4, 3)
    found = explain(model, Clip(video), stride=4)
    with torch.no_grad():
        expected = sum(model(torch.full((1, 3, 4, 4, 4), value)).softmax(1)[0] for value in (0.0, 1.0)) / 2
    order = expected.argsort(descending=True).tolist()
    assert [label for label, _ in found.predictions] == [f"class {k}" for k in order]
    assert [p for _, p in found.predictions] == pytest.approx(expected[order].tolist(), abs=1e-6)


def test_equally_likely_classes_are_in_order_and_the_first_is_explained():
    model = BrightSquares(8, 8, "consecutive")
    with torch.no_grad():
        model.fc.weight.zero_()
        model.fc.bias.zero_()
    found = explain(model, flat(8, 255))
    assert [label for label, _ in found.predictions] == ["class 0", "class 1", "class 2"]
    assert found.origin.target == "class 0"


@pytest.mark.parametrize(
    ("target", "words", "index"),
    [
        (1, "class 1", 1),
        ("1", "class 1", 1),
        (Contrast(1, 0), "class 1 rather than class 0", None),
        (lambda logits: logits[:, 1], "function <lambda>", None),
    ],
)
def test_targets(target, words, index):
    clip = planted(16, 2, 12)
    found = explain(BrightSquares(8, 32, "consecutive"), clip, target=target)
    assert (found.origin.target, found.origin.target_index) == (words, index)
    assert equal(found, explain(BrightSquares(8, 32, "consecutive"), clip, target=1))


def test_maps_that_lose_frames_are_enlarged_in_time():
    model = BrightSquares(8, 8, "consecutive")
    model.relu = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.AvgPool3d((2, 1, 1)))
    video = np.zeros((8, 8, 8, 3), np.uint8)
    video[4:] = 255
    found = explain(model, Clip(video), target=1)
    # Four steps 0, 0, 1, 1 of two frames each, interpolated linearly between their centres.
    steps = np.array([0, 0, 0, 0.25, 0.75, 1, 1, 1]) * 100 / (4 * 64)
    np.testing.assert_allclose([values[4, 4] for values in found.maps], steps, rtol=1e-5)


@pytest.mark.parametrize("method", ["gradcam", "guided-backprop", "activations"])
def test_large_maps_lie_in_files_and_are_the_same(method, monkeypatch):
    clip, model = planted(37, 9, 20), BrightSquares(8, 32, "consecutive")
    in_memory = explain(model, clip, method)
    assert in_memory.maps._array is not None
    monkeypatch.setattr(maps_module, "_IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(window_maps_module, "_IN_MEMORY_BYTES", 1)
    in_file = explain(model, clip, method)
    assert in_file.maps._array is None
    assert equal(in_file, in_memory)
    assert np.array_equal(in_file.temporal, in_memory.temporal)
    assert in_file.range == in_memory.range


@pytest.mark.parametrize("limit", [0, 2**20])
def test_frame_maps(limit, monkeypatch):
    monkeypatch.setattr(maps_module, "_IN_MEMORY_BYTES", limit)
    maps = FrameMaps(3, (1, 2))
    maps.add(2, np.array([[1, 3]], np.float32))
    maps.add(0, np.array([[-4, 2]], np.float32))
    maps.add(2, np.array([[0.5, 0]], np.float32))
    assert [values.tolist() for values in maps] == [[[-4, 2]], [[0, 0]], [[1.5, 3]]]
    assert maps.temporal().tolist() == [-1, 0, 2.25]
    assert len(maps) == 3
    maps[0][:] = 7  # a copy
    assert maps[0].tolist() == [[-4, 2]]
    for outside in (3, -1):
        with pytest.raises(IndexError, match=f"frame {outside} of 3"):
            maps[outside]


def test_range_leaves_outliers_out_but_not_the_only_evidence():
    many, one = FrameMaps(2, (100, 100)), FrameMaps(2, (100, 100))
    values = np.linspace(0, 1, 10_000, dtype=np.float32).reshape(100, 100)
    values[0, 0] = 50
    many.add(1, values)
    assert many.range(signed=False) == (0, pytest.approx(0.999, abs=1e-3))
    many.add(0, -values)
    assert many.range(signed=True) == (pytest.approx(-0.999, abs=1e-3), pytest.approx(0.999, abs=1e-3))
    speck = np.zeros((100, 100), np.float32)
    speck[3, 4] = 0.25
    one.add(0, speck)
    assert one.range(signed=False) == (0, 0.25)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": 7}, "class 7 does not exist; the model has classes 0 to 2"),
        ({"layer": "rely"}, "unknown layer 'rely'; did you mean relu?"),
        ({"method": "femm"}, "unknown method 'femm'; did you mean fem?"),
        ({"stride": 9}, "the stride between windows of 8 frames is 1 to 8, not 9"),
        ({"precision": "fp16"}, "precision is 'fp32' or 'bf16', not 'fp16'"),
        ({"pooling": "space"}, "gradcam: unknown pooling 'space'; known: clip, frame"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(VidexplainError) as error:
        explain(BrightSquares(8, 32, "consecutive"), planted(16, 0, 3), **arguments)
    assert str(error.value) == message


def test_too_few_frames():
    wanted = "too few frames: the clip has 3 frames, and the model needs at least 4 of the 8 that it sees"
    with pytest.raises(VidexplainError) as error:
        explain(BrightSquares(8, 32, "consecutive"), flat(3, 0))
    assert str(error.value) == wanted


@pytest.mark.parametrize("sampling", ["consecutive", "uniform"])
@pytest.mark.parametrize("frames", [4, 5, 7])
def test_the_shares_of_a_clip_shorter_than_a_window_add_up_to_one(sampling, frames):
    whole = plan(frames, BrightSquares(8, 32, sampling).config)
    assert [window.tolist() for window in whole.windows] == [[*range(frames), *[frames - 1] * (8 - frames)]]
    total = np.zeros(frames)
    np.add.at(total, whole.windows[0], whole.shares[0])
    np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_the_shares_of_the_repeated_frame_are_those_of_the_window():
    (shares,) = plan(5, BrightSquares(8, 32, "consecutive").config).shares
    # The ramp is 1 2 3 4 4 3 2 1, and its last four belong to the fifth frame.
    np.testing.assert_allclose(shares, [1, 1, 1, 1, 0.4, 0.3, 0.2, 0.1], rtol=1e-6)


@pytest.mark.parametrize("sampling", ["consecutive", "uniform"])
def test_a_clip_shorter_than_a_window_is_explained_as_its_last_frame_repeated(sampling):
    model, clip = BrightSquares(8, 32, sampling), planted(6, 2, 5)
    found = explain(model, clip, target=1)
    assert found.notes == ("the clip has 6 frames and the network sees 8: the last frame is repeated",)
    filled = Clip(np.concatenate([clip.frames, clip.frames[-1:], clip.frames[-1:]]), 25)
    literal = explain(model, filled, target=1)
    assert literal.notes == ()
    assert found.predictions == literal.predictions
    assert found.origin.windows == 1
    assert len(found.maps) == 6
    assert np.flatnonzero(found.temporal).tolist() == [2, 3, 4, 5]
    for index in range(6):
        # The convolution sees one frame at a time, so the repeated frame has one map wherever it stands.
        np.testing.assert_allclose(found.maps[index], literal.maps[index], rtol=1e-5)
    with pytest.warns(ShortClipWarning, match="^the clip has 6 frames and the network sees 8: the last frame is"):
        assert predict(model, clip) == literal.predictions


def test_the_map_of_the_repeated_frame_is_the_mean_of_its_places_by_their_shares():
    """With padding in time its maps differ, and the shares of a window weigh them."""
    model, clip = BrightSquares(8, 8, "consecutive", kernel=3), flat(6, 255)
    found, literal = explain(model, clip, target=1), explain(model, flat(8, 255), target=1)
    np.testing.assert_allclose(found.maps[4], literal.maps[4], rtol=1e-5)
    wanted = (3 * literal.maps[5] + 2 * literal.maps[6] + literal.maps[7]) / 6
    np.testing.assert_allclose(found.maps[5], wanted, rtol=1e-5)
    assert not np.allclose(literal.maps[7], literal.maps[5])


def test_a_config_of_another_network_is_refused():
    model = BrightSquares(8, 32, "consecutive")
    model.config = model.config.replace(num_classes=4)
    with pytest.raises(VidexplainError, match="the model returned 3 classes, and its config says 4"):
        explain(model, planted(16, 0, 3))


def test_a_network_without_config_is_refused():
    with pytest.raises(VidexplainError, match="Conv3d has no config that says what it expects"):
        explain(torch.nn.Conv3d(3, 3, 1), planted(16, 0, 3))


def test_pooling_and_channel_reach_the_method():
    clip, model = planted(16, 2, 12), BrightSquares(8, 32, "consecutive")
    found = explain(model, clip, target=1, pooling="frame")
    # The weights of a linear head are the same in every frame.
    assert found.origin.options == {"pooling": "frame"}
    for a, b in zip(found.maps, explain(model, clip, target=1).maps, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-9)
    with pytest.raises(VidexplainError, match="layer 'conv' has no channel 1; it has channels 0 to 0"):
        explain(model, clip, "activations", channel=1)


def test_attribute_video_reads_any_source():
    model = BrightSquares(8, 32, "consecutive")
    found = attribute_video(model, ClipFrames(planted(16, 2, 12)), model.config, METHODS["gradcam"], target=1)
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-6)
    assert (found.windows, found.index, str(found.layer)) == (3, 1, "relu")


def test_a_clip_too_short_for_the_distance_of_frames_is_said():
    model = BrightSquares(8, 32, "consecutive")
    model.config = model.config.replace(frame_interval=4)
    assert explain(model, planted(32, 2, 5), target=1).notes == ()
    found = explain(model, planted(20, 2, 5), target=1)
    assert plan(20, model.config).windows[0].tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    assert found.notes == (
        "the clip has 20 frames and the network sees 8 that are 4 apart: they are taken 2 apart, so what moves looks "
        "slower to it",
    )


@pytest.mark.parametrize(
    ("stride", "said"),
    [
        (0, "the stride between windows of 8 frames is 1 to 8, not 0"),
        (1.5, "stride is a whole number, not '1.5'"),
        ("2", "stride is a whole number, not '2'"),
    ],
)
def test_a_stride_is_a_number_of_frames(stride, said):
    with pytest.raises(VidexplainError) as error:
        explain(BrightSquares(8, 32, "consecutive"), planted(16, 2, 5), stride=stride)
    assert str(error.value) == said


def test_a_map_whose_values_are_much_alike_is_told():
    """Half is the limit: colours begin at 0, so such a map is bright everywhere."""
    values = np.linspace(0.6, 1.0, 200, dtype=np.float32).reshape(2, 10, 10)
    values[:, 0, 0] = 0.0  # one place of a hundred
    # The lower 5 % of the first frame end at its fifth value; the scale ends at the top of the second.
    low, high = np.percentile(values[0], 5), np.percentile(values[1], 99.9)
    assert f"its low values are {100 * low / high:.0f} % of the highest" in FrameMaps.of(values).even_note()
    assert FrameMaps.of(values - 0.3).even_note() == ""
    assert FrameMaps.of(np.stack([values[0], 0 * values[1]])).even_note() == ""  # one moment, and not the other
    assert FrameMaps.of(0 * values).even_note() == ""
