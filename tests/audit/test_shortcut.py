"""A network that learned a mark in the corner instead of the action: the audit lists the mark's clips first."""

import numpy as np
import torch
import torch.nn.functional as F

from tests.audit.conftest import Tiny
from videxplain.actionfigures import render_clip
from videxplain.actionfigures.synthesis import write_avi
from videxplain.audit.api import run_audit
from videxplain.audit.clusters import find_clusters, reduced
from videxplain.audit.report.build import build_report
from videxplain.data.datasets.open import open_dataset
from videxplain.data.transforms import to_model_input

LABELS = ("Kick", "Squat", "Wave", "Walk")
MARKED, EACH, FRAMES, SIZE, MARK = "Wave", 10, 12, (64, 80), 14


def marked_videos(root):
    """Forty videos; those of one class have a white mark in the corner."""
    clips = []
    for label in LABELS:
        (root / label).mkdir(parents=True)
        for i in range(EACH):
            frames = render_clip(label, seed=100 + i, num_frames=FRAMES, size=SIZE).frames.copy()
            if label == MARKED:
                frames[:, :MARK, :MARK] = 255
            write_avi(root / label / f"{label}_g{i:02d}.avi", frames)
            clips.append(frames)
    return clips


def learned(clips) -> Tiny:
    """A small network after a few steps on all of them."""
    model = Tiny(frames=4, size=(32, 40), classes=4)
    config = model.config = model.config.replace(labels=LABELS)
    x = torch.stack(
        [torch.from_numpy(to_model_input(c[2:6], size=config.size, mean=config.mean, std=config.std)) for c in clips]
    )
    truth = torch.arange(4).repeat_interleave(EACH)
    steps = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        steps.zero_grad()
        F.cross_entropy(model(x), truth).backward()
        steps.step()
    return model.eval()


def test_the_marks_cluster_comes_first(tmp_path):
    root = tmp_path / "videos"
    model = learned(marked_videos(root))
    audit = run_audit(model, open_dataset(root, for_training=False), tmp_path / "audit", subset="all")
    assert audit is not None
    table = audit.videos
    marked = table["truth"] == MARKED
    assert (table["prediction"][marked] == MARKED).mean() >= 0.9
    maps = np.stack([reduced(audit.maps(i)) for i in range(len(table))])
    features = np.stack([np.asarray(row, np.float32) for row in table["features"]])
    clusters, _ = find_clusters(
        range(len(table)), table["prediction"].tolist(), table["correct"].tolist(), maps, features
    )
    assert clusters[0].label == MARKED
    assert marked[list(clusters[0].members)].all()
    # The evidence of that cluster lies where the mark is, and that of the other classes does not.
    assert table["x"][list(clusters[0].members)].median() < table["x"][~marked].median() - 0.05
    page = build_report(audit, clips="4")
    assert f"{MARKED}: " in page.read_text(encoding="utf-8").split("Explanations unlike the others")[1][:400]
