"""A data set is cut into a fixed list of shards. A shard is explained whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from videxplain.errors import VidexplainError

T = TypeVar("T")
SHARD_VIDEOS = 16
"""A run that was stopped explains so many videos again at most. Each shard costs 0.03 seconds."""


@dataclass(frozen=True)
class Shard:
    """Neighbouring videos of the list.

    Attributes:
        number: Its place in the list of shards, from 0.
        start: The first video.
        stop: The video after the last.
    """

    number: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{self.number:05d}"


def cut(videos: int, size: int = SHARD_VIDEOS) -> list[Shard]:
    """Cut a list of videos into shards of ``size`` videos; the last one may be smaller.

    The shards depend on the two numbers only. So results do not depend on the workers or the machines.
    """
    if size < 1:
        raise VidexplainError(f"a shard holds at least 1 video, not {size}")
    return [Shard(number, at, min(at + size, videos)) for number, at in enumerate(range(0, videos, size))]


def share_of(shards: Sequence[T], part: str | None) -> list[T]:
    """The shards of one job in an array of jobs. Job i of n takes every n-th shard, beginning with the i-th.

    Args:
        shards: All shards.
        part: ``"3/8"`` is the third of eight jobs; None takes all shards.

    Raises:
        VidexplainError: ``part`` is something else.
    """
    if part is None:
        return list(shards)
    first, slash, jobs = part.partition("/")
    if not (slash and first.isdecimal() and jobs.isdecimal() and 1 <= int(first) <= int(jobs)):
        raise VidexplainError(f"--shard is the number of this job and of all jobs, such as 3/8, not '{part}'")
    return list(shards[int(first) - 1 :: int(jobs)])
