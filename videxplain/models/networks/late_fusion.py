"""Late Fusion: one image network for all frames, whose features are averaged over time (Karpathy et al., CVPR 2014).

Temporal Segment Networks (Wang et al., ECCV 2016) average scores instead; with a linear classifier that is the same.
"""

from collections import OrderedDict

from torch import Tensor, nn

from videxplain.models.networks.blocks import STRIDES, ResNet2d, Strides, check_video
from videxplain.models.video_model import VideoModel


class LateFusion(VideoModel):
    """A residual image network on each frame, the mean over frames, a linear classifier.

    The mean forgets the order of the frames. ``trunk`` takes torchvision's ImageNet weights as they are. The
    parameters are those of torchvision's network with its classifier replaced: for ResNet-152 and 101 classes
    58,143,808 + 2,048 * 101 + 101 = 58,350,757.
    """

    def __init__(
        self,
        num_classes: int = 101,
        *,
        depth: int = 152,
        width: int = 64,
        strides: Strides = STRIDES,
        latent: int | None = None,
        dropout: float = 0.5,
    ) -> None:
        """Build it.

        Args:
            num_classes: K.
            depth: 18, 34, 50, 101 or 152.
            width: Channels of the first convolution, to which all others are in proportion.
            strides: Stride in space of each stage of the trunk; ``(1, 2, 1, 1)`` makes maps four times finer.
            latent: Length of a layer (linear, ReLU) between each frame's features and the mean; None for none.
            dropout: Probability of dropping a feature before the classifier in training.
        """
        super().__init__()
        self.trunk = ResNet2d(depth, width, strides)
        features = self.trunk.out_channels
        self.latent: nn.Module = nn.Identity()
        if latent is not None:
            self.latent = nn.Sequential(OrderedDict(fc=nn.Linear(features, latent), relu=nn.ReLU()))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(latent or features, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, T, H, W)`` to logits ``(N, K)``."""
        check_video(x)
        features = self.latent(self.trunk.per_frame(x))
        return self.fc(self.dropout(features.mean(dim=1)))
