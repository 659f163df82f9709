"""Networks of images on the frames of a clip, folded, looped, chunked and shared in all ways people write them.

Each has an image network ``cnn`` (a convolution and a ReLU) or a ReLU that is used several times, and a head whose
score depends on every image in another way, so that no two orders of the images give the same gradients.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Folded(nn.Module):
    """The base: how the images are made is the subclass's; the head weighs the moments unequally."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU())
        self.rnn, self.fc = nn.GRU(5, 7, batch_first=True), nn.Linear(7, 3)

    def head(self, features: Tensor) -> Tensor:
        """Logits of features ``(N, T, 5)``."""
        return self.fc(self.rnn(features)[0][:, -1])


class SampleFirst(Folded):
    def forward(self, x: Tensor) -> Tensor:
        n, _, t = x.shape[:3]
        return self.head(self.cnn(x.transpose(1, 2).flatten(0, 1)).mean((2, 3)).unflatten(0, (n, t)))


class TimeFirst(Folded):
    def forward(self, x: Tensor) -> Tensor:
        n, _, t = x.shape[:3]
        steps = self.cnn(x.permute(2, 0, 1, 3, 4).flatten(0, 1)).mean((2, 3)).unflatten(0, (t, n))
        return self.head(steps.transpose(0, 1))


class FrameByFrame(Folded):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.stack([self.cnn(frame).mean((2, 3)) for frame in x.unbind(2)], 1))


class LastFrameFirst(Folded):
    """A loop that runs backwards in time."""

    def forward(self, x: Tensor) -> Tensor:
        steps = [self.cnn(frame).mean((2, 3)) for frame in x.flip(2).unbind(2)]
        return self.head(torch.stack(steps[::-1], 1))


class Shuffled(Folded):
    """All frames in one call, beginning with the last but one and going back."""

    def forward(self, x: Tensor) -> Tensor:
        n, _, t = x.shape[:3]
        order = [(t - 1) * (i + 2) % t for i in range(t)]
        features = self.cnn(x[:, :, order].transpose(1, 2).flatten(0, 1)).mean((2, 3)).unflatten(0, (n, t))
        return self.head(features[:, sorted(range(t), key=lambda i: order[i])])


class ClipByClip(Folded):
    """A loop over the batch."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.stack([self.cnn(clip.transpose(0, 1)).mean((2, 3)) for clip in x]))


class UnevenChunks(Folded):
    """Three frames a call, time first, and what remains in the last."""

    def forward(self, x: Tensor) -> Tensor:
        parts = []
        for part in x.split(3, dim=2):
            n, _, t = part.shape[:3]
            parts.append(self.cnn(part.permute(2, 0, 1, 3, 4).flatten(0, 1)).mean((2, 3)).unflatten(0, (t, n)))
        return self.head(torch.cat(parts).transpose(0, 1))


class EveryOther(Folded):
    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, ::2]
        n, _, t = x.shape[:3]
        return self.head(self.cnn(x.transpose(1, 2).flatten(0, 1)).mean((2, 3)).unflatten(0, (n, t)))


class Shifted(Folded):
    """Temporal shift: a channel of each image comes from the frame before, one from the frame behind."""

    def shifted(self, x: Tensor) -> Tensor:
        """``(N, C, T, H, W)`` with parts of it moved in time."""
        before, behind = F.pad(x[:, :1, :-1], (0, 0, 0, 0, 1, 0)), F.pad(x[:, 1:2, 1:], (0, 0, 0, 0, 0, 1))
        return torch.cat([before, behind, x[:, 2:]], 1)

    def forward(self, x: Tensor) -> Tensor:
        n, _, t = x.shape[:3]
        images = self.shifted(x).permute(2, 0, 1, 3, 4).flatten(0, 1)
        return self.head(self.cnn(images).mean((2, 3)).unflatten(0, (t, n)).transpose(0, 1))


class StemIn3D(Folded):
    """A convolution in space and time, then images."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv3d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        n, _, t = x.shape[:3]
        images = self.stem(x).permute(2, 0, 1, 3, 4).flatten(0, 1)
        return self.head(self.cnn(images).mean((2, 3)).unflatten(0, (t, n)).transpose(0, 1))


class Gated(Folded):
    """Every image is scaled by what all frames of the clip show."""

    def forward(self, x: Tensor) -> Tensor:
        n, _, t = x.shape[:3]
        images = (x * torch.sigmoid(x.mean((2, 3, 4), keepdim=True))).permute(2, 0, 1, 3, 4).flatten(0, 1)
        return self.head(self.cnn(images).mean((2, 3)).unflatten(0, (t, n)).transpose(0, 1))


