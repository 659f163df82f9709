"""How long the first predictions of a clip take in a studio whose network is loaded, and how long ``vx.predict`` takes.

python -m tests.studio.first_answer CLIP [--model i3d] [--times 3]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

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
    here, there = [], []
    with tempfile.TemporaryDirectory() as where:
        studio = Command(Path(where) / "data")
        try:
            with patient(studio.address) as client:
                sha = upload(client, given.clip)
                last = vx.read_clip(given.clip).num_frames
                for turn in range(given.times + 1):
                    began = time.perf_counter()
                    predict(network, given.clip)
                    here.append(time.perf_counter() - began)
                    # Another end behind the last frame is another question about the same frames.
                    question = {"kind": "predict", "clip": sha, "model": given.model, "frames": f"0:{last + turn}"}
                    began = time.perf_counter()
                    key = client.post("/api/jobs", json=question).json()["key"]
                    with client.stream("GET", "/api/events", params={"key": key}) as stream:
                        for line in stream.iter_lines():
                            if line.startswith("data: {") and json.loads(line[6:]).get("state") == "done":
                                break
                    there.append(time.perf_counter() - began)
        finally:
            studio.end()
    # The first turn loads the studio's network.
    own, studios = min(here[1:]), min(there[1:])
    print(f"predict: {own:.2f} s, the studio: {studios:.2f} s, {studios / own:.2f} times")


if __name__ == "__main__":
    main()
