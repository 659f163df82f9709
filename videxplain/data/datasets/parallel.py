"""The same work on many videos, in several processes."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

import cv2

from videxplain.errors import VidexplainError
from videxplain.interrupts import begin_worker, uninterrupted

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Generator[tuple[int, Result], None, None]:
    """Results with the positions of their tasks, in the order in which they are ready.

    Closing the generator cancels the tasks that have not begun.

    Args:
        work: A function of a module, which other processes can import.
        tasks: What it is called with.
        workers: How many processes; one means this process.
    """
    try:
        if workers <= 1 or len(tasks) <= 1:
            yield from enumerate(map(work, tasks))
            return
        # New interpreters: a fork would copy the locks of OpenCV's threads, but not the threads.
        pool = ProcessPoolExecutor(min(workers, len(tasks)), get_context("spawn"), _begin)
        try:
            with uninterrupted():
                positions = {pool.submit(work, task): position for position, task in enumerate(tasks)}
            for future in as_completed(positions):
                yield positions[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)
    except BrokenProcessPool:
        raise VidexplainError("a worker process was ended from outside; memory may have run out") from None
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise VidexplainError(f"cannot read or write{where}: {error.strerror or error}") from None


def _begin() -> None:
    # As many processes as cores: threads of their own would only get in each other's way.
    cv2.setNumThreads(1)
    begin_worker()
