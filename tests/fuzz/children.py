"""Child processes that try one damaged file or folder after the other, and may crash or hang without harm to others."""

import argparse
import json
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
_START_SECONDS = 300
_FILE_LIMIT = 512 << 20


def outcome_of(use: Callable[[], object]) -> str:
    """``read``, ``refused`` or ``WRONG``, and why: an exception of another kind, or a refusal of several lines."""
    from videxplain.errors import VidexplainError

    try:
        use()
    except VidexplainError as error:
        said = str(error)
        return f"refused: {said}" if said and "\n" not in said else f"WRONG: no line: {said!r}"
    except BaseException as error:
        frame = error.__traceback__
        while frame and frame.tb_next:
            frame = frame.tb_next
        place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
        return f"WRONG: {type(error).__name__}: {error} ({place})".replace("\n", " ")
    return "read"


def serve(read: Callable[[Path], str], memory: int) -> None:
    """Read the files named on standard input, and write a line for each; ``memory`` is in MB of address space."""
    resource.setrlimit(resource.RLIMIT_AS, (memory << 20, memory << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_LIMIT, _FILE_LIMIT))
    warnings.simplefilter("ignore")
    answers, sys.stdout = sys.stdout, sys.stderr  # what is printed elsewhere is no answer
    for line in sys.stdin:
        print(json.dumps(read(Path(line.rstrip("\n")))), file=answers, flush=True)


class Child:
    """A process of one of these modules that is started anew after it died or got stuck."""

    def __init__(self, module: str, seconds: float, memory: int) -> None:
        self._seconds = seconds
        self._line = [sys.executable, "-m", module, "--child", "--memory", str(memory)]
        self._process: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> str:
        """What the module says of a file, ``WRONG: crash``, or ``WRONG: hang``."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._line,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            self._answer(None)  # the imports' time is not the file's
        outcome = self._answer(path)
        if outcome.startswith(("WRONG: crash", "WRONG: hang")):
            self.close()
        return outcome

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _answer(self, path: Path | None) -> str:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(path or "/nowhere", file=self._process.stdin, flush=True)
        if not select.select([self._process.stdout], [], [], self._seconds if path else _START_SECONDS)[0]:
            return "WRONG: hang"
        line = self._process.stdout.readline()
        return json.loads(line) if line else f"WRONG: crash, status {self._process.wait()}"


def count_outcomes(
    make: Callable[[int, Path], tuple[str, Path]], count: int, child: Child, keep: Path | None = None
) -> Counter[str]:
    """Make ``count`` mutants and let the child read each.

    Args:
        make: Writes a mutant into an empty folder, and gives what it is in words and its path.
        count: How many.
        child: Reads them.
        keep: Where those that are wrong are copied to.

    Returns:
        How many were read, refused and wrong.
    """
    counts = Counter[str]()
    try:
        for number in range(count):
            with tempfile.TemporaryDirectory() as name:
                what, path = make(number, Path(name))
                outcome = child.read(path)
                counts[outcome.partition(":")[0]] += 1
                if outcome.startswith("WRONG"):
                    print(f"{number} {what}: {outcome}", flush=True)
                    if keep:
                        shutil.copytree(name, keep / str(number), symlinks=True)
    finally:
        child.close()
    return counts


def main(
    description: str,
    read: Callable[[Path], str],
    run: Callable[..., Counter[str]],
    seconds: float,
    memory: int,
) -> int:
    """The command of such a module: run, count, print; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=seconds, help="for one file")
    parser.add_argument("--memory", type=int, default=memory, help="MB of address space of a child")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        serve(read, options.memory)
        return 0
    keep = Path(tempfile.mkdtemp(prefix="fuzz-"))
    counts = run(options.count, options.seed, seconds=options.seconds, memory=options.memory, keep=keep)
    print(", ".join(f"{number} {what}" for what, number in sorted(counts.items())))
    if not any(keep.iterdir()):
        keep.rmdir()
    return int("WRONG" in counts)
