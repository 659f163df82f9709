"""pytorch-resnet3d's ResNet-50, with and without non-local blocks, re-stated with its names; widths and blocks vary."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SEES_THREE = ((1, 1, 1), (1, 0, 1, 0), (1, 0, 1, 0, 1, 0), (0, 1, 0))


class NonLocalBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        inner = channels // 2
        self.theta = nn.Conv3d(channels, inner, 1)
        self.phi = nn.Conv3d(channels, inner, 1)
        self.g = nn.Conv3d(channels, inner, 1)
        self.out = nn.Conv3d(inner, channels, 1)
        self.bn = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.max_pool3d(x, (1, 2, 2))
        theta, phi, g = self.theta(x), self.phi(pooled).flatten(2), self.g(pooled).flatten(2)
        pairs = torch.einsum("ncp,ncq->npq", theta.flatten(2), phi) / theta.shape[1] ** 0.5
        y = torch.einsum("npq,ncq->ncp", pairs.softmax(2), g).reshape(theta.shape)
        return x + self.bn(self.out(y))


class Bottleneck(nn.Module):
    def __init__(self, channels, planes, stride, time, non_local):
        super().__init__()
        self.conv1 = nn.Conv3d(channels, planes, (time, 1, 1), padding=(time // 2, 0, 0), bias=False)
        self.bn1 = nn.BatchNorm3d(planes)
        self.conv2 = nn.Conv3d(planes, planes, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.bn2 = nn.BatchNorm3d(planes)
        self.conv3 = nn.Conv3d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(4 * planes)
        self.downsample = None
        if stride != 1 or channels != 4 * planes:
            point = nn.Conv3d(channels, 4 * planes, 1, (1, stride, stride), bias=False)
            self.downsample = nn.Sequential(point, nn.BatchNorm3d(4 * planes))
        self.nl = NonLocalBlock(4 * planes) if non_local else None

    def forward(self, x: Tensor) -> Tensor:
        skip = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        x = F.relu(self.bn3(self.conv3(y)) + skip)
        return x if self.nl is None else self.nl(x)


class I3Res50(nn.Module):
    def __init__(self, width, classes, blocks=(3, 4, 6, 3), non_local=False):
        super().__init__()
        self.conv1 = nn.Conv3d(3, width, (5, 7, 7), 2, (2, 3, 3), bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        channels = width
        for i, count in enumerate(blocks):
            planes = width * 2**i
            stage = nn.Sequential()
            for j in range(count):
                has_non_local = non_local and i in (1, 2) and j % 2 == 1
                stride = 2 if i > 0 and j == 0 else 1
                stage.append(Bottleneck(channels, planes, stride, 3 if SEES_THREE[i][j] else 1, has_non_local))
                channels = 4 * planes
            self.add_module(f"layer{i + 1}", stage)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool3d(F.relu(self.bn1(self.conv1(x))), (2, 3, 3), 2)
        x = F.max_pool3d(self.layer1(x), (2, 1, 1))
        return self.fc(self.layer4(self.layer3(self.layer2(x))).mean((2, 3, 4)))
