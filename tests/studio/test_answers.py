"""Answers of a studio that runs, compared with those of the package itself."""

import json
import os
import signal
import threading

import httpx
import numpy as np
import pytest

import videxplain as vx
from tests.studio.running import PATIENCE, answered, finished, running, upload
from videxplain.explanation.api import predict
from videxplain.explanation.familiarity import UNFAMILIAR
from videxplain.viz.overlay import enlarge
from videxplain.viz.video import save_video


@pytest.fixture(scope="module")
def client(served):
    with httpx.Client(base_url=served.address, timeout=PATIENCE) as one:
        yield one


@pytest.fixture(scope="module")
def sha(client, clip):
    return upload(client, clip, "my wave.mp4")


@pytest.fixture(scope="module")
def network():
    return vx.load_model("late_fusion")


def test_the_map_is_that_of_explain(client, sha, clip, network):
    key, answer = answered(client, clip=sha, model="late_fusion")
    own = vx.explain(network, clip, "gradcam")
    assert answer["target"] == own.origin.target
    assert [label for label, _ in answer["predictions"]] == [label for label, _ in own.predictions]
    meta = client.get(f"/api/results/{key}/player").json()
    raw = np.frombuffer(client.get(f"/api/results/{key}/maps").content, "<f2").astype(np.float32)
    size = meta["maps"]
    maps = size["scale"] * raw.reshape(size["steps"], size["rows"], size["columns"])
    large = np.stack([enlarge(one, own.source.size) for one in maps])
    assert np.abs(large - own.heatmap).max() <= own.heatmap.max() / 255
    assert (meta["frames"], meta["width"], meta["height"]) == (own.num_frames, 80, 64)
    assert meta["range"] == pytest.approx(own.range, rel=1e-4)
    assert meta["title"] == "my wave.mp4: Grad-CAM of late_fusion"


def test_a_clip_that_the_network_cannot_know_is_told_with_its_classes(client, tmp_path):
    save_video(tmp_path / "noise.mp4", iter(np.random.default_rng(0).integers(0, 256, (12, 64, 80, 3), np.uint8)), 10.0)
    sha = upload(client, tmp_path / "noise.mp4")
    _, answer = answered(client, kind="predict", clip=sha, model="late_fusion")
    note, advice = answer["notes"]
    assert note.startswith(UNFAMILIAR)
    assert advice == (
        "Choose a model that was trained on real video. 'videxplain download torchvision:r3d_18' adds one to the list."
    )
    _, answer = answered(client, kind="explain", clip=sha, model="late_fusion")
    assert answer["notes"][:2] == [note, advice]
    assert not any("--clip" in line for line in answer["notes"])


def test_a_stretch_of_a_recording_that_paused_is_in_step_with_its_video(client, served, tmp_path):
    # Ten frames a second, and five seconds without a frame in the middle.
    times = np.arange(20) / 10 + 5 * (np.arange(20) >= 10)
    frames = [np.full((64, 80, 3), 12 * i, np.uint8) for i in range(20)]
    save_video(tmp_path / "paused.mp4", iter(frames), 10.0, times=times)
    sha = upload(client, tmp_path / "paused.mp4")
    assert "5.10 s without a frame after frame 9" in client.get(f"/api/clips/{sha}").json()["warning"]
    key, _ = answered(client, clip=sha, model="late_fusion", frames="6:")
    meta = client.get(f"/api/results/{key}/player").json()
    shown = vx.read_clip(served.studio.clips / sha / "shown.mp4")
    assert (meta["first"], meta["frames"], meta["fps"], shown.fps, shown.num_frames) == (6, 14, 10, 10, 20)
    np.testing.assert_allclose(shown.times, np.arange(20) / 10)
    np.testing.assert_allclose(meta["seconds"], times[6:], atol=1e-3)


def test_the_same_question_costs_nothing(client, served, sha):
    key, _ = answered(client, clip=sha, model="late_fusion")
    changed = (served.studio.results / key / "answer.json").stat().st_mtime_ns
    again = client.post("/api/jobs", json={"clip": sha, "model": "late_fusion", "frames": ":"}).json()
    assert (again["key"], again["state"]) == (key, "done")
    assert (served.studio.results / key / "answer.json").stat().st_mtime_ns == changed
    with httpx.Client(base_url=served.address, timeout=PATIENCE) as other:
        assert other.get(f"/api/results/{key}").status_code == 404
        assert other.get(f"/api/jobs/{key}").status_code == 404
        assert other.delete(f"/api/jobs/{key}").status_code == 404


def test_another_visitor_does_not_see_what_the_first_calls_the_clip(client, served, sha, clip):
    key, _ = answered(client, clip=sha, model="late_fusion")
    with httpx.Client(base_url=served.address, timeout=PATIENCE) as other:
        upload(other, clip, "another name.mp4")
        theirs, _ = answered(other, clip=sha, model="late_fusion")
        assert theirs != key
        assert other.get(f"/api/results/{theirs}/player").json()["title"].startswith("another name.mp4")


