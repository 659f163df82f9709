"""Progress where there is no terminal."""

import pytest

from videxplain.cli import progress_lines
from videxplain.cli.progress_lines import Reporter, duration
from videxplain.cli.progress_lines import progress_lines as lines


def test_a_line_every_half_a_minute_with_an_estimate(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress_lines.time, "monotonic", lambda: now[0])
    reporter = Reporter("explanations of i3d")
    # 100 of 400 were done before; then one a second.
    for done in range(100, 171):
        reporter.report(done, 400)
        now[0] += 1
    assert capsys.readouterr().err.splitlines() == [
        "videxplain: progress: explanations of i3d: 130 of 400, about 4 min left",  # 270 s
        "videxplain: progress: explanations of i3d: 160 of 400, about 4 min left",
    ]


def test_nothing_is_said_of_short_jobs(capsys):
    with lines("weights") as report:
        report(1, 2)
        report(2, None)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("seconds", "said"), [(3.4, "3 s"), (89, "89 s"), (600, "10 min"), (9000, "2.5 h")])
def test_durations(seconds, said):
    assert duration(seconds) == said
