"""Many visitors at once: how fast pages answer while the worker is busy, and whether anything is lost or mixed up.

python -m tests.studio.load [--visitors 50] [--rounds 3]
"""

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.studio.command import Command, patient
from tests.studio.running import answered, upload, write_clip


def visit(address: str, clip: Path, number: int, times: list[float], places: list[int]) -> None:
    """One visitor: uploads a clip, asks for its classes, and looks at pages until the answer is there."""
    with patient(address) as client:
        sha = upload(client, clip, f"clip {number}.mp4")
        asked = client.post("/api/jobs", json={"kind": "predict", "clip": sha, "model": "late_fusion"}).json()
        places.append(asked["place"])
        while True:
            for path in ("/", f"/clip/{sha}", f"/api/jobs/{asked['key']}"):
                began = time.perf_counter()
                answer = client.get(path)
                times.append(time.perf_counter() - began)
                assert answer.status_code == 200, (path, answer.text[:200])
            if answer.json()["state"] == "done":
                break
            time.sleep(1.0)
        own = [one["name"] for one in client.get("/api/clips").json() if not one["example"]]
        assert own == [f"clip {number}.mp4"], own
        _, found = answered(client, kind="predict", clip=sha, model="late_fusion")
        assert found["predictions"]


def main() -> None:
    """Start a studio, send the visitors, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        studio = Command(folder / "data")
        try:
            memory = [studio.memory()]
            for turn in range(given.rounds):
                clips = [
                    write_clip(folder / f"{turn}-{i}.mp4", seed=1000 * turn + i, frames=12)
                    for i in range(given.visitors)
                ]
                times: list[float] = []
                places: list[int] = []
                began = time.perf_counter()
                with ThreadPoolExecutor(given.visitors) as pool:
                    jobs = [pool.submit(visit, studio.address, clip, i, times, places) for i, clip in enumerate(clips)]
                    for job in jobs:
                        job.result()
                memory.append(studio.memory())
                ranked = sorted(times)
                print(
                    f"round {turn + 1}: {given.visitors} visitors, {time.perf_counter() - began:.0f} s, "
                    f"{len(times)} pages, "
                    f"median {1000 * statistics.median(times):.0f} ms, "
                    f"95 % under {1000 * ranked[int(0.95 * len(ranked))]:.0f} ms, longest queue {max(places)}, "
                    f"server {memory[-2]:.0f} -> {memory[-1]:.0f} MB",
                    flush=True,
                )
        finally:
            studio.end()


if __name__ == "__main__":
    main()
