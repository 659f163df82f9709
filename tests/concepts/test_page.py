"""The scripts behind docs/concepts.md: its figure, its table, and its folders of clips."""

import re
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.concepts.networks import Small
from videxplain.actionfigures import Difficulty, render_clip, synthesize
from videxplain.concepts.api import find_concepts
from videxplain.concepts.report.build import build_report
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


def test_concepts_page(call, marked, tmp_path):
    synthesize(tmp_path / "figures", videos=14, seed=5, num_frames=12, size=(64, 80))
    model = Small(frames=4).eval()
    found = find_concepts(
        model, tmp_path / "figures", tmp_path / "out", layer="relu1", subset="all", concepts=3, places=900, designs=0
    )
    with pytest.raises(VidexplainError, match=r"concept-0-clip-0\.jpg is not there: videxplain concepts writes it"):
        call("concepts_page.py", tmp_path / "out", tmp_path / "picture.png")
    build_report(found, clips=1)
    head, line, *rows = call("concepts_page.py", tmp_path / "out", tmp_path / "picture.png").splitlines()
    assert head.startswith("| concept | share of all activity | strongest for | follows |")
    assert line.count("---") == 7
    assert len(rows) == 3
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
    picture = cv2.imread(str(tmp_path / "picture.png"))
    assert picture.shape[1] == 850
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 1000
    other = find_concepts(
        model, marked[1], tmp_path / "plain", layer="relu1", limit=2, concepts=2, designs=0, subset="all"
    )
    with pytest.raises(VidexplainError, match="knows no regions: its data set is not ActionFigures"):
        call("concepts_page.py", other.folder, tmp_path / "other.png")


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
