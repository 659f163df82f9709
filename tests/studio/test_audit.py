"""The clips of an audit in the studio: the cells of its confusion matrix, and each clip as one of the studio."""

from dataclasses import dataclass, field, replace

import pytest
from fastapi.testclient import TestClient

from tests.studio.running import LIMITS, grey_clip
from videxplain.audit.result import Audit
from videxplain.audit.settings import Settings
from videxplain.studio.questions.catalogue import offer_of
from videxplain.studio.settings import Studio
from videxplain.studio.web.app import create_app


@dataclass
class Audited:
    """What of an audit is read."""

    folder: object
    settings: Settings = field(
        default_factory=lambda: Settings(
            method="rise",
            model="c3d",
            weights="auto",
            weights_sha256=offer_of("c3d", None).sha256,
            labels=("Wave", "Kick"),
            data="/data/figures",
            kind="figures",
            split=1,
            subset="test",
            videos=4,
            videos_sha256="",
            layer="features.0",
            options={"masks": 40, "grid": [2, 3, 3]},
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
    assert "RISE of c3d on figures, 4 videos" in page
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
    asked = "method=rise&model=c3d&layer=features.0&o.masks=40&o.grid=2%2C3%2C3"
    assert answer.headers["location"] == f"/clip/{clip['sha']}?{asked}"
    assert clip["name"] == "b.mp4"
    assert client.post("/audit-clips/0").status_code == 400  # its file is gone
    assert client.post("/audit-clips/3").status_code == 400
    assert client.post("/audit-clips/x").status_code == 404


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        # Somebody's own network, which has read the file of a bundled one and may have changed what it does.
        ({"state_sha256": "0" * 64}, "The studio does not have the audit&#39;s network (c3d): clips are explained"),
        (
            {"weights_sha256": "0" * 64},
            "with i3d. Start it with --weights and the folder of the network&#39;s saved file.",
        ),
        ({"expects": {"pad_frames": 8}}, "The audit was made with --set pad_frames=8, and the studio explains without"),
    ],
)
def test_another_explanation_than_the_audits_is_said(tmp_path, monkeypatch, changed, line):
    (tmp_path / "report").mkdir()
    audited = Audited(tmp_path)
    audited.settings = replace(audited.settings, **changed)
    monkeypatch.setattr(Audit, "load", classmethod(lambda cls, folder: audited))
    studio = Studio(folder=tmp_path / "data", limits=LIMITS, audit=tmp_path)
    with TestClient(create_app(studio, examples=False, work=False), base_url="http://127.0.0.1") as one:
        assert line in one.get("/audit-clips").text


def test_only_the_report_is_served(client):
    assert "the matrix" in client.get("/audit/index.html").text
    assert "'unsafe-eval'" in client.get("/audit/index.html").headers["content-security-policy"]
    for path in ("/audit/../secret.json", "/audit/%2e%2e/secret.json", "/audit/..%2fsecret.json"):
        assert client.get(path).status_code == 404
