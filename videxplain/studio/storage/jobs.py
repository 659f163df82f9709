"""The table of jobs: the questions that were asked, and their progress."""

import json
import time
from dataclasses import dataclass
from typing import Any

from videxplain.errors import VidexplainError
from videxplain.studio.storage.database import OPEN_STATES, Database

MOST_DEATHS = 2
"""If the worker dies this often during a job, the job fails."""


@dataclass(frozen=True)
class Job:
    """The state of a job.

    Attributes:
        key: SHA-256 of its question.
        kind: ``"predict"``, ``"explain"``, ``"trust"``, ``"file"`` or ``"layers"``.
        question: What was asked, as :class:`videxplain.studio.questions.question.Question` writes it.
        state: ``"queued"``, ``"running"``, ``"cancelling"``, ``"done"``, ``"failed"`` or ``"cancelled"``.
        stage: What the worker does now, in words.
        done: Number of steps done.
        total: Number of all steps; None while it is not known.
        partial: Number of partial results so far.
        error: Why the job failed, in one line; empty otherwise.
        place: Number of jobs before it in the queue.
    """

    key: str
    kind: str
    question: dict[str, Any]
    state: str
    stage: str
    done: int
    total: int | None
    partial: int
    error: str
    place: int


class Jobs:
    """The tables of jobs and of who has asked them."""

    def __init__(self, database: Database) -> None:
        """Use a database."""
        self._db = database

    def ask(self, visitor: str, key: str, kind: str, question: dict[str, Any], most: int) -> None:
        """Queue a question of a visitor. A question that is answered or waits already is not queued again.

        Raises:
            VidexplainError: Too many questions of this visitor wait.
        """
        now = time.time()
        with self._db.writing() as db:
            waiting = db.execute(
                "select count(*) from asks join jobs using (key) where visitor = ? and state in (?, ?, ?) and key != ?",
                (visitor, *OPEN_STATES, key),
            ).fetchone()[0]
            row = db.execute("select state from jobs where key = ?", (key,)).fetchone()
            if waiting >= most and (row is None or row[0] != "done"):
                raise VidexplainError(
                    f"{waiting} of your questions are waiting, which is the most: wait or cancel some"
                )
            if row is None:
                db.execute(
                    "insert into jobs (key, kind, question, state, created, used) values (?, ?, ?, 'queued', ?, ?)",
                    (key, kind, json.dumps(question), now, now),
                )
            elif row[0] == "cancelling":
                db.execute("update jobs set state = 'running', cancelled = null where key = ?", (key,))
            elif row[0] in ("cancelled", "failed"):
                db.execute(
                    "update jobs set state = 'queued', stage = '', done = 0, total = null, partial = 0, error = '', "
                    "deaths = 0, created = ?, started = null, finished = null, cancelled = null where key = ?",
                    (now, key),
                )
            db.execute(
                "insert into asks values (?, ?, ?) on conflict (visitor, key) do update set added = excluded.added",
                (visitor, key, now),
            )

    def find(self, key: str, visitor: str | None = None) -> Job | None:
        """A job that ``visitor`` has asked, or that anybody has asked if ``visitor`` is None; None if there is none."""
        with self._db.reading() as db:
            row = db.execute("select * from jobs where key = ?", (key,)).fetchone()
            if row is None:
                return None
            if visitor is not None:
                mine = db.execute("select 1 from asks where visitor = ? and key = ?", (visitor, key)).fetchone()
                if mine is None:
                    return None
            place = 0
            if row["state"] == "queued":
                place = db.execute(
                    "select count(*) from jobs where state in ('running', 'cancelling') or "
                    "(state = 'queued' and (created, key) < (?, ?))",
                    (row["created"], key),
                ).fetchone()[0]
            return _job(row, place)

    def of(self, visitor: str, most: int = 200) -> list[Job]:
        """The latest jobs of a visitor, the last asked first."""
        with self._db.reading() as db:
            rows = db.execute(
                "select jobs.* from jobs join asks using (key) where visitor = ? order by added desc limit ?",
                (visitor, most),
            ).fetchall()
        return [_job(row, 0) for row in rows]

    def waiting(self) -> int:
        """How many jobs wait or run."""
        with self._db.reading() as db:
            return int(db.execute("select count(*) from jobs where state in (?, ?, ?)", OPEN_STATES).fetchone()[0])

    def take(self) -> Job | None:
        """The next job of the queue, which then is running."""
        with self._db.reading() as db:  # usually there is none, and reading locks nothing
            if db.execute("select 1 from jobs where state = 'queued' limit 1").fetchone() is None:
                return None
        now = time.time()
        with self._db.writing() as db:
            row = db.execute("select * from jobs where state = 'queued' order by created, key limit 1").fetchone()
            if row is None:
                return None
            db.execute("update jobs set state = 'running', started = ? where key = ?", (now, row["key"]))
            return _job({**dict(row), "state": "running"}, 0)

    def report(self, key: str, stage: str, done: int, total: int | None, partial: bool = False) -> bool:
        """Enter the progress of a job.

        Args:
            key: The job.
            stage: What the worker does now, in words.
            done: Number of steps done.
            total: Number of all steps; None if it is not known.
            partial: Whether a partial result was written.

        Returns:
            Whether the job is still wanted.
        """
        with self._db.writing() as db:
            db.execute(
                "update jobs set stage = ?, done = ?, total = ?, partial = partial + ? where key = ?",
                (stage, done, total, int(partial), key),
            )
            row = db.execute("select state from jobs where key = ?", (key,)).fetchone()
        return row is not None and row[0] == "running"

    def finish(self, key: str, error: str = "", state: str = "") -> None:
        """End a job: done, or failed with a line, or the given state.

        A job that was asked again while it was being cancelled is queued again instead.
        """
        with self._db.writing() as db:
            row = db.execute("select state from jobs where key = ?", (key,)).fetchone()
            if state == "cancelled" and row is not None and row[0] == "running":
                db.execute("update jobs set state = 'queued', stage = '', done = 0 where key = ?", (key,))
                return
            db.execute(
                "update jobs set state = ?, error = ?, finished = ?, used = ? where key = ?",
                (state or ("failed" if error else "done"), error, time.time(), time.time(), key),
            )

    def cancel(self, visitor: str, key: str) -> bool:
        """Cancel a job for a visitor. It stops, unless another visitor has asked it too.

        Returns:
            Whether the visitor had asked the job.
        """
        with self._db.writing() as db:
            if not db.execute("select 1 from asks where visitor = ? and key = ?", (visitor, key)).fetchone():
                return False
            others = db.execute("select count(*) from asks where key = ? and visitor != ?", (key, visitor)).fetchone()
            if others[0]:
                db.execute("delete from asks where visitor = ? and key = ?", (visitor, key))
                return True
            db.execute(
                "update jobs set state = 'cancelled', finished = ? where key = ? and state = 'queued'",
                (time.time(), key),
            )
            db.execute(
                "update jobs set state = 'cancelling', cancelled = ? where key = ? and state = 'running'",
                (time.time(), key),
            )
        return True

    def overdue(self, cancel_seconds: float, job_seconds: float) -> Job | None:
        """A job for which the worker must be ended; None if there is none.

        Args:
            cancel_seconds: A cancelled job must stop within this time.
            job_seconds: A job must end within this time.
        """
        now = time.time()
        with self._db.reading() as db:
            row = db.execute(
                "select * from jobs where (state = 'cancelling' and cancelled < ?) "
                "or (state = 'running' and started < ?)",
                (now - cancel_seconds, now - job_seconds),
            ).fetchone()
        return None if row is None else _job(row, 0)

    def requeue(self, worker_died: bool) -> None:
        """Put jobs that were running back into the queue.

        Args:
            worker_died: Whether the worker died during a job. A job with ``MOST_DEATHS`` deaths fails.
        """
        with self._db.writing() as db:
            db.execute("update jobs set state = 'cancelled', finished = ? where state = 'cancelling'", (time.time(),))
            if worker_died:
                db.execute("update jobs set deaths = deaths + 1 where state = 'running'")
                db.execute(
                    "update jobs set state = 'failed', error = ?, finished = ? where state = 'running' and deaths >= ?",
                    ("this question ended the worker twice, so it is not tried again", time.time(), MOST_DEATHS),
                )
            db.execute("update jobs set state = 'queued', stage = '', done = 0 where state = 'running'")


def _job(row: Any, place: int) -> Job:
    return Job(
        key=row["key"],
        kind=row["kind"],
        question=json.loads(row["question"]),
        state=row["state"],
        stage=row["stage"],
        done=row["done"],
        total=row["total"],
        partial=row["partial"],
        error=row["error"],
        place=place,
    )
