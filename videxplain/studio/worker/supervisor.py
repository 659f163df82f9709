"""The background work of the server: it reads new clips, keeps the worker alive, and clears the cache."""

import multiprocessing
import os
import threading
import time
from contextlib import suppress
from multiprocessing.process import BaseProcess

from videxplain.errors import VidexplainError
from videxplain.studio.intake.read_in_child import read_in_child
from videxplain.studio.settings import Studio
from videxplain.studio.storage.store import Store, clear_old
from videxplain.studio.worker.process import run_worker

_LOOK_SECONDS = 0.2
_CANCEL_SECONDS = 3.0
_CLEAR_SECONDS = 600.0


class Supervisor:
    """Owns the threads and the worker process beside the server."""

    def __init__(self, studio: Studio, store: Store) -> None:
        """Nothing runs yet."""
        self._studio, self._store = studio, store
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._watch, self._read)]
        self.worker: BaseProcess | None = None

    def start(self) -> None:
        """Queue interrupted jobs again, and start the worker and the threads."""
        self._store.jobs.requeue(worker_died=False)
        self._start_worker()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the worker and the threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self._end_worker()

    def _start_worker(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.worker = context.Process(target=run_worker, args=(self._studio, os.getpid()), daemon=True)
        self.worker.start()

    def _end_worker(self) -> None:
        if self.worker is not None:
            self.worker.kill()
            self.worker.join(timeout=10)

    def _watch(self) -> None:
        """Start the worker again if it has died, and end it if a job does not stop."""
        cleared = 0.0
        while not self._stop.wait(_LOOK_SECONDS):
            with suppress(VidexplainError):  # the database was busy for too long: look again
                cleared = self._look(cleared)

    def _look(self, cleared: float) -> float:
        """Look once. Takes and returns the time at which the cache was last cleared."""
        if self.worker is None or not self.worker.is_alive():
            self._store.jobs.requeue(worker_died=True)
            self._start_worker()
        job = self._store.jobs.overdue(_CANCEL_SECONDS, self._studio.limits.job_seconds)
        if job is not None:
            self._end_worker()
            if job.state == "cancelling":
                self._store.jobs.finish(job.key, state="cancelled")
            else:
                minutes = self._studio.limits.job_seconds / 60
                self._store.jobs.finish(job.key, f"this took longer than {minutes:g} minutes, so it was ended")
            self._store.jobs.requeue(worker_died=False)
            self._start_worker()
        if time.monotonic() - cleared > _CLEAR_SECONDS:
            clear_old(self._store, self._studio)
            return time.monotonic()
        return cleared

    def _read(self) -> None:
        """Read one new clip after the other."""
        while not self._stop.is_set():
            with suppress(VidexplainError):  # the database was busy for too long: look again
                sha = self._store.clips.next_unread()
                if sha is not None:
                    answer = read_in_child(self._studio, self._studio.clips / sha)
                    self._store.clips.read(sha, answer.get("facts"), str(answer.get("error", "")))
                    continue
            self._stop.wait(_LOOK_SECONDS)
