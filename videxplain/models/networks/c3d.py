"""C3D: Tran et al., Learning Spatiotemporal Features with 3D Convolutional Networks, ICCV 2015."""

from torch import Tensor, nn

from videxplain.models.networks.blocks import check_video
from videxplain.models.video_model import VideoModel


class C3D(VideoModel):
    """Eight 3x3x3 convolutions, five poolings, three fully connected layers.

    The first pooling leaves time alone; the last one pads space, so that 7x7 becomes 4x4. At other sizes an odd last
    row or frame is pooled by itself. The fully connected layers fix the clip length and the size. With the defaults
    the parameters number

    * convolutions 27 (3*64 + 64*128 + 128*256 + 256*256 + 256*512 + 3*512*512) weights, 2,752 biases: 27,655,936;
    * fc6 8192*4096 + 4096 = 33,558,528; fc7 4096*4096 + 4096 = 16,781,312; fc8 4096*487 + 487 = 1,995,239;

    in all 79,991,015.
    """

    def __init__(
        self,
        num_classes: int = 487,
        num_frames: int = 16,
        size: tuple[int, int] = (112, 112),
        *,
        width: int = 64,
        batch_norm: bool = False,
        dropout: float = 0.5,
    ) -> None:
        """Build it.

        Args:
            num_classes: K; 487 in Sports-1M.
            num_frames: T of the input.
            size: Height and width of the input in pixels.
            width: Channels of the first convolution; all others and the fully connected layers are in proportion.
            batch_norm: Whether batch normalisation follows each convolution, which the paper's network lacks; a
                narrow one that began at random learned far faster with it in a short trial.
            dropout: Probability of dropping a unit of fc6 and fc7 in training.
        """
        super().__init__()
        self.num_frames, self.size = num_frames, size
        norm = nn.BatchNorm3d if batch_norm else nn.Identity
        self.conv1a = nn.Conv3d(3, width, 3, padding=1)
        self.bn1a = norm(width)
        self.relu1a = nn.ReLU()
        self.pool1 = nn.MaxPool3d((1, 2, 2), ceil_mode=True)
        self.conv2a = nn.Conv3d(width, 2 * width, 3, padding=1)
        self.bn2a = norm(2 * width)
        self.relu2a = nn.ReLU()
        self.pool2 = nn.MaxPool3d(2, ceil_mode=True)
        self.conv3a = nn.Conv3d(2 * width, 4 * width, 3, padding=1)
        self.bn3a = norm(4 * width)
        self.relu3a = nn.ReLU()
        self.conv3b = nn.Conv3d(4 * width, 4 * width, 3, padding=1)
        self.bn3b = norm(4 * width)
        self.relu3b = nn.ReLU()
        self.pool3 = nn.MaxPool3d(2, ceil_mode=True)
        self.conv4a = nn.Conv3d(4 * width, 8 * width, 3, padding=1)
        self.bn4a = norm(8 * width)
        self.relu4a = nn.ReLU()
        self.conv4b = nn.Conv3d(8 * width, 8 * width, 3, padding=1)
        self.bn4b = norm(8 * width)
        self.relu4b = nn.ReLU()
        self.pool4 = nn.MaxPool3d(2, ceil_mode=True)
        self.conv5a = nn.Conv3d(8 * width, 8 * width, 3, padding=1)
        self.bn5a = norm(8 * width)
        self.relu5a = nn.ReLU()
        self.conv5b = nn.Conv3d(8 * width, 8 * width, 3, padding=1)
        self.bn5b = norm(8 * width)
        self.relu5b = nn.ReLU()
        self.pool5 = nn.MaxPool3d(2, padding=(0, 1, 1), ceil_mode=True)
        self.fc6 = nn.Linear(8 * width * _cells(num_frames, size), 64 * width)
        self.relu6 = nn.ReLU()
        self.dropout6 = nn.Dropout(dropout)
        self.fc7 = nn.Linear(64 * width, 64 * width)
        self.relu7 = nn.ReLU()
        self.dropout7 = nn.Dropout(dropout)
        self.fc8 = nn.Linear(64 * width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, T, H, W)`` to logits ``(N, K)``."""
        check_video(x, frames=self.num_frames, size=self.size)
        x = self.pool1(self.relu1a(self.bn1a(self.conv1a(x))))
        x = self.pool2(self.relu2a(self.bn2a(self.conv2a(x))))
        x = self.relu3a(self.bn3a(self.conv3a(x)))
        x = self.pool3(self.relu3b(self.bn3b(self.conv3b(x))))
        x = self.relu4a(self.bn4a(self.conv4a(x)))
        x = self.pool4(self.relu4b(self.bn4b(self.conv4b(x))))
        x = self.relu5a(self.bn5a(self.conv5a(x)))
        x = self.pool5(self.relu5b(self.bn5b(self.conv5b(x))))
        x = self.dropout6(self.relu6(self.fc6(x.flatten(1))))
        x = self.dropout7(self.relu7(self.fc7(x)))
        return self.fc8(x)


def _cells(num_frames: int, size: tuple[int, int]) -> int:
    """Places that are left after the last pooling: all extents are divided by 16, rounding up, then space is padded."""
    frames, height, width = (-(-extent // 16) for extent in (num_frames, *size))
    return frames * (height // 2 + 1) * (width // 2 + 1)
