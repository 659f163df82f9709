"""Explain a clip through the HTTP interface of a studio: submit, status, result.

Start one with ``videxplain serve``, then::

    python examples/studio_client.py examples/clips/waving.mp4 --address http://127.0.0.1:8765
"""

import argparse
import time
from pathlib import Path

import httpx
import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--address", default="http://127.0.0.1:8765")
    parser.add_argument("--token", default="", help="the token, if the studio has one")
    parser.add_argument("--model", default="i3d")
    parser.add_argument("--method", default="gradcam")
    given = parser.parse_args()

    headers = {"authorization": f"Bearer {given.token}"} if given.token else {}
    # The client keeps the cookie by which the studio knows whose clips and questions these are.
    with httpx.Client(base_url=given.address, headers=headers, timeout=60) as client:
        uploaded = client.post("/api/clips", params={"name": given.clip.name}, content=given.clip.read_bytes())
        clip = result_of(uploaded)
        while clip["state"] == "new":
            time.sleep(0.2)
            clip = result_of(client.get(f"/api/clips/{clip['sha']}"))
        if clip["state"] == "failed":
            raise SystemExit(clip["error"])

        question = {"clip": clip["sha"], "model": given.model, "method": given.method}
        job = result_of(client.post("/api/jobs", json=question))
        while job["state"] in ("queued", "running"):
            time.sleep(0.2)
            job = result_of(client.get(f"/api/jobs/{job['key']}"))
        if job["state"] != "done":
            raise SystemExit(job["error"] or job["state"])

        answer = result_of(client.get(f"/api/results/{job['key']}"))
        for label, probability in answer["predictions"][:3]:
            print(f"{label}: {100 * probability:.1f} %")
        meta = result_of(client.get(f"/api/results/{job['key']}/player"))
        size = meta["maps"]
        raw = np.frombuffer(client.get(f"/api/results/{job['key']}/maps").content, "<f2").astype(np.float32)
        maps = size["scale"] * raw.reshape(size["steps"], size["rows"], size["columns"])
        print(f"maps for {answer['target']}: {maps.shape}, strongest in frame {int(np.argmax(meta['curve']))}")


def result_of(answer: httpx.Response) -> dict:
    """The content of an answer; the studio's line where it refused."""
    content = answer.json()
    if answer.is_error:
        raise SystemExit(content["error"])
    return content


if __name__ == "__main__":
    main()
