"""The example of a program that talks to a studio."""

import runpy
from pathlib import Path

import videxplain as vx

CLIENT = Path(__file__).parents[2] / "examples" / "studio_client.py"


def test_the_client_prints_what_explain_finds(served, clip, monkeypatch, capsys):
    arguments = ["studio_client.py", str(clip), "--address", served.address, "--model", "late_fusion"]
    monkeypatch.setattr("sys.argv", arguments)
    runpy.run_path(str(CLIENT), run_name="__main__")
    printed = capsys.readouterr().out
    own = vx.explain(vx.load_model("late_fusion"), clip)
    label, share = own.predictions[0]
    assert f"{label}: {100 * share:.1f} %" in printed
    assert f"strongest in frame {own.temporal.argmax()}" in printed
