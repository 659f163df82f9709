"""What explain() and predict() take as a model, a clip and a layer."""

import numpy as np
import pytest
import torch

import videxplain as vx
from tests.attribution.networks import BrightSquares
from tests.explanation.clips import planted
from videxplain.errors import VidexplainError


def small():
    return BrightSquares(8, 32, "consecutive")


@pytest.mark.parametrize("give", [np.asarray, torch.from_numpy, list], ids=["array", "tensor", "list of frames"])
def test_frames_are_taken_as_a_clip(give):
    clip = planted(16, 2, 9)
    assert vx.predict(small(), give(clip.frames)) == vx.predict(small(), clip)
    np.testing.assert_array_equal(vx.explain(small(), give(clip.frames)).heatmap, vx.explain(small(), clip).heatmap)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((16, 8, 8, 3), np.float32), r"cannot be taken as Clip\(frames\): frames are uint8 .* not float32"),
        (np.zeros((16, 3, 8, 8), np.uint8), r"cannot be taken as Clip\(frames\): frames are \(T, H, W, 3\)"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((9, 8, 3), np.uint8)], r"cannot be taken as Clip\(frames\)"),
        (7, r"a clip is a path, a Clip or frames, not int: give Clip\(frames\)"),
        (None, r"a clip is a path, a Clip or frames, not NoneType"),
    ],
)
def test_what_is_no_clip_is_one_line(given, message):
    with pytest.raises(VidexplainError, match=message) as error:
        vx.predict(small(), given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("call", [vx.explain, vx.predict, vx.motion_and_appearance, vx.attention])
def test_a_name_given_as_a_model_names_load_model(call):
    with pytest.raises(VidexplainError, match=r"'i3d' is a name, not a network: give load_model\('i3d'\)"):
        call("i3d", planted(16, 2, 9))


def test_a_layer_may_be_the_module_itself():
    model, clip = small(), planted(16, 2, 9)
    by_module = vx.explain(model, clip, layer=model.conv)
    assert by_module.origin.layer == "conv"
    np.testing.assert_array_equal(by_module.heatmap, vx.explain(model, clip, layer="conv").heatmap)


def test_many_clips_are_explained_one_by_one():
    model, asked = small(), []

    def clips():
        for last in (5, 9):
            asked.append(last)
            yield planted(16, 2, last)

    results = vx.explain_many(model, clips(), target=1)
    assert asked == []
    first = next(results)
    assert asked == [5]
    np.testing.assert_array_equal(first.heatmap, vx.explain(model, planted(16, 2, 5), target=1).heatmap)
    assert np.flatnonzero(next(results).temporal).tolist() == list(range(2, 10))
    assert list(results) == []


@pytest.mark.parametrize(("model", "method"), [("i3d", "gradcam"), (small(), "gradcm")])
def test_many_clips_with_a_wrong_model_or_method_are_refused_at_once(model, method):
    with pytest.raises(VidexplainError, match=r"load_model|did you mean gradcam"):
        vx.explain_many(model, [], method)


def test_the_old_names_are_the_same_objects():
    assert vx.split is vx.motion_and_appearance
    assert vx.Split is vx.MotionAndAppearance
