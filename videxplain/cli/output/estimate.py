"""Estimates how long an explanation takes, and prints this on standard error if it takes long."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from videxplain.cli.output.console import tell_progress
from videxplain.cli.output.progress_lines import duration
from videxplain.progress import Progress

if TYPE_CHECKING:
    from torch import nn

FIRST_SECONDS, LONG_SECONDS = 10.0, 60.0


def cost_with(cost: str, values: Mapping[str, Any]) -> str:
    """A method's cost in words, with the chosen options instead of the defaults.

    Args:
        cost: The cost as the method declares it, such as ``"1000 (samples) forward passes"``.
        values: The options that were given.
    """
    for name, value in values.items():
        known = re.sub(rf"\d+ \({name}\)", f"{value} ({name})", cost)
        if known == cost and re.search(rf"\b{name}\b", cost):
            return f"by default {cost}"
        cost = known
    return cost


class Estimate:
    """Counts the clips that go through a network. It prints the cost of a slow window once, and one estimate."""

    def __init__(self, what: str, cost: str, windows: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is said yet.

        Args:
            what: The name of the method.
            cost: Its passes for one window, in words.
            windows: Number of windows of the clip.
            clock: Returns the time in seconds.
        """
        self.what, self.cost, self.windows, self._clock = what, cost, windows, clock
        self.passes, self._began, self._told = 0, clock(), False

    def passed(self, clips: int) -> None:
        """Count clips that go through the network. If the first window is slow, print how many passes it takes."""
        self.passes += clips
        seconds = self._clock() - self._began
        if not self._told and seconds > FIRST_SECONDS:
            self._told = True
            windows = "1 window" if self.windows == 1 else f"each of {self.windows:,} windows"
            passes = "1 pass" if self.passes == 1 else f"{self.passes:,} passes"
            tell_progress(f"{self.what}: {self.cost}, for {windows}; {passes} so far, in {duration(seconds)}")

    def window_done(self, done: int, total: int | None) -> None:
        """After the first of several windows, print how long all of them will take."""
        if done != 1 or total is None or total == 1:
            return
        seconds = (self._clock() - self._began) * total
        if seconds > LONG_SECONDS:
            self._told = True
            tell_progress(f"{self.what}: ~{self.passes * total:,} passes, about {duration(seconds)} in all")


@contextmanager
def estimated(network: "nn.Module", estimate: Estimate, progress: Progress) -> Iterator[Progress]:
    """Count the passes of ``network``, and yield a ``progress`` that reports windows to ``estimate`` too."""

    def count(_: "nn.Module", inputs: tuple[Any, ...]) -> None:
        estimate.passed(len(inputs[0]) if inputs else 1)

    def tell(done: int, total: int | None) -> None:
        progress(done, total)
        estimate.window_done(done, total)

    handle = network.register_forward_pre_hook(count)
    try:
        yield tell
    finally:
        handle.remove()
