"""Many visitors at once: how fast pages answer while the worker is busy, and whether anything is lost or mixed up.

python -m tests.studio.load [--visitors 50] [--rounds 2]

Each visitor uploads a clip of its own. When all clips are read, all visitors ask for an explanation at once, so that a
queue forms, and look at pages every few seconds. In the end each answer must be that of the visitor's own clip.
"""

import argparse
import random
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier

import videxplain as vx
from tests.studio.command import Command, patient
from tests.studio.running import answered, upload, write_clip

MODEL, METHOD = "late_fusion", "gradcam"
PAUSE = (2.0, 4.0)
"""Seconds between two looks of a visitor."""
NEAR = 1e-3
"""Probabilities of one clip differ by less: the same network runs with other numbers of threads."""


@dataclass
class Seen:
    """What all visitors of a round have seen.

    Attributes:
        times: Seconds of each page.
        busy: The same, of pages that were asked while a question of the visitor waited or ran.
        places: How many questions were before it, for each time a visitor looked.
    """

    times: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)


def visit(
    address: str, clip: Path, number: int, expected: list[tuple[str, float]], seen: Seen, all_read: Barrier
) -> None:
    """One visitor: uploads a clip, asks for an explanation, and looks at pages until the answer is there."""
    pauses = random.Random(number)
    with patient(address) as client:
        sha = upload(client, clip, f"clip {number}.mp4")
        all_read.wait()
        question = {"clip": sha, "model": MODEL, "method": METHOD}
        key = client.post("/api/jobs", json=question).json()["key"]
        state = "queued"
        while state != "done":
            for path in ("/", f"/clip/{sha}", f"/api/jobs/{key}"):
                began = time.perf_counter()
                answer = client.get(path)
                seen.times.append(time.perf_counter() - began)
                if state in ("queued", "running"):
                    seen.busy.append(seen.times[-1])
                assert answer.status_code == 200, (path, answer.text[:200])
            job = answer.json()
            state = job["state"]
            assert state in ("queued", "running", "done"), job
            seen.places.append(job["place"])
            time.sleep(pauses.uniform(*PAUSE))
        own = [one["name"] for one in client.get("/api/clips").json() if not one["example"]]
        assert own == [f"clip {number}.mp4"], own
        _, found = answered(client, kind="predict", clip=sha, model=MODEL)
        shares = dict(found["predictions"])
        assert all(abs(shares[label] - share) < NEAR for label, share in expected), (number, expected, shares)


def main() -> None:
    """Start a studio, send the visitors, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    network = vx.load_model(MODEL)
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        studio = Command(folder / "data", patience=600)
        try:
            memory = [studio.memory()]
            for turn in range(given.rounds):
                clips = [
                    write_clip(folder / f"{turn}-{i}.mp4", seed=1000 * turn + i, frames=12)
                    for i in range(given.visitors)
                ]
                expected = [vx.predict(network, clip) for clip in clips]
                seen, all_read = Seen(), Barrier(given.visitors, timeout=1800)
                began = time.perf_counter()
                with ThreadPoolExecutor(given.visitors) as pool:
                    jobs = [
                        pool.submit(visit, studio.address, clip, i, one, seen, all_read)
                        for i, (clip, one) in enumerate(zip(clips, expected, strict=True))
                    ]
                    for job in jobs:
                        job.result()
                memory.append(studio.memory())
                ranked = sorted(seen.busy)
                print(
                    f"round {turn + 1}: {given.visitors} visitors, {time.perf_counter() - began:.0f} s, "
                    f"{len(seen.times)} pages, {len(ranked)} of them while the worker was busy: "
                    f"median {1000 * statistics.median(ranked):.0f} ms, "
                    f"95 % under {1000 * ranked[int(0.95 * len(ranked))]:.0f} ms, "
                    f"longest queue {max(seen.places)}, server {memory[-2]:.0f} -> {memory[-1]:.0f} MB",
                    flush=True,
                )
        finally:
            studio.end()


if __name__ == "__main__":
    main()
