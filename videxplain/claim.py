"""One job at a time in an output folder."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EAGAIN, ENOLCK, ENOSPC, ENOSYS, ENOTSUP
from pathlib import Path
from typing import Any

from videxplain.errors import VidexplainError
from videxplain.files import remove_leftovers
from videxplain.owner import is_alive, life, machine

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

CLAIM_FILE = ".videxplain-claim"
_held: dict[Path, int] = {}
"""Claim files that this process holds, and the thread that claimed each."""
_held_lock = threading.Lock()
_open_claims: set[int] = set()


@contextmanager
def claimed(folder: str | Path, result: str = "") -> Iterator[Path]:
    """Hold a folder for the time of the block; a second job that claims it is told who works there.

    The claim is a lock on a hidden file, which the system gives back when a process ends, however it ends. It holds
    between the machines of a shared disk where the disk passes locks on, as NFS does. Within one thread, claims of the
    same folder nest. Temporary files that dead processes left in the folder are removed.

    Args:
        folder: A folder that is there.
        result: The name of a result in the folder, of which alone the job has one; empty for the whole folder. Jobs
            that hold other results do not disturb each other.

    Raises:
        VidexplainError: Another job holds the same, or the folder cannot be written.
    """
    folder = Path(folder)
    name = f"{CLAIM_FILE}-{result}" if result else CLAIM_FILE
    try:
        place, here = folder.resolve() / name, threading.get_ident()
        with _held_lock:
            holder = _held.get(place)
            if holder is None:
                descriptor = _lock(folder / name, folder / result)
                _held[place] = here
    except OSError as error:
        raise VidexplainError(f"cannot write to {folder}: {error.strerror or error}") from None
    if holder == here:
        yield folder
        return
    if holder is not None:
        raise VidexplainError(f"{folder / result} is in use by another thread of this process; choose another folder")
    try:
        remove_leftovers(folder)
        yield folder
    finally:
        with _held_lock:
            if descriptor in _open_claims:  # not in a process that was forked from the holder
                del _held[place]
                # Removed while the lock is held, so that no other job's claim is removed.
                with suppress(OSError):
                    (folder / name).unlink()
                _open_claims.discard(descriptor)
                os.close(descriptor)


def _lock(path: Path, held: Path) -> int:
    """Lock the claim file of what is ``held`` and write who holds it; gives the open file."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _took_lock(descriptor) and _lives(who := _read(descriptor)):
                raise VidexplainError(_told(held, who))
            # Between opening and locking, the holder before may have removed the file.
            if _same_file(descriptor, path):
                _sign(descriptor, path)
                _open_claims.add(descriptor)
                return descriptor
        except OSError as error:
            if error.errno in (EAGAIN, EACCES):
                raise VidexplainError(_told(held, _read(descriptor))) from None
            raise
        finally:
            if descriptor not in _open_claims:
                os.close(descriptor)


def _sign(descriptor: int, path: Path) -> None:
    """Write this process into the claim file that it has locked; the file is removed if that fails."""
    pid, since = os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S")
    who = {"host": socket.gethostname(), "pid": pid, "since": since, "at": machine(), "life": life(pid)}
    text = json.dumps(who).encode()
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.ftruncate(descriptor, 0)
        if os.write(descriptor, text) < len(text):  # the disk had room for a part
            raise OSError(ENOSPC, os.strerror(ENOSPC))
    except BaseException:
        # Removed while the lock is held, so that no other job's claim is removed.
        with suppress(OSError):
            path.unlink()
        raise


def _took_lock(descriptor: int) -> bool:
    """Whether the lock was taken; False where the disk or the system has none, and an error where another holds it."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (ENOLCK, ENOSYS, ENOTSUP):
            return False
        raise
    return True


def _lives(who: dict[str, Any]) -> bool:
    """Whether the process that wrote a claim is a living one of this machine."""
    return who.get("at") == machine() and is_alive(who["pid"], who["life"])


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _read(descriptor: int) -> dict[str, Any]:
    for _ in range(10):  # the holder may be about to write it
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            content = json.loads(os.read(descriptor, 4096))
            return content if isinstance(content, dict) else {}
        except ValueError:
            time.sleep(0.01)
    return {}


def _told(held: Path, who: dict[str, Any]) -> str:
    if not {"host", "pid", "since"} <= who.keys():
        return f"{held} is in use by another job; wait for it or choose another folder"
    return (
        f"{held} is in use by process {who['pid']} on {who['host']} since {who['since']}; "
        "wait for it or choose another folder"
    )


def _forget() -> None:
    """A forked process must not keep the locks of one that was killed."""
    for descriptor in list(_open_claims):
        with suppress(OSError):
            os.close(descriptor)
    _open_claims.clear()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
