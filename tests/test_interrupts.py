"""Worker processes that an interrupt does not reach."""

import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from videxplain.interrupts import uninterrupted


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
