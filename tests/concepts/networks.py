"""Small networks and marked videos for the tests of concepts."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videxplain.actionfigures import render_clip
from videxplain.actionfigures.synthesis import write_avi
from videxplain.data.stream import FileFrames
from videxplain.data.transforms import to_model_input
from videxplain.explanation.windows.plan import Plan, plan, window_inputs
from videxplain.models.config import ModelConfig

LABELS = ("Kick", "Squat", "Wave", "Walk")
MARKED, EACH, FRAMES, SIZE, MARK = "Wave", 8, 12, (64, 80), 16
COLOUR = (255, 0, 255)


class Small(nn.Module):
    """Two convolutions, each with a ReLU as a module, and a linear layer."""

    def __init__(self, seed: int = 0, frames: int = 4, size: tuple[int, int] = (32, 40), classes: int = 4) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv1, self.conv2 = nn.Conv3d(3, 8, 3, (1, 2, 2), 1), nn.Conv3d(8, 16, 3, (1, 2, 2), 1)
        self.relu1, self.relu2, self.fc = nn.ReLU(), nn.ReLU(), nn.Linear(16, classes)
        self.config = ModelConfig(
            architecture="small",
            num_classes=classes,
            labels=LABELS[:classes],
            num_frames=frames,
            size=size,
            weights="made for a test",
            sampling="consecutive",
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.relu2(self.conv2(self.relu1(self.conv1(x)))).mean((2, 3, 4)))


class Folded(nn.Module):
    """A network of images that folds frames into the batch, whose answer is the mean over frames."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv, self.relu, self.fc = nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        n, _, t, h, w = x.shape
        frames = x.transpose(1, 2).reshape(n * t, 3, h, w)
        return self.fc(self.relu(self.conv(frames)).mean((2, 3))).tanh().reshape(n, t, 4).mean(1)


def marked_videos(root: Path) -> list:
    """Thirty-two rendered videos of four classes; those of one class have a magenta mark in the corner."""
    clips = []
    for label in LABELS:
        (root / label).mkdir(parents=True)
        for i in range(EACH):
            frames = render_clip(label, seed=100 + i, num_frames=FRAMES, size=SIZE).frames.copy()
            if label == MARKED:
                frames[:, :MARK, :MARK] = COLOUR
            write_avi(root / label / f"{label}_g{i:02d}.avi", frames)
            clips.append(frames)
    return clips


def learned(clips: list) -> Small:
    """A small network after a few steps on all of them."""
    model = Small()
    config = model.config
    x = torch.stack(
        [torch.from_numpy(to_model_input(c[2:6], size=config.size, mean=config.mean, std=config.std)) for c in clips]
    )
    truth = torch.arange(len(LABELS)).repeat_interleave(EACH)
    steps = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        steps.zero_grad()
        F.cross_entropy(model(x), truth).backward()
        steps.step()
    return model.eval()


def windows_of(model: nn.Module, path: Path) -> tuple[Plan, Tensor]:
    """The plan of a video, and all its windows ``(N, 3, T, h, w)``."""
    source = FileFrames(path)
    whole = plan(source.num_frames, model.config)
    inputs = window_inputs(source, whole, range(len(whole.windows)), model.config, torch.device("cpu"))
    return whole, torch.cat(list(inputs))
