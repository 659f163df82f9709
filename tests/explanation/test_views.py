"""Networks that see a part of a frame: what they are given, and where their maps lie."""

from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torchvision.models import get_model, get_model_weights

import videxplain as vx
from videxplain.benchmark.cases import Scene, choose_cases
from videxplain.boxes import seen_words
from videxplain.data.datasets.types import Video
from videxplain.data.sampling import window_interval
from videxplain.data.views import seen_box
from videxplain.evaluation.classify import UNDISTURBED, classify
from videxplain.evaluation.clips import find_readable
from videxplain.evaluation.setup import EvaluationSetup
from videxplain.explanation.origin import of_model
from videxplain.explanation.question import question_of
from videxplain.explanation.sources import as_source
from videxplain.models.config import ModelConfig, View
from videxplain.viz.overlay import overlay
from videxplain.viz.video import save_video

SHARED = Path(__file__).parents[3] / "shared" / "clips"
CLIPS = [
    *sorted((Path(__file__).parents[2] / "examples" / "clips").glob("*.mp4")),
    *(sorted(SHARED.glob("v_*.avi")) if SHARED.is_dir() else []),
]
HEIGHT, WIDTH = 40, 60
VIEW = View(20, (16, 16))
BOX = (4.0, 14.0, 36.0, 46.0)
"""What is seen: frames become 20x30, and 16x16 of them begin at row 2 and column 7."""


class Brightness(torch.nn.Module):
    """Two classes: bright, and not."""

    def __init__(self, view: View | None = VIEW) -> None:
        super().__init__()
        self.layer = torch.nn.ReLU()
        self.config = ModelConfig(
            "brightness",
            2,
            4,
            (16, 16),
            labels=("bright", "dark"),
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            weights="w",
            view=view,
        )

    def forward(self, x):
        mean = self.layer(x).mean((1, 2, 3, 4))
        return torch.stack([mean, 0.5 - mean], 1)


@contextmanager
def watched(model):
    """The input and the output of every pass of a network."""
    passes = []
    hook = model.register_forward_hook(lambda _, given, output: passes.append((given[0].detach(), output.detach())))
    yield passes
    hook.remove()


def framed(frames: int = 8) -> np.ndarray:
    """Clips that are white where the network looks, and grey around."""
    clip = np.full((frames, HEIGHT, WIDTH, 3), 100, np.uint8)
    clip[:, 4:36, 14:46] = 255
    return clip


def test_whole_frames_are_seen_where_the_view_says_so():
    model, whole = Brightness(), Brightness(None)
    with watched(model) as passes:
        assert vx.predict(model, framed())[0][0] == "bright"
    inner = [x[..., 2:-2, 2:-2] for x, _ in passes]  # interpolation mixes the edge
    assert len(inner) > 1
    assert all(float(x.min()) == 1 for x in inner)
    with watched(whole) as passes:
        vx.predict(whole, framed())
    assert float(passes[0][0].min()) == pytest.approx(100 / 255)


def test_maps_lie_in_the_part_that_was_seen():
    found = vx.explain(Brightness(), framed(), target="bright", layer="layer")
    assert found.view_box == BOX
    assert found.seen == "the network saw the middle 32x32 of 60x40 pixels"
    heat = found.heatmap
    assert heat.shape == (8, HEIGHT, WIDTH)
    assert heat[:, 8:32, 18:42].min() > 0
    around = heat.copy()
    around[:, 4:36, 14:46] = 0
    assert not around.any()
    whole = vx.explain(Brightness(None), framed(), target="bright", layer="layer")
    assert (whole.view_box, whole.seen) == (None, "")
    assert whole.heatmap[:, 0, 0].min() > 0


def test_the_rest_of_a_frame_is_dimmed_and_named_alike_in_every_frame():
    found = vx.explain(Brightness(), framed(), target="bright", layer="layer")
    pictures = np.stack(list(found.overlay_frames(timeline=False)))
    assert pictures.shape[1:] == (HEIGHT, WIDTH, 3)
    assert (pictures[:, 20, 2] == 35).all()  # 100 at 35 %
    assert (pictures[:, 20, 57] == 35).all()
    around = pictures.copy()
    around[:, 4:36, 14:46] = 0
    assert (around == around[0]).all()
    assert (pictures[:, :4] != 35).any()  # the words
    text = "\n".join(one.get_text() for one in found.figure().texts)
    assert "the network saw the middle 32x32 of 60x40 pixels" in text


