"""The clips of an audit in the studio: the cells of its confusion matrix, and each clip as one of the studio."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from tests.studio.running import LIMITS, grey_clip
from videxplain.audit.result import Audit
from videxplain.studio.app import create_app
from videxplain.studio.settings import Studio


@dataclass
class Audited:
    """What of an audit is read."""

    folder: object
    settings: object = field(
        default_factory=lambda: SimpleNamespace(
            method="layercam", model="c3d", weights="auto", data="/data/figures", videos=4, view="model"
        )
    )

    @property
    def videos(self):
        pandas = pytest.importorskip("pandas")
        return pandas.DataFrame(
            {
                "name": ["a", "b", "c", "d"],
                "truth": ["Wave", "Wave", "Kick", "Kick"],
                "prediction": ["Wave", "Kick", "Kick", None],
                "probability": [0.9, 0.7, 0.8, float("nan")],
                "error": [None, None, None, "cannot be read"],
            }
        )

    def path(self, video):
        return self.folder / f"{'abcd'[video]}.mp4"


@pytest.fixture
def client(tmp_path, monkeypatch):
    audit = tmp_path / "audit"
    (audit / "report").mkdir(parents=True)
    (audit / "report" / "index.html").write_text("<h1>the matrix</h1>")
    (audit / "secret.json").write_text("{}")
    grey_clip(audit / "b.mp4", 70)
    monkeypatch.setattr(Audit, "load", classmethod(lambda cls, folder: Audited(folder)))
    studio = Studio(folder=tmp_path / "data", limits=LIMITS, audit=audit)
    app = create_app(studio, examples=False, work=False)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as one:
        yield one


def test_confused_clips_come_first_and_cells_are_addresses(client):
    page = client.get("/audit-clips").text
    assert "layercam of c3d on figures, 4 videos" in page
    assert "Wave taken for Kick: 1" in page
    assert page.index("Explain b") < page.index("Explain a") < page.index("Explain c")
    assert "Explain d" not in page  # it could not be read
    cell = client.get("/audit-clips?truth=Wave&prediction=Kick").text
    assert "Explain b" in cell
    assert "Explain a" not in cell


def test_a_clip_becomes_one_of_the_visitor(client):
    answer = client.post("/audit-clips/1")
    assert answer.status_code == 303
    (clip,) = client.get("/api/clips").json()
    assert answer.headers["location"] == f"/clip/{clip['sha']}?method=layercam&model=c3d"
    assert clip["name"] == "b.mp4"
    assert client.post("/audit-clips/0").status_code == 400  # its file is gone
    assert client.post("/audit-clips/3").status_code == 400
    assert client.post("/audit-clips/x").status_code == 422


def test_only_the_report_is_served(client):
    assert "the matrix" in client.get("/audit/index.html").text
    assert "'unsafe-eval'" in client.get("/audit/index.html").headers["content-security-policy"]
    for path in ("/audit/../secret.json", "/audit/%2e%2e/secret.json", "/audit/..%2fsecret.json"):
        assert client.get(path).status_code == 404
