"""The background work of the server: it reads new clips, keeps the worker alive, and clears the cache."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from videxplain.errors import VidexplainError
from videxplain.studio.read_clip import SHOWN, SOURCE
from videxplain.studio.settings import Studio
from videxplain.studio.store import Store, clear_old
from videxplain.studio.worker import run_worker

_LOOK_SECONDS = 0.2
_CANCEL_SECONDS = 3.0
_CLEAR_SECONDS = 600.0
_ENDED = "the file cannot be read: decoding it took too much time or memory, or broke the decoder"


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


def read_in_child(studio: Studio, folder: Path) -> dict[str, Any]:
    """Read the clip in ``folder`` in a process with limits.

    Returns:
        ``facts``, or ``error`` in a line.
    """
    limits = studio.limits
    text = json.dumps(
        {
            "seconds": limits.seconds,
            "pixels": limits.pixels,
            "frames": limits.frames,
            "decode_seconds": limits.decode_seconds,
            "decode_memory": limits.decode_memory,
            "file_bytes": 4 * limits.upload_bytes,
        }
    )
    command = [sys.executable, "-m", "videxplain.studio.read_clip", str(folder / SOURCE), str(folder), text]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=4 * limits.decode_seconds, stdin=subprocess.DEVNULL, check=False
        )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError):
        return {"error": _ENDED}
    if "facts" in answer and not (folder / SHOWN).is_file():
        return {"error": _ENDED}
    return answer
