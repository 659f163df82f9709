"""Read thousands of damaged videos, each in a process that may crash or hang without harm to the others.

    python tests/fuzz/videos.py [--count 5000] [--seed 0] [--seconds 20] [--memory 2000]

Small files of many formats are written, and mutated: bytes flipped, runs of bytes overwritten, cut off, repeated, or a
field near the beginning set to an extreme value. Each mutant is read as a clip, counted, and opened as a source of
windows. Right is: frames whose number the three agree on, or one line (`VidexplainError`). Wrong is: another exception,
different counts, a crash, more than ``--seconds``, or more memory than ``--memory`` MB. A process reads many mutants;
the one at which it died or stuck is reported, and the others go on.
"""

import argparse
import json
import random
import resource
import select
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import av
import numpy as np

# Container, codec and pixel format.
FORMATS = (
    ("avi", "mpeg4", "yuv420p"),
    ("avi", "mjpeg", "yuvj420p"),
    ("avi", "rawvideo", "bgr24"),
    ("avi", "ffv1", "bgr0"),
    ("mp4", "libx264", "yuv420p"),
    ("mp4", "libsvtav1", "yuv420p"),
    ("mov", "prores_ks", "yuv422p10le"),
    ("mov", "png", "rgba"),
    ("mkv", "libx264", "yuv420p"),
    ("mkv", "ffv1", "gray"),
    ("webm", "libvpx-vp9", "yuv420p"),
    ("mpg", "mpeg2video", "yuv420p"),
    ("ts", "libx264", "yuv420p"),
    ("flv", "libx264", "yuv420p"),
    ("gif", "gif", "rgb8"),
)
# Files of this size are decoded by several threads; the other one's are not.
_SMALL, _LARGE = (48, 64), (240, 320)
_BOTH_SIZES = ("libx264", "mpeg4", "mpeg2video", "libvpx-vp9")
_EXTREMES = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\x01")


def write_seeds(folder: Path) -> list[Path]:
    """A small file of every format that this PyAV can write."""
    draw = np.random.default_rng(0)
    paths = []
    for container, codec, pix_fmt in FORMATS:
        if codec not in av.codecs_available:
            continue
        for height, width in (_SMALL, _LARGE) if codec in _BOTH_SIZES else (_SMALL,):
            squares = draw.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
            still = np.kron(squares, np.ones((8, 8, 1), np.uint8))
            path = folder / f"{codec}-{width}.{container}"
            with av.open(str(path), "w") as output:
                stream = output.add_stream(codec, rate=25)
                stream.height, stream.width, stream.pix_fmt = height, width, pix_fmt
                for index in range(12):
                    picture = av.VideoFrame.from_ndarray(np.roll(still, 2 * index, axis=1), format="rgb24")
                    output.mux(stream.encode(picture))
                output.mux(stream.encode())
            paths.append(path)
    return paths


def mutate(data: bytes, draw: random.Random) -> bytes:
    """One to four mutations, half of them in the first kilobyte, where headers are."""
    mutant = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        reach = len(mutant) if draw.random() < 0.5 else min(len(mutant), 1024)
        at, length = draw.randrange(max(reach, 1)), draw.choice((1, 2, 4, 8, 64))
        kind = draw.choice(("flip", "extreme", "noise", "cut", "drop", "repeat"))
        if kind == "flip" and mutant:
            mutant[at] ^= 1 << draw.randrange(8)
        elif kind == "extreme":
            mutant[at : at + length] = draw.choice(_EXTREMES) * min(length, 8)
        elif kind == "noise":
            mutant[at : at + length] = draw.randbytes(length)
        elif kind == "cut":
            del mutant[draw.randrange(len(mutant)) + 1 if mutant else 0 :]
        elif kind == "drop":
            del mutant[at : at + length]
        else:
            mutant[at:at] = mutant[at : at + length]
    return bytes(mutant)


def read(path: Path) -> str:
    """What comes of a file: ``read``, ``refused``, or ``WRONG`` and why."""
    from videxplain.data.clip import read_clip
    from videxplain.data.stream import FileFrames
    from videxplain.data.video import count_frames
    from videxplain.errors import VidexplainError

    outcomes = []
    for use in (lambda: len(read_clip(path)), lambda: count_frames(path), lambda: FileFrames(path).num_frames):
        try:
            outcomes.append(use())
        except VidexplainError as error:
            if "\n" in str(error):
                return f"WRONG: more than a line: {error}"
            outcomes.append(str(error))
        except Exception as error:
            return f"WRONG: {type(error).__name__}: {error}".replace("\n", " ")
    clip, count, source = outcomes
    if isinstance(clip, str):  # counting converts no colours and compares no sizes, so it may succeed
        return "refused"
    return "read" if clip == count == source else f"WRONG: {clip}, {count} and {source} frames"


def child(memory: int) -> None:
    """Read the files named on standard input, and write a line for each."""
    resource.setrlimit(resource.RLIMIT_AS, (memory << 20, memory << 20))
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        print(json.dumps(read(Path(line.rstrip("\n")))), flush=True)


class Reader:
    """A child process that reads one file after the other, and is started anew after it died."""

    def __init__(self, seconds: float, memory: int) -> None:
        self._seconds = seconds
        self._line = [sys.executable, "-m", "tests.fuzz.videos", "--child", "--memory", str(memory)]
        self._process: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> str:
        """As :func:`read`, and ``WRONG: crash`` or ``WRONG: hang``."""
        if self._process is None:
            root = Path(__file__).parents[2]
            self._process = subprocess.Popen(
                self._line,
                cwd=root,
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
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _answer(self, path: Path | None) -> str:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(path or "/nowhere", file=self._process.stdin, flush=True)
        if not select.select([self._process.stdout], [], [], self._seconds if path else 120)[0]:
            return "WRONG: hang"
        line = self._process.stdout.readline()
        return json.loads(line) if line else f"WRONG: crash, status {self._process.wait()}"


def run(count: int, seed: int, *, seconds: float = 20, memory: int = 2000, keep: Path | None = None) -> Counter[str]:
    """Read ``count`` mutants; how many were read, refused and wrong. Those that are wrong are copied to ``keep``."""
    draw, counts = random.Random(seed), Counter[str]()
    reader = Reader(seconds, memory)
    with tempfile.TemporaryDirectory() as name:
        seeds = write_seeds(Path(name))
        try:
            for number in range(count):
                seed_file = seeds[number % len(seeds)]
                path = seed_file.with_name(f"mutant{seed_file.suffix}")
                path.write_bytes(mutate(seed_file.read_bytes(), draw))
                outcome = reader.read(path)
                counts[outcome.partition(":")[0]] += 1
                if outcome.startswith("WRONG"):
                    print(f"{number} {seed_file.name}: {outcome}", flush=True)
                    if keep:
                        (keep / f"{seed}-{number}-{seed_file.name}").write_bytes(path.read_bytes())
        finally:
            reader.close()
    return counts


def main() -> int:
    """Run, count, print; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20, help="for one file")
    parser.add_argument("--memory", type=int, default=2000, help="MB of address space of a child")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.memory)
        return 0
    keep = Path(tempfile.mkdtemp(prefix="fuzz-"))
    counts = run(options.count, options.seed, seconds=options.seconds, memory=options.memory, keep=keep)
    print(", ".join(f"{number} {what}" for what, number in sorted(counts.items())))
    if not any(keep.iterdir()):
        keep.rmdir()
    return int("WRONG" in counts)


if __name__ == "__main__":
    sys.exit(main())
