"""How long the first predictions of a clip take in a studio whose network is loaded, and how long ``vx.predict`` takes.

python -m tests.studio.first_answer CLIP [--model i3d] [--times 3]

The processor time of the server and of the worker is compared with that of ``vx.predict`` too: on a machine that is
busy with other work, the time on the clock tells more of that work.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import psutil

import videxplain as vx
from tests.studio.command import Command, patient
from tests.studio.running import upload
from videxplain.explanation.api import predict


def main() -> None:
    """Take turns, so that both meet the same load of the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--model", default="i3d")
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    network = vx.load_model(given.model)
    predict(network, given.clip)
    here, there = [], []  # seconds on the clock and of the processor
    with tempfile.TemporaryDirectory() as where:
        studio = Command(Path(where) / "data", patience=600)
        try:
            with patient(studio.address) as client:
                sha = upload(client, given.clip)
                last = vx.read_clip(given.clip).num_frames
                for turn in range(given.times + 1):
                    began = time.perf_counter(), time.process_time()
                    predict(network, given.clip)
                    here.append((time.perf_counter() - began[0], time.process_time() - began[1]))
                    # Another end behind the last frame is another question about the same frames.
                    question = {"kind": "predict", "clip": sha, "model": given.model, "frames": f"0:{last + turn}"}
                    began = time.perf_counter(), processor_time(studio)
                    key = client.post("/api/jobs", json=question).json()["key"]
                    with client.stream("GET", "/api/events", params={"key": key}) as stream:
                        for line in stream.iter_lines():
                            if line.startswith("data: {") and json.loads(line[6:]).get("state") == "done":
                                break
                    there.append((time.perf_counter() - began[0], processor_time(studio) - began[1]))
        finally:
            studio.end()
    # The first turn loads the studio's network.
    for what, k in (("time on the clock", 0), ("processor time", 1)):
        own, studios = (min(turn[k] for turn in turns[1:]) for turns in (here, there))
        print(f"{what}: predict {own:.2f} s, the studio {studios:.2f} s, {studios / own:.2f} times")


def processor_time(studio: Command) -> float:
    """Seconds of the processor that the server and its worker have taken."""
    server = psutil.Process(studio.process.pid)
    return sum(sum(one.cpu_times()[:2]) for one in (server, *server.children(recursive=True)))


if __name__ == "__main__":
    main()
