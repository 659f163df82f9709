"""The scripts behind docs/concepts.md: its figure, its table, and its folders of clips."""

import re
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest

import videxplain as vx
from tests.concepts.networks import Small
from videxplain.actionfigures import Difficulty, render_clip, synthesize
from videxplain.data.video import read_frames
from videxplain.errors import VidexplainError

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def call(monkeypatch, capsys):
    """Run an example in this process, and give what it prints."""

    def run(script: str, *arguments: object) -> str:
        monkeypatch.setattr("sys.argv", [script, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / script), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture
def quick(monkeypatch):
    """A small network under a bundled name, and small videos, so that the whole page takes seconds."""
    # The zoo last: what is imported from it meanwhile would keep the small network.
    for place in ("videxplain", "videxplain.models.zoo"):
        monkeypatch.setattr(f"{place}.load_model", lambda *_, **__: Small(frames=4).eval())
    monkeypatch.setattr(
        "videxplain.actionfigures.synthesize",
        lambda out, videos, seed: synthesize(out, videos=videos, seed=seed, num_frames=12, size=(64, 80)),
    )


def test_concepts_page(call, quick, tmp_path):
    counts = ["--videos", 14, "--concepts", 3, "--examples", 4, "--others", 8]
    layers = ["--layer", "relu1", "--earlier-layer", "conv1", "--classes", "Kick", "Wave"]
    printed = call(
        "concepts_page.py", "--out", tmp_path / "out", "--picture", tmp_path / "picture.png", *counts, *layers
    )
    first, head, line, *lines = [one for one in printed.splitlines() if one]
    assert re.fullmatch("i3d, relu1, weights SHA-256 [0-9a-f]{12}", first)
    assert head.startswith("| concept | share of all activity | strongest for | follows |")
    assert line.count("---") == 7
    found = vx.Concepts.load(tmp_path / "out" / "concepts")
    rows, lines = lines[:3], lines[3:]
    for number, row in enumerate(rows):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        own = found.matches[found.matches["concept"] == number].dropna(subset="excess").sort_values("excess").iloc[-1]
        concept = found.concepts.iloc[number]
        assert cells[0] == str(number)
        assert cells[1] == f"{100 * concept['weight']:.0f} %"
        assert cells[2] == f"{concept['leading']}, {100 * concept['leading_share']:.0f} %"
        # All clips have one group, so there are no intervals, and no concept follows anything for sure.
        assert cells[3] == f"nothing (nearest: {own['region']})"
        numbers = [float(number) for number in re.findall(r"-?\d\.\d\d", " ".join(cells[4:]).replace("−", "-"))]
        expected = own[["correlation", "by_place", "excess"]]
        np.testing.assert_allclose(numbers, expected.astype(float), atol=0.0051)
    videos = found.videos
    right, kept = (videos["prediction"] == videos[other] for other in ("truth", "prediction_reconstructed"))
    assert lines[:5] == [
        f"14 videos, {100 * right.mean():.0f} % of them recognised",
        f"the concepts explain {100 * found.explained:.0f} % of the squared activations",
        f"{100 * kept.mean():.0f} % of the predictions stay the same when the activations are rebuilt",
        "concepts that follow a region: 0 limbs, 0 bodies, 0 background",
        "the interval of the limbs is above that of the bodies: concepts []",
    ]
    for layer in ("relu1", "conv1"):
        tests = lines[lines.index(layer) + 3 :][:4]
        named = [("raised-arms", "Kick"), ("raised-arms", "Wave"), ("moving-camera", "Kick"), ("moving-camera", "Wave")]
        assert [tuple(cell.strip() for cell in row.split("|")[1:3]) for row in tests] == named
    own = vx.tcav(
        Small(frames=4).eval(),
        tmp_path / "out" / "clips" / "raised-arms",
        tmp_path / "out" / "clips" / "others",
        layer="conv1",
        target="Kick",
        data=tmp_path / "out" / "videos",
        subset="all",
    )
    assert f"| {own[0].score:.2f} | {own[0].random:.2f} |" in tests[0]
    picture = cv2.imread(str(tmp_path / "picture.png"))
    assert picture.shape[1] == 850
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 1000
    with pytest.raises(VidexplainError, match="no network 'c3dd' comes with the package"):
        call("concepts_page.py", "--out", tmp_path / "out", "--picture", tmp_path / "p.png", "--model", "c3dd")


def test_concept_clips(call, tmp_path):
    printed = call("concept_clips.py", "--out", tmp_path, "--examples", 2, "--others", 3)
    assert printed.splitlines() == [str(tmp_path / name) for name in ("raised-arms", "moving-camera", "others")]
    names = {folder.name: sorted(path.name for path in folder.iterdir()) for folder in tmp_path.iterdir()}
    assert names == {
        "raised-arms": ["Wave-00.avi", "Wave-01.avi"],
        "moving-camera": ["Run-01.avi", "Walk-00.avi"],
        "others": ["Jump-02.avi", "Run-01.avi", "Walk-00.avi"],
    }
    expected = render_clip("Wave", seed=2001, difficulty=Difficulty(camera=0)).frames
    written, fps = read_frames(tmp_path / "raised-arms" / "Wave-01.avi")
    assert fps == 25
    assert np.abs(written.astype(float) - expected).mean() < 6
    other = render_clip("Wave", seed=2000, difficulty=Difficulty(camera=0)).frames
    assert np.abs(written.astype(float) - other).mean() > 20