class Differences(Folded):
    """Images of what changes between neighbouring frames: one fewer than frames."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.diff(dim=2)
        n, _, t = x.shape[:3]
        return self.head(self.cnn(x.transpose(1, 2).flatten(0, 1)).mean((2, 3)).unflatten(0, (n, t)))


class StemOfImages(nn.Module):
    """Stacks of three frames as channels, one image each."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(9, 5, 3, padding=1), nn.ReLU())
        self.rnn, self.fc = nn.GRU(5, 7, batch_first=True), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        stacks = x.unfold(2, 3, 3).permute(2, 0, 5, 1, 3, 4)  # (T / 3, N, 3, C, H, W)
        t, n = stacks.shape[:2]
        features = self.cnn(stacks.flatten(2, 3).flatten(0, 1)).mean((2, 3)).unflatten(0, (t, n))
        return self.fc(self.rnn(features.transpose(0, 1))[0][:, -1])


class Chunks3D(nn.Module):
    """A network of clips that is given half of the frames a call."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv3d(3, 5, 3, padding=1), nn.ReLU())
        self.rnn, self.fc = nn.GRU(5, 7, batch_first=True), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.cnn(part).mean((3, 4)) for part in x.chunk(2, dim=2)]
        return self.fc(self.rnn(torch.cat(parts, 2).transpose(1, 2))[0][:, -1])


class SharedReLU(nn.Module):
    """One ReLU behind two convolutions; ``order`` is how the frames go through them."""

    def __init__(self, order: str) -> None:
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(3, 5, 3, padding=1), nn.Conv2d(5, 5, 3, padding=1)
        self.relu, self.rnn, self.fc = nn.ReLU(), nn.GRU(5, 7, batch_first=True), nn.Linear(7, 3)
        self.order = order

    def images(self, x: Tensor) -> Tensor:
        """Both convolutions, one after the other."""
        return self.relu(self.c2(self.relu(self.c1(x))))

    def features(self, x: Tensor) -> Tensor:
        """``(N, T, 5)``."""
        n, _, t = x.shape[:3]
        if self.order == "folded":
            return self.images(x.permute(2, 0, 1, 3, 4).flatten(0, 1)).mean((2, 3)).unflatten(0, (t, n)).transpose(0, 1)
        if self.order == "every frame twice":
            return torch.stack([self.images(frame).mean((2, 3)) for frame in x.unbind(2)], 1)
        if self.order == "two loops":
            first = [self.relu(self.c1(frame)) for frame in x.unbind(2)]
            return torch.stack([self.relu(self.c2(frame)).mean((2, 3)) for frame in first], 1)
        assert self.order == "the second behind the mean"
        first = self.relu(self.c1(x.transpose(1, 2).flatten(0, 1))).unflatten(0, (n, t))
        return self.relu(self.c2(first.mean(1))).mean((2, 3))[:, None]

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(self.features(x))[0][:, -1])


class StackedFrames(nn.Module):
    """An image network on all six frames stacked as channels, with one ReLU behind both convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(18, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1, stride=2)
        self.relu, self.fc = nn.ReLU(), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.relu(self.c2(self.relu(self.c1(x.transpose(1, 2).flatten(1, 2))))).mean((2, 3)))


class Images(Folded):
    """An image network on images that ``pick`` makes of a clip, all in one call; the mean of all is the answer."""

    def pick(self, x: Tensor) -> list[Tensor]:
        """Images ``(N, C, H, W)``."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        images = torch.stack(self.pick(x), 1)
        features = self.cnn(images.flatten(0, 1)).mean((2, 3)).unflatten(0, images.shape[:2])
        return self.head(features)


class TwoCrops(Images):
    def pick(self, x: Tensor) -> list[Tensor]:
        half = x.shape[-1] // 2
        return [crop for frame in x.unbind(2) for crop in (frame[..., :half], frame[..., half:])]


class OneMore(Images):
    def pick(self, x: Tensor) -> list[Tensor]:
        return [*x.unbind(2), x[:, :, -1]]


class FirstHalf(Images):
    def pick(self, x: Tensor) -> list[Tensor]:
        return list(x[:, :, : x.shape[2] // 2].unbind(2))


class Padded(Images):
    def pick(self, x: Tensor) -> list[Tensor]:
        return [*x.unbind(2), *torch.zeros_like(x[:, :, :2]).unbind(2)]


class Repeated(Images):
    def pick(self, x: Tensor) -> list[Tensor]:
        return list(x.repeat_interleave(2, 2).unbind(2))


class CentreCrop(Images):
    def pick(self, x: Tensor) -> list[Tensor]:
        return list(x[..., 4:-4, 4:-4].unbind(2))


class Mirrored(Images):
    def pick(self, x: Tensor) -> list[Tensor]:
        return list(x.flip(-1).unbind(2))
