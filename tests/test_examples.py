"""The examples run, and what they make is what the API gives."""

import json
import re
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

import videxplain as vx
from videxplain.attribution.attention.links import blocks_of
from videxplain.data.transforms import to_model_input
from videxplain.data.video import VideoReader, count_frames, read_frames
from videxplain.models.weights.files import read_metadata

EXAMPLES = Path(__file__).parents[1] / "examples"
CLIPS = sorted((EXAMPLES / "clips").glob("*.mp4"))


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run an example in this process, which spares it the seconds of importing torch, and give what it prints."""

    def call(script: str, *arguments: object) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", [script, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / script), run_name="__main__")
        return capsys.readouterr().out

    return call


def test_there_is_a_clip_for_the_first_line_of_the_readme():
    assert EXAMPLES / "clips" / "waving.mp4" in CLIPS


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_clips_are_small_and_decode(clip):
    reader = VideoReader(clip)
    assert reader.fps == 25
    assert reader.size == (240, 320)
    assert count_frames(clip) == reader.declared_frames >= 48
    assert clip.stat().st_size < 300_000


def test_explain_clip(run, tmp_path):
    printed = run("explain_clip.py", "--model", "i3d", "--out", "made")
    expected = vx.explain(vx.load_model("i3d"), EXAMPLES / "clips" / "waving.mp4")
    label, probability = expected.predictions[0]
    assert f"{100 * probability:5.1f} %  {label}" in printed
    assert f"frame {expected.temporal.argmax()} of {expected.num_frames} contributes most" in printed
    assert label == "Wave"
    assert "not on real video" in printed
    with np.load(tmp_path / "made" / "waving-i3d.npz") as numbers:
        np.testing.assert_allclose(numbers["temporal"], expected.temporal, rtol=1e-4, atol=1e-7)
    assert count_frames(tmp_path / "made" / "waving-i3d.mp4") == expected.num_frames
    assert (tmp_path / "made" / "waving-i3d.png").read_bytes().startswith(b"\x89PNG")


def test_own_function(run):
    printed = run("own_function.py")
    t, y, x = (int(number) for number in re.search(r"frame (\d+), row (\d+), column (\d+)", printed).groups())
    assert 14 <= t <= 25
    assert y < 24
    assert x >= 32
    assert "95 % intervals: the highest value is" in printed


def test_compare_methods(run, tmp_path):
    printed = run("compare_methods.py", "--methods", "gradcam", "cam", "--out", "made/methods.png")
    # This network ends in an average and a linear layer, where the two are the same but for a factor.
    assert printed == "gradcam, cam: rank correlation 1.00\n"
    picture = cv2.imread(str(tmp_path / "made" / "methods.png"))
    assert picture.shape[1] == 2000
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10_000


def put_run(folder, model, top1):
    """What training and evaluating leave behind, of a tiny network."""
    network = vx.load_model(model, weights="none", width=4, size=32, labels=("Fall", "Rise"), **TINY.get(model, {}))
    network.config = network.config.replace(weights="made up")
    (folder / "logs").mkdir(parents=True)
    vx.save_model(network, folder / f"{model}.safetensors")
    recipe = {"init": "none", "batch_size": 4, "lr": 0.5, "gamma": 0.9, "seed": 3, "options": {"size": [24, 32]}}
    (folder / "recipe.yaml").write_text(json.dumps(recipe))  # JSON is YAML
    (folder / "logs/metrics.csv").write_text("epoch,seconds,val_acc\n0,60,0.25\n1,120,0.75\n2,120,0.5\n")
    metrics = {"videos": 8, "split": 1, "top1": top1, "top5": 1.0, "per_class": {"Fall": 0.0, "Rise": 1.0}}
    metrics |= {"temporal": {"shuffled": 0.5}, "order_pairs": {"Fall/Rise": 0.375}}
    scores = {"energy": 0.125, "pointing": 0.25, "maximum_within_tolerance": 0.375, "active": 0.5}
    rows = [{"map": name, **scores} for name in ("gradcam", "random")]
    measured = folder / "evaluation/actionfigures-test-280"
    measured.mkdir(parents=True)
    (measured / "metrics.json").write_text(json.dumps(metrics))
    (measured / "evidence.json").write_text(json.dumps({"videos": 4, "mask": 0.016, "maps": rows}))
    (measured / "confusion.png").write_bytes(f"picture of {model}".encode())
    whole = measured.with_name(f"actionfigures-test-{1 if model in TINY else 5}x1")
    whole.mkdir()
    (whole / "metrics.json").write_text(json.dumps({"videos": 1234, "top1": top1 / 2}))


TINY = {"late_fusion": {"depth": 18}, "lrcn": {"depth": 18}}


def test_publish_networks(run, tmp_path):
    models = ("late_fusion", "lrcn", "c3d", "i3d", "non_local")
    for place, model in enumerate(models):
        put_run(tmp_path / f"runs/{model}-actionfigures", model, 0.5 + place / 16)
    (tmp_path / "out").mkdir()
    before = {"input": "48x32", "begins": "random weights", "epochs": 7, "batch_size": 4, "lr": 0.5, "gamma": 0.9}
    before |= {"sparsity": 1.0, "minutes": 9, "validation": 0.5, "where": "a GPU", "measured": None}
    (tmp_path / "out/trainings.json").write_text(json.dumps({"i3d-fine": before, "i3d": before}))
    printed = run("publish_networks.py", "runs", "out")
    assert printed.startswith("late_fusion: 50.0 % of test videos")
    for place, model in enumerate(models):
        assert (tmp_path / f"out/confusion-{model}.png").read_bytes() == f"picture of {model}".encode()
        config, metrics = read_metadata(tmp_path / f"out/{model}.safetensors")
        assert config.weights == "made up"
        assert (metrics["test"], metrics["validation"], metrics["epochs"]) == (0.5 + place / 16, 0.75, 3)
        assert metrics["order_pairs"] == {"Fall/Rise": 0.375}
    card = (tmp_path / "out/README.md").read_text()
    assert "accuracy on all test videos are 1.2, 1.3, 1.3, 1.4, 1.4 points.\n" in card
    for row in (
        "| **top-1, %** | **50.0** | **56.2** | **62.5** | **68.8** | **75.0** |",
        "| top-1 on all 1,234 test videos, % | 25.0 | 28.1 | 31.2 | 34.4 | 37.5 |",
        "| Fall/Rise, % | 37.5 | 37.5 | 37.5 | 37.5 | 37.5 |",
        "| Rise | 100.0 | 100.0 | 100.0 | 100.0 | 100.0 |",
        "| Grad-CAM of `c3d` | 12.5 | 25.0 | 37.5 | 50.0 |",
        "| random values | 12.5 | 25.0 | 37.5 | 50.0 |",
        "| `i3d` | 32x24 | random weights | 3 | 4 | 0.5 | 0.9 | 0 | two cores | 5 | 75.0 |",
        "| `i3d-fine` | 48x32 | random weights | 7 | 4 | 0.5 | 0.9 | 1 | a GPU | 9 | 50.0 |",
        "| `c3d` | 8 | 62.5 | 12.5 | 25.0 | 37.5 | 50.0 |",
    ):
        assert row in card.splitlines(), row
    kept = json.loads((tmp_path / "out/trainings.json").read_text())
    assert list(kept) == ["late_fusion", "lrcn", "c3d", "i3d-fine", "i3d", "non_local"]
    assert kept["i3d-fine"] == before
    assert (kept["i3d"]["epochs"], kept["i3d"]["measured"]["videos"]) == (3, 8)


def test_own_model(run):
    video, bright, dark, contrast, gradient = run("own_model.py").splitlines()
    lines = (video, bright, dark)
    places = [[int(word) for word in line.replace(",", "").split() if word.isdecimal()] for line in lines]
    (f, r, c), (t, y, x), (u, v, w) = places
    assert 40 <= f < 45 and 20 <= r < 40 and 80 <= c < 104  # noqa: PT018
    assert 4 <= t < 9 and 10 <= y < 20 and 40 <= x < 52  # noqa: PT018  (one place)
    assert 9 <= u < 14 and 30 <= v < 40 and 8 <= w < 20  # noqa: PT018
    assert contrast.endswith("True")
    # Two kernels of three frames: the squares at 4 to 8 and one frame more for each.
    assert gradient.endswith("frames 2 to 10")


@pytest.mark.long
def test_notebook():
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(EXAMPLES / "notebook.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "committed with outputs"
    NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(EXAMPLES)}}).execute()
    outputs = {cell.source.splitlines()[-1]: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}

    def shown(line: str, kind: str = "text/plain") -> str:
        (result,) = [o for o in outputs[line] if o.output_type == "execute_result"]
        return result["data"][kind]

    player = shown("explanation", "text/html")
    assert "<iframe" in player
    assert "data:video/mp4;base64," in player
    (best, probability), *_ = eval(shown("explanation.predictions[:3]"))
    assert best == "Wave"
    assert probability > 0.5
    t, y, x = eval(shown("where  # frame, row, column: inside the square"))
    assert 6 <= t < 10 and 12 <= y < 20 and 40 <= x < 52  # noqa: PT018
    assert shown("vx.four_panel_figure(model, clip, frame=frame)", "image/png")


def test_the_clips_are_what_their_script_draws():
    script = runpy.run_path(str(EXAMPLES / "make_clips.py"))
    assert sorted(script["CLIPS"]) == [clip.stem for clip in CLIPS]
    for clip in CLIPS:
        drawn, kept = script["draw"](clip.stem), read_frames(clip)[0]
        assert kept.shape == drawn.shape
        assert np.abs(kept.astype(np.float32) - drawn).mean() < 4


def test_window_ends(run):
    clip = EXAMPLES / "clips" / "waving.mp4"
    first, blended, padded = run(
        "window_ends.py", "--model", "i3d", "--clip", clip, "--methods", "gradcam"
    ).splitlines()
    model = vx.load_model("i3d")
    config = model.config
    frame = vx.read_clip(clip).frames[:1]
    still = to_model_input(frame.repeat(config.num_frames, 0), size=config.size, mean=config.mean, std=config.std)
    held = vx.attribute(model, torch.from_numpy(still)[None])[0].clamp(min=0).sum((1, 2))
    expected = (held / held.mean()).tolist() if held.any() else held.tolist()
    name, numbers = first.split(": ")
    assert name == "gradcam, one window"
    assert [float(number) for number in numbers.split()] == pytest.approx(expected, abs=0.006)
    assert blended.startswith("  a long clip, blended: first frame ")
    assert padded.startswith(f"  a long clip, pad_frames={config.num_frames // 2}: first frame ")


def test_the_attention_of_points():
    """Uniform attention holds of everything what its area is."""
    measure = runpy.run_path(str(EXAMPLES / "attention_of_points.py"))["measure"]
    model = vx.load_model("non_local", "none", width=4, size=(32, 32), num_classes=5, num_frames=8)
    block = blocks_of(model)[-1]
    nn.init.zeros_(model.get_submodule(block).theta.weight)
    nn.init.zeros_(model.get_submodule(block).theta.bias)
    people = torch.zeros(8, 32, 32)
    people[:, :, :16] = 1
    found = measure(model, block, torch.randn(1, 3, 8, 32, 32), people)
    assert found["points"] == 9  # of three columns the first
    assert found["strongest"] == pytest.approx(max(1, round(0.05 * found["places"])) / found["places"])
    assert [found[name] for name in ("people", "from people", "area")] == pytest.approx([0.5] * 3)
    assert found["similarity"] == pytest.approx(1)


def test_the_page_of_a_benchmark(run, tmp_path):
    folder = EXAMPLES.parent / "docs" / "benchmark"
    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- results of benchmark -->\nstale figures\n<!-- end of benchmark -->\nAfter\n")
    assert run("benchmark_page.py", folder, page).strip() == str(page)
    text = page.read_text()
    assert text.startswith("Before\n<!-- results of benchmark -->\n\nClips: ")
    assert text.endswith("\n\n<!-- end of benchmark -->\nAfter\n")
    assert "stale figures" not in text
    content = json.loads((folder / "benchmark.json").read_text())
    leaders = next(one for one in content["verdicts"] if (one["model"], one["measure"]) == ("all", "deletion"))[
        "leaders"
    ]
    (line,) = [line for line in text.splitlines() if "| deletion ↓ |" in line]
    assert sum(f"`{name}`" in line for name in leaders) == min(4, len(leaders))
    # The page in docs is what the results say.
    published = (folder.parent / "benchmark.md").read_text()
    assert text.removeprefix("Before\n").removesuffix("\nAfter\n") in published
    page.write_text("nothing")
    with pytest.raises(vx.VidexplainError, match="has no lines '<!-- results of benchmark -->'"):
        run("benchmark_page.py", folder, page)
