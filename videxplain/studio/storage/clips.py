"""The tables of clips and visitors: which clips there are, and who may see them."""

import json
import time
from typing import Any

from videxplain.errors import VidexplainError
from videxplain.studio.storage.database import Database


class Clips:
    """The tables of visitors and of clips."""

    def __init__(self, database: Database) -> None:
        """Use a database."""
        self._db = database

    def see(self, visitor: str) -> None:
        """Note that a visitor was here."""
        with self._db.writing() as db:
            db.execute(
                "insert into visitors values (?, ?) on conflict (id) do update set seen = excluded.seen",
                (visitor, time.time()),
            )

    def add(self, visitor: str, sha: str, name: str, most: int) -> str:
        """Give a visitor a clip. A new clip is read later, and one that could not be read is tried again.

        Returns:
            The state of the clip: ``"new"``, ``"ready"`` or ``"failed"``.

        Raises:
            VidexplainError: The visitor has too many clips.
        """
        now = time.time()
        with self._db.writing() as db:
            held = db.execute("select count(*) from visitor_clips where visitor = ? and sha != ?", (visitor, sha))
            if held.fetchone()[0] >= most:
                raise VidexplainError(f"you have {most} clips here, which is the most: delete some first")
            db.execute(
                "insert into clips (sha, state, used) values (?, 'new', ?) on conflict (sha) do update "
                "set state = 'new', error = '' where state = 'failed'",
                (sha, now),
            )
            db.execute(
                "insert into visitor_clips values (?, ?, ?, ?) on conflict (visitor, sha) do update "
                "set name = excluded.name, added = excluded.added",
                (visitor, sha, name, now),
            )
            return str(db.execute("select state from clips where sha = ?", (sha,)).fetchone()[0])

    def add_example(self, sha: str, name: str, facts: dict[str, Any]) -> None:
        """Enter a clip that every visitor sees."""
        with self._db.writing() as db:
            db.execute(
                "insert or replace into clips (sha, state, facts, example, used) values (?, 'ready', ?, 1, ?)",
                (sha, json.dumps({**facts, "name": name}), time.time()),
            )

    def find(self, visitor: str, sha: str) -> dict[str, Any] | None:
        """A clip that this visitor may see: ``sha, state, error, name, example`` and its facts; None for others."""
        return next(iter(self._clips(visitor, "and clips.sha = ?", (sha,))), None)

    def of(self, visitor: str) -> list[dict[str, Any]]:
        """The examples, and the visitor's own clips, the latest first."""
        return self._clips(visitor, "", ())

    def all(self) -> set[str]:
        """The SHA-256 of every clip."""
        with self._db.reading() as db:
            return {str(row[0]) for row in db.execute("select sha from clips")}

    def _clips(self, visitor: str, where: str, values: tuple[str, ...]) -> list[dict[str, Any]]:
        with self._db.reading() as db:
            rows = db.execute(
                "select clips.*, mine.name as given, mine.added as added from clips left join visitor_clips as mine "
                f"on mine.sha = clips.sha and mine.visitor = ? where (example or mine.sha is not null) {where} "
                "order by example, mine.added desc, clips.rowid",
                (visitor, *values),
            ).fetchall()
        clips = []
        for row in rows:
            facts = json.loads(row["facts"])
            own = {key: row[key] for key in ("sha", "state", "error")}
            clips.append(
                {**facts, **own, "name": row["given"] or facts.get("name", ""), "example": bool(row["example"])}
            )
        return clips

    def drop(self, visitor: str, sha: str) -> bool:
        """Take a clip from a visitor. Its files are removed later, when no visitor has it.

        Returns:
            Whether the visitor had the clip.
        """
        with self._db.writing() as db:
            gone = db.execute("delete from visitor_clips where visitor = ? and sha = ?", (visitor, sha)).rowcount
        return gone > 0

    def next_unread(self) -> str | None:
        """The clip that has waited longest to be read; None if there is none."""
        with self._db.reading() as db:
            row = db.execute("select sha from clips where state = 'new' order by used limit 1").fetchone()
        return None if row is None else str(row[0])

    def read(self, sha: str, facts: dict[str, Any] | None, error: str = "") -> None:
        """Enter the result of reading a clip.

        Args:
            sha: The clip.
            facts: Its facts; None if it could not be read.
            error: Why it could not be read, in one line.
        """
        with self._db.writing() as db:
            db.execute(
                "update clips set state = ?, facts = ?, error = ? where sha = ?",
                ("failed" if facts is None else "ready", json.dumps(facts or {}), error, sha),
            )
