"""What a user can get wrong ends with one line, status 2, and nothing written."""

import re

import numpy as np
import pytest

from videxplain.models import zoo

GRADCAM = ("gradcam", "--model", "i3d", "--clip", "{clip}")
WRONG = {
    "no such file": (("gradcam", "--model", "i3d", "--clip", "nowhere.avi"), "no such file: nowhere.avi"),
    "not a video": (
        ("gradcam", "--model", "i3d", "--clip", "{folder}/notes.mp4"),
        r".*notes\.mp4 is not a video that can be decoded",
    ),
    "empty": (("gradcam", "--model", "i3d", "--clip", "{folder}/empty.avi"), r".*empty\.avi is empty"),
    "no images": (
        ("gradcam", "--model", "i3d", "--clip", "{folder}"),
        r".* is a folder of videos \(.*\): name one of them as the clip",
    ),
    "model": (
        ("gradcam", "--model", "i3dd", "--clip", "{clip}"),
        r"unknown model 'i3dd'; did you mean i3d.*\? .* begin with torchvision:, pytorchvideo:, hf:",
    ),
    "two clips": (
        (*GRADCAM, "--clip", "{folder}/empty.avi"),
        r"--clip takes one value, and it is given '.*' and '.*empty\.avi'",
    ),
    "two clips by two names": (
        (*GRADCAM, "-c", "{folder}/empty.avi"),
        r"--clip takes one value, and it is given '.*' and '.*empty\.avi'",
    ),
    "two targets": ((*GRADCAM, "--target", "1", "--target=0"), "--target takes one value, and it is given '1' and '0'"),
    "two layers": (
        (*GRADCAM, "--layer", "layer3", "--layer", "layer4"),
        "--layer takes one value, and it is given 'layer3' and 'layer4'",
    ),
    "two clips of a comparison": (
        ("compare", "--model", "i3d,c3d", "--clip", "{clip}", "--clip", "{folder}/empty.avi"),
        "--clip takes one value, and it is given .*",
    ),
    "class by name": ((*GRADCAM, "--target", "walk"), r"the classes of this model have no names; .*0 to 5"),
    "class by index": ((*GRADCAM, "--target", "6"), "class 6 does not exist; the model has classes 0 to 5"),
    "contrast with itself": ((*GRADCAM, "--target", "1", "--against", "1"), "a contrast needs two classes.*"),
    "against nothing": ((*GRADCAM, "--against", "1"), "--against needs --target.*"),
    "layer": ((*GRADCAM, "--layer", "layer5"), r"unknown layer 'layer5'; did you mean layer\d.*\?"),
    "use of a layer": ((*GRADCAM, "--layer", "layer4:1"), "layer 'layer4' is used once in a pass; there is no use 1"),
    "layer of a method without": (
        ("saliency", *GRADCAM[1:], "--layer", "x"),
        "saliency explains the input, so it takes no layer",
    ),
    "channel": (
        ("activations", *GRADCAM[1:], "--channel", "4"),
        "layer 'conv1' has no channel 4; it has channels 0 to 3",
    ),
    "method": (("explain", "--method", "gradcm", *GRADCAM[1:]), r"unknown method 'gradcm'; did you mean gradcam.*\?"),
    "option of a method": (
        ("explain", "--method", "activations", "--pooling", "clip", *GRADCAM[1:]),
        "unknown option of activations 'pooling'; known: channel",
    ),
    "pooling": ((*GRADCAM, "--pooling", "time"), "gradcam: unknown pooling 'time'; known: clip, frame"),
    "colour map": ((*GRADCAM, "--colormap", "infrno"), r"unknown colour map 'infrno'; did you mean inferno.*"),
    "opacity": ((*GRADCAM, "--opacity", "1.5"), "--opacity is between 0 and 1, not 1.5"),
    "weights": ((*GRADCAM, "--weights", "nowhere.safetensors"), "no weights 'nowhere.safetensors': .*"),
    "weights of another": (
        (*GRADCAM, "--weights", "{folder}/c3d.safetensors"),
        r"weights '.*' are of 'c3d', not of 'i3d'",
    ),
    "damaged weights": ((*GRADCAM, "--weights", "{folder}/bad.safetensors"), r"cannot read weights '.*bad.*"),
    "no bundled weights": (
        ("gradcam", "--model", "i3d_inception", "--clip", "{clip}", "--weights", "bundled"),
        "no weights of 'i3d_inception' come with the package.*",
    ),
    "too few frames": (
        (*GRADCAM, "--frames", "3:9"),
        "too few frames: the clip has 6 frames, .* at least 8 of the 16 that it sees",
    ),
    "range": ((*GRADCAM, "--frames", "9"), "--frames is START:STOP with whole numbers.*"),
    "range backwards": ((*GRADCAM, "--frames", "9:3"), ".*9:3.*"),
    "range beyond": ((*GRADCAM, "--frames", "90:"), ".* has 20 frames, so there is no frame 90 .*"),
    "format": (
        (*GRADCAM, "--format", "mp3"),
        "--format takes mp4, gif, png, pdf, svg, json, npz, tex, bib, html, not 'mp3'",
    ),
    "no format": ((*GRADCAM, "--format", ","), "--format takes .*"),
    "device": ((*GRADCAM, "--device", "cuda:7"), "no device 'cuda:7' on this machine; there is cpu.*"),
    "precision": ((*GRADCAM, "--precision", "fp8"), "precision is auto, fp32 or bf16, not 'fp8'"),
    "stride": ((*GRADCAM, "--stride", "17"), "the stride between windows of 16 frames is 1 to 16, not 17"),
    "frame of a figure": (("figure", *GRADCAM[1:], "--frame", "20"), "the clip has no frame 20; it has frames 0 to 19"),
    "command": (("gradcm",), r"No such command 'gradcm'\. Did you mean 'gradcam'.*\?"),
    "option": ((*GRADCAM, "--modell", "i3d"), "No such option: --modell .*"),
    "missing option": (("gradcam", "--model", "i3d"), "Missing option '--clip'.*"),
}


