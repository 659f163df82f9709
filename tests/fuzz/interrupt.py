"""Interrupt a command at random moments, as Ctrl-C in a terminal does, and look at how it ends and what it leaves.

    python -m tests.fuzz.interrupt [--times 12] [--seed 0] [--seconds 10] [--ignore GLOB ...] -- COMMAND ... {out} ...

``{out}`` stands for the output folder. The command first runs to its end, which gives the reference and the time it
takes. Then, ``--times`` times: a new folder, and SIGINT to all processes of the command after a random part of that
time. Right is: status 130 within ``--seconds``, ``videxplain: interrupted`` once as the last line and no traceback, no
process left, and in the folder no hidden files and no file that differs from the reference. Files that grow while the
command works, that it removes at its end, or that say how long it took match ``--ignore``.

    python -m tests.fuzz.interrupt -- videxplain prepare --data DATA --out {out} --workers 2
    python -m tests.fuzz.interrupt -- videxplain synthesize --out {out} --videos 84 --workers 2
    python -m tests.fuzz.interrupt -- videxplain evaluate --model i3d --data DATA --limit 4 --out {out}
    python -m tests.fuzz.interrupt --ignore 'sample/*' -- videxplain concepts --model i3d --data DATA --out {out}
    python -m tests.fuzz.interrupt --ignore '*.parquet' report/index.html 'report/assets/*' -- \
        videxplain audit --model i3d --data DATA --limit 4 --out {out}
    python -m tests.fuzz.interrupt --ignore 'rows/*' benchmark.md -- \
        videxplain benchmark --data DATA --videos 2 --out {out}

One command runs at a time, in a session of its own, and all its processes are killed when its round ends.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.fuzz.kill import TOO_LATE, contents

_LONGEST = 600
_STATUS = 130
_LAST_LINE = "videxplain: interrupted"
_OTHER_LINES = ("videxplain: warning: ", "videxplain: explanations of ", "videxplain: weights of ")
_HIDDEN = ".videxplain-"


def run(command: list[str], out: Path, interrupt_after: float | None, seconds: float) -> tuple[int, str, float]:
    """Start the command, interrupt it, and wait for its end.

    Args:
        command: Its words, with ``{out}`` for the folder.
        out: The folder.
        interrupt_after: Seconds until SIGINT goes to its process group; None for never.
        seconds: How long it may take to end: from the interrupt, or from its start where there is none.

    Returns:
        The exit status, 124 if it did not end; what it printed; and the seconds that it took to end.
    """
    line = [part.replace("{out}", str(out)) for part in command]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        begin = time.monotonic()
        try:
            if interrupt_after is not None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(interrupt_after)
                begin = time.monotonic()
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGINT)
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                status = 124
            took = time.monotonic() - begin
            if status != 124 and _group_lives(process.pid, seconds):
                status = 125
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        return status, said.read(), took


def _group_lives(group: int, seconds: float) -> bool:
    """Whether a process of the group is still there after so long; helpers end a moment after their parent."""
    until = time.monotonic() + seconds
    while any(_is_of(path, group) for path in Path("/proc").glob("[0-9]*/stat")):
        if time.monotonic() > until:
            return True
        time.sleep(0.05)
    return False


def _is_of(stat: Path, group: int) -> bool:
    """Whether a process is of the group and has not ended; ``stat`` is its file in ``/proc``."""
    try:
        state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return int(its_group) == group and state not in "ZX"


def wrong_end(status: int, said: str) -> str | None:
    """What is wrong with how an interrupted command ended, or None."""
    lines = said.strip().splitlines()
    if status == 124:
        return f"it did not end; last line: {lines[-1] if lines else ''}"
    if status == 125:
        return "a process of it did not end"
    if status != _STATUS:
        return f"exit status {status}: {lines[-1] if lines else ''}"
    if "Traceback" in said:
        return f"a traceback: {lines[-1]}"
    if not lines or lines[-1] != _LAST_LINE or lines.count(_LAST_LINE) != 1:
        return f"not one line: {lines[-2:]}"
    return None


def wrong_files(found: dict[str, str], whole: dict[str, str]) -> str | None:
    """What is wrong with the files that it left, or None; both are as :func:`tests.fuzz.kill.contents` gives them."""
    if hidden := [name for name in found if Path(name).name.startswith(_HIDDEN)]:
        return f"left behind: {hidden[0]}"
    if unknown := sorted(found.keys() - whole.keys()):
        return f"not wanted: {unknown[0]}"
    other = sorted(name for name in found if found[name] != whole[name])
    return f"half-written: {other[0]} and {len(other) - 1} more" if other else None


def one_round(options: argparse.Namespace, after: float, whole: dict[str, str], out: Path) -> str:
    """Interrupt once, and say what came of it."""
    shutil.rmtree(out, ignore_errors=True)
    status, said, took = run(options.command, out, after, options.seconds)
    if status == 0:
        return TOO_LATE
    wrong = wrong_end(status, said) or wrong_files(contents(out, options.ignore), whole)
    if wrong:
        print(said, file=sys.stderr)
    return f"WRONG: {wrong} (interrupted after {after:.2f} s, ended {took:.1f} s later)" if wrong else "ended in a line"


def main() -> int:
    """Run, count, print; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--after", type=float, default=0.1, help="seconds that the command runs at least")
    parser.add_argument("--seconds", type=float, default=10, help="in which it ends after the interrupt")
    parser.add_argument(
        "--ignore", nargs="*", action="extend", default=[], help="files that grow while the command works"
    )
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what it started is killed with it
    draw, counts = random.Random(options.seed), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        status, said, took = run(options.command, folder / "whole", None, _LONGEST)
        if status:
            print(f"the command itself fails with status {status}:\n{said}")
            return 1
        whole = contents(folder / "whole", options.ignore)
        print(f"a whole run takes {took:.1f} s and writes {len(whole)} files", flush=True)
        number = 0
        while number - counts[TOO_LATE] < options.times and number < 3 * options.times:
            number += 1
            outcome = one_round(options, draw.uniform(options.after, took), whole, folder / "out")
            counts[outcome.partition(":")[0]] += 1
            print(f"round {number}: {outcome}", flush=True)
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return int("WRONG" in counts)


if __name__ == "__main__":
    sys.exit(main())
