"""Published networks see what their authors show them: pixels and logits of the packages' own preparation."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import get_model, get_model_weights

import videxplain as vx
from videxplain.data.transforms import to_model_input
from videxplain.data.views import apply_view, resized_size, view_box
from videxplain.models.config import ModelConfig, View

transformers = pytest.importorskip("transformers")

CLIPS = sorted((Path(__file__).parents[2] / "examples" / "clips").glob("*.mp4"))[:4]
SIZES = [(240, 320), (321, 240), (97, 130), (256, 455), (480, 853)]


def noise(size: tuple[int, int], frames: int = 2) -> np.ndarray:
    """Frames in which every pixel differs from its neighbours, with some large patches."""
    draw = np.random.default_rng(size[1])
    fine = draw.integers(0, 256, (frames, *size, 3), np.uint8)
    fine[:, : size[0] // 3] = 40
    return fine


def torchvisions(name: str, frames: np.ndarray) -> torch.Tensor:
    preset = get_model_weights(name).DEFAULT.transforms()
    return preset(torch.from_numpy(frames).permute(0, 3, 1, 2))


def ours(config: ModelConfig, frames: np.ndarray) -> torch.Tensor:
    seen = apply_view(frames, config.view)
    return torch.from_numpy(to_model_input(seen, size=config.size, mean=config.mean, std=config.std))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["r3d_18", "s3d", "swin3d_t"])
def test_pixels_are_those_of_torchvisions_presets(name, size, monkeypatch):
    monkeypatch.setattr("videxplain.models.hubs.torchvision.get_model", lambda *_, **__: torch.nn.Identity())
    config = vx.load_model(f"torchvision:{name}", "none").config
    frames = noise(size)
    expected = torchvisions(name, frames)
    found = ours(config, frames)
    step = 1 / 255 / min(config.std)  # one grey level
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) < 1.01 * step
    assert float((found - expected).abs().gt(0.01 * step).float().mean()) < 0.01  # a tie that rounds the other way


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "processor",
    [
        lambda: transformers.VideoMAEImageProcessor(),
        lambda: transformers.VideoMAEImageProcessor(size={"shortest_edge": 256}, resample=3),
        lambda: transformers.VideoMAEImageProcessor(size={"height": 224, "width": 224}, do_center_crop=False),
        lambda: transformers.VivitImageProcessor(),
        lambda: transformers.VJEPA2VideoProcessor(crop_size=224),
    ],
    ids=["videomae", "bicubic", "exact", "vivit", "vjepa2"],
)
def test_pixels_are_those_of_transformers_processors(processor, size, tmp_path):
    from tests.small_models import huggingface_folder

    theirs = processor()
    family = {"VivitImageProcessor": "vivit", "VJEPA2VideoProcessor": "vjepa2"}.get(type(theirs).__name__, "videomae")
    side = {"crop_size": 224} if family == "vjepa2" else {"image_size": 224}
    huggingface_folder(family, tmp_path, **side)
    theirs.save_pretrained(tmp_path)
    config = vx.load_model(f"hf:{tmp_path}", "none").config
    frames = noise(size, 4)
    (expected,) = theirs(list(frames), return_tensors="pt").values()
    found = ours(config, frames)
    levels = (found - expected[0].transpose(0, 1)).abs() * 255 * torch.tensor(config.std)[:, None, None, None]
    assert levels.max() < 2.01  # each of two passes rounds
    assert levels.mean() < 0.25


@pytest.mark.parametrize("name", ["r3d_18", "mc3_18"])
def test_logits_on_real_clips_are_those_of_torchvisions_pipeline(name):
    torch.manual_seed(0)
    theirs = get_model(name, weights=None, num_classes=400).eval()
    config = vx.load_model(f"torchvision:{name}", "none").config
    apart = []
    for path in CLIPS:
        frames = vx.read_clip(path).frames[:16:2]
        with torch.no_grad():
            expected = theirs(torchvisions(name, frames)[None])
            found = theirs(ours(config, frames)[None])
        apart.append(float((found - expected).abs().max()))
        assert float(expected.std()) > 0.01
    assert np.median(apart) < 1e-3


@pytest.mark.parametrize(
    ("size", "view", "resized", "box"),
    [
        # 128x171 of 240x320: a crop of 112 begins at 8 and 29.5, which is rounded to 30.
        ((240, 320), View((128, 171), (112, 112)), (128, 171), (15.0, 30 * 320 / 171, 225.0, 142 * 320 / 171)),
        (
            (240, 320),
            View((128, 171), (112, 112), corner="floor"),
            (128, 171),
            (15.0, 29 * 320 / 171, 225.0, 141 * 320 / 171),
        ),
        ((240, 320), View(256, (224, 224)), (256, 341), (15.0, 58 * 320 / 341, 225.0, 282 * 320 / 341)),
        ((320, 240), View(256, (256, 256)), (341, 256), (42 * 320 / 341, 0.0, 298 * 320 / 341, 240.0)),
        ((100, 300), View((50, 50), (50, 50)), (50, 50), (0.0, 0.0, 100.0, 300.0)),
    ],
)
def test_the_part_that_is_seen(size, view, resized, box):
    assert resized_size(size, view) == resized
    assert view_box(size, view) == pytest.approx(box)
    assert apply_view(noise(size), view).shape == (2, *view.crop, 3)


def test_a_crop_that_does_not_fit_is_refused():
    with pytest.raises(vx.VidexplainError, match="a crop of 112x112 pixels does not fit into frames resized to 171x"):
        view_box((240, 320), View((100, 171), (112, 112)))


@pytest.mark.parametrize(("size", "resize"), [((48, 80), 100_000), ((2, 20_000), 256), ((48, 80), (20_000, 20_000))])
def test_a_view_larger_than_any_picture_is_refused(size, resize):
    view = vx.View(resize, (32, 32))
    with pytest.raises(
        vx.VidexplainError, match=rf"resizes frames of {size[1]}x{size[0]} to \d+x\d+, which is too large"
    ):
        apply_view(np.zeros((1, *size, 3), np.uint8), view)


def test_another_size_has_no_published_view(tmp_path):
    config = vx.load_model("torchvision:mc3_18", "none").config
    assert config.view == View((128, 171), (112, 112))
    model = vx.load_model("torchvision:mc3_18", "none", size=96)
    assert model.config.view is None
    with pytest.raises(vx.VidexplainError, match=r"view crops frames to \(112, 112\), and size is \(96, 96\)"):
        config.replace(size=(96, 96))
    saved = vx.load_model("torchvision:mc3_18", "none", num_classes=2)
    vx.save_model(saved, tmp_path / "a.safetensors")
    assert vx.load_model("torchvision:mc3_18", tmp_path / "a.safetensors").config == saved.config
