"""What can be asked, and what is refused in a line."""

import json
import shlex
from typing import get_args

import pytest

import videxplain as vx
from videxplain.attribution.registry import Family
from videxplain.errors import VidexplainError
from videxplain.studio.questions.asking import asked, plain_text
from videxplain.studio.questions.catalogue import left_out, offer_of, offers
from videxplain.studio.questions.commands import command_line, python_lines
from videxplain.studio.questions.question import FILES, Question
from videxplain.studio.web.pages import FAMILIES, FORMATS

CLIP = "a" * 64


def question(**given):
    return asked({"clip": CLIP, **given}, None)


def test_one_question_has_one_key_however_it_is_written():
    same = [
        question(target="wave"),
        question(target="Wave", frames=":", layer=""),
        question(method="gradcam", target="Wave", options={"pooling": "clip"}),
    ]
    assert len({one.key for one in same}) == 1
    assert question(target="Kick").key != same[0].key
    assert question(options={"pooling": "frame"}).key != question().key


def test_a_question_is_the_same_after_it_was_written():
    one = question(method="occlusion", options={"box": "4,8,8"})
    assert one.options == {"box": (4, 8, 8)}
    assert Question.of_record(json.loads(json.dumps(one.record()))) == one
    edit = {"kind": "blur", "first": 2, "last": 4, "box": [0, 0.25, 0.5, 1]}
    other = question(kind="predict", edits=[edit])
    again = Question.of_record(json.loads(json.dumps(other.record())))
    assert (again, again.key) == (other, other.key)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"clip": "../../etc/passwd"}, "clip is the SHA-256"),
        ({"model": "/etc/passwd"}, "no model"),
        ({"model": "torchvision:r3d_18"}, "no model"),
        ({"method": "gradcamm"}, "did you mean gradcam"),
        ({"target": "Wavve"}, "did you mean Wave"),
        ({"target": "99"}, "class 99 does not exist"),
        ({"against": "Kick"}, "against needs a target"),
        ({"target": "Kick", "against": "kick"}, "both are Kick"),
        ({"layer": "layer4;rm -rf"}, "layer is a dotted name"),
        ({"frames": "a:b"}, "frames is START:STOP"),
        ({"frames": "9:3"}, "not a range"),
        ({"options": {"masks": "4"}}, "masks"),
        ({"method": "rise", "options": {"samples": "many"}}, "samples is a whole number"),
        ({"method": "rise", "options": {"samples": True}}, "is a text or a number"),
        ({"kind": "destroy"}, "kind of question"),
        ({"kind": "file", "format": "exe"}, "unknown format"),
        ({"edits": [{"kind": "hide", "first": 0, "last": 1}]}, "leave out edits"),
        ({"kind": "predict", "edits": [{"kind": "hide", "first": 3, "last": 1}]}, "last is not before first"),
        ({"kind": "predict", "edits": [{"kind": "hide", "box": [0, 0, 0, 1]}]}, "left < right"),
        ({"kind": "predict", "edits": [{"kind": "hide", "box": [0, 0, float("nan"), 1]}]}, "each from 0 to 1"),
        ({"kind": "predict", "edits": [{"kind": "paint"}]}, "unknown edit"),
        ({"kind": "predict", "edits": [{"kind": "cut"}] * 99}, "at most 16"),
    ],
)
def test_refused_in_one_line(given, line):
    with pytest.raises(VidexplainError, match=line) as raised:
        question(**given)
    assert "\n" not in str(raised.value)


def test_models_are_those_whose_weights_are_here(tmp_path):
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    bundled = offer_of("i3d", None).file
    (tmp_path / "mine.safetensors").write_bytes(bundled.read_bytes())
    found = offers(tmp_path)
    assert next(iter(found)) == "i3d"
    assert found["file:mine"].sha256 == found["i3d"].sha256
    assert "ActionFigures" in found["i3d"].words
    assert "file:broken" not in found


