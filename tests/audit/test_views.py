"""An audit of a network that sees the middle of frames: energy and media are of that part."""

import json
import re

import numpy as np
import torch

from videxplain.audit.api import run_audit
from videxplain.audit.evidence import agreement
from videxplain.audit.report.build import build_report
from videxplain.audit.settings import read_settings
from videxplain.models.config import ModelConfig, View
from videxplain.viz.video import save_video


class Brightness(torch.nn.Module):
    """Two classes: bright, and not; it sees the middle 32x32 of 40x60 pixels."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.ReLU()
        names = ("bright", "dark")
        view = View(20, (16, 16))
        self.config = ModelConfig("brightness", 2, 4, (16, 16), labels=names, weights="w", view=view)

    def forward(self, x):
        mean = self.layer(x).mean((1, 2, 3, 4))
        return torch.stack([mean, 0.5 - mean], 1)


def test_media_and_evidence_are_of_what_was_seen(tmp_path, monkeypatch):
    for label in ("bright", "dark"):
        (tmp_path / "data" / "test" / label).mkdir(parents=True)
        (tmp_path / "data" / "train" / label).mkdir(parents=True)
        frames = np.full((8, 40, 60, 3), 230 if label == "bright" else 20, np.uint8)
        for part in ("train", "test"):
            save_video(tmp_path / "data" / part / label / f"{label}-{part}.mp4", frames, 8.0)
    audit = run_audit(Brightness(), tmp_path / "data", tmp_path / "out", subset="test", layer="layer", trust=False)
    settings = read_settings(tmp_path / "out")
    assert settings.view_box((40, 60)) == (4.0, 14.0, 36.0, 46.0)
    build_report(audit)
    texts = [path.read_text(encoding="utf-8") for path in sorted((tmp_path / "out").rglob("media/*.js"))]
    for text in texts:
        content = json.loads(re.search(r", (\{.*\})\);", text)[1])
        assert content["maps"]["prediction"]["meta"]["view"] == [4, 14, 36, 46]
    assert len(texts) == 2
    mask = np.zeros((8, 40, 60), bool)
    mask[:, 4:36, 14:30] = True
    monkeypatch.setattr("videxplain.audit.evidence.known_evidence", lambda *_: mask)
    found = agreement(settings, tmp_path, np.ones((8, 4, 4), np.float32), (40, 60))
    assert found["energy"] == 0.5
