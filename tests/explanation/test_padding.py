"""A padded clip is explained as one whose first and last frames are repeated, and their maps are dropped."""

import numpy as np
import pytest

import videxplain as vx
from videxplain.explanation.api import as_source, window_around
from videxplain.explanation.windows.plan import plan
from videxplain.models.config import ModelConfig

CONFIG = ModelConfig("a", 2, 8, (16, 16), pad_frames=4)


def test_windows_by_hand():
    found = plan(12, CONFIG)
    assert [window.tolist() for window in found.windows] == [
        [0, 0, 0, 0, 0, 1, 2, 3],
        [0, 1, 2, 3, 4, 5, 6, 7],
        [4, 5, 6, 7, 8, 9, 10, 11],
        [8, 9, 10, 11, 11, 11, 11, 11],
    ]
    # The first frame is the middle of one window, of weight 4, and the beginning of another, of weight 1.
    assert found.shares[0].tolist() == pytest.approx([0, 0, 0, 0, 0.8, 0.6, 0.4, 0.2])
    assert found.shares[1][0] == pytest.approx(0.2)
    assert found.shares[3].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 0, 0, 0, 0])


@pytest.mark.parametrize("frames", [5, 8, 9, 20, 33])
@pytest.mark.parametrize("interval", [1, 2])
def test_shares_of_every_frame_add_up_to_one(frames, interval):
    whole = plan(frames, CONFIG.replace(frame_interval=interval))
    total = np.zeros(frames)
    for window, shares in zip(whole.windows, whole.shares, strict=True):
        np.add.at(total, window, shares)
    assert np.allclose(total, 1)
    firsts = [int(window[0]) for window in whole.windows]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize("interval", [1, 2])
def test_it_equals_the_clip_with_repeated_frames(interval):
    frames = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)
    options = {"depth": 18, "width": 4, "size": 16, "num_frames": 8, "labels": ("a", "b"), "frame_interval": interval}
    padded = vx.explain(vx.load_model("i3d", "none", pad_frames=3, **options), vx.Clip(frames), target=0)
    ends = 3 * interval
    longer = np.concatenate([frames[:1].repeat(ends, 0), frames, frames[-1:].repeat(ends, 0)])
    expected = vx.explain(vx.load_model("i3d", "none", **options), vx.Clip(longer), target=0)
    assert padded.heatmap.shape == frames.shape[:3]
    # Windows side by side are interpolated, which looks at the frames before and after.
    inside = slice(interval - 1, 21 - interval)
    wanted = expected.heatmap[ends:-ends]
    assert np.allclose(padded.heatmap[inside], wanted[inside], rtol=1e-4, atol=1e-6 * wanted.max())
    assert dict(padded.predictions) == pytest.approx(dict(expected.predictions), abs=1e-6)
    assert padded.origin.model_input["pad_frames"] == 3
    assert padded.origin.question != expected.origin.question


def test_what_makes_no_sense_is_refused():
    with pytest.raises(vx.VidexplainError, match="pad_frames is a number from 0 to 1000000, not '-1'"):
        CONFIG.replace(pad_frames=-1)
    with pytest.raises(vx.VidexplainError, match="pad_frames has no use for frames from all over the video"):
        CONFIG.replace(sampling="uniform")


@pytest.mark.parametrize(("frame", "position"), [(0, 4), (1, 5), (10, 2), (11, 3)])
def test_a_frame_is_looked_at_where_it_has_a_share(frame, position):
    options = {"depth": 18, "width": 4, "size": 16, "num_frames": 8, "labels": ("a", "b"), "pad_frames": 4}
    model = vx.load_model("i3d", "none", **options)
    frames = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), np.uint8)
    _, window, found = window_around(model, as_source(vx.Clip(frames)), frame)
    assert (found, window[found]) == (position, frame)
