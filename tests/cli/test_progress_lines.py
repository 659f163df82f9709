"""Progress where there is no terminal."""

import pytest
import torch

from videxplain.cli.output import progress_lines
from videxplain.cli.output.console import be_quiet, end_quiet
from videxplain.cli.output.estimate import Estimate, cost_with, estimated
from videxplain.cli.output.progress_lines import Reporter, duration
from videxplain.cli.output.progress_lines import progress_lines as lines


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


def test_quiet_says_nothing_of_progress(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress_lines.time, "monotonic", lambda: now[0])
    reporter, estimate = Reporter("audit of i3d"), Estimate("rise", "1 forward pass", 1, lambda: now[0])
    be_quiet()
    try:
        for done in range(3):
            reporter.report(done, 400)
            estimate.passed(1)
            now[0] += 31
        assert capsys.readouterr().err == ""
    finally:
        end_quiet()
    reporter.report(3, 400)
    assert "audit of i3d: 3 of 400" in capsys.readouterr().err


def test_nothing_is_said_of_short_jobs(capsys):
    with lines("weights") as report:
        report(1, 2)
        report(2, None)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("seconds", "said"), [(3.4, "3 s"), (89, "89 s"), (600, "10 min"), (9000, "2.5 h")])
def test_durations(seconds, said):
    assert duration(seconds) == said


def test_a_long_explanation_says_its_passes_and_an_estimate_after_the_first_window(capsys):
    now = [0.0]
    estimate = Estimate("rise", "1 forward pass, and 500 (samples)", 4, lambda: now[0])
    estimate.passed(100)
    assert capsys.readouterr().err == ""
    now[0] = 12.0
    estimate.passed(50)
    estimate.passed(350)
    told = "rise: 1 forward pass, and 500 (samples), for each of 4 windows; 150 passes so far, in 12 s"
    assert capsys.readouterr().err == f"videxplain: progress: {told}\n"
    now[0] = 60.0
    estimate.window_done(1, 4)
    estimate.window_done(2, 4)
    assert capsys.readouterr().err == "videxplain: progress: rise: ~2,000 passes, about 4 min in all\n"


@pytest.mark.parametrize(
    ("cost", "values", "words"),
    [
        ("1 forward pass, and 500 (samples)", {"samples": 40, "seed": 1}, "1 forward pass, and 40 (samples)"),
        ("1 forward pass, and 500 (samples)", {}, "1 forward pass, and 500 (samples)"),
        ("3 x 100 (areas x steps)", {"steps": 4}, "by default 3 x 100 (areas x steps)"),
    ],
)
def test_the_cost_is_that_of_the_options(cost, values, words):
    assert cost_with(cost, values) == words


def test_a_short_explanation_says_nothing_and_the_passes_are_those_made(capsys):
    network = torch.nn.Identity()
    estimate, done = Estimate("rise", "", 2), []
    with estimated(network, estimate, lambda *step: done.append(step)) as progress:
        network(torch.zeros(3, 1))
        network(torch.zeros(5, 1))
        progress(1, 2)
    network(torch.zeros(1, 1))
    assert (estimate.passes, done) == (8, [(1, 2)])
    assert capsys.readouterr().err == ""
