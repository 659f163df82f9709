"""The worker process. It owns the networks and the device, and answers one question of the queue after the other."""

import os
import threading
import time
import warnings

from videxplain.device import find_device
from videxplain.errors import VidexplainError
from videxplain.studio.process_limits import limit_process
from videxplain.studio.questions.question import Question
from videxplain.studio.settings import Studio
from videxplain.studio.storage.store import Store
from videxplain.studio.worker.work import Work

_IDLE_SECONDS = 0.02
"""The time between two looks at an empty queue. It is short, because a person waits for the first predictions."""

_TELL_SECONDS = 0.1
_NO_MEMORY = "there is not enough memory for this question; choose fewer frames or another method"
_SAID_OF_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "insufficient memory")


class CancelledError(Exception):
    """The question was cancelled."""


def run_worker(studio: Studio, parent: int) -> None:
    """Answer questions until the server has gone.

    Args:
        studio: The studio.
        parent: The process number of the server.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    warnings.simplefilter("ignore")
    if find_device(studio.device).type == "cpu":
        # Not with a GPU, because its driver reserves far more addresses than memory.
        limit_process(data=studio.limits.worker_memory, core=0)
    store, work = Store(studio), Work(studio)
    told = _Told()
    while True:
        job = store.jobs.take()
        if job is None:
            time.sleep(_IDLE_SECONDS)
            continue

        def tell(stage: str, done: int, total: int | None, partial: bool, key: str = job.key) -> None:
            if not told.is_due((key, stage, total), partial or done == total):
                return
            if not store.jobs.report(key, stage, done, total, partial):
                raise CancelledError

        try:
            work.answer(Question.of_record(job.question), tell)
        except CancelledError:
            store.jobs.finish(job.key, state="cancelled")
        except VidexplainError as error:
            store.jobs.finish(job.key, " ".join(str(error).split()))
        except MemoryError:
            store.jobs.finish(job.key, _NO_MEMORY)
        except Exception as error:  # a bug must not end the studio
            memory = any(words in str(error).lower() for words in _SAID_OF_MEMORY)
            wrong = f"something went wrong ({type(error).__name__}); choose fewer frames or another method"
            store.jobs.finish(job.key, _NO_MEMORY if memory else wrong)
        else:
            store.jobs.finish(job.key)


class _Told:
    """When progress was last reported. A small network is faster than anybody looks, so not every window is."""

    def __init__(self) -> None:
        self._last: tuple[str, str, int | None] = ("", "", None)
        self._when = 0.0

    def is_due(self, what: tuple[str, str, int | None], important: bool) -> bool:
        """Whether to report progress in ``what``: the job, its stage, and the number of its steps."""
        now = time.monotonic()
        if not important and self._last == what and now - self._when < _TELL_SECONDS:
            return False
        self._last, self._when = what, now
        return True


def _end_with(parent: int) -> None:
    """End this process when the server has ended, also if it was killed."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)
