import numpy as np
import pytest
import torch
from torch import Tensor, nn

from videxplain.actionfigures import synthesize
from videxplain.data.datasets.open import open_dataset
from videxplain.models.config import ModelConfig

LABELS = (
    "Walk",
    "Run",
    "Jump",
    "Wave",
    "Clap",
    "Punch",
    "Kick",
    "Squat",
    "Bow",
    "Throw",
    "SitDown",
    "StandUp",
    "PickUp",
    "PutDown",
)


class Tiny(nn.Module):
    """Two convolutions and a linear layer, quick enough for many videos."""

    def __init__(self, seed: int = 0, frames: int = 4, size: tuple[int, int] = (24, 32), classes: int = 14) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv1, self.conv2 = nn.Conv3d(3, 6, 3, (1, 2, 2), 1), nn.Conv3d(6, 12, 3, (1, 2, 2), 1)
        self.relu, self.fc = nn.ReLU(), nn.Linear(12, classes)
        self.config = ModelConfig(
            architecture="tiny",
            num_classes=classes,
            labels=LABELS[:classes],
            num_frames=frames,
            size=size,
            weights="made for a test",
            sampling="consecutive",
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.relu(self.conv2(torch.relu(self.conv1(x)))).mean((2, 3, 4)))


@pytest.fixture(scope="session")
def figures(tmp_path_factory):
    """Twenty-eight short rendered videos, in UCF101's layout."""
    root = tmp_path_factory.mktemp("audit") / "figures"
    synthesize(root, videos=28, seed=5, num_frames=20, size=(64, 80))
    return root


@pytest.fixture
def dataset(figures):
    return open_dataset(figures)


@pytest.fixture
def tiny():
    return Tiny().eval()


def same(first, second) -> None:
    """The tables of two audits hold the same numbers."""
    assert list(first.columns) == list(second.columns)
    for column in first.columns:
        if column == "seconds":
            continue
        for a, b in zip(first[column], second[column], strict=True):
            if isinstance(a, np.ndarray):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
            elif isinstance(a, float) and not isinstance(a, bool):
                assert a == pytest.approx(b, rel=1e-5, abs=1e-6, nan_ok=True), column
            else:
                assert a == b or (a != a and b != b), column
