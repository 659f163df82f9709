"""What the tables and maps of an audit cost beside inference alone over the same videos.

    python tests/timings/audit.py [--model i3d] [--videos 140] [--rounds 3]

Both sides decode the same videos and run the same windows of a loaded network in the same batches; the audit also
explains and writes. The videos have no masks here, as those of a usual data set. Processor time is compared besides the
time on the clock: it does not depend on what else the machine does.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import videxplain as vx
from videxplain.actionfigures import synthesize
from videxplain.attribution.engine import at_once, forward
from videxplain.audit.api import run_audit
from videxplain.data.datasets.open import open_dataset
from videxplain.data.stream import FileFrames
from videxplain.explanation.windows.plan import plan, window_inputs
from videxplain.untouched import untouched


def inference(model, videos) -> None:
    """Predict every video, windows of several videos together."""
    waiting: list[torch.Tensor] = []
    with untouched(model), torch.no_grad():
        for video in videos:
            source = FileFrames(video.path)
            whole = plan(source.num_frames, model.config)
            for x in window_inputs(source, whole, range(len(whole.windows)), model.config, torch.device("cpu")):
                waiting.append(x)
                if len(waiting) == at_once(x):
                    forward(model, torch.cat(waiting))
                    waiting = []
        if waiting:
            forward(model, torch.cat(waiting))


def main() -> None:
    """Take turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="i3d")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--videos", type=int, default=140)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "figures"
        synthesize(root, videos=asked.videos, seed=1)
        data = open_dataset(root / "UCF-101", kind="folder")
        videos = (*data.train, *data.test)
        model = vx.load_model(asked.model, asked.weights)
        ratios = []
        for number in range(asked.rounds):
            alone = measured(lambda: inference(model, videos))
            out = Path(folder) / f"audit{number}"
            audit = measured(lambda out=out: run_audit(model, data, out, subset="all", trust=False, labelled=False))
            ratios.append((audit[0] / alone[0], audit[1] / alone[1]))
            print(
                f"round {number + 1}: inference alone {alone[0]:.1f} s, audit {ratios[-1][0]:.2f} times that; "
                f"processor time {alone[1]:.1f} s, {ratios[-1][1]:.2f} times",
                flush=True,
            )
        clock, processor = (statistics.median(column) for column in zip(*ratios, strict=True))
        print(f"median over {asked.rounds} rounds: {clock:.2f}, processor time {processor:.2f}")


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock and of the processor."""
    begun = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


if __name__ == "__main__":
    main()
