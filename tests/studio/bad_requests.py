"""Bad requests by chance: addresses, headers, forms and bodies that no browser sends.

python -m tests.studio.bad_requests [--count 2000] [--seed 0]
"""

import argparse
import json
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from tests.studio.running import LIMITS, grey_clip
from videxplain.studio.settings import Studio
from videxplain.studio.web.app import create_app

BASE = "http://127.0.0.1:8765"
NASTY = (
    *(
        "",
        "0",
        "-1",
        "1e309",
        "NaN",
        "null",
        "true",
        "[]",
        "{}",
        "../" * 6 + "etc/passwd",
        "/etc/passwd",
        "file:///etc/passwd",
    ),
    *(
        "http://127.0.0.1:22/",
        "C:\\windows\\system32",
        "%00",
        "\x00",
        "a\nb",
        "a\r\nset-cookie: x=y",
        "<script>alert(1)</script>",
    ),
    *(
        "{{ 7 * 7 }}",
        "'; drop table jobs; --",
        '"',
        "\u202e",
        "é" * 50,
        "\ud83d\ude00",
        "x" * 5000,
        "9" * 400,
        ":",
        "::",
        "5:2",
        "a" * 64,
    ),
    *(
        "A" * 64,
        "0" * 64,
        "g" * 64,
        "..%2f..%2f",
        "%c0%ae%c0%ae/",
        "con",
        "layer4+layer4",
        "layer4:99999999999999999999",
        "$(id)",
    ),
)
PATHS = (
    *(
        "/",
        "/clip/{x}",
        "/docs",
        "/enter",
        "/assets/{x}",
        "/form/options?method={x}",
        "/audit/{x}",
        "/{x}",
        "/api",
        "/api/{x}",
    ),
    *(
        "/api/clips",
        "/api/clips/{x}",
        "/api/clips/{x}/{x}",
        "/api/jobs",
        "/api/jobs/{x}",
        "/api/events?key={x}&key={x}",
    ),
    *(
        "/api/results/{x}",
        "/api/results/{x}/{x}",
        "/api/results/{x}/file",
        "/api/experiments?clip={x}&model={x}&frames={x}",
    ),
    "/clip/{mine}?model={x}&method={x}&target={x}&layer={x}&frames={x}&o.{x}={x}&beside={x}",
    "/clip/{mine}?beside=clip%3D{x}%26method%3D{x}&against={x}",
)
METHODS = ("GET", "GET", "GET", "POST", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE")
FIELDS = (
    "kind",
    "clip",
    "model",
    "method",
    "target",
    "against",
    "layer",
    "frames",
    "format",
    "options",
    "edits",
    "other",
)
HEADERS = (
    "host",
    "origin",
    "cookie",
    "content-type",
    "content-length",
    "range",
    "authorization",
    "x-forwarded-host",
    "accept",
)


def value(draw: random.Random, mine: str, depth: int = 0) -> Any:
    """Something for a field of a question."""
    kinds = [
        lambda: draw.choice(NASTY),
        lambda: mine,
        lambda: draw.choice(
            ("i3d", "gradcam", "predict", "explain", "Wave", "file", "json", "rise", "trust", "layers")
        ),
        lambda: draw.choice((0, -1, 10**30, 1.5, -0.0, True, None, float("1e300"))),
    ]
    if depth < 3:
        kinds += [
            lambda: [value(draw, mine, depth + 1) for _ in range(draw.randrange(4))],
            lambda: {
                draw.choice(("kind", "first", "last", "box", "samples", *NASTY)): value(draw, mine, depth + 1)
                for _ in range(draw.randrange(4))
            },
        ]
    return draw.choice(kinds)()


def request(draw: random.Random, mine: str, video: bytes) -> dict[str, Any]:
    """The arguments of one request."""
    path = draw.choice(PATHS).replace("{mine}", mine)
    while "{x}" in path:
        text = draw.choice((*NASTY, mine))
        quoted = "".join(
            one if one.isascii() and one.isalnum() else "".join(f"%{b:02X}" for b in one.encode("utf-8", "replace"))
            for one in text
        )
        path = path.replace(
            "{x}",
            draw.choice((quoted, text if text.isascii() and text.isprintable() and "?" not in text else quoted)),
            1,
        )
    made: dict[str, Any] = {
        "method": draw.choice(METHODS),
        "url": BASE + (path if path.startswith("/") else "/" + path),
        "headers": {},
    }
    if made["method"] in ("POST", "PUT", "PATCH"):
        if path.startswith("/api/clips"):
            damaged = bytearray(video)
            for _ in range(draw.randrange(40)):
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
            made["content"] = draw.choice(
                (bytes(damaged), draw.randbytes(draw.randrange(3000)), b"", video[: draw.randrange(600)])
            )
        else:
            question = {name: value(draw, mine) for name in draw.sample(FIELDS, draw.randrange(1, 7))}
            text = json.dumps(question)
            made["content"] = draw.choice((text, text[:-3], text.encode("utf-16"), draw.randbytes(50)))
            made["headers"]["content-type"] = draw.choice(
                ("application/json", "application/json", "text/plain", "multipart/form-data")
            )
    for name in draw.sample(HEADERS, draw.choice((0, 0, 0, 1, 2))):
        text = draw.choice(NASTY)
        made["headers"][name] = "".join(one for one in text if one.isprintable() and ord(one) < 256).encode("latin-1")
    return made


def attack(folder: Path, count: int, seed: int) -> Counter[int]:
    """Send requests to a studio in ``folder``; how often each status came.

    Raises:
        AssertionError: A 500, a traceback, something of another visitor, or a file outside the studio's folder.
    """
    draw = random.Random(seed)
    data = folder / "data"
    video = grey_clip(folder / "mine.mp4", 80).read_bytes()
    studio = Studio(folder=data, limits=LIMITS)
    before = {path for path in folder.rglob("*") if data not in path.parents}
    app = create_app(studio, examples=False, work=False)
    statuses: Counter[int] = Counter()
    with TestClient(app, base_url=BASE, follow_redirects=False, raise_server_exceptions=False) as client:
        other = client.post(
            "/api/clips?name=secret.mp4", content=grey_clip(folder / "other.mp4", 200).read_bytes()
        ).json()["sha"]
        app.state.store.clips.read(other, {"frames": 6, "fps": 10.0, "width": 32, "height": 32})
        client.cookies.clear()
        mine = client.post("/api/clips?name=mine.mp4", content=video).json()["sha"]
        app.state.store.clips.read(mine, {"frames": 6, "fps": 10.0, "width": 32, "height": 32, "warning": ""})
        cookies = dict(client.cookies)
        for number in range(count):
            client.cookies.clear()
            client.cookies.update(cookies)
            made = request(draw, draw.choice((mine, mine, other)), video)
            try:
                answer = client.request(**made)
            except (ValueError, UnicodeError):  # the client itself refuses to send it
                continue
            statuses[answer.status_code] += 1
            text = answer.content.decode("utf-8", "replace")
            assert answer.status_code < 500, (number, made, text[:300])
            assert "Traceback" not in text, (number, made)
            assert "secret.mp4" not in text, (number, made)
            assert "root:" not in text, (number, made)
            assert "<script>alert" not in text, (number, made)
    after = {path for path in folder.rglob("*") if data not in path.parents}
    assert after - before <= {folder / "other.mp4", data}
    known = {"studio.sqlite", "studio.sqlite-wal", "studio.sqlite-shm", "clips", "results", "incoming"}
    assert {path.name for path in data.iterdir()} <= known
    assert all(len(path.name) == 64 for path in (data / "clips").iterdir())
    assert not list((data / "results").iterdir())
    return statuses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as where:
        print(dict(sorted(attack(Path(where), given.count, given.seed).items())))
