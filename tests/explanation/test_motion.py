"""Motion and appearance of a whole clip, in one picture."""

import json

import cv2
import numpy as np
import pytest
import torch

import videxplain as vx
from tests.attribution.networks import Differences, FrameWise, seeded
from videxplain.errors import VidexplainError
from videxplain.viz.colour import rgb
from videxplain.viz.motion_and_appearance import APPEARANCE, MOTION, two_part_overlay
from videxplain.viz.timeline import Timeline

SETTINGS = {"num_frames": 4, "size": 16, "layer": "relu", "labels": ("a", "b", "c", "d")}


@pytest.fixture
def clip():
    return vx.Clip(np.random.default_rng(0).integers(0, 256, (9, 24, 32, 3), np.uint8), fps=10)


@pytest.mark.parametrize(("network", "share"), [(Differences, 1), (FrameWise, 0)])
def test_networks_that_see_one_of_the_two(network, share, clip):
    found = vx.motion_and_appearance(vx.wrap(seeded(network), **SETTINGS), clip)
    assert found.motion.has_evidence == (share == 1)
    assert found.share == pytest.approx(share, abs=1e-6)
    whole = vx.explain(vx.wrap(seeded(network), **SETTINGS), clip)
    np.testing.assert_allclose(found.motion.heatmap + found.appearance.heatmap, whole.heatmap, atol=1e-6)
    assert found.limit == pytest.approx(max(float(values.max()) for values in whole.maps), rel=1e-5)


def test_the_colours_say_which_part_it_is():
    frame = np.full((10, 12, 3), 100, np.uint8)
    motion, appearance = np.zeros((10, 12)), np.zeros((10, 12))
    motion[:, :4], appearance[:, 4:8] = 1.0, 1.0
    drawn = two_part_overlay(frame, motion, appearance, limit=1.0, opacity=0.5).astype(int)
    for columns, colour in ((slice(0, 4), MOTION), (slice(4, 8), APPEARANCE)):
        assert np.abs(drawn[:, columns] - (50 + np.array(rgb(colour)) / 2)).max() <= 1
    assert (drawn[:, 8:] == 100).all()
    assert (two_part_overlay(frame, motion * 0, appearance * 0, limit=0.0) == frame).all()


def test_the_time_line_has_motion_above_and_appearance_below():
    motion, appearance = np.array([1.0, 1, 0, 0]), np.array([0.0, 0, 1, 1])
    picture = Timeline(motion, (240, 320), appearance).strip(3).astype(int)
    middle = picture.shape[0] // 2

    def like(part, colour):
        return np.abs(part - np.array(rgb(colour))).sum(-1) < 30

    assert like(picture[:middle, :80], MOTION).mean() > 0.4
    assert not like(picture[middle + 2 :, :80], APPEARANCE).any()
    assert like(picture[middle + 2 :, 200:300], APPEARANCE).mean() > 0.4
    assert not like(picture[: middle - 2, 200:300], MOTION).any()


def test_files(tmp_path, clip):
    found = vx.motion_and_appearance(vx.wrap(seeded(FrameWise), **SETTINGS), clip)
    for kind in ("mp4", "png", "json"):
        found.save(tmp_path / f"a.{kind}")
    assert json.loads((tmp_path / "a.json").read_text())["share_of_motion"] == pytest.approx(0, abs=1e-6)
    video = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 9
    with pytest.raises(VidexplainError, match=r"must end in \.mp4, \.gif, \.png, \.pdf, \.svg, \.json, \.npz"):
        found.save(tmp_path / "a.avi")


def test_the_figure_of_a_network_without_relus_has_another_gradient(clip):
    class Smooth(FrameWise):
        def __init__(self):
            super().__init__()
            self.relu = torch.nn.GELU()

    for network, words in ((FrameWise, "Guided Backpropagation"), (Smooth, "Input x Gradient")):
        drawn = vx.four_panel_figure(vx.wrap(seeded(network), **SETTINGS), clip, frame=4)
        texts = [text.get_text() for text in drawn.texts] + [
            text.get_text() for axes in drawn.axes for text in axes.texts
        ]
        assert sum(words in text for text in texts) == 1
        warned = any("guided-backprop looks nearly the same for any class" in text.replace("\n", " ") for text in texts)
        assert warned == (network is FrameWise)