def test_saved_weights_of_torchvision_are_offered_with_their_classes_and_others_are_named(tmp_path):
    network = vx.load_model("torchvision:mc3_18", "none", labels=tuple("abc") + tuple(map(str, range(397))))
    vx.save_model(network, tmp_path / "mine.safetensors")
    (tmp_path / "a.pth").write_bytes(b"nothing")
    (tmp_path / "b.safetensors").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_bytes(b"nothing")
    offer = offers(tmp_path)["file:mine"]
    assert (offer.model, offer.weights) == ("torchvision:mc3_18", str(tmp_path / "mine.safetensors"))
    assert offer.labels[:3] == ("a", "b", "c")
    assert offer.crops
    assert [line.split(" is not offered")[0] for line in left_out(tmp_path)] == ["a.pth", "b.safetensors"]


def test_every_family_of_methods_has_words():
    assert set(FAMILIES) == set(get_args(Family))


def test_every_kind_of_file_has_a_button():
    assert sorted(kind for kinds in FORMATS.values() for kind in kinds) == sorted(FILES)


def test_a_network_tells_its_accuracies(tmp_path):
    network = vx.load_model("late_fusion")
    vx.save_model(network, tmp_path / "own.safetensors", {"test": 0.625, "validation": 0.75, "epochs": 3, "loss": 0.1})
    (words,) = (one.words for one in offers(tmp_path).values() if one.id == "file:own")
    assert words.endswith("; accuracy 62 % (test), 75 % (validation)")


def test_commands_make_the_same():
    one = question(method="rise", target="Wave", against="Kick", frames="2:9", options={"samples": "12"})
    line = command_line(one, offer_of("i3d", None), "a b.mp4")
    assert shlex.split(line) == [
        *("videxplain", "rise", "--model", "i3d", "--clip", "a b.mp4", "--target", "Wave", "--against", "Kick"),
        *("--frames", "2:9", "--samples", "12"),
    ]
    code = python_lines(one, offer_of("i3d", None), "a b.mp4")
    compile(code, "lines", "exec")
    assert "vx.read_clip('a b.mp4', 2, 9), method='rise', target=vx.Contrast('Wave', 'Kick'), samples=12)" in code


@pytest.fixture
def downloaded(tmp_path, monkeypatch):
    """A file where the cache has torchvision's weights."""
    monkeypatch.setenv("VIDEXPLAIN_CACHE", str(tmp_path))
    file = tmp_path / "download.pytorch.org" / "models" / "r3d_18-b3b3357e.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    return file


def test_networks_that_were_downloaded_can_be_chosen(downloaded):
    offer = offers(None)["torchvision:r3d_18"]
    assert (offer.model, offer.weights, offer.file) == ("torchvision:r3d_18", "auto", downloaded)
    assert "Kinetics-400" in offer.words
    assert "torchvision:mc3_18" not in offers(None)


def test_frames_are_shown_as_authors_do_or_whole(downloaded):
    cropped, whole = (question(model="torchvision:r3d_18", view=view) for view in ("", "whole"))
    assert (cropped.view, whole.view) == ("model", "whole")
    assert cropped.key != whole.key
    assert whole.prediction.view == whole.explanation.view == "whole"
    assert whole.prediction.key != cropped.prediction.key
    assert asked({"kind": "layers", "model": "torchvision:r3d_18", "view": "whole"}, None).view == "whole"
    offer = offer_of("torchvision:r3d_18", None)
    assert shlex.split(command_line(whole, offer, "a.mp4")) == [
        *("videxplain", "gradcam", "--model", "torchvision:r3d_18", "--clip", "a.mp4", "--view", "whole")
    ]
    assert "vx.load_model('torchvision:r3d_18', view='whole')" in python_lines(whole, offer, "a.mp4")
    assert "view" not in python_lines(cropped, offer, "a.mp4") + command_line(cropped, offer, "a.mp4")
    # The bundled networks see whole frames anyhow, so both are one question.
    assert question(view="whole").key == question().key
    with pytest.raises(VidexplainError, match="unknown view"):
        question(view="half")


def test_text_is_one_line_without_control_characters():
    assert plain_text("a\x00b\x1b[31m\nc\ud800\u202ed") == "a b [31m c d"
