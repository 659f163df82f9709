"""The commands as a user runs them, on small networks."""

import json
import subprocess
import sys

import av
import numpy as np
import pytest
import torch

from tests.cli.conftest import FPS, FRAMES, SIZE
from videxplain.explanation.api import UNTRAINED_NOTE, explain
from videxplain.models import zoo
from videxplain.viz.timeline import strip_height


def decoded(path):
    with av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in opened.decode(stream)]
        return np.stack(frames), float(stream.average_rate), stream.codec_context.name


@pytest.mark.parametrize("model", ["late_fusion", "lrcn", "c3d", "i3d", "i3d_inception", "non_local"])
def test_every_model_explains_every_frame(model, clip, narrow, run, tmp_path):
    status, out, err = run("gradcam", "--model", model, "--clip", clip, "--out", tmp_path)
    stem = tmp_path / f"a clip-{model}-gradcam"
    files = [f"{stem}.{kind}" for kind in ("mp4", "png", "json")]
    assert (status, err) == (0, "")
    assert out.splitlines()[-3:] == files
    assert f"! {UNTRAINED_NOTE}" in out
    frames, fps, codec = decoded(files[0])
    assert (frames.shape, fps, codec) == ((FRAMES, SIZE[0] + strip_height(SIZE), SIZE[1], 3), FPS, "h264")
    numbers = json.loads((tmp_path / f"a clip-{model}-gradcam.json").read_text())
    expected = explain(zoo.load_model(model), clip)
    assert numbers["model"] == model
    assert numbers["layer"] == zoo.load_model(model).config.default_layer
    np.testing.assert_allclose(numbers["temporal"], expected.temporal, rtol=1e-3 if torch.cuda.is_available() else 1e-5)
    assert [entry["label"] for entry in numbers["predictions"]] == [label for label, _ in expected.predictions]
    assert numbers["notes"] == list(expected.notes)


@pytest.mark.parametrize("method", ["guided-backprop", "activations"])
def test_a_shorthand_is_explain_with_that_method(method, clip, narrow, run, tmp_path):
    common = ("--model", "c3d", "--clip", clip, "--format", "npz")
    assert run(method, *common, "--out", tmp_path / "short")[0] == 0
    assert run("explain", "--method", method, *common, "--out", tmp_path / "long")[0] == 0
    name = f"a clip-c3d-{method}.npz"
    short, long = (np.load(tmp_path / folder / name) for folder in ("short", "long"))
    rounding = 1e-3 * np.abs(long["maps"]).max() if torch.cuda.is_available() else 0
    np.testing.assert_allclose(short["maps"], long["maps"], rtol=0, atol=rounding)
    assert short["maps"].shape[0] == FRAMES
    assert np.ptp(short["maps"]) > 0


def test_the_overlay_without_time_line_has_the_size_of_the_input(clip, narrow, run, tmp_path):
    run("gradcam", "--model", "i3d", "--clip", clip, "--out", tmp_path, "--format", "mp4", "--no-timeline")
    assert decoded(tmp_path / "a clip-i3d-gradcam.mp4")[0].shape == (FRAMES, *SIZE, 3)


def test_frames_cut_the_clip(clip, narrow, run, tmp_path):
    run("gradcam", "--model", "i3d", "--clip", clip, "--out", tmp_path, "--format", "json", "--frames", "2:19")
    numbers = json.loads((tmp_path / "a clip-i3d-gradcam.json").read_text())
    assert numbers["frames"] == len(numbers["temporal"]) == 17


def test_target_against_layer_pooling_and_precision_arrive(clip, narrow, run, tmp_path):
    options = ("--target", "2", "--against", "4", "--layer", "layer3", "--pooling", "frame", "--precision", "bf16")
    run("gradcam", "--model", "i3d", "--clip", clip, "--out", tmp_path, "--format", "json", *options)
    numbers = json.loads((tmp_path / "a clip-i3d-gradcam-2-against-4.json").read_text())
    assert numbers["target"] == "class 2 rather than class 4"
    assert numbers["target_index"] is None
    assert (numbers["layer"], numbers["precision"]) == ("layer3", "bf16")
    assert numbers["options"] == {"pooling": "frame"}


