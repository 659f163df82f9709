"""The result of explain(): its notes, and every form in which it is saved."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import videxplain as vx
from tests.attribution.networks import BrightSquares
from tests.explanation.clips import flat, planted
from videxplain.data.video import read_frames
from videxplain.errors import VidexplainError
from videxplain.explanation.api import UNTRAINED_NOTE, explain
from videxplain.explanation.result import CONSTANT_NOTE, NO_EVIDENCE_NOTE
from videxplain.version import __version__


@pytest.fixture(scope="module")
def found():
    return explain(BrightSquares(8, 32, "consecutive"), planted(20, 4, 11), target=1)


def test_notes():
    model = BrightSquares(8, 32, "consecutive")
    assert explain(model, planted(8, 0, 7), target=1).notes == ()
    nothing = explain(model, flat(8, 0, size=32), target=1)
    assert nothing.notes == (NO_EVIDENCE_NOTE,)
    assert not nothing.has_evidence
    assert nothing.heatmap.max() == 0
    against = explain(model, planted(8, 0, 7), target=lambda logits: -logits[:, 1])
    assert against.notes == (NO_EVIDENCE_NOTE,)
    model.config = model.config.replace(weights="none")
    assert explain(model, planted(8, 0, 7), target=1).notes == (UNTRAINED_NOTE,)
    assert explain(model, flat(8, 0), target=1).notes == (UNTRAINED_NOTE, NO_EVIDENCE_NOTE)


UNKNOWN_RATE = "The frame rate is not known: seconds are those of 25 frames/s. Say it with fps."


@pytest.mark.parametrize(
    "held", [lambda f: f, list, torch.from_numpy, vx.Clip], ids=["array", "list", "tensor", "clip"]
)
def test_frames_in_memory_without_a_rate_have_the_note_that_folders_have(held, tmp_path):
    model, frames = BrightSquares(8, 32, "consecutive"), planted(16, 4, 11).frames
    for t, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"{t:02}.png")
    found, of_folder = explain(model, held(frames), target=1), explain(model, tmp_path, target=1)
    assert found.notes == of_folder.notes == (UNKNOWN_RATE,)
    summary = json.loads(found.save(tmp_path / "a.json").read_text())
    assert (summary["rate_known"], summary["notes"]) == (False, [UNKNOWN_RATE])
    assert UNKNOWN_RATE in found.save(tmp_path / "a.html").read_text()
    assert "The frame rate is not known" in found.save(tmp_path / "a.tex").read_text()
    both = vx.compare(model, held(frames), methods=["gradcam", "activations"], target=1)
    assert UNKNOWN_RATE in both.notes
    assert UNKNOWN_RATE in vx.motion_and_appearance(model, held(frames), target=1).motion.notes
    said = explain(model, vx.Clip(frames, 12.5), target=1)
    assert (said.notes, said.summary()["rate_known"], said.summary()["seconds"][1]) == ((), True, 0.08)


def test_a_single_response_everywhere_is_not_called_no_evidence():
    model = BrightSquares(8, 8, "consecutive")
    model.conv.padding = (0, 0, 0)
    found = explain(model, flat(8, 255), "activations")
    assert found.temporal == pytest.approx(np.ones(8), abs=1e-6)
    assert found.notes == (CONSTANT_NOTE,)


def test_json(found, tmp_path):
    summary = json.loads(found.save(tmp_path / "a.json").read_text(encoding="utf-8"))
    assert summary["predictions"][0]["label"] == "class 1"
    assert sum(entry["probability"] for entry in summary["predictions"]) == pytest.approx(1, abs=1e-6)
    assert summary["temporal"] == pytest.approx(found.temporal.tolist())
    assert [i for i, v in enumerate(summary["temporal"]) if v > 0] == list(range(4, 12))
    assert summary["versions"]["videxplain"] == __version__
    expected = {
        "clip": None,
        "frames": 20,
        "fps": 25.0,
        "height": 64,
        "width": 64,
        "method": "gradcam",
        "model": "bright_squares",
        "weights": "set by hand",
        "layer": "relu",
        "target": "class 1",
        "target_index": 1,
        "precision": "fp32",
        "windows": 4,
        "options": {},
        "notes": [],
    }
    assert {key: summary[key] for key in expected} == expected


def test_npz(found, tmp_path):
    with np.load(found.save(tmp_path / "a.npz")) as saved:
        assert saved["maps"].dtype == np.float32
        assert np.array_equal(saved["maps"], np.stack(list(found.maps)))
        assert saved["maps"].shape == (20, 32, 32)
        assert np.array_equal(saved["temporal"], found.temporal)
        assert json.loads(str(saved["summary"])) == found.summary()


def test_mp4_has_the_length_rate_and_size_of_the_clip_and_colour_where_the_square_is(found, tmp_path):
    frames, fps = read_frames(found.save(tmp_path / "a.mp4", timeline=False))
    assert frames.shape == (20, 64, 64, 3)
    assert fps == 25
    colourful = (frames.max(3).astype(int) - frames.min(3)).mean((1, 2))
    assert np.flatnonzero(colourful > 1).tolist() == list(range(4, 12))
    assert np.delete(colourful, range(4, 12)).max() < 0.1
    with_line, _ = read_frames(found.save(tmp_path / "b.mp4"))
    assert len(with_line) == 20
    assert with_line.shape[1] > 64


def test_no_evidence_is_drawn_as_such():
    nothing = explain(BrightSquares(8, 32, "consecutive"), flat(8, 100, size=32), target=1)
    frames = np.stack(list(nothing.overlay_frames(timeline=False)))
    assert (frames.max(3) == frames.min(3)).all()  # no colour anywhere
    assert (frames[:, :16] == 100).all()  # the caption is at the bottom
    assert (frames[:, 16:] != 100).any()


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_pictures_can_be_opened(found, tmp_path, suffix):
    with Image.open(found.save(tmp_path / f"a.{suffix}")) as picture:
        picture.load()
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 20
        assert getattr(picture, "n_frames", 1) == (
            10 if suffix == "gif" else 1
        )  # a GIF shows every other frame of 25 a second


def test_saving_leaves_nothing_else_behind(found, tmp_path):
    for suffix in ("json", "npz", "mp4", "png"):
        found.save(tmp_path / f"a.{suffix}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.mp4", "a.npz", "a.png"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.avi", "cannot write 'a.avi': the name must end in .mp4, .gif, .png, .pdf, .svg, .json, .npz"),
        ("a", "cannot write 'a': the name must end in .mp4, .gif, .png, .pdf, .svg, .json, .npz"),
        ("nowhere/a.json", "cannot write .*a.json: the folder .*nowhere does not exist"),
    ],
)
def test_names_that_cannot_be_written(found, tmp_path, name, message):
    with pytest.raises(VidexplainError, match=message):
        found.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [5, None, b"a.png", ["a.png"]])
def test_what_names_no_file_is_one_line(found, name):
    for call in (found.save, vx.Explanation.load, lambda path: vx.save_model(vx.load_model("i3d"), path), vx.read_clip):
        with pytest.raises(VidexplainError, match=f"a file is named by text or a Path, not {type(name).__name__}"):
            call(name)


def test_repr(found):
    assert repr(found) == "Explanation(gradcam of bright_squares for 'class 1', 20 frames, layer relu)"


def test_notebook_view_holds_a_player_and_the_predictions(found):
    html = found._repr_html_()
    assert "data:video/mp4;base64," in html
    assert "class 1" in html
