"""c3d-pytorch's network, re-stated with its names; the width varies, and it stops before the softmax."""

import torch.nn.functional as F
from torch import Tensor, nn


class C3D(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.conv1 = nn.Conv3d(3, width, 3, padding=1)
        self.conv2 = nn.Conv3d(width, 2 * width, 3, padding=1)
        self.conv3a = nn.Conv3d(2 * width, 4 * width, 3, padding=1)
        self.conv3b = nn.Conv3d(4 * width, 4 * width, 3, padding=1)
        self.conv4a = nn.Conv3d(4 * width, 8 * width, 3, padding=1)
        self.conv4b = nn.Conv3d(8 * width, 8 * width, 3, padding=1)
        self.conv5a = nn.Conv3d(8 * width, 8 * width, 3, padding=1)
        self.conv5b = nn.Conv3d(8 * width, 8 * width, 3, padding=1)
        self.fc6 = nn.Linear(128 * width, 64 * width)
        self.fc7 = nn.Linear(64 * width, 64 * width)
        self.fc8 = nn.Linear(64 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool3d(F.relu(self.conv1(x)), (1, 2, 2), (1, 2, 2))
        x = F.max_pool3d(F.relu(self.conv2(x)), 2)
        x = F.max_pool3d(F.relu(self.conv3b(F.relu(self.conv3a(x)))), 2)
        x = F.max_pool3d(F.relu(self.conv4b(F.relu(self.conv4a(x)))), 2)
        x = F.max_pool3d(F.relu(self.conv5b(F.relu(self.conv5a(x)))), 2, padding=(0, 1, 1))
        x = F.relu(self.fc6(x.reshape(x.shape[0], -1)))
        return self.fc8(F.relu(self.fc7(x)))
