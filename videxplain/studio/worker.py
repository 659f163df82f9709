"""The process that owns the networks and the device. It takes one question after the other from the queue."""

import os
import threading
import time
import warnings

from videxplain.errors import VidexplainError
from videxplain.studio.question import Question
from videxplain.studio.settings import Studio
from videxplain.studio.store import Store
from videxplain.studio.work import Work

_IDLE_SECONDS = 0.02
"""Between two looks at an empty queue: short, because a person waits for the first predictions."""


class CancelledError(Exception):
    """Nobody waits for the question any more."""


def run_worker(studio: Studio, parent: int) -> None:
    """Answer questions until the server has gone.

    Args:
        studio: The studio.
        parent: The process number of the server.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    warnings.simplefilter("ignore")
    store, work = Store(studio), Work(studio)
    while True:
        job = store.jobs.take()
        if job is None:
            time.sleep(_IDLE_SECONDS)
            continue

        def tell(stage: str, done: int, total: int | None, partial: bool, key: str = job.key) -> None:
            if not store.jobs.report(key, stage, done, total, partial):
                raise CancelledError

        try:
            work.answer(Question.of_record(job.question), tell)
        except CancelledError:
            store.jobs.finish(job.key, state="cancelled")
        except VidexplainError as error:
            store.jobs.finish(job.key, " ".join(str(error).split()))
        except MemoryError:
            store.jobs.finish(job.key, "there is not enough memory for this question: choose fewer frames")
        except Exception as error:  # a fault of ours, which must not end the studio
            memory = "out of memory" in str(error).lower()
            words = "the device has not enough memory" if memory else f"something went wrong ({type(error).__name__})"
            store.jobs.finish(job.key, f"{words}; choose fewer frames or another method")
        else:
            store.jobs.finish(job.key)


def _end_with(parent: int) -> None:
    """End this process when the server has ended, however it ended."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)
