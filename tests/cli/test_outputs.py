"""The files of a command: nothing is lost without being said."""

import json
import os
import shutil
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest

from videxplain import Explanation
from videxplain.claim import claimed
from videxplain.cli.output.result_files import result_paths

GRADCAM = ("gradcam", "--model", "i3d", "--format", "json")


@pytest.fixture
def explained(clip, narrow, run, tmp_path):
    """A folder with the numbers of one explanation, and a function that makes another into it."""

    def again(*arguments, command=GRADCAM, of=clip):
        return run(*command, "--clip", of, "--out", tmp_path / "out", *arguments)

    assert again()[0] == 0
    return tmp_path / "out", again


def test_the_same_question_may_take_its_own_files(explained):
    out, again = explained
    before = (out / "a clip-i3d-gradcam.json").read_bytes()
    assert again()[0] == 0
    assert (out / "a clip-i3d-gradcam.json").read_bytes() == before
    assert again("--format", "mp4,png,json,pdf,svg")[0] == 0
    for kinds in ("mp4", "png", "pdf", "svg"):  # each says by itself what it was made of
        (out / "a clip-i3d-gradcam.json").unlink(missing_ok=True)
        assert again("--format", kinds)[0] == 0


@pytest.mark.parametrize(
    "arguments", [("--layer", "layer3"), ("--frames", "0:17"), ("--stride", "3"), ("--pooling", "frame")], ids=str
)
def test_another_question_is_refused_unless_told(arguments, explained):
    out, again = explained
    path = out / "a clip-i3d-gradcam.json"
    before = path.read_bytes()
    words = "exists and was made with other arguments: add --overwrite, or choose another --out"
    assert again(*arguments) == (2, "", f"videxplain: error: {path} {words}\n")
    assert again(*arguments, "--format", "png")[0] == 2  # a picture among the numbers of something else
    assert [one.read_bytes() for one in out.iterdir()] == [before]
    assert again(*arguments, "--overwrite")[0] == 0
    assert path.read_bytes() != before


def test_two_jobs_do_not_mix_their_files(explained):
    out, again = explained
    held, release = threading.Event(), threading.Event()

    def other_job():
        with claimed(out, "a clip-i3d-gradcam"):
            held.set()
            release.wait(500)

    job = threading.Thread(target=other_job)
    job.start()
    held.wait(500)
    words = f"videxplain: error: {out / 'a clip-i3d-gradcam'} is in use by another thread of this process"
    try:
        assert again("--layer", "layer3", "--overwrite")[2].startswith(words)
        assert again("--target", "1")[0] == 0  # files of other names
    finally:
        release.set()
        job.join()
    assert sorted(path.name for path in out.iterdir()) == ["a clip-i3d-gradcam-1.json", "a clip-i3d-gradcam.json"]


