"""Which process made a file, said in the file's name, so that others can tell whether it still lives."""

import hashlib
import os
import re
import secrets
import socket
from pathlib import Path

_PREFIX = ".videxplain-"
_NAME = re.compile(re.escape(_PREFIX) + r"(?P<place>.+\.[0-9a-f]{8})-(?P<pid>\d+)-(?P<life>[0-9a-f]{8})-[0-9a-f]{8}")
_HOST_LENGTH = 32


def temporary_name(suffix: str) -> str:
    """A hidden file name that names this machine and this process; ``suffix`` ends it."""
    pid = os.getpid()
    return f"{_PREFIX}{machine()}-{pid}-{life(pid)}-{secrets.token_hex(4)}{suffix}"


def is_leftover(name: str) -> bool:
    """Whether a file of this name was left behind by a process of this machine that is dead.

    Files of living processes and of other machines are not leftovers, and neither is one whose process cannot be
    looked for.
    """
    found = _NAME.match(name)
    if not found or found["place"] != machine():
        return False
    return not is_alive(int(found["pid"]), found["life"])


def is_alive(pid: int, born: str) -> bool:
    """Whether process ``pid`` of this machine is the one that was marked ``born``, and is still there."""
    now = life(pid)
    if now is not None:
        return now == born
    if os.name != "posix":
        return True  # no way to ask without harm
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's, which /proc may hide
    return not Path("/proc/self/stat").exists()  # with /proc, only a process that has ended has no life


def life(pid: int) -> str | None:
    """A mark of a process that no later process of the same number has; None where there is no such process.

    It is made of the boot of the machine and the time at which the process began. Where the system does not say, it is
    made of the number alone.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        # Behind the program's name, which is in brackets and may hold anything; field 22 is the time of birth.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None if pid != os.getpid() else _mark(str(pid))
    # A zombie has ended; its parent has not asked yet.
    return None if fields[0] in "ZX" else _mark(boot + fields[19])


def machine() -> str:
    """The machine: its name, and a mark of that name and the space in which process numbers count."""
    host = socket.gethostname()
    try:
        space = str(Path("/proc/self/ns/pid").readlink())  # containers of one machine number their processes apart
    except OSError:
        space = ""
    return f"{re.sub(r'[^A-Za-z0-9.]+', '_', host)[:_HOST_LENGTH]}.{_mark(host + space)}"


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
