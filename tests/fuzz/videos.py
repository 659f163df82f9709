"""Read thousands of damaged videos, each in a process that may crash or hang without harm to the others.

    python -m tests.fuzz.videos [--count 5000] [--seed 0] [--seconds 20] [--memory 2000]

Small files of many formats are written, and mutated: bytes flipped, runs of bytes overwritten, cut off, repeated, or a
field near the beginning set to an extreme value. Each mutant is read as a clip, counted, and opened as a source of
windows. Right is: frames whose number the three agree on, or one line (`VidexplainError`). Wrong is: another exception,
different counts, a crash, more than ``--seconds``, or more memory than ``--memory`` MB.
"""

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import av
import numpy as np

from tests.fuzz.children import Child, count_outcomes, main
from tests.fuzz.mutations import mutate_bytes

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


def run(count: int, seed: int, *, seconds: float = 20, memory: int = 2000, keep: Path | None = None) -> Counter[str]:
    """Read ``count`` mutants; how many were read, refused and wrong. Those that are wrong are copied to ``keep``."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        seeds = write_seeds(Path(name))

        def make(number: int, folder: Path) -> tuple[str, Path]:
            seed_file = seeds[number % len(seeds)]
            path = folder / f"mutant{seed_file.suffix}"
            path.write_bytes(mutate_bytes(seed_file.read_bytes(), draw))
            return seed_file.name, path

        return count_outcomes(make, count, Child("tests.fuzz.videos", seconds, memory), keep)


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", read, run, seconds=20, memory=2000))
