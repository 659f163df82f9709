"""SIGKILL a command at random moments, start it again, and compare what it wrote with an undisturbed run.

    python tests/fuzz/kill.py [--kills 30] [--seed 0] [--ignore GLOB ...] -- COMMAND ... {out} ...

``{out}`` stands for the output folder, once or several times. The command first runs to its end, which gives the
reference and the time it takes. Then, ``--kills`` times: a new folder, a SIGKILL to the command and to no other process
after a random part of that time, a second run to its end with ``--again`` added (such as ``--resume``), and a
comparison: the same files with the same bytes, except those that match ``--ignore``, and no hidden files left behind.
``--chain`` kills the second run as well, and only lets the third one end. ``--imports`` names modules to import once:
the command then runs in forks of this process, so that a round costs its work and no imports.

    python tests/fuzz/kill.py -- videxplain prepare --data DATA --out {out} --workers 2
    python tests/fuzz/kill.py -- videxplain synthesize --out {out} --videos 84 --workers 2
    python tests/fuzz/kill.py --again=--resume --begun checkpoints/last.ckpt --ignore 'logs/*' \
        --imports videxplain.cli.app videxplain.train.run -- videxplain train RECIPE --out {out}
    python tests/fuzz/kill.py --ignore benchmark.md --imports videxplain.cli.app videxplain.benchmark.api -- \
        videxplain benchmark --data DATA --out {out}

What a benchmark measures of time and memory (``TIMED``) is not compared; its ``benchmark.md`` writes the same numbers.
"""

import argparse
import csv
import fnmatch
import hashlib
import importlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

_LONGEST = 600
TOO_LATE = "whole before the kill"
"""Such a round does not count."""
TIMED = ("seconds", "forward_seconds", "memory_mib", "passes")
"""Keys and columns of a benchmark's files that no two runs have in common."""


class Run:
    """A command that has been started, in a process of its own."""

    def __init__(self, command: list[str], out: Path, forked: bool) -> None:
        """Start it, writing into ``out``; ``forked`` says that this process has imported all that it needs."""
        line = [part.replace("{out}", str(out)) for part in command]
        self._said = Path(f"{out}.said")
        with self._said.open("w", encoding="utf-8") as file:
            if not forked:
                settings: Any = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": subprocess.STDOUT}
                self._pid = subprocess.Popen(line, **settings).pid
            elif not (pid := os.fork()):
                _become(line, file.fileno())
            else:
                self._pid = pid

    def wait(self, seconds: float) -> int | None:
        """The exit status, or None where it still runs after so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        return None

    def kill(self) -> None:
        """End it at once."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    @property
    def said(self) -> str:
        """What it has printed."""
        return self._said.read_text(encoding="utf-8")


def _become(line: list[str], output: int) -> NoReturn:
    """Do as the program does; it was imported before, so that a round takes as long as its work."""
    status = 1
    try:
        for stream in (1, 2):
            os.dup2(output, stream)
        sys.argv = line
        from videxplain.cli import main as run

        run()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def finish(command: list[str], out: Path, forked: bool) -> tuple[int, str]:
    """Exit status and output of a run to its end."""
    run = Run(command, out, forked)
    status = run.wait(_LONGEST)
    if status is None:
        run.kill()
        return 124, f"it did not end within {_LONGEST} s"
    return status, run.said


def kill_after(command: list[str], out: Path, seconds: float, forked: bool) -> bool:
    """Start, and kill after so long; whether it was still running."""
    run = Run(command, out, forked)
    if run.wait(seconds) is not None:
        return False
    run.kill()
    return True


def contents(out: Path, ignore: list[str]) -> dict[str, str]:
    """SHA-256 of every file by its name in the folder."""
    names = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    kept = {name: path for name, path in names.items() if not any(fnmatch.fnmatch(name, one) for one in ignore)}
    return {name: hashlib.sha256(_content(path)).hexdigest() for name, path in kept.items()}


