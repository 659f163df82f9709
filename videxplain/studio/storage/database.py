"""The studio's database, which the server and the worker share."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from videxplain.errors import VidexplainError

OPEN_STATES = ("queued", "running", "cancelling")
"""States of a job that is not over."""
_WAIT_SECONDS = 20
VERSION = 1
"""Version of the tables, as ``pragma user_version``. Raise it with every change of :data:`_SCHEMA`."""

_SCHEMA = """
create table if not exists visitors (id text primary key, seen real not null);
create table if not exists clips (
  sha text primary key, state text not null, facts text not null default '{}', error text not null default '',
  example integer not null default 0, used real not null);
create table if not exists visitor_clips (
  visitor text not null, sha text not null, name text not null, added real not null, primary key (visitor, sha));
create table if not exists jobs (
  key text primary key, kind text not null, question text not null, state text not null, stage text not null default '',
  done integer not null default 0, total integer, partial integer not null default 0, error text not null default '',
  deaths integer not null default 0, created real not null, started real, finished real, cancelled real,
  used real not null);
create index if not exists jobs_by_state on jobs (state, created);
create table if not exists asks (
  visitor text not null, key text not null, added real not null, primary key (visitor, key));
create index if not exists asks_by_key on asks (key);
"""


class Database:
    """The database file. Every use opens a new connection, so threads and processes do not disturb each other."""

    def __init__(self, path: Path) -> None:
        """Open the database, and make its tables where they are missing.

        Raises:
            VidexplainError: It has another version, or is not a database.
        """
        self._path = path
        try:
            with closing(sqlite3.connect(path, timeout=_WAIT_SECONDS)) as db:
                found = int(db.execute("pragma user_version").fetchone()[0])
                if found not in (0, VERSION):  # 0 is a new file, or one from before there were versions
                    raise VidexplainError(
                        f"{path} was written by another version of videxplain (tables {found}, not {VERSION}): "
                        "choose another --data, or delete the folder"
                    )
                db.execute("pragma journal_mode = wal")
                db.executescript(_SCHEMA)
                db.execute(f"pragma user_version = {VERSION}")
                db.commit()
        except sqlite3.DatabaseError as error:
            raise VidexplainError(
                f"{path} cannot be used: {error}; choose another --data, or delete the folder"
            ) from None
        path.chmod(0o600)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading."""
        with self._open("begin") as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The only connection that writes. If the block raises, its changes are undone."""
        with self._open("begin immediate") as db:
            yield db

    @contextmanager
    def _open(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)) as db:
                db.row_factory = sqlite3.Row
                db.execute("pragma synchronous = normal")
                db.execute(begin)
                try:
                    yield db
                except BaseException:
                    db.rollback()
                    raise
                db.commit()
        except sqlite3.OperationalError as error:
            raise VidexplainError(f"the studio's database cannot be used: {error}") from None
