"""Clips that are unlike what a network has learned from: the same answer as for one clip, and what the report says."""

import pytest
import torch
from torch import Tensor, nn

import videxplain as vx
from tests.audit.conftest import Tiny
from videxplain.audit.api import run_audit
from videxplain.audit.features import BatchFeatures
from videxplain.audit.report.statistics import overview
from videxplain.audit.report.words import cards_of, settings_in_words
from videxplain.models.config import ModelConfig
from videxplain.models.familiarity import Distribution, Familiarity
from videxplain.models.picture import feature_count


class Frames(nn.Module):
    """A 2D network that folds frames into the batch, clip after clip or time step after time step."""

    def __init__(self, time_first: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv, self.fc, self.time_first = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 14), time_first
        self.config = ModelConfig(
            architecture="frames",
            num_classes=14,
            labels=Tiny().config.labels,
            num_frames=4,
            size=(24, 32),
            weights="made for a test",
        )

    def forward(self, x: Tensor) -> Tensor:
        n, _, t = x.shape[:3]
        folded = (x.permute(2, 0, 1, 3, 4) if self.time_first else x.permute(0, 2, 1, 3, 4)).flatten(0, 1)
        maps = torch.relu(self.conv(folded)).mean((2, 3))
        return self.fc(maps.view(t, n, 8).mean(0) if self.time_first else maps.view(n, t, 8).mean(1))


def known(model: nn.Module, stages: tuple[str, ...], limit: float) -> nn.Module:
    """The network, which now has learned from clips whose features are all zero."""
    picture, width = feature_count(model.config.size), sum(getattr(model, name).out_channels for name in stages)
    of_picture = Distribution(torch.zeros(1, picture), torch.eye(picture), 1.0)
    of_stages = Distribution(torch.zeros(2, width), torch.eye(width), 1.0)
    model.familiarity = Familiarity(stages, of_picture, of_stages, limit, -1.0, 5, 5)
    return model.eval()


@pytest.mark.parametrize(
    "made",
    [
        lambda: known(Tiny(), ("conv1", "conv2"), 1.0),
        lambda: known(Frames(False), ("conv",), 1.0),
        lambda: known(Frames(True), ("conv",), 1.0),
    ],
)
def test_the_distance_is_that_of_the_clip_alone(made, dataset, tmp_path):
    model = made()
    audit = run_audit(model, dataset, tmp_path / "audit", trust=False, limit=4)
    for number, row in audit.videos.iterrows():
        alone = vx.explain(model, audit.path(number)).familiarity
        assert row["feature_distance"] == pytest.approx(alone.distance / alone.distance_limit, rel=1e-5)
        assert row["unfamiliar"] == alone.beyond


def test_a_batch_whose_rows_are_not_clip_after_clip_is_seen_clip_by_clip():
    torch.manual_seed(0)
    x = torch.randn(3, 3, 4, 24, 32)
    found = {}
    for time_first in (False, True):
        features = BatchFeatures(known(Frames(time_first), ("conv",), 1.0), 14)
        with features.watching(x) as watch, torch.no_grad():
            logits = features._model(x)
            watch.keep()
            features._model(x + 1)  # a changed clip, which must not count
        seen = features.of(watch, logits)
        assert features._in_order is not time_first
        found[time_first] = seen.distance.tolist()
        assert seen.classifier.shape == (3, 8)
    assert found[True] == pytest.approx(found[False], rel=1e-6)


def test_the_report_counts_them(dataset, tmp_path):
    model = known(Tiny(), ("conv1",), 1e-6)
    audit = run_audit(model, dataset, tmp_path / "strange", trust=False)
    count = len(audit.videos)
    assert audit.notes == (
        f"{count} of {count} videos are unlike anything this network has learned from: "
        "its predictions there mean nothing",
    )
    cards = {what: value for what, value, _ in cards_of(overview(audit.videos, audit.settings.labels))}
    assert cards["unlike what was learned"] == str(count)
    model.familiarity = None
    silent = run_audit(model, dataset, tmp_path / "silent", trust=False)
    assert silent.notes == ()
    assert silent.videos["unfamiliar"].isna().all()
    assert ("known clips", "the weights do not say what the network has learned from") in settings_in_words(silent)