def test_an_overlay_inside_a_box_is_the_overlay_of_that_part():
    frame = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    values = np.random.default_rng(1).random((5, 5), np.float32)
    drawn = overlay(frame, values, 1.0, box=BOX)
    assert (drawn[4:36, 14:46] == overlay(frame[4:36, 14:46], values, 1.0)).all()
    assert (drawn[:, :14] == cv2.convertScaleAbs(frame[:, :14], alpha=0.35)).all()


@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_the_box_comes_back_from_files(suffix, tmp_path):
    found = vx.explain(Brightness(), framed(), target="bright", layer="layer")
    loaded = vx.Explanation.load(found.save(tmp_path / f"a.{suffix}"), clip=vx.Clip(framed()))
    assert loaded.view_box == BOX
    assert loaded.origin.model_input["view"] == {
        "resize": 20,
        "crop": [16, 16],
        "interpolation": "bilinear",
        "antialias": False,
        "corner": "round",
    }
    if suffix == "npz":
        assert (loaded.heatmap == found.heatmap).all()


def test_a_view_of_the_whole_frame_has_no_box():
    assert seen_box((40, 60), View((16, 16), (16, 16))) is None
    assert seen_box((40, 40), View(16, (16, 16))) is None
    assert seen_box((40, 60), None) is None
    assert seen_words(None, (40, 60)) == ""


def test_two_views_are_two_questions():
    source = as_source(framed())
    assert question_of(source, Brightness().config, "gradcam") != question_of(
        source, Brightness(None).config, "gradcam"
    )
    assert of_model(Brightness(None).config)["model_input"]["view"] is None


def test_all_pictures_of_one_part(tmp_path):
    model = vx.load_model("torchvision:r3d_18", "none")
    path = tmp_path / "clip.mp4"
    save_video(path, np.random.default_rng(0).integers(0, 256, (16, 96, 128, 3), np.uint8), 8.0)
    box = seen_box((96, 128), model.config.view)
    words = seen_words(box, (96, 128))
    assert words == "the network saw the middle 84x84 of 128x96 pixels"
    parts = vx.motion_and_appearance(model, path)
    assert words in "\n".join(one.get_text() for one in parts.figure().texts)
    drawn = next(iter(parts.overlay_frames()))
    frame = next(iter(parts.source.frames()))
    assert (drawn[40, :22] == cv2.convertScaleAbs(frame, alpha=0.35)[40, :22]).all()
    assert vx.MotionAndAppearance.load(parts.save(tmp_path / "a.npz")).motion.view_box == pytest.approx(box)


def test_a_benchmark_measures_where_the_network_looks():
    masks = np.zeros((8, HEIGHT, WIDTH), bool)
    masks[:, 4:36, 14:30] = True
    scene = Scene("a", framed(), "bright", masks, masks, np.ones(8, bool))
    model = Brightness()
    (case,) = choose_cases(model, model.config, iter([scene]), 1).cases
    assert case.limbs is not None
    assert case.limbs[:, :, :8].all()
    assert not case.limbs[:, :, 8:].any()
    assert (case.frames[:, 2:-2, 2:-2] == 255).all()


def test_an_evaluation_sees_what_an_explanation_sees(tmp_path):
    path = tmp_path / "a.mp4"
    save_video(path, framed(), 8.0)
    model, whole = Brightness(), Brightness(None)
    readable = find_readable([Video(path, 0, "")])
    found = classify(model, model.config, readable)[UNDISTURBED]
    assert found[0, 0] == pytest.approx(vx.predict(model, path)[0][1], abs=1e-3)
    assert classify(whole, whole.config, readable)[UNDISTURBED][0, 0] < found[0, 0] - 0.01


