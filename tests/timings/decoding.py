"""How fast video is decoded, beside OpenCV's reader.

    python tests/timings/decoding.py [VIDEO ...]

Decodes each video to RGB frames with videxplain's reader and with OpenCV's, in turns, and prints the frames per second
of the fastest of ``--rounds`` passes and their ratio. Without VIDEO it encodes two of its own, H.264 of 320x240 and of
1920x1080 pixels. OpenCV is used here for comparison only. Times depend on the machine and its load; the ratio holds.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np

from videxplain.data.video import VideoReader

SIZES = {(240, 320): 500, (1080, 1920): 120}


def encode(path: Path, height: int, width: int, frames: int) -> Path:
    """A moving picture with detail, as H.264."""
    draw = np.random.default_rng(0)
    still = cv2.resize(draw.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8), (width, height))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "23", "preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for index in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(still, 2 * index, axis=1), format="rgb24")))
        container.mux(stream.encode())
    return path


def by_videxplain(path: Path) -> int:
    """The frames that videxplain's reader gives."""
    with VideoReader(path) as reader:
        return sum(1 for _ in reader)


def by_opencv(path: Path) -> int:
    """The frames that OpenCV's reader gives, in RGB as well."""
    capture, count = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), 0
    while True:
        there, frame = capture.read()
        if not there:
            return count
        cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        count += 1


def seconds(read: Callable[[Path], int], path: Path) -> float:
    """How long one pass takes."""
    began = time.perf_counter()
    read(path)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path, metavar="VIDEO")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos = options.videos or [
            encode(Path(folder, f"{width}x{height}.mp4"), height, width, frames)
            for (height, width), frames in SIZES.items()
        ]
        print(f"{'video':32} {'frames':>6} {'videxplain':>12} {'OpenCV':>12} {'ratio':>6}")
        for path in videos:
            count = by_videxplain(path)
            rounds = [(seconds(by_videxplain, path), seconds(by_opencv, path)) for _ in range(options.rounds)]
            ours, theirs = (min(times) for times in zip(*rounds, strict=True))
            rates = f"{count / ours:8.0f} fps {count / theirs:8.0f} fps"
            print(f"{path.name:32} {count:6} {rates} {theirs / ours:6.2f}")


if __name__ == "__main__":
    main()
