"""The command that gets datasets ready."""

import json
import re

import cv2
import numpy as np
import pytest

from tests.data.trees import hmdb51_tree, ucf101_tree
from videxplain.actionfigures import LABELS, synthesize
from videxplain.data.datasets.open import available_splits, open_dataset
from videxplain.data.datasets.prepared import DatasetIndex


def test_all_splits_of_ucf101_are_prepared_and_kept(run, tmp_path):
    data, out = ucf101_tree(tmp_path / "data"), tmp_path / "new/frames"
    command = ("prepare", "--data", data, "--out", out, "--height", 12, "--workers", 1)
    said = f"data, 2 classes: {{}} extracted, {{}} there already, 0 skipped; 96 frames in all\n{out}\n"
    assert run(*command) == (0, said.format(24, 0), "")
    assert run(*command) == (0, said.format(0, 24), "")
    for split in (1, 2, 3):
        assert len(open_dataset(out, split=split).train) == 16
    assert cv2.imread(str(out / "Kick/v_Kick_g00_c01/000003.jpg")).shape == (12, 16, 3)


def test_preparing_one_split_keeps_the_others(run, tmp_path):
    data, out = ucf101_tree(tmp_path / "data"), tmp_path / "frames"
    command = ("prepare", "--data", data, "--out", out, "--workers", 1)
    assert run(*command, "--split", 2)[0] == 0
    assert list(DatasetIndex.read(out).splits) == [2]
    assert run(*command)[0] == 0
    whole = DatasetIndex.read(out)
    assert sorted(whole.splits) == [1, 2, 3]
    assert run(*command, "--split", 2)[0] == 0
    again = DatasetIndex.read(out)
    for split in (1, 2, 3):
        one, two = open_dataset(out, split=split), open_dataset(data, split=split)
        assert sorted(path.path.name for path in one.test) == sorted(path.path.stem for path in two.test)
    assert len(again.videos) == len(whole.videos)


def test_an_index_that_is_damaged_is_written_again(run, tmp_path):
    data, out = ucf101_tree(tmp_path / "data", groups=3), tmp_path / "frames"
    command = ("prepare", "--data", data, "--out", out, "--workers", 1)
    assert run(*command)[0] == 0
    (out / "index.json").write_text("{")
    status, said, error = run(*command)
    assert (status, error) == (0, "")
    assert "0 extracted, 12 there already" in said
    assert sorted(DatasetIndex.read(out).splits) == [1, 2, 3]


@pytest.mark.parametrize(("kind", "layout"), [("auto", "actionfigures"), ("ucf101", "ucf101")])
def test_rendered_clips_keep_their_name(run, tmp_path, kind, layout):
    data, out = tmp_path / "data", tmp_path / "frames"
    synthesize(data, videos=2 * len(LABELS), num_frames=2, size=(32, 32))
    status, said, error = run("prepare", "--data", data, "--out", out, "--kind", kind, "--workers", 1)
    assert (status, error) == (0, "")
    assert said.startswith("actionfigures, 14 classes: 28 extracted, ")
    assert (open_dataset(out).name, open_dataset(out).layout) == ("actionfigures", layout)
    # Of two groups the third split holds out none.
    assert tuple(DatasetIndex.read(out).splits) == available_splits(open_dataset(data)) == (1, 2)
    # Frames may take the place of the videos in a recipe that calls these UCF101, as they are laid out.
    assert open_dataset(out, kind="ucf101").layout == "ucf101"


def test_one_split_of_hmdb51_is_prepared(run, tmp_path):
    data, out = hmdb51_tree(tmp_path / "data"), tmp_path / "frames"
    status, said, _ = run("prepare", "--data", data, "--out", out, "--split", 3, "--workers", 1)
    raw = open_dataset(data, split=3)
    count = len(raw.train) + len(raw.test)
    assert status == 0
    assert said.startswith(f"data, 2 classes: {count} extracted, 0 there already, 0 skipped; {2 * count} frames")
    assert len(open_dataset(out, split=3).train) == len(raw.train)


