"""Hosts, origins, tokens, visitors, sizes: what passes and what does not. No worker runs."""

import io
import re

import pytest
from fastapi.testclient import TestClient

from tests.studio.running import LIMITS, grey_clip
from videxplain.cli.commands.serve import serve
from videxplain.studio.settings import Studio
from videxplain.studio.web.app import create_app

BASE = "http://127.0.0.1:8765"
TOKEN = "a token of some length"


@pytest.fixture
def studio(tmp_path):
    return Studio(folder=tmp_path / "data", limits=LIMITS)


def client(studio, **settings):
    app = create_app(studio, examples=False, work=False)
    return TestClient(app, base_url=BASE, follow_redirects=False, raise_server_exceptions=False, **settings)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[::2]"])
def test_other_names_of_the_host_are_refused(studio, host):
    with client(studio) as one:
        assert one.get("/", headers={"host": host}).status_code == 421
        assert one.get("/", headers={"host": "localhost:1"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": BASE}, 400),  # lets it pass; the clip is none
        ({}, 400),
    ],
)
def test_pages_of_other_sites_ask_nothing(studio, headers, status):
    with client(studio) as one:
        assert one.post("/api/jobs", json={"clip": "x"}, headers=headers).status_code == status


def test_every_answer_has_a_strict_policy_and_no_answer_is_kept(studio):
    with client(studio) as one:
        for path in ("/", "/docs", "/nothing", "/api/clips", "/assets/studio.js"):
            headers = one.get(path).headers
            assert headers["content-security-policy"].startswith(
                "default-src 'none'; script-src 'self'; style-src 'self';"
            )
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] in ("no-store", "no-cache")
        assert "'unsafe" not in one.get("/").headers["content-security-policy"]
        for path in ("/", "/docs"):
            page = one.get(path).text
            assert "<style" not in page
            assert " style=" not in page
            assert "<script>" not in page
            assert " onclick" not in page


def test_a_token_is_demanded_and_a_cookie_stands_for_it(tmp_path):
    studio = Studio(folder=tmp_path / "data", limits=LIMITS, token=TOKEN)
    with client(studio) as one:
        assert one.get("/api/clips").status_code == 401
        assert one.get("/").headers["location"] == "/enter"
        assert one.get("/openapi.json").status_code != 200
        entrance = one.get("/enter")
        assert entrance.status_code == 200
        named = re.findall(r'(?:src|href)="(/assets/[^"]+)"', entrance.text)
        assert len(named) == 4
        assert all(one.get(path).status_code == 200 for path in named)
        assert one.get("/assets/studio.js").headers["location"] == "/enter"
        assert one.post("/enter", data={"token": "wrong"}).status_code == 401
        assert one.get("/api/clips").status_code == 401
        assert one.get("/api/clips", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        entered = one.post("/enter", data={"token": TOKEN})
        assert entered.status_code == 303
        assert TOKEN not in entered.headers["set-cookie"]
        assert "HttpOnly" in entered.headers["set-cookie"]
        assert one.get("/").status_code == 200


def test_visitors_see_their_own_clips_alone(studio, tmp_path):
    clip = grey_clip(tmp_path / "grey.mp4", 90).read_bytes()
    with client(studio) as one:
        sha = one.post("/api/clips?name=../../x/..%2Fmine.mp4", content=clip).json()["sha"]
        assert [found["name"] for found in one.get("/api/clips").json()] == ["mine.mp4"]
        mine = dict(one.cookies)
        one.cookies.clear()  # another visitor
        assert one.get("/api/clips").json() == []
        for path in (f"/api/clips/{sha}", f"/api/clips/{sha}/video", f"/clip/{sha}"):
            assert one.get(path).status_code == 404
        assert one.delete(f"/api/clips/{sha}").status_code == 404
        assert one.post("/api/jobs", json={"clip": sha}).status_code == 404
        one.cookies.clear()
        one.cookies.update(mine)
        assert one.get(f"/api/clips/{sha}").json()["state"] == "new"
        assert one.delete(f"/api/clips/{sha}").status_code == 204
        assert one.get("/api/clips").json() == []


def test_uploads_are_bounded_and_known_by_their_content(studio, tmp_path):
    with client(studio) as one:

        def said(content, **headers):
            answer = one.post("/api/clips", content=content, headers=headers)
            return answer.status_code, answer.json().get("error", "")

        assert said(b"") == (400, "the file is empty")
        status, line = said(b"#EXTM3U\n/etc/passwd\n")
        assert (status, line.startswith("this is not a video file")) == (400, True)
        assert said(bytes(LIMITS.upload_bytes + 1)) == (413, "a clip has at most 4 MB")

        def endless():
            yield b"\x00\x00\x00\x20ftypisom" + bytes(400)
            for _ in range(6):
                yield bytes(2**20)

        assert said(endless())[0] == 413
        assert said(b"x", **{"content-length": "-1"})[0] in (400, 413)
        assert not list(studio.incoming.iterdir())
        assert not list(studio.clips.iterdir())
        assert one.post("/api/jobs", content=bytes(300_000)).status_code == 413


def test_errors_are_one_line(studio):
    with client(studio) as one:
        for method, path, status in (
            ("GET", "/nothing", 404),
            ("GET", "/clip/../../etc/passwd", 404),
            ("GET", "/clip/%2e%2e%2f%2e%2e%2fetc", 404),
            ("GET", "/assets/..%2Fapp.py", 404),
            ("GET", "/assets/app.py", 404),
            ("GET", "/clip/short", 404),
            ("POST", "/", 405),
            ("GET", "/api/jobs/short", 422),
            ("GET", "/api/results/" + "0" * 64, 404),
            ("GET", "/api/events?key=x", 200),
            ("GET", "/form/options?method=nothing", 400),
        ):
            answer = one.request(method, path)
            assert answer.status_code == status, path
            assert "Traceback" not in answer.text
            if path.startswith("/api") and status >= 400:
                assert list(answer.json()) == ["error"]
        for content in (b"{", b"[]", b'{"clip": 3}', b'{"unknown": 1}', b'{"clip": "\\ud800"}', b"\xff"):
            answer = one.post("/api/jobs", content=content, headers={"content-type": "application/json"})
            assert answer.status_code in (400, 422)
            assert list(answer.json()) == ["error"]


def test_no_page_asks_for_a_token_that_there_is_not(studio):
    with client(studio) as one:
        answer = one.get("/enter")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_every_address_of_the_interface_is_described(studio):
    with client(studio) as one:
        schema, page = one.get("/openapi.json").json(), one.get("/docs").text
        assert {"/api/clips", "/api/jobs", "/api/jobs/{key}", "/api/results/{key}", "/api/events"} <= set(
            schema["paths"]
        )
        for path, methods in schema["paths"].items():
            for verb, one_address in methods.items():
                assert f"{verb.upper()} {path}" in page
                assert one_address["summary"]


def test_the_token_is_told_although_nobody_watches_the_output(tmp_path, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written))

    def run(host, port, *, ready, **_):
        ready(f"http://{host}:{port}/", TOKEN)
        assert written.getvalue().decode() == f"the studio is at http://0.0.0.0:8765/, token {TOKEN}\n"

    monkeypatch.setattr("videxplain.studio.serving.run_studio", run)
    serve("0.0.0.0", 8765, folder=tmp_path, browse=False)
    assert written.getvalue()
