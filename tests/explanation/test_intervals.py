"""Intervals on the values of a map: over windows, in files, and in words."""

import json

import numpy as np
import pytest
import torch

import videxplain as vx
from tests.attribution.networks import BrightSquares
from tests.explanation.clips import planted
from videxplain.attribution.registry import METHODS, Attribution
from videxplain.explanation.frame_maps import FrameMaps
from videxplain.explanation.intervals import clear_share, interval_words, wide_note

OPTIONS = {"supervoxels": "boxes", "count": 16, "samples": 100, "target": 1}


def maps(*values):
    return FrameMaps.of(np.array(values, np.float32).reshape(len(values), 1, -1))


def test_the_share_of_clear_evidence_by_hand():
    values, half_widths = maps([4, 1, -2], [0, 3, 2]), maps([1, 2, 5], [0, 3, 1])
    assert clear_share(values, half_widths) == pytest.approx((4 + 2) / (4 + 1 + 3 + 2))
    share = "60 % of the evidence is above chance"
    assert interval_words(values, half_widths) == f"95 % intervals: the highest value is 4 ± 1, {share}"
    assert wide_note(values, half_widths) == ""
    assert "20 % of the evidence is above chance; give more samples" in wide_note(maps([4, 1]), maps([5, 0.5]))
    assert clear_share(maps([-1, 0]), maps([0, 0])) == 0
    assert interval_words(values, maps([0, 0, 0], [0, 0, 0])).startswith("the values are exact")
    assert wide_note(maps([-1, 0]), maps([0, 0])) == ""


@pytest.fixture
def known(monkeypatch):
    """A method whose map and half-widths say the number of the window, counted from 1, and a tenth of it."""
    calls = []

    def run(p):
        calls.append(1)
        with torch.no_grad():
            logits = p.logits(p.x)
        count = len(p.scores(logits))
        full = torch.full((count, 1, *p.x.shape[2:]), float(len(calls)))
        return Attribution(logits, full, full / 10)

    entry = METHODS["lime"]
    monkeypatch.setitem(METHODS._entries, "lime", entry.__class__(**{**entry.__dict__, "run": run, "options": ()}))
    return calls


@pytest.mark.parametrize(("frames", "interval"), [(8, 1), (20, 1), (32, 2)])
@pytest.mark.parametrize("target", [None, 1])
def test_windows_blend_half_widths_like_maps(known, frames, interval, target):
    model = BrightSquares(8, 32, "consecutive")
    model.config = model.config.replace(frame_interval=interval)
    found = vx.explain(model, planted(frames, 2, frames - 3), "lime", target=target)
    values, half_widths = np.stack(list(found.maps)), np.stack(list(found.half_widths))
    assert values.shape == half_widths.shape
    np.testing.assert_allclose(half_widths, values / 10, rtol=1e-5)
    assert (frames == 8) == (np.ptp(values) == 0)


def test_they_are_saved_and_read_again(tmp_path):
    found = vx.explain(BrightSquares(8, 32, "consecutive"), planted(16, 6, 9), "lime", **OPTIONS)
    content = json.loads(found.save(tmp_path / "a.json").read_text())
    assert content["interval"]["level"] == 0.95
    np.testing.assert_allclose(content["interval"]["temporal"], [one.mean() for one in found.half_widths], rtol=1e-5)
    assert max(content["interval"]["temporal"]) > 0
    read = vx.Explanation.load(tmp_path / "a.json", planted(16, 6, 9))
    np.testing.assert_allclose(read.half_widths.temporal(), content["interval"]["temporal"], rtol=1e-5)
    again = vx.Explanation.load(found.save(tmp_path / "a.npz"), planted(16, 6, 9))
    np.testing.assert_array_equal(np.stack(list(again.half_widths)), np.stack(list(found.half_widths)))
    assert content["interval"]["words"] == found.intervals == again.intervals
    assert found.intervals.startswith("95 % intervals: the highest value is ")
    assert read.intervals == ""


def test_a_method_without_intervals_has_none(tmp_path):
    found = vx.explain(BrightSquares(8, 32, "consecutive"), planted(16, 6, 9), "frame-occlusion", target=1)
    assert found.half_widths is None
    assert json.loads(found.save(tmp_path / "a.json").read_text())["interval"] is None
    found.save(tmp_path / "a.npz")
    assert "half_widths" not in np.load(tmp_path / "a.npz").files
    assert vx.Explanation.load(tmp_path / "a.npz", planted(16, 6, 9)).half_widths is None


def test_exact_values_are_said_to_be_exact():
    options = {**OPTIONS, "count": 4, "samples": 14}
    found = vx.explain(BrightSquares(8, 32, "consecutive"), planted(8, 2, 5), "kernel-shap", **options)
    assert found.intervals == "the values are exact: every version of the clip was run"
    assert not np.stack(list(found.half_widths)).any()
