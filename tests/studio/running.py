"""A studio that runs: in a thread of the test's process, with its worker, on an address of this machine."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn

from videxplain.actionfigures import render_clip
from videxplain.studio.settings import Limits, Studio
from videxplain.studio.web.app import create_app
from videxplain.viz.video import save_video

PATIENCE = 240
"""Seconds that an answer may take. The first needs those in which a worker starts and loads a network."""
LIMITS = Limits(upload_bytes=4 * 2**20, seconds=10, pixels=640 * 480, frames=200, decode_seconds=60)


@dataclass
class Running:
    """A studio with its address."""

    address: str
    studio: Studio
    app: Any


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Running]:
    """Serve until the block ends."""
    studio = Studio(folder=folder, limits=LIMITS, device="cpu", **settings)
    app = create_app(studio, examples=False)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.02)
    try:
        yield Running(address, studio, app)
    finally:
        server.should_exit = True
        thread.join(timeout=30)


def write_clip(
    path: Path, label: str = "Wave", frames: int = 20, seed: int = 3, size: tuple[int, int] = (64, 80)
) -> Path:
    """A small rendered clip as a file."""
    save_video(path, iter(render_clip(label, seed=seed, num_frames=frames, size=size).frames), 10.0)
    return path


def grey_clip(path: Path, level: int) -> Path:
    """A clip of one colour, so that every level is another file."""
    save_video(path, iter(np.full((6, 32, 32, 3), level, np.uint8)), 10.0)
    return path


def upload(client: httpx.Client, path: Path, name: str = "") -> str:
    """Upload a clip and wait until it is read; its SHA-256."""
    answer = client.post("/api/clips", params={"name": name or path.name}, content=path.read_bytes())
    assert answer.status_code == 201, answer.text
    sha = answer.json()["sha"]
    for _ in range(PATIENCE * 10):
        clip = client.get(f"/api/clips/{sha}").json()
        if clip["state"] != "new":
            assert clip["state"] == "ready", clip
            return sha
        threading.Event().wait(0.1)
    raise AssertionError("the clip was not read")


def finished(client: httpx.Client, key: str) -> dict[str, Any]:
    """A job when it is over."""
    for _ in range(PATIENCE * 10):
        job = client.get(f"/api/jobs/{key}").json()
        if job["state"] in ("done", "failed", "cancelled"):
            return job
        threading.Event().wait(0.1)
    raise AssertionError("the job did not end")


def answered(client: httpx.Client, **question: Any) -> tuple[str, dict[str, Any]]:
    """Ask, and wait for the answer."""
    asked = client.post("/api/jobs", json=question)
    assert asked.status_code == 202, asked.text
    key = asked.json()["key"]
    job = finished(client, key)
    assert job["state"] == "done", job
    return key, client.get(f"/api/results/{key}").json()
