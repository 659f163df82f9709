"""Commands that need the extra ``audit`` say so in one line, before any work is done."""

import shutil
import sys

import pytest


@pytest.mark.parametrize(
    ("command", "module", "package"),
    [
        ("audit", "pyarrow", "pyarrow"),
        ("audit", "vl_convert", "vl-convert-python"),
        ("concepts", "zarr", "zarr"),
        ("concepts", "sklearn", "scikit-learn"),
        ("tcav", "sklearn", "scikit-learn"),
    ],
)
def test_a_missing_package_is_named_with_the_extra(command, module, package, run, clip, narrow, tmp_path, monkeypatch):
    data, out = tmp_path / "videos", tmp_path / "out"
    data.mkdir()
    shutil.copy(clip, data / "clip.mp4")
    monkeypatch.setitem(sys.modules, module, None)
    asked = ("--data", data, "--subset", "all")
    if command == "tcav":
        asked = ("--clips", data, "--concept", data, "--against", data, "--target", "0", "--layer", "layer2")
    status, printed, problem = run(command, "--model", "i3d", "--weights", "none", *asked, "--out", out)
    assert (status, printed) == (2, "")
    assert problem == f"videxplain: error: {command} needs {package}: pip install 'videxplain[audit]'\n"
    assert not out.exists()
