"""What reaches the terminal: one line for what is wrong, no control characters, any encoding, and the end at Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from errno import EACCES, ENOSPC
from pathlib import Path

import pytest

from videxplain.cli.output.console import clean, print_predictions
from videxplain.models import zoo


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("walking the dog", "walking the dog"),
        ("a\nb\tc\r\nd", "a b c  d"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("safe\u202egpj.exe", "safe\\u202egpj.exe"),
        ("naïve 日本 \u200d", "naïve 日本 \u200d"),
        ("\udcff", "\\udcff"),
        ("line\u2028line", "line\\u2028line"),
    ],
)
def test_clean(text, shown):
    assert clean(text) == shown


@pytest.fixture
def hostile(tmp_path):
    """Weights whose labels and words hold control characters."""
    network = zoo.load_model("c3d", "none", width=2, size=32, num_classes=3)
    labels = tuple(f"\x1b[31mred{i}\nnext" for i in range(3))
    network.config = network.config.replace(labels=labels, weights="\x1b]0;title\x07trained")
    zoo.save_model(network, tmp_path / "w\x1b[1m.safetensors")
    return tmp_path / "w\x1b[1m.safetensors"


@pytest.mark.parametrize("command", [("predict",), ("gradcam", "--format", "json"), ("gradcam", "--target", "nobody")])
def test_labels_and_names_send_nothing_to_the_terminal(command, hostile, clip, run, tmp_path):
    out = () if command == ("predict",) else ("--out", tmp_path / "out\x1b[5m")
    status, said, problem = run(*command, "--model", "c3d", "--clip", clip, "--weights", hostile, *out)
    assert status == (2 if "nobody" in command else 0)
    assert "red" in said + problem
    assert not [one for one in said + problem if ord(one) < 32 and one != "\n"]
    if status == 2:
        assert problem.count("\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_any_encoding(encoding, clip):
    ran = subprocess.run(
        [sys.executable, "-m", "videxplain", "predict", "--model", "i3d", "--clip", clip],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    said = ran.stdout.decode(encoding)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ("█" if encoding == "utf-8" else "#") in said


def test_quiet_prints_only_the_files(clip, narrow, run, tmp_path):
    status, out, err = run("gradcam", "--model", "i3d", "--clip", clip, "--out", tmp_path, "--format", "json", "-q")
    assert (status, out, err) == (0, f"{tmp_path / 'a clip-i3d-gradcam.json'}\n", "")
    assert "probability" in run("predict", "--model", "i3d", "--clip", clip)[1]  # and the next one speaks again


def test_predictions_as_json(clip, narrow, run):
    status, out, _ = run("predict", "--model", "i3d", "--clip", clip, "--json")
    numbers = json.loads(out)
    assert status == 0
    assert (numbers["model"], numbers["frames"], numbers["clip"]) == ("i3d", 20, str(clip))
    assert len(numbers["predictions"]) == 6
    assert sum(one["probability"] for one in numbers["predictions"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("-", "no such file: -; video is not read from standard input, name a file"),
        ("https://example.org/a.mp4", "https://example.org/a.mp4 is an address: download the video and name the file"),
        ("S3://bucket/a.mp4", "S3://bucket/a.mp4 is an address: download the video and name the file"),
    ],
)
def test_what_is_no_path_is_told_what_to_do(given, message, run, tmp_path):
    status, out, err = run("gradcam", "--model", "i3d", "--clip", given, "--out", tmp_path / "out")
    assert (status, out) == (2, "")
    assert err.startswith(f"videxplain: error: {message}")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("frames", ["0:10^24", f"0:{10**21}", f"{10**21}:", "²:", "-1:5", "0:" + "9" * 5000])
def test_numbers_beyond_all_sense_are_one_line(frames, clip, run, tmp_path):
    status, out, err = run("gradcam", "--model", "i3d", "--clip", clip, "--frames", frames, "--out", tmp_path / "out")
    assert (status, out) == (2, "")
    assert err.startswith("videxplain: error: --frames is START:STOP with whole numbers, such as 40:120 or 40:, not '")
    assert err.count("\n") == 1


SAYS_WHEN_IT_BEGINS = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "videxplain.cli.app":
            print("begun", flush=True)
sys.meta_path.insert(0, Finder())
from videxplain.cli import main
main()
"""
"""The program, and a line when an interrupt reaches it. Before that one would end Python while it starts."""


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("command", ["rise", "synthesize"])
def test_an_interrupt_at_any_moment_is_one_line(command, seconds, clip, tmp_path):
    arguments = {
        # Both would take minutes, so that none has ended when the interrupt comes.
        "rise": ("--model", "i3d", "--clip", clip, "--samples", "100000", "--out", tmp_path / "out"),
        "synthesize": ("--videos", "2000", "--workers", "2", "--out", tmp_path / "out"),
    }
    started = subprocess.Popen(
        [sys.executable, "-c", SAYS_WHEN_IT_BEGINS, command, *map(str, arguments[command])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stdout.readline() == "begun\n"
    time.sleep(seconds)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does, to the workers too
    _, problem = started.communicate(timeout=300)
    assert (started.returncode, problem) == (130, "videxplain: interrupted\n")


def test_an_interrupt_that_an_import_swallows_comes_again(tmp_path):
    (tmp_path / "greedy.py").write_text(
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\nexcept BaseException:\n    pass\n"
    )
    code = (
        "import sys, time, types\n"
        "from videxplain.cli import main\n"
        "def run():\n    import greedy\n    print('went on', flush=True)\n    time.sleep(900)\n"
        "sys.modules['videxplain.cli.app'] = types.SimpleNamespace(run=run)\n"
        "main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=environment)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "went on\n", "videxplain: interrupted\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that Linux has")
def test_standard_output_on_a_full_disk_is_one_line():
    program = Path(sys.executable).parent / "videxplain"
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([program, "models"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (ran.returncode, ran.stderr) == (2, "videxplain: error: No space left on device\n")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(ENOSPC, "No space left on device", "/out/a.bin"), "/out/a.bin: No space left on device"),
        (OSError("the file\nsystem is gone"), "the file system is gone"),
        (PermissionError(EACCES, "Permission denied", b"/out/\xff"), r"/out/\udcff: Permission denied"),
    ],
    ids=["full", "no number", "bytes"],
)
def test_what_the_system_refuses_a_library_is_one_line(error, message, clip, run, monkeypatch):
    def refused(*_, **__):
        raise error

    monkeypatch.setattr(zoo, "load_model", refused)
    status, out, err = run("predict", "--model", "i3d", "--clip", clip)
    assert (status, out, err) == (2, "", f"videxplain: error: {message}\n")


def test_what_is_explained_is_said_if_it_is_no_class(capsys):
    print_predictions([("Wave", 0.9), ("Kick", 0.1)], "clip", "Wave rather than Kick")
    assert "explained: Wave rather than Kick\n" in capsys.readouterr().out
    print_predictions([("Wave", 0.9), ("Kick", 0.1)], "clip", "Kick")
    said = capsys.readouterr().out
    assert "<- explained" in said
    assert "explained: " not in said


@pytest.mark.parametrize("words", [(), ("predict",), ("serve",), ("audit", "report"), ("gradcam",)], ids=" ".join)
def test_a_flag_looks_like_one_that_takes_no_value(words, run):
    status, out, _ = run(*words, "--help")
    assert status == 0
    assert "--help" in out
    assert "<bool>" not in out


def test_a_value_of_a_regression_is_no_share(capsys):
    print_predictions([("speed", 3.25)], "clip", kind="value")
    said = capsys.readouterr().out
    assert "3.25" in said
    assert "value" in said
    assert "%" not in said