@pytest.fixture
def folder(tmp_path, run):
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "notes.mp4").write_text("these are notes, not a video\n" * 40)
    (folder / "empty.avi").touch()
    (folder / "bad.safetensors").write_bytes(np.arange(64, dtype=np.uint8).tobytes())
    zoo.save_model(zoo.load_model("c3d", "none", width=2, size=32, num_classes=3), folder / "c3d.safetensors")
    return folder


@pytest.mark.parametrize("wrong", WRONG)
def test_one_line_that_says_what_is_wrong(wrong, folder, clip, narrow, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    arguments, message = WRONG[wrong]
    arguments = [argument.format(clip=clip, folder=folder) for argument in arguments]
    if arguments[0] != "gradcm":
        arguments += ["--out", "out/deep"]
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert re.fullmatch(rf"videxplain: error: {message}\n", err), err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_output_that_cannot_be_written_is_said_before_any_work(clip, narrow, run, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setattr(zoo, "load_model", lambda *_, **__: pytest.fail("loaded a model for nothing"))
    status, out, err = run("gradcam", "--model", "i3d", "--clip", clip, "--out", tmp_path / "taken" / "out")
    assert (status, out) == (2, "")
    assert re.fullmatch(r"videxplain: error: cannot write to .*taken.*\n", err), err
    assert (tmp_path / "taken").read_text() == "a file"


def test_an_interrupt_ends_quietly_and_leaves_nothing(clip, narrow, run, tmp_path, monkeypatch):
    from videxplain.explanation.result import Explanation

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Explanation, "overlay_frames", interrupted)
    monkeypatch.setattr("videxplain.cli._was_interrupted", False)  # or this process would end with the status of it
    status, _, err = run("gradcam", "--model", "i3d", "--clip", clip, "--out", tmp_path / "out")
    assert (status, err) == (130, "videxplain: interrupted\n")
    assert not (tmp_path / "out").exists()


def test_what_was_complete_before_a_failure_stays(clip, narrow, run, tmp_path, monkeypatch):
    from videxplain.errors import VidexplainError
    from videxplain.explanation.result import Explanation

    def full(*_, **__):
        raise VidexplainError("cannot write: no space left on device")

    monkeypatch.setattr(Explanation, "figure", full)
    status, _, err = run("gradcam", "--model", "i3d", "--clip", clip, "--out", tmp_path / "out", "--format", "json,png")
    assert (status, err) == (2, "videxplain: error: cannot write: no space left on device\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a clip-i3d-gradcam.json"]


def test_without_a_command_the_help_is_shown_and_no_empty_error(run):
    for arguments in ((), ("plot",)):
        status, said, problem = run(*arguments)
        assert (status, problem) == (2, "")
        assert "Usage:" in said


def test_the_same_target_twice_is_taken_and_the_last_format_counts(clip, narrow, run, tmp_path):
    arguments = ("--format", "png", "--format=json", "--target", "1", "--target", "1", "-q", "-q")
    status, _, err = run("gradcam", "--model", "i3d", "--clip", clip, *arguments, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".json"]