def test_the_explained_class_is_marked_wherever_it_ranks(clip, narrow, run, tmp_path):
    last = explain(zoo.load_model("i3d"), clip).predictions[-1][0]
    index = last.removeprefix("class ")
    _, out, _ = run(
        "gradcam", "--model", "i3d", "--clip", clip, "--out", tmp_path, "--format", "json", "--target", index
    )
    (marked,) = (line for line in out.splitlines() if "<- explained" in line)
    assert marked.startswith(last)


def test_a_folder_of_images_gives_its_name(clip, narrow, run, tmp_path):
    folder = tmp_path / "shots"
    folder.mkdir()
    with av.open(str(clip)) as opened:
        for i, frame in enumerate(opened.decode(video=0)):
            frame.to_image().save(folder / f"{i}.png")
    status, out, _ = run("gradcam", "--model", "i3d", "--clip", folder, "--out", tmp_path, "--format", "json")
    assert status == 0
    assert out.splitlines()[-1] == str(tmp_path / "shots-i3d-gradcam.json")


def test_the_figure_is_written_as_png_and_pdf(clip, narrow, run, tmp_path):
    status, out, _ = run("figure", "--model", "i3d", "--clip", clip, "--out", tmp_path, "--frame", "5")
    png, pdf = (tmp_path / f"a clip-i3d-figure.{kind}" for kind in ("png", "pdf"))
    assert status == 0
    assert out.splitlines()[-2:] == [str(png), str(pdf)]
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")


def test_predict_prints_the_probabilities_of_the_explanation(clip, narrow, run):
    status, out, err = run("predict", "--model", "lrcn", "--clip", clip, "--top", "2")
    label, probability = explain(zoo.load_model("lrcn"), clip).predictions[0]
    rows = [line for line in out.splitlines() if line.startswith("class ") and "%" in line]
    assert (status, err, len(rows)) == (0, "", 2)
    assert rows[0].startswith(label)
    assert f"{100 * probability:.1f} %" in rows[0]


def test_every_output_says_that_a_short_clip_was_filled(clip, narrow, run, tmp_path):
    note = "the clip has 12 frames and the network sees 16: the last frame is repeated"
    short = ("--model", "i3d", "--clip", clip, "--frames", "0:12")
    status, out, _ = run("predict", *short)
    assert (status, out.count(note)) == (0, 1)
    assert out.count("%") == 5
    status, out, err = run("predict", *short, "--json")
    assert (status, err, json.loads(out)["notes"]) == (0, "", [UNTRAINED_NOTE, note])
    status, out, _ = run("gradcam", *short, "--format", "json,png", "--out", tmp_path)
    assert (status, out.count(note)) == (0, 1)
    (written,) = tmp_path.glob("*.json")
    summary = json.loads(written.read_text())
    assert note in summary["notes"]
    status, out, _ = run("figure", *short, "--format", "png", "--out", tmp_path)
    assert (status, out.count(note)) == (0, 1)
    status, out, _ = run("split", *short, "--format", "json", "--out", tmp_path)
    assert (status, out.count(note)) == (0, 1)


@pytest.mark.parametrize("command", ["models", "methods"])
def test_lists_name_everything(command, run):
    from videxplain import list_methods, list_models

    status, out, _ = run(command)
    assert status == 0
    assert {line.split()[0] for line in out.splitlines() if line.strip()} >= set(
        list_models() if command == "models" else list_methods()
    )


def test_version(run):
    from videxplain import __version__

    assert run("--version")[:2] == (0, f"videxplain {__version__}\n")


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['videxplain', '--help']\n"
        "from videxplain.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'torchvision', 'numpy', 'cv2', 'matplotlib', 'av') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "gradcam" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_damaged_file_is_said_in_one_line(narrow, run, tmp_path, write_video, numbered):
    damaged = write_video("damaged.avi", numbered(FRAMES, *SIZE), codec="mjpeg", pix_fmt="yuvj420p")
    data = damaged.read_bytes()
    damaged.write_bytes(data[: int(0.9 * len(data))])
    status, _, err = run("gradcam", "--model", "i3d", "--clip", damaged, "--out", tmp_path, "--format", "mp4,json")
    frames = json.loads((tmp_path / "damaged-i3d-gradcam.json").read_text())["frames"]
    assert status == 0
    assert 16 <= frames < FRAMES
    (line,) = err.splitlines()
    assert line.startswith("videxplain: warning: ")
    assert f"{FRAMES} frames" in line
    assert str(frames) in line
