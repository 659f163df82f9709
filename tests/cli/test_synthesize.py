"""The command that renders ActionFigures."""

import numpy as np

from videxplain.actionfigures import read_evidence
from videxplain.data.video import VideoReader


def test_a_dataset_is_rendered_and_kept(run, tmp_path):
    out = tmp_path / "figures"
    command = ("synthesize", "--out", out, "--videos", 15, "--size", "64x48", "--frames", 8, "--workers", 1)
    assert run(*command) == (0, f"ActionFigures: 15 videos, 15 of them made now\n{out}\n", "")
    assert run(*command) == (0, f"ActionFigures: 15 videos, 0 of them made now\n{out}\n", "")
    reader = VideoReader(out / "UCF-101/Walk/v_Walk_g02_c01.avi")
    assert (reader.size, reader.fps, reader.count()) == ((48, 64), 25.0, 8)
    limbs = read_evidence(reader.path).limbs
    assert limbs.shape == (8, 48, 64)
    assert np.count_nonzero(limbs) > 100


def test_bad_input_is_one_line(run, tmp_path):
    for arguments, message in (
        (("--size", "64"), "--size is WxH in pixels, such as 160x120, not '64'"),
        (("--videos", 3), "there are 14 classes, so at least as many videos are needed, not 3"),
        (("--lead", 2), "lead is a share from 0 to 0.7, not 2"),
    ):
        status, said, problem = run("synthesize", "--out", tmp_path / "figures", *arguments)
        assert (status, said, problem) == (2, "", f"videxplain: error: {message}\n")
        assert not (tmp_path / "figures").exists()
