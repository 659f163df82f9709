"""Worker processes: which interrupts reach them, and when they end."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

import pytest

from videxplain import owner
from videxplain.interrupts import uninterrupted, workers_ended

STARTS_A_WORKER = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from videxplain.interrupts import begin_worker
pool = ProcessPoolExecutor(1, get_context("spawn"), begin_worker)
print(pool.submit(os.getpid).result(), flush=True)
time.sleep(600)
"""


def blocked(_: int) -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_processes_started_inside_get_no_interrupt_and_this_one_gets_it_afterwards():
    # A shell starts what runs in the background with interrupts ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupted_inside()
    finally:
        signal.signal(signal.SIGINT, before)


def interrupted_inside() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        with uninterrupted():
            assert pool.submit(blocked, 0).result()
        assert not blocked(0)
    reached = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached


def test_workers_are_ended_at_once_when_the_block_raises():
    pool = ProcessPoolExecutor(1, get_context("spawn"))

    def work() -> None:
        with workers_ended():
            futures.append(pool.submit(time.sleep, 600))
            raise KeyError

    futures = []
    with pytest.raises(KeyError):
        work()
    with pytest.raises(BrokenProcessPool):
        futures[0].result(timeout=300)
    pool.shutdown()


def test_workers_stay_when_the_block_ends_without_an_error():
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        with workers_ended():
            assert pool.submit(abs, -1).result() == 1
        assert pool.submit(abs, -2).result() == 2


def test_a_worker_ends_when_its_parent_was_killed():
    parent = subprocess.Popen([sys.executable, "-c", STARTS_A_WORKER], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    born = owner.life(worker)
    assert born is not None
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 120
    while owner.is_alive(worker, born) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not owner.is_alive(worker, born)


def test_an_interrupted_program_does_not_wait_for_what_is_left_in_libraries():
    """What libraries registered for the end of the process still runs, and their threads are not waited for."""
    script = """
import atexit, os, signal, sys, threading, time
from videxplain import cli
class Held:  # as an object of a library whose destructor waits for a thread that Python has stopped
    def __del__(self): time.sleep(900)
sys.modules["held"] = Held()
import videxplain.cli.app as app
def run():
    atexit.register(print, "the library's own end")
    signal.raise_signal(signal.SIGINT)
app.run = run
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "the library's own end\n", "videxplain: interrupted\n")