def test_an_edit_and_what_it_does_to_the_score(client, sha, clip, network):
    edit = {"kind": "hide", "first": 0, "last": 19, "box": [0, 0, 1, 1]}
    key, answer = answered(client, kind="predict", clip=sha, model="late_fusion", edits=[edit])
    grey = np.broadcast_to(np.rint(255 * np.asarray(network.config.mean)).astype(np.uint8), (20, 64, 80, 3))
    wanted = dict(predict(network, vx.Clip(grey.copy(), 10.0)))
    assert dict(answer["predictions"]) == pytest.approx(wanted, abs=1e-5)
    tried = client.get("/api/experiments", params={"clip": sha, "model": "late_fusion"}).json()
    assert [one["key"] for one in tried] == [key]
    assert tried[0]["words"] == ["hide, frames 0 to 19"]


def test_hiding_the_map_is_compared_with_a_random_part(client, sha):
    _, trust = answered(client, kind="trust", clip=sha, model="late_fusion")
    assert trust["trust"] == pytest.approx(trust["before"] - trust["hidden"])
    assert trust["trust_random"] == pytest.approx(trust["before"] - trust["random"])
    assert 0 <= trust["hidden"] <= 1
    assert trust["hidden"] != trust["random"]


@pytest.mark.parametrize(
    ("format", "begins"), [("json", b"{"), ("npz", b"PK"), ("gif", b"GIF89a"), ("png", b"\x89PNG"), ("mp4", b"\0\0\0")]
)
def test_files_to_take_away(client, sha, format, begins):
    key, _ = answered(client, kind="file", clip=sha, model="late_fusion", format=format)
    answer = client.get(f"/api/results/{key}/file")
    assert answer.content.startswith(begins)
    assert f'filename="my-wave-late_fusion-gradcam.{format}"' in answer.headers["content-disposition"]


def test_layers_have_extents(client):
    _, answer = answered(client, kind="layers", model="late_fusion")
    layers = {one["name"]: one for one in answer["layers"]}
    assert layers["trunk.layer4"]["default"]
    assert "x" in layers["trunk.layer4"]["shape"]
    assert "Wave" in answer["labels"]


def test_a_question_that_cannot_be_answered_says_why(client, sha):
    job = client.post("/api/jobs", json={"clip": sha, "model": "late_fusion", "layer": "nothing"}).json()
    assert finished(client, job["key"])["error"].startswith("unknown layer 'nothing'")
    job = client.post("/api/jobs", json={"clip": sha, "model": "c3d", "method": "attention-rollout"}).json()
    assert finished(client, job["key"])["state"] == "failed"


def test_events_end_with_the_answer(client, sha):
    key = client.post("/api/jobs", json={"clip": sha, "model": "late_fusion", "method": "saliency"}).json()["key"]
    with client.stream("GET", "/api/events", params={"key": key}) as stream:
        lines = [line for line in stream.iter_lines() if line.startswith('data: {"key"')]
    states = [json.loads(line.removeprefix("data: "))["state"] for line in lines]
    assert states[-1] == "done"
    assert states == sorted(states, key=["queued", "running", "done"].index)


def test_files_that_cannot_be_read_get_their_line(client, clip):
    damaged = clip.read_bytes()[:300] + bytes(500)
    answer = client.post("/api/clips?name=broken.mp4", content=damaged)
    assert answer.status_code == 201
    sha = answer.json()["sha"]
    for _ in range(10 * PATIENCE):
        found = client.get(f"/api/clips/{sha}").json()
        if found["state"] != "new":
            break
        threading.Event().wait(0.1)
    assert found["state"] == "failed"
    assert found["error"]
    assert "/" not in found["error"]
    assert client.get(f"/clip/{sha}").status_code == 400
    assert client.post("/api/jobs", json={"clip": sha}).json() == {"error": found["error"]}


@pytest.mark.long
def test_cancelling_and_a_worker_that_is_killed(tmp_path, clip):
    """One studio of its own: its worker dies at work, and what was finished and what waited is still there."""
    with running(tmp_path / "data") as one, httpx.Client(base_url=one.address, timeout=PATIENCE) as client:
        sha = upload(client, clip)
        key, before = answered(client, kind="predict", clip=sha, model="late_fusion")
        slow = {"clip": sha, "model": "late_fusion", "method": "rise", "options": {"samples": 5000}}
        long = client.post("/api/jobs", json=slow).json()["key"]
        quick = client.post("/api/jobs", json={"clip": sha, "model": "late_fusion"}).json()
        assert quick["place"] >= 1
        while client.get(f"/api/jobs/{long}").json()["state"] != "running":
            threading.Event().wait(0.05)
        dead = one.app.state.supervisor.worker.pid
        os.kill(dead, signal.SIGKILL)
        while one.app.state.supervisor.worker.pid == dead:
            threading.Event().wait(0.05)
        while client.get(f"/api/jobs/{long}").json()["state"] != "running":
            threading.Event().wait(0.05)
        assert client.delete(f"/api/jobs/{long}").status_code == 204
        assert finished(client, quick["key"])["state"] == "done"
        assert client.get(f"/api/jobs/{long}").json()["state"] == "cancelled"
        assert client.get(f"/api/results/{key}").json() == before
        waiting = client.post("/api/jobs", json={"clip": sha, "model": "late_fusion", "method": "saliency"}).json()
        cookies = dict(client.cookies)
    with (
        running(tmp_path / "data") as two,
        httpx.Client(base_url=two.address, timeout=PATIENCE, cookies=cookies) as client,
    ):
        assert finished(client, waiting["key"])["state"] == "done"
        assert client.get(f"/api/results/{key}").json() == before
