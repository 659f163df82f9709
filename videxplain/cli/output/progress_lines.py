"""Progress of long jobs: lines instead of a bar if the output goes to a file."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from videxplain.cli.output.console import progress_bar, tell_progress
from videxplain.progress import Progress

EVERY_SECONDS = 30.0


@contextmanager
def progress_lines(what: str) -> Iterator[Progress]:
    """A bar on a terminal; otherwise a line on standard error every half a minute, with counts and an estimate.

    The estimate uses the speed since the first report. So work that a resumed job finds done does not count.
    """
    if sys.stderr.isatty():
        with progress_bar(what) as bar:
            yield bar
        return
    reporter = Reporter(what)
    yield reporter.report


class Reporter:
    """Prints the progress of a job, at most every ``EVERY_SECONDS``."""

    def __init__(self, what: str) -> None:
        """``what`` names the job."""
        self.what = what
        self.said = self.began = time.monotonic()
        self.before: int | None = None

    def report(self, done: int, total: int | None) -> None:
        """Print a line, unless the last one was printed less than ``EVERY_SECONDS`` ago."""
        now = time.monotonic()
        if self.before is None:
            self.before, self.began = done, now
        if now - self.said < EVERY_SECONDS:
            return
        self.said = now
        of = "" if total is None else f" of {total:,}"
        left = ""
        if total is not None and done > self.before:
            left = f", about {duration((now - self.began) / (done - self.before) * (total - done))} left"
        tell_progress(f"{self.what}: {done:,}{of}{left}")


def duration(seconds: float) -> str:
    """``"40 s"``, ``"12 min"`` or ``"3.5 h"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
