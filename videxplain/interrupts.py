"""Worker processes that a Ctrl-C in the terminal does not reach, and that end with the process that started them."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children, parent_process, resource_tracker


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Processes that are started inside never get an interrupt, not even while they import their modules.

    A terminal sends Ctrl-C to all processes, and each would print a traceback of its own. An interrupt of this process
    waits until the block ends.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # whoever starts it lets interrupts through again afterwards
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def workers_ended() -> Iterator[None]:
    """Worker processes that are started inside are ended at once when the block raises, an interrupt included.

    Python waits for the workers of a pool before it ends, and the task of one may take minutes.
    """
    before = set(active_children())
    try:
        yield
    except BaseException:
        for process in set(active_children()) - before:
            process.terminate()
        raise


def begin_worker() -> None:
    """Called by a worker process when it begins: it ignores interrupts, and ends when its parent is gone.

    The parent is interrupted and then ends its workers. Without this a worker whose parent was killed would wait for
    ever, or go on writing what a second start writes too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
