"""What explain() and predict() take as a model, a clip and a layer."""

import numpy as np
import pytest
import torch
from torch import nn

import videxplain as vx
from tests.attribution.networks import BrightSquares
from tests.explanation.clips import planted
from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig


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
        (torch.rand(16, 8, 8, 3, requires_grad=True), r"cannot be taken as Clip\(frames\): frames are uint8"),
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


@pytest.mark.parametrize("layer", [["conv", "relu"], ("conv",), 5])
def test_a_layer_is_a_name_or_the_module(layer):
    kind = type(layer).__name__
    with pytest.raises(VidexplainError, match=rf"a name or a part of the model, not {kind}; several .* joined by \+"):
        vx.explain(small(), planted(16, 2, 9), layer=layer)


@pytest.mark.parametrize("name", [None, torch.nn.ReLU(), 5])
def test_what_names_no_model_is_one_line(name):
    with pytest.raises(VidexplainError, match=f"such as i3d, not {type(name).__name__}; wrap takes a network"):
        vx.load_model(name)


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


def test_many_clips_go_on_after_one_that_cannot_be_read():
    clip = planted(20, 4, 11)
    found = vx.explain_many(small(), [clip, "missing.mp4", clip], target=1)
    first = next(found)
    with pytest.raises(VidexplainError, match=r"no such file: missing\.mp4"):
        next(found)
    np.testing.assert_array_equal(next(found).heatmap, first.heatmap)
    assert next(found, None) is None


@pytest.mark.parametrize(("model", "method"), [("i3d", "gradcam"), (small(), "gradcm")])
def test_many_clips_with_a_wrong_model_or_method_are_refused_at_once(model, method):
    with pytest.raises(VidexplainError, match=r"load_model|did you mean gradcam"):
        vx.explain_many(model, [], method)


def test_the_old_names_are_the_same_objects():
    assert vx.split is vx.motion_and_appearance
    assert vx.Split is vx.MotionAndAppearance


@pytest.mark.parametrize("ask", [vx.explain, vx.predict])
def test_a_network_of_another_order_is_refused(ask):
    class FramesFirst(nn.Module):
        config = ModelConfig("frames_first", 3, 8, (12, 12))

        def __init__(self):
            super().__init__()
            self.c, self.r, self.fc = nn.Conv3d(3, 4, 3, padding=1), nn.ReLU(), nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(self.r(self.c(x.transpose(1, 2))).mean((2, 3, 4)))

    clip = vx.Clip(np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8))
    # Eight channels do not fit the convolution; three frames do, and are told by their values.
    for frames, said in ((8, "takes 3 channels and gets 8"), (3, "layout='NTCHW' if that is the order")):
        network = FramesFirst()
        network.config = network.config.replace(num_frames=frames)
        with pytest.raises(vx.VidexplainError, match=said):
            ask(network, clip)
        assert not any(m._forward_pre_hooks or m._forward_hooks for m in network.modules())
        wrapped = vx.wrap(network, num_frames=frames, size=12, layout="NTCHW")
        assert ask(wrapped, clip)


@pytest.mark.parametrize("number", [np.int64(1), torch.tensor(1)], ids=["numpy", "tensor"])
def test_a_class_is_the_same_whatever_kind_of_number_it_is(number):
    clip = planted(16, 2, 9)
    given, plain = (vx.explain(small(), clip, target=target) for target in (number, 1))
    assert (given.origin.target_index, given.explained_label) == (1, plain.explained_label)
    assert given.explained_label
    assert given.origin.question == plain.origin.question