def test_evaluations_of_two_views_do_not_replace_each_other(tmp_path):
    (tmp_path / "metrics.json").write_text(
        '{"model": "a", "weights": "w", "dataset": "d", "split": 1, "subset": "test"}'
    )
    EvaluationSetup("a", "w", "d").refuse_other(tmp_path)
    with pytest.raises(vx.VidexplainError, match="no view, and this one has view the middle 16x16 of frames whose"):
        EvaluationSetup("a", "w", "d", view=VIEW.words).refuse_other(tmp_path)


@pytest.fixture
def apart():
    """How far the logits of a first window are from those of another pipeline, for each clip; checked at the end."""
    found: list[float] = []
    yield found
    assert len(found) == len(CLIPS)
    assert np.median(found) < 1e-3


def test_logits_of_clips_are_those_of_torchvisions_preset(apart):
    torch.manual_seed(0)
    theirs = get_model("r3d_18", weights=None, num_classes=400).eval()
    model = vx.load_model("torchvision:r3d_18", "none")
    model.load_state_dict(theirs.state_dict())
    preset = get_model_weights("r3d_18").DEFAULT.transforms()
    for path in CLIPS:
        clip = vx.read_clip(path)
        interval = window_interval(len(clip.frames), 16, model.config.frame_interval)
        with torch.no_grad():
            frames = torch.from_numpy(clip.frames[: 16 * interval : interval])
            expected = theirs(preset(frames.permute(0, 3, 1, 2))[None])
        with watched(model) as passes:
            vx.predict(model, clip.frames[: 16 * interval])
        assert float(expected.std()) > 0.01
        apart.append(float((passes[0][1] - expected).abs().max()))


def test_logits_of_clips_are_those_of_transformers_processor(apart, tmp_path):
    transformers = pytest.importorskip("transformers")
    settings = transformers.VideoMAEConfig(
        **{"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2},
        **{"patch_size": 32, "num_frames": 8, "num_labels": 5, "initializer_range": 0.2},
    )
    torch.manual_seed(0)
    theirs = transformers.VideoMAEForVideoClassification(settings).eval()
    processor = transformers.VideoMAEImageProcessor()
    for part in (theirs, processor):
        part.save_pretrained(tmp_path)
    model = vx.load_model(f"hf:{tmp_path}")
    for path in CLIPS:
        clip = vx.read_clip(path)
        interval = window_interval(len(clip.frames), 8, model.config.frame_interval)
        frames = list(clip.frames[: 8 * interval : interval])
        with torch.no_grad():
            expected = theirs(**processor(frames, return_tensors="pt")).logits
        with watched(model) as passes:
            vx.predict(model, clip.frames[: 8 * interval])
        assert float(expected.std()) > 0.01
        apart.append(float((passes[0][1] - expected).abs().max()))


def test_logits_of_clips_are_those_of_pytorchvideos_documented_preparation(apart):
    pytest.importorskip("pytorchvideo")
    model = vx.load_model("pytorchvideo:x3d_xs", "none", size=182)
    torch.nn.init.normal_(model.blocks[-1].proj.weight)  # so that its logits are as large as those of a trained one
    assert model.config.view == View(182, (182, 182))
    assert vx.load_model("pytorchvideo:x3d_xs", "none").config.view is None
    for path in CLIPS:
        clip = vx.read_clip(path)
        interval = window_interval(len(clip.frames), 4, model.config.frame_interval)
        frames = torch.from_numpy(clip.frames[: 4 * interval : interval]).permute(0, 3, 1, 2)
        # Lambda(x / 255), Normalize, ShortSideScale and CenterCrop of the hub's page, which round no pixel.
        height, width = frames.shape[2:]
        size = (182, int(width / height * 182)) if height < width else (int(height / width * 182), 182)
        scaled = torch.nn.functional.interpolate((frames / 255 - 0.45) / 0.225, size, mode="bilinear")
        top, left = round((size[0] - 182) / 2), round((size[1] - 182) / 2)
        with torch.no_grad():
            expected = model(scaled[:, :, top : top + 182, left : left + 182].transpose(0, 1)[None])
        with watched(model) as passes:
            vx.predict(model, clip.frames[: 4 * interval])
        assert float(expected.std()) > 0.01
        apart.append(float((passes[0][1] - expected).abs().max()))