def _content(path: Path) -> bytes:
    """The bytes of a file; of a checkpoint and of a benchmark's tables only what a second run repeats."""
    if path.suffix == ".ckpt":  # it also holds the folder and the seconds it took
        return _numbers_of_checkpoint(path)
    if path.suffix == ".jsonl":  # a line that was cut off is no row
        rows = [_parsed(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return json.dumps([_untimed(row) for row in rows if row is not None]).encode()
    if path.suffix == ".json":
        return json.dumps(_untimed(json.loads(path.read_text(encoding="utf-8")))).encode()
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return json.dumps([_untimed(row) for row in csv.DictReader(file)]).encode()
    return path.read_bytes()


def _numbers_of_checkpoint(path: Path) -> bytes:
    import torch

    kept = torch.load(path, map_location="cpu", weights_only=True)
    parts = (kept["state_dict"], kept["optimizer_states"], kept["lr_schedulers"], kept["epoch"], kept["global_step"])
    told = io.BytesIO()
    torch.save(parts, told)
    return told.getvalue()


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _untimed(value: Any) -> Any:
    """The same without ``TIMED``, at any depth."""
    if isinstance(value, dict):
        return {key: _untimed(one) for key, one in value.items() if key not in TIMED}
    return [_untimed(one) for one in value] if isinstance(value, list) else value


def difference(found: dict[str, str], wanted: dict[str, str]) -> str | None:
    """What is wrong with a folder, in a few words, or None."""
    if hidden := [name for name in found if Path(name).name.startswith(".videxplain-")]:
        return f"left behind: {hidden[0]}"
    if gone := sorted(wanted.keys() - found.keys()):
        return f"missing: {gone[0]} and {len(gone) - 1} more"
    if more := sorted(found.keys() - wanted.keys()):
        return f"not wanted: {more[0]} and {len(more) - 1} more"
    other = sorted(name for name in wanted if found[name] != wanted[name])
    return f"other content: {other[0]} and {len(other) - 1} more" if other else None


def one_round(command: list[str], options: argparse.Namespace, draw: random.Random, took: float, folder: Path) -> str:
    """Kill once or twice, resume, and compare with the reference; what came of it."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    again, forked = [*command, *options.again], bool(options.imports)
    killed = kill_after(command, out, draw.uniform(options.after, took), forked)
    if options.chain and killed:
        line = again if any(out.glob(options.begun)) else command
        kill_after(line, out, draw.uniform(options.after, took), forked)
    if not killed:
        return TOO_LATE
    whole = contents(folder / "whole", options.ignore)
    if difference(contents(out, options.ignore), whole) is None:
        return TOO_LATE
    # A run that was killed before it wrote anything is not resumed but begun.
    status, said = finish(again if any(out.glob(options.begun)) else command, out, forked)
    if status:
        return f"WRONG: exit status {status}: {said.strip().splitlines()[-1] if said.strip() else ''}"
    wrong = difference(contents(out, options.ignore), whole)
    return f"WRONG: {wrong}" if wrong else "resumed exactly"


def main() -> int:
    """Run, count, print; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--after", type=float, default=0.1, help="seconds that the command runs at least")
    parser.add_argument("--again", nargs=1, default=[], help="added to the command when it is started again")
    parser.add_argument("--begun", default="*", help="files by which a run has begun that can be resumed")
    parser.add_argument(
        "--ignore", nargs="*", action="extend", default=[], help="files whose content may differ, such as times"
    )
    parser.add_argument("--chain", action="store_true", help="kill the second run too")
    parser.add_argument(
        "--imports", nargs="*", default=[], help="modules; the command then runs in forks of this process"
    )
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    draw, counts = random.Random(options.seed), Counter[str]()
    for name in options.imports:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.monotonic()
        status, said = finish(options.command, folder / "whole", bool(options.imports))
        took = time.monotonic() - began
        if status:
            print(f"the command itself fails with status {status}:\n{said}")
            return 1
        print(f"a whole run takes {took:.1f} s and writes {len(contents(folder / 'whole', []))} files")
        number = 0
        while number - counts[TOO_LATE] < options.kills and number < 3 * options.kills:
            number += 1
            outcome = one_round(options.command, options, draw, took, folder)
            counts[outcome.partition(":")[0]] += 1
            print(f"{sum(counts.values())} rounds: {dict(counts)}", file=sys.stderr, flush=True)
            if outcome.startswith("WRONG"):
                kept = Path(tempfile.mkdtemp(prefix="kill-"))
                shutil.copytree(folder / "out", kept / "out")
                print(f"round {number}: {outcome} (kept in {kept})")
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return int("WRONG" in counts)


if __name__ == "__main__":
    sys.exit(main())
