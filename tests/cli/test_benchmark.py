"""videxplain benchmark, on the network that comes with the package."""

import csv
import json

import cv2
import pytest

from videxplain.actionfigures import LABELS
from videxplain.benchmark.run import BASELINES


@pytest.mark.long
def test_the_command(tmp_path, run):
    options = ("--models", "late_fusion", "--videos", "1", "--out", tmp_path)
    status, out, err = run("benchmark", "--methods", "saliency", *options)
    assert status == 0
    assert all(line.startswith("videxplain: progress: explanations of") for line in err.splitlines())
    table, files = out.splitlines()[:-5], out.splitlines()[-5:]
    assert max(map(len, table)) <= 80
    assert table[0].split()[:3] == ["deletion", "insertion", "ROAD"]
    assert table[1].split()[:3] == ["↓", "↑", "↑"]
    names = [line.split("  ")[0] for line in table[2:-2]]
    assert names == [*(f"({name.replace('frame differences', 'differences')})" for name in BASELINES), "saliency"]
    assert table[-2].startswith("Means. Names in brackets are maps without a network")
    assert table[-1] == "Bold: paired tests say that it does, and do not tell it from the best method."
    assert [line.split("/")[-1] for line in files] == [
        *("benchmark.csv", "pairs.csv", "benchmark.json", "benchmark.md", "benchmark-late_fusion.jpg"),
    ]
    with (tmp_path / "benchmark.csv").open() as file:
        found = list(csv.DictReader(file))
    assert len(found) == len(BASELINES) + 1
    assert {one["video"].split("/")[0] for one in found} <= set(LABELS)
    content = json.loads((tmp_path / "benchmark.json").read_text())
    evidence = next(line for line in content["results"] if line["method"] == "the evidence")
    assert evidence["means"]["energy"]["value"] == pytest.approx(1)
    text = (tmp_path / "benchmark.md").read_text()
    assert "## late_fusion" in text
    assert "trained on ActionFigures" in text
    picture = cv2.imread(str(tmp_path / "benchmark-late_fusion.jpg"))
    assert picture.shape[1] == 800
    assert picture.std() > 30
    assert "](benchmark-late_fusion.jpg)" in text

    for one in (tmp_path / "maps").glob("*.npy"):
        one.unlink()
    (tmp_path / "benchmark-late_fusion.jpg").unlink()
    run("benchmark", "--methods", "saliency", *options)
    assert "benchmark-late_fusion.jpg" not in (tmp_path / "benchmark.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--methods", "nothing"), "unknown method 'nothing'"),
        (("--models", "i3d="), "--models takes NAME or NAME=WEIGHTS, not 'i3d='"),
        (("--models", "i4d"), "unknown model 'i4d'; did you mean i3d"),
        (("--models", ","), "a list of names is empty"),
        (("--models", "i3d=a.safetensors,c3d,i3d=b.safetensors"), "--models has 'i3d' twice"),
        (("--boxes", "pyannot.pkl"), "--boxes needs --data"),
    ],
)
def test_wrong_names_are_said_before_anything_is_done(options, message, run, tmp_path):
    status, _, err = run("benchmark", *options, "--out", tmp_path / "out")
    assert status == 2
    assert message in err
    assert not (tmp_path / "out").exists()
