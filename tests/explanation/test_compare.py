"""Several explanations of one clip: what is compared, its colours, its files, and how far the maps agree."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

import videxplain as vx
from tests.attribution.networks import FrameWise, Small3D, seeded
from tests.device import placed, same
from tests.explanation.clips import planted
from tests.viz.documents import svg_texts
from videxplain.errors import VidexplainError
from videxplain.explanation.comparing.compare import Asked
from videxplain.explanation.sources import as_source
from videxplain.metrics.map_agreement import agreement
from videxplain.models.config import View
from videxplain.viz.overlay import enlarge
from videxplain.viz.panes import in_panes, label_height, pane_columns
from videxplain.viz.video import save_video

SETTINGS = {"num_frames": 4, "size": 16, "labels": ("a", "b", "c", "d", "e")}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "100% squares_1.mp4"
    save_video(path, planted(12, 2, 9).frames, 12.5)
    return path


@pytest.fixture(scope="module")
def model():
    return vx.wrap(seeded(Small3D), **SETTINGS, layer="relu2")


@pytest.fixture(scope="module")
def methods(model, video):
    return vx.compare(model, video, methods=["gradcam", "saliency", "eigencam"], target="b")


def test_each_map_is_that_of_explain(methods, model, video):
    assert methods.names == ("gradcam", "saliency", "eigencam")
    assert methods.labels == ["Grad-CAM", "Saliency", "Eigen-CAM"]
    assert replace(methods, names=("a", "saliency", "c")).labels == ["a", "Saliency", "c"]
    for name, one in zip(methods.names, methods.explanations, strict=True):
        alone = vx.explain(model, video, name, target=None if name == "eigencam" else "b")
        assert one.question == alone.question
        maps, expected = (torch.from_numpy(np.stack(list(each.maps))) for each in (one, alone))
        assert same(placed(maps), placed(expected))


def test_agreement_is_that_of_maps_in_the_size_of_the_finest(methods):
    maps = {}
    for name, one in zip(methods.names, methods.explanations, strict=True):
        maps[name] = np.stack([enlarge(values, (16, 16)) for values in one.maps])
    assert [(one.first, one.second) for one in methods.agreement] == [
        ("gradcam", "saliency"),
        ("gradcam", "eigencam"),
        ("saliency", "eigencam"),
    ]
    for one in methods.agreement:
        expected = agreement(maps[one.first], maps[one.second])
        assert (one.rank_correlation, one.overlap) == (expected.rank_correlation, expected.overlap)
    twice = vx.Comparison("methods", ("x", "y"), methods.explanations[:1] * 2, False, ())
    assert twice.labels == ["x", "y"]


def test_networks_that_see_two_parts_of_the_frame_are_compared_where_both_look(video):
    whole, middle = (vx.wrap(seeded(Small3D), **SETTINGS, layer="relu2") for _ in range(2))
    middle.config = replace(middle.config, view=View(resize=32, crop=(16, 16)))
    found = vx.compare({"whole": whole, "middle": middle}, video, target=0)
    first, second = found.explanations
    # The clip has 64 x 64 pixels, of which the second network sees the middle 32 x 32.
    assert (first.view_box, second.view_box) == (None, (16, 16, 48, 48))
    inside = np.stack([enlarge(enlarge(values, (64, 64))[16:48, 16:48], (8, 8)) for values in first.maps])
    seen = np.stack([enlarge(enlarge(values, (32, 32)), (8, 8)) for values in second.maps])
    expected = agreement(inside, seen)
    assert found.agreement[0].rank_correlation == pytest.approx(expected.rank_correlation)
    assert found.agreement[0].overlap == pytest.approx(expected.overlap)


def test_panes_hold_the_single_overlays_pixel_by_pixel(methods):
    frames = list(methods.overlay_frames())
    alone = [list(one.overlay_frames()) for one in methods.explanations]
    height, width = alone[0][0].shape[:2]
    label = label_height((height, width))
    columns = pane_columns(3, (height + label, width))
    assert len(frames) == 12
    for pane, pictures in enumerate(alone):
        row, column = divmod(pane, columns)
        top, left = row * (height + label) + label, column * width
        for frame, picture in zip(frames, pictures, strict=True):
            np.testing.assert_array_equal(frame[top : top + height, left : left + width], picture)


def test_panes_have_their_names_above_them():
    black = np.zeros((40, 80, 3), np.uint8)
    (frame,) = in_panes(("left", "a name that is much too long for its pane"), [[black, black]])
    label = label_height((40, 80))
    assert frame.shape == (40 + label, 160, 3)
    for part in (frame[:label, :80], frame[:label, 80:]):
        assert part.max() > 150
        assert (part[:, -4:] == part[0, 0]).all()  # nothing is cut
    assert (frame[label:] == 0).all()


@pytest.mark.parametrize(
    ("count", "size", "columns"), [(1, (240, 320), 1), (2, (240, 320), 2), (3, (240, 320), 2), (6, (240, 320), 3)]
)
def test_panes_make_a_video_of_the_shape_of_a_screen(count, size, columns):
    assert pane_columns(count, size) == columns


def test_classes_have_one_scale_and_methods_their_own(model, video, methods):
    classes = vx.compare(model, video, targets=["a", vx.Contrast("b", "c")])
    assert classes.shared_scale
    assert classes.labels == [one.origin.target for one in classes.explanations]
    own = [one.range for one in classes.explanations]
    assert classes.scales == [(0.0, max(high for _, high in own))] * 2
    assert not methods.shared_scale
    assert methods.scales == [one.range for one in methods.explanations]
    assert vx.compare(model, video, targets=["a", "b"], scale="own").shared_scale is False


def test_the_figure_says_what_is_compared_and_how_it_is_scaled(methods, model, video, tmp_path):
    with vx.style(width="page"):
        own = svg_texts(methods.save(tmp_path / "own.svg", layout=vx.Layout(at=(0, 5, 11))))
    assert {"Grad-CAM", "Saliency", "Eigen-CAM", "frame 0, 0.00 s", "frame 5, 0.40 s", "frame 11, 0.88 s"} <= set(own)
    assert "each row has its own colour scale; its ends are beside the name" in own
    shared = vx.compare(model, video, layers=["relu1", "relu2"], target="b", scale="shared")
    said = svg_texts(shared.save(tmp_path / "shared.svg"))
    assert {"relu1", "relu2", "one colour scale for all rows (raw)"} <= set(said)
    assert f"{shared.scales[0][1]:.3g}" in said


def test_networks_that_predict_two_classes_say_so(video):
    models = {str(seed): vx.wrap(seeded(FrameWise, seed), num_frames=4, size=16, layer="relu") for seed in range(6)}
    found = vx.compare(models, video)
    targets = [one.origin.target for one in found.explanations]
    assert len(set(targets)) > 1
    assert found.labels == [f"{name}: {target}" for name, target in zip(models, targets, strict=True)]


@pytest.mark.parametrize("kind", ["json", "npz"])
def test_a_saved_comparison_is_loaded_again(methods, kind, tmp_path):
    again = vx.Comparison.load(methods.save(tmp_path / f"a.{kind}"))
    assert again.summary() == methods.summary()
    assert again.agreement == methods.agreement
    if kind == "npz":
        for a, b in zip(again.overlay_frames(), methods.overlay_frames(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_json_holds_the_agreement(methods, tmp_path):
    kept = json.loads(methods.save(tmp_path / "a.json").read_text())
    assert (kept["kind"], kept["compared"], kept["scale"]) == ("comparison", "methods", "own")
    assert kept["agreement"][0] == vars(methods.agreement[0])
    assert [one["method"] for one in kept["explanations"]] == ["gradcam", "saliency", "eigencam"]


def test_what_is_asked_is_known_before_it_is_computed(methods, model, video):
    asked = Asked.of(model, None, methods=["gradcam", "saliency", "eigencam"], target="b")
    assert asked.question(as_source(video), "fp32", None) == methods.question
    other = Asked.of(model, None, methods=["gradcam", "saliency", "eigencam"], target="c")
    assert other.question(as_source(video), "fp32", None) != methods.question


def test_an_option_goes_to_the_methods_that_have_it(model, video):
    found = vx.compare(model, video, methods=["gradcam", "rise"], samples=4, seed=1)
    assert [one.origin.options for one in found.explanations] == [{}, {"samples": 4, "seed": 1}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one thing is compared: several models, methods, targets or layers"),
        (
            {"methods": ["gradcam", "rise"], "targets": [0, 1]},
            "one thing is compared: several models, methods, targets or layers, not methods and targets",
        ),
        ({"methods": ["gradcam"]}, "2 to 40 methods can be compared, not 1"),
        ({"methods": "gradcam"}, "methods is a list of names, not the text 'gradcam'"),
        ({"targets": 3}, "targets is a list, not 3"),
        ({"targets": np.arange(1)}, "2 to 40 targets can be compared, not 1"),
        ({"methods": ["gradcam", "gradcam"]}, "methods has 'gradcam' twice"),
        ({"methods": ["gradcam", "rose"]}, "unknown method 'rose'; did you mean rise"),
        ({"targets": ["a", "b"], "target": "a"}, "give targets or target, not both"),
        ({"layers": ["relu1", "relu2"], "layer": "relu1"}, "give layers or layer, not both"),
        ({"methods": ["saliency", "rise"], "layer": "relu1"}, "no method compared here has a layer: saliency, rise"),
        (
            {"methods": ["gradcam", "saliency"], "samples": 3},
            "no method compared here has the option 'samples': gradcam",
        ),
        ({"targets": ["b", "a", 1]}, "targets 'b' and '1' are one class: compare different ones"),
        (
            {"targets": [vx.Contrast("a", "b"), vx.Contrast(0, "B")]},
            "targets 'a rather than b' and '0 rather than B' are one class: compare different ones",
        ),
        ({"targets": ["a", "b"], "scale": "same"}, "unknown scale 'same'; did you mean shared?"),
    ],
)
def test_what_is_no_comparison_gets_a_line(arguments, message, model, video):
    with pytest.raises(VidexplainError, match="^" + re.escape(message)):
        vx.compare(model, video, **arguments)
