"""Where the shards of a run are worked on: in this process, in several, or on a Ray cluster."""

import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from videxplain.errors import VidexplainError
from videxplain.interrupts import begin_worker, uninterrupted, workers_ended

Task = TypeVar("Task")
Result = TypeVar("Result")
_RETRIES = 3
_PATIENCE = 10
"""Seconds to wait for a cluster to answer."""


class Engine(Protocol):
    """Runs one function over many tasks."""

    def run(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        """Each task with its result, in the order in which they are done."""
        ...


class Here:
    """One task after the other in this process."""

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Each task with its result, in order."""
        for task in tasks:
            yield task, function(task)


class Processes:
    """Tasks in several processes of this machine. Each process loads the network once."""

    def __init__(self, workers: int) -> None:
        """``workers`` is the number of processes."""
        if workers < 1:
            raise VidexplainError(f"--workers is a number of processes, at least 1, not {workers}")
        self._workers = workers

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Each task with its result, in the order in which they are done."""
        from concurrent.futures import ProcessPoolExecutor, as_completed
        from concurrent.futures.process import BrokenProcessPool
        from multiprocessing import get_context

        # A forked process would inherit locks of torch's threads, perhaps closed.
        pool = ProcessPoolExecutor(self._workers, get_context("spawn"), _begin, (self._workers,))
        try:
            with workers_ended():
                with uninterrupted():
                    running = {pool.submit(function, task): task for task in tasks}
                for done in as_completed(running):
                    yield running[done], done.result()
        except BrokenProcessPool:
            raise VidexplainError(
                "a worker process died, perhaps because memory ran out; finished shards are kept: run the command again"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class RayCluster:
    """Tasks on a Ray cluster. Tasks of a node that is lost run again on another node."""

    def __init__(self, address: str) -> None:
        """``address`` is the address of a cluster, or ``"auto"`` for a cluster of this machine, started if needed."""
        self._address = address

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Each task with its result, in the order in which they are done."""
        with _connected(self._address) as ray:
            gpus = ray.cluster_resources().get("GPU", 0)
            options = {"num_cpus": 1, "num_gpus": 1 if gpus else 0, "max_retries": _RETRIES, "retry_exceptions": False}
            remote = ray.remote(function).options(**options)
            running = {remote.remote(task): task for task in tasks}
            while running:
                (done,), _ = ray.wait(list(running), num_returns=1)
                task = running.pop(done)
                try:
                    result = ray.get(done)
                except ray.exceptions.RayTaskError as error:
                    raise error.as_instanceof_cause() from None
                except ray.exceptions.RayError as error:
                    raise VidexplainError(f"Ray gave up on a shard: {' '.join(str(error).split())[:200]}") from None
                yield task, result


def choose_engine(workers: int, address: str | None) -> Engine:
    """The engine for ``--workers`` and ``--ray``."""
    if address is not None:
        return RayCluster(address)
    return Here() if workers == 1 else Processes(workers)


def _begin(workers: int) -> None:
    """Set up a worker process. Workers share the cores, so each gets its part of the threads."""
    import os

    import torch

    begin_worker()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))


def _refuse_silence(address: str) -> None:
    """Raise if nothing listens at the address of a cluster. Ray itself would wait for minutes."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if address == "auto":
        return
    if not colon or not port.isdecimal():
        raise VidexplainError(f"--ray is auto or the address of a cluster, such as 10.0.0.5:6379, not '{address}'")
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError):
        raise VidexplainError(f"no Ray cluster answers at {address}") from None


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    try:
        import ray
    except ImportError:
        raise VidexplainError("--ray needs Ray: pip install 'videxplain[ray]'") from None
    ours = not ray.is_initialized()
    if ours:
        _refuse_silence(address)
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
        except ConnectionError:
            if address != "auto":
                raise VidexplainError(f"no Ray cluster answers at {address}") from None
            ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=False, include_dashboard=False)
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()
