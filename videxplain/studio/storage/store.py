"""The tables together, and the cache: clips and results that are not used are removed, the longest unused first."""

import shutil
import stat
import time
from pathlib import Path

from videxplain.studio.settings import Studio
from videxplain.studio.storage.clips import Clips
from videxplain.studio.storage.database import OPEN_STATES, Database
from videxplain.studio.storage.jobs import Jobs


class Store:
    """The tables of a studio.

    Attributes:
        clips: Visitors and clips.
        jobs: Questions and their answers.
    """

    def __init__(self, studio: Studio) -> None:
        """Open the database in the studio's folder."""
        database = Database(studio.folder / "studio.sqlite")
        self._db = database
        self.clips, self.jobs = Clips(database), Jobs(database)

    def use(self, key: str, sha: str) -> None:
        """Enter that a result and a clip are used now, so that they are kept."""
        now = time.time()
        with self._db.writing() as db:
            db.execute("update jobs set used = ? where key = ? and used < ?", (now, key, now - 60))
            db.execute("update clips set used = ? where sha = ? and used < ?", (now, sha, now - 60))

    def unused(self) -> list[tuple[str, str, float]]:
        """What can be removed: table, key and time of the last use, the longest unused first."""
        with self._db.reading() as db:
            rows = db.execute(
                "select 'jobs', key, used from jobs where state not in (?, ?, ?) union all "
                "select 'clips', sha, case when exists (select 1 from visitor_clips as v where v.sha = clips.sha) "
                "then used else 0 end from clips where not example and state != 'new' order by 3",
                OPEN_STATES,
            ).fetchall()
        return [(str(row[0]), str(row[1]), float(row[2])) for row in rows]

    def forget(self, table: str, key: str) -> bool:
        """Remove a job or a clip from the tables, unless it is used again.

        Args:
            table: ``"jobs"`` or ``"clips"``.
            key: The key of the job, or the SHA-256 of the clip.

        Returns:
            Whether it was removed.
        """
        with self._db.writing() as db:
            if table == "jobs":
                gone = db.execute(
                    "delete from jobs where key = ? and state not in (?, ?, ?)", (key, *OPEN_STATES)
                ).rowcount
                if gone:
                    db.execute("delete from asks where key = ?", (key,))
            else:
                gone = db.execute("delete from clips where sha = ? and not example and state != 'new'", (key,)).rowcount
                if gone:
                    db.execute("delete from visitor_clips where sha = ?", (key,))
        return gone > 0


def clear_old(store: Store, studio: Studio) -> int:
    """Remove clips and results that are too old, and more if the cache is too large.

    Returns:
        How many clips and results were removed.
    """
    limits, now, removed = studio.limits, time.time(), 0
    folders = {"jobs": studio.results, "clips": studio.clips}
    size = sum(size_of(folder) for folder in folders.values())
    for table, key, used in store.unused():
        folder = folders[table] / key
        aged = used < now - 86400 * limits.cache_days
        if not aged and size <= limits.cache_bytes:
            continue
        held = size_of(folder)
        if store.forget(table, key):
            shutil.rmtree(folder, ignore_errors=True)
            size -= held
            removed += 1
    return removed


def size_of(folder: Path) -> int:
    """The size of the files in a folder, in bytes."""
    total = 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            facts = path.stat()
            total += facts.st_size if stat.S_ISREG(facts.st_mode) else 0
        except OSError:  # removed in the meantime
            continue
    return total