def test_bad_videos_are_named_and_counted(run, tmp_path):
    data, out = ucf101_tree(tmp_path / "data"), tmp_path / "frames"
    (data / "UCF-101/Kick/v_Kick_g00_c01.avi").unlink()
    (data / "UCF-101/Kick/v_Kick_g01_c01.avi").write_bytes(b"not a video")
    command = ("prepare", "--data", data, "--out", out, "--workers", 1)
    status, said, error = run(*command, "--strict")
    assert (status, said) == (2, "")
    assert re.fullmatch(r"videxplain: error: 1 video is missing, such as .*v_Kick_g00_c01\.avi\n", error)
    assert not out.exists()
    status, said, error = run(*command)
    assert status == 0
    assert "22 extracted, 0 there already, 2 skipped; 88 frames" in said
    assert error.splitlines() == [
        f"videxplain: skipped: {data}/UCF-101/Kick/v_Kick_g00_c01.avi: no such file",
        f"videxplain: skipped: {data}/UCF-101/Kick/v_Kick_g01_c01.avi is not a video that can be decoded",
    ]


def test_a_summary_has_figures_and_numbers(run, tmp_path):
    data, out = hmdb51_tree(tmp_path / "data"), tmp_path / "summary"
    (data / "wave/film_wave_f_nm_np1_fr_bad_1.avi").write_bytes(b"")
    status, said, error = run("prepare", "--data", data, "--out", out, "--summary", "--workers", 1)
    files = [out / name for name in ("samples.png", "classes.png", "lengths.png", "formats.png", "summary.json")]
    assert status == 0
    assert said.splitlines() == ["data: 9 videos, 2 classes, 1 skipped", *map(str, files)]
    assert error == f"videxplain: skipped: {data}/wave/film_wave_f_nm_np1_fr_bad_1.avi is empty\n"
    assert sorted(out.iterdir()) == sorted(files)
    numbers = json.loads(files[-1].read_text())
    assert (numbers["videos"], numbers["frames"]["total"]) == (9, 18)
    assert numbers["clips_per_class"]["wave"] == {"train": 0, "test": 1, "unused": 2}
    for path in files[:-1]:
        picture = cv2.imread(str(path))
        assert picture.shape[1] == 2400
        assert len(np.unique(picture)) > 20
        # The note in its red box: what is not counted must be seen.
        assert (np.abs(picture.astype(int) - [0xEA, 0xEC, 0xFD]).max(-1) < 3).mean() > 0.01


WRONG = {
    "no such folder": (("--data", "{folder}/nowhere"), "no such folder: .*nowhere"),
    "split 4": (("--split", "4"), "a dataset has splits 1, 2 and 3, not 4"),
    "split 0": (("--split", "0"), "a dataset has splits 1, 2 and 3, not 0"),
    "kind": (("--kind", "ucf"), r"unknown kind of dataset 'ucf'; did you mean ucf101\?"),
    "other kind": (("--kind", "hmdb51"), ".* is not laid out as HMDB51: .*"),
    "height": (("--height", "0"), "Invalid value for '--height': .*"),
    "same folder": (("--out", "{folder}/data"), "the frames of .*data need a folder of their own"),
    "a file": (("--out", "{folder}/file"), "cannot write to .*file: File exists"),
}


@pytest.mark.parametrize("summary", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_line(run, tmp_path, name, summary):
    options, message = WRONG[name]
    if summary and name == "same folder":
        pytest.skip("a summary may lie beside the videos")
    data = ucf101_tree(tmp_path / "data", groups=3, clips=1, frames=1)
    (tmp_path / "file").touch()
    given = [str(option).format(folder=tmp_path) for option in options]
    for option, value in (("--data", data), ("--out", tmp_path / "out")):
        if option not in given:
            given += [option, str(value)]
    status, said, error = run("prepare", *given, *(["--summary"] if summary else []))
    assert (status, said) == (2, "")
    assert re.fullmatch(f"videxplain: error: {message}\n", error)
    assert not (tmp_path / "out").exists()
