"""A data set in a fixed list of shards, each of which is explained whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from videxplain.errors import VidexplainError

T = TypeVar("T")
SHARD_VIDEOS = 64


@dataclass(frozen=True)
class Shard:
    """A stretch of the list of videos.

    Attributes:
        number: Its place in the list of shards, from 0.
        start: The first video.
        stop: The one behind the last.
    """

    number: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """What its files are called after."""
        return f"{self.number:05d}"


def cut(videos: int, size: int = SHARD_VIDEOS) -> list[Shard]:
    """The shards of so many videos, each of ``size`` videos and the last of what is left.

    The list depends on nothing else. So results do not depend on how many workers there are, or on which machine.
    """
    if size < 1:
        raise VidexplainError(f"a shard holds at least 1 video, not {size}")
    return [Shard(number, at, min(at + size, videos)) for number, at in enumerate(range(0, videos, size))]


def share_of(shards: Sequence[T], part: str | None) -> list[T]:
    """The shards of one job in an array of jobs: ``"3/8"`` is the third of eight; None is all of them.

    Job i of n takes every n-th shard, beginning with the i-th.
    """
    if part is None:
        return list(shards)
    first, slash, jobs = part.partition("/")
    if not (slash and first.isdecimal() and jobs.isdecimal() and 1 <= int(first) <= int(jobs)):
        raise VidexplainError(f"--shard is the number of this job and of all jobs, such as 3/8, not '{part}'")
    return list(shards[int(first) - 1 :: int(jobs)])