def test_the_rate_of_images_is_said_or_a_note_says_that_it_is_not_known(narrow, run, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(16):
        cv2.imwrite(str(folder / f"{i}.png"), np.full((48, 64, 3), 10 * i, np.uint8))
    command = (*GRADCAM, "--clip", folder, "--out", tmp_path / "out")
    assert run(*command, "--fps", "4")[0] == 0
    found = json.loads((tmp_path / "out" / "images-i3d-gradcam.json").read_text())
    note = "The frame rate is not known: seconds are those of 25 frames/s. Say it with fps."
    assert (found["fps"], found["rate_known"], found["seconds"][:3], note in found["notes"]) == (
        4,
        True,
        [0, 0.25, 0.5],
        False,
    )
    assert run(*command, "--overwrite")[0] == 0
    found = json.loads((tmp_path / "out" / "images-i3d-gradcam.json").read_text())
    assert (found["fps"], found["rate_known"], note in found["notes"]) == (25, False, True)
    assert not Explanation.load(tmp_path / "out" / "images-i3d-gradcam.json").source.rate_known


def test_a_file_that_says_its_rate_takes_no_other(explained, clip):
    words = f"videxplain: error: {clip} says its frame rate itself (12.5 frames/s): leave fps out"
    for command in (
        GRADCAM,
        ("figure", "--model", "i3d"),
        ("split", "--model", "i3d"),
        ("compare", "--model", "i3d", "--targets", "0,1"),
    ):
        assert explained[1]("--fps", "5", command=command) == (2, "", words + "\n")


def test_a_target_is_part_of_the_name(explained):
    out, again = explained
    for target in (("--target", "0"), ("--target", "1"), ("--target", "1", "--against", "2")):
        assert again(*target)[0] == 0
    names = {"", "-0", "-1", "-1-against-2"}
    assert {path.name for path in out.iterdir()} == {f"a clip-i3d-gradcam{name}.json" for name in names}
    assert json.loads((out / "a clip-i3d-gradcam-1-against-2.json").read_text())["contrast"] == [1, 2]


def test_clips_of_one_name_from_two_folders(explained, clip, tmp_path):
    _, again = explained
    (tmp_path / "tuesday").mkdir()
    other = shutil.copy(clip, tmp_path / "tuesday")
    status, _, err = again(of=other)
    assert (status, err.count("made with other arguments")) == (2, 1)


@pytest.mark.parametrize("command", [("figure", "--model", "i3d", "--format", "png"), ("split", "--model", "i3d")])
def test_other_results_are_kept_too(command, explained):
    out, again = explained
    command = (*command, "--format", "png")
    assert again(command=command)[0] == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert again(command=command)[0] == 0
    status, _, err = again("--layer", "layer3", command=command)
    assert (status, err.count("made with other arguments")) == (2, 1)
    assert before.keys() == set(out.iterdir())


def test_a_file_that_says_nothing_is_kept(clip, narrow, run, tmp_path):
    (tmp_path / "a clip-i3d-gradcam.json").write_text("notes")
    status, _, err = run(*GRADCAM, "--clip", clip, "--out", tmp_path)
    assert (status, err.count("exists and does not say how it was made: add --overwrite")) == (2, 1)
    assert (tmp_path / "a clip-i3d-gradcam.json").read_text() == "notes"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({}, "video-i3d-gradcam.mp4"),
        ({"weights": "bundled"}, "video-i3d-gradcam.mp4"),
        ({"weights": "runs/my weights.safetensors"}, "video-i3d-my-weights-gradcam.mp4"),
        ({"weights": "kinetics400", "target": "riding/a bike"}, "video-i3d-kinetics400-gradcam-riding-a-bike.mp4"),
        ({"weights": "none"}, "video-i3d-none-gradcam.mp4"),
    ],
)
def test_names(arguments, name, tmp_path):
    (path,) = result_paths(tmp_path, tmp_path / "video.avi", "i3d", "gradcam", ["mp4"], **arguments)
    assert path == tmp_path / name


def test_a_long_name_is_shortened_to_what_a_file_system_takes(tmp_path):
    (path,) = result_paths(tmp_path, tmp_path / f"{'ü' * 120}.avi", "i3d", "gradcam", ["mp4"])
    assert 150 < len(path.name.encode()) < 200
    assert path.name.endswith("ü-i3d-gradcam.mp4")
    path.touch()


def test_a_name_that_is_not_ascii_is_written_where_file_names_are(clip, tmp_path):
    """LANG=C: the bytes of the name stay, whatever the characters are called there."""
    named = tmp_path / "ü名.mp4"
    shutil.copy(clip, named)
    line = [sys.executable, "-m", "videxplain", "gradcam", "--model", "i3d", "--clip", os.fsencode(named)]
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [*line, "--format", "json,png", "--out", tmp_path / "out"], env={**os.environ, **plain}, capture_output=True
    )
    said = [line for line in ran.stderr.splitlines() if not line.startswith(b"videxplain: progress")]
    assert (ran.returncode, said) == (0, [])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ü名-i3d-gradcam.json", "ü名-i3d-gradcam.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are not bytes here")
def test_a_name_that_is_not_utf8_is_explained_and_saved_in_every_format(clip, narrow, run, tmp_path):
    folder, given = tmp_path / "out", os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe9.mp4")
    shutil.copy(clip, given)
    kinds = "json,npz,png,pdf,svg,gif,mp4,tex,bib,html"
    status, _, err = run(*GRADCAM[:-2], "--format", kinds, "--clip", given, "--out", folder)
    said = [line for line in err.splitlines() if not line.startswith("videxplain: progress")]
    assert (status, said) == (0, [])
    written = {path.suffix[1:]: path for path in folder.iterdir()}
    assert set(written) == set(kinds.split(","))
