"""Questions that wait: who is told what of them, on the first page and in the stream of events. No worker runs."""

import asyncio
import json
import re
import threading

import pytest
from fastapi.testclient import TestClient

from tests.studio.running import LIMITS
from videxplain.studio.settings import Studio
from videxplain.studio.storage.store import Store
from videxplain.studio.web.api import _events
from videxplain.studio.web.app import create_app
from videxplain.studio.web.desk import Desk

BASE = "http://127.0.0.1:8765"
SHA = "1" * 64
FACTS = {"frames": 20, "fps": 10.0, "width": 80, "height": 64, "warning": ""}
A, B = "a" * 32, "b" * 32


@pytest.fixture
def desk(tmp_path):
    studio = Studio(folder=tmp_path / "data", limits=LIMITS)
    studio.make_folders()
    store = Store(studio)
    for visitor in (A, B):
        store.clips.see(visitor)
        store.clips.add(visitor, SHA, f"{visitor[0]}.mp4", 10)
    store.clips.read(SHA, FACTS, "")
    return Desk(studio, store)


def told(record):
    return json.loads(record.removeprefix("data: "))


def test_who_cancels_what_another_waits_for_is_told(desk):
    """The question itself goes on, and the page of the one who has cancelled it would wait for ever."""
    question = {"kind": "predict", "clip": SHA, "edits": [{"kind": "cut", "first": 0, "last": 3}]}
    (_, job), _ = desk.submit(A, question), desk.submit(B, question)

    async def follow():
        events = _events(desk, A, [job.key], threading.Event())
        first = told(await anext(events))
        desk.store.jobs.cancel(A, job.key)
        second = told(await anext(events))
        return first["state"], second["state"], await anext(events)

    assert asyncio.run(follow()) == ("queued", "cancelled", "event: over\ndata: {}\n\n")
    assert desk.job(B, job.key).state == "queued"


def test_the_stream_ends_with_the_server(desk):
    _, job = desk.submit(A, {"clip": SHA, "method": "saliency"})
    ending = threading.Event()

    async def follow():
        events = _events(desk, A, [job.key], ending)
        states = [told(await anext(events))["state"]]
        ending.set()
        return states + [record async for record in events]

    assert asyncio.run(asyncio.wait_for(follow(), 10)) == ["queued"]


def test_the_first_page_lists_what_waits_and_to_whom_it_belongs(desk):
    for given in ({"method": "occlusion", "frames": "2:18"}, {"method": "saliency", "kind": "file", "format": "png"}):
        desk.submit(A, {"clip": SHA, **given})
    desk.submit(B, {"clip": SHA, "method": "rise"})
    desk.submit(A, {"kind": "layers", "model": "i3d"})
    assert [(one["words"], one["address"], one["clip"]["name"]) for one in desk.waiting(A)] == [
        ("Occlusion of i3d", f"/clip/{SHA}?method=occlusion&frames=2%3A18", "a.mp4"),
        ("file, Saliency of i3d", f"/clip/{SHA}?method=saliency", "a.mp4"),
    ]
    app = create_app(desk.studio, examples=False, work=False)
    with TestClient(app, base_url=BASE, cookies={"videxplain_visitor": A}) as client:
        page = client.get("/").text
        assert "Occlusion of i3d, a.mp4" in page
        assert "RISE" not in page
        for one in desk.waiting(A):
            assert client.delete(f"/api/jobs/{one['key']}").status_code == 204
        assert "Questions that wait" not in client.get("/").text


def test_a_page_calls_a_method_as_papers_do_and_its_address_keeps_the_short_name(desk):
    app = create_app(desk.studio, examples=False, work=False)
    with TestClient(app, base_url=BASE, cookies={"videxplain_visitor": A}) as client:
        page = client.get(f"/clip/{SHA}?method=gradcam%2B%2B").text
    assert "<title>a.mp4: Grad-CAM++ of i3d</title>" in page
    assert "<h2>Grad-CAM++ of i3d" in page
    (option,) = re.findall(r'<option value="gradcam\+\+"[^>]* selected>([^<]*)<', page)
    assert option == "Grad-CAM++"
    assert "videxplain gradcam++ --model i3d --clip a.mp4" in page
