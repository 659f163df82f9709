"""SIGKILL the server or the worker at random moments: nothing finished is lost, and what waited is answered.

    python -m tests.studio.kill [--kills 30] [--seed 0]

Each time a visitor asks some questions and, at a random moment, the server or the worker is killed. A server is
started again. In the end every question has its answer, and answers that were finished have not changed.
"""

import argparse
import os
import random
import signal
import tempfile
import time
from pathlib import Path

import httpx

from tests.studio.command import Command, patient
from tests.studio.running import finished, upload, write_clip

METHODS = ("gradcam", "saliency", "hirescam", "layercam", "eigencam", "input-x-gradient", "gradcam++", "xgradcam")
PATIENCE = 600
"""Seconds that a server has to start: the machine may be busy with other work."""


def main() -> None:
    """Kill, and look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as where:
        data = Path(where) / "data"
        studio = Command(data, patience=PATIENCE)
        client = patient(studio.address)
        done: dict[str, str] = {}
        times: dict[str, int] = {}
        try:
            for kill in range(given.kills):
                sha = upload(client, write_clip(Path(where) / f"{kill}.mp4", seed=kill, frames=12))
                asked = [
                    client.post("/api/jobs", json={"clip": sha, "model": "late_fusion", "method": method}).json()["key"]
                    for method in draw.sample(METHODS, 3)
                ]
                time.sleep(draw.uniform(0, 6))
                before = {key: client.get(f"/api/jobs/{key}").json()["state"] for key in asked}
                what = draw.choice(("server", "worker"))
                if what == "server":
                    cookies = dict(client.cookies)
                    studio.kill()
                    studio = Command(data, patience=PATIENCE)
                    client = patient(studio.address, cookies)
                elif (pid := studio.worker()) is not None:
                    os.kill(pid, signal.SIGKILL)
                for key in asked:
                    job = finished(client, key)
                    assert job["state"] == "done", (kill, what, job)
                    done[key] = client.get(f"/api/results/{key}").text
                    times[key] = (data / "results" / key / "answer.json").stat().st_mtime_ns
                print(
                    f"kill {kill + 1} of {given.kills}: the {what}, questions were {sorted(before.values())}",
                    flush=True,
                )
            for key, text in done.items():
                assert client.get(f"/api/results/{key}").text == text
                assert (data / "results" / key / "answer.json").stat().st_mtime_ns == times[key]
            _, rows = client.get("/api/jobs").json(), len(done)
            half = [path for path in data.rglob(".videxplain-*") if path.name != ".videxplain-claim"]
            print(f"{rows} answers, all kept as they were; {len(half)} half-written files")
        except httpx.HTTPError as error:
            raise SystemExit(f"the studio does not answer: {error!r}") from error
        finally:
            studio.end()


if __name__ == "__main__":
    main()
