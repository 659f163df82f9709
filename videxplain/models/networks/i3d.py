"""I3D: a residual network inflated to video (Carreira and Zisserman, CVPR 2017; Wang et al., CVPR 2018)."""

from collections.abc import Sequence

from torch import Tensor, nn

from videxplain.models.networks.blocks import (
    STRIDES,
    Strides,
    check_strides,
    check_video,
    residual_plan,
    stage,
)
from videxplain.models.video_model import VideoModel


class I3D(VideoModel):
    """ResNet-50 with 5x7x7 and 3x1x1 kernels, as in "Non-local Neural Networks", Table 1, and mmaction2's ``i3d_r50``.

    The first convolution sees 5 frames. Of the residual blocks these see 3 frames in their first convolution and the
    others 1: all of the first stage; every other one of the second and third, beginning with the first; every other
    one of the fourth, beginning with the second. Names are torchvision's, so that the image network's weights inflate
    name by name. With 400 classes the parameters number 28,043,472:

    * ResNet-50 without its classifier, 23,508,032;
    * plus 4 more time steps of the 7x7 kernels, 4 * 9,408 = 37,632;
    * plus 2 more of each inflated 1x1 kernel. Stage one 4,096 + 2 * 16,384, stage two 32,768 + 65,536, stage three
      131,072 + 2 * 262,144, stage four 1,048,576: 2 * 1,839,104 = 3,678,208;
    * plus the classifier, 2,048 * 400 + 400 = 819,600.

    Time shrinks by 2 in the first convolution, in the pooling after it and in the pooling after the first stage. The
    checkpoints of pytorchvideo have the same kernels with time strides ``(1, 1, 2)`` on 8 frames.
    """

    def __init__(
        self,
        num_classes: int = 400,
        *,
        depth: int = 50,
        blocks: Sequence[int] | None = None,
        width: int = 64,
        time_strides: tuple[int, int, int] = (2, 2, 2),
        strides: Strides = STRIDES,
        caffe2: bool = False,
        dropout: float = 0.5,
    ) -> None:
        """Build it.

        Args:
            num_classes: K.
            depth: 18, 34, 50, 101 or 152; decides the kind of block.
            blocks: Blocks in each of the four stages, in place of what the depth says.
            width: Channels of the first convolution, to which all others are in proportion.
            time_strides: Of the first convolution, of the pooling after it, and of the pooling after the first stage.
            strides: Stride in space of each stage; ``(1, 2, 1, 1)`` makes maps four times finer.
            caffe2: As in the code that the paper's authors published: the pooling after the first convolution takes
                the largest of as many frames as it strides over, and adds no border.
            dropout: Probability of dropping a feature before the classifier in training.
        """
        super().__init__()
        block, counts = residual_plan(depth, blocks)
        check_strides(strides)
        first, second, third = time_strides
        # Without borders in time a pooling needs all the frames that it looks at.
        self.min_frames = (third * (second if caffe2 else 1) - 1) * first * (1 if caffe2 else second) + 1
        self.conv1 = nn.Conv3d(3, width, (5, 7, 7), (first, 2, 2), (2, 3, 3), bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.relu = nn.ReLU()
        kernel, border = ((second, 3, 3), 0) if caffe2 else ((1, 3, 3), (0, 1, 1))
        self.maxpool = nn.MaxPool3d(kernel, (second, 2, 2), border)
        grown = width * block.expansion
        self.layer1 = stage(block, width, width, strides[0], [3] * counts[0])
        self.pool2 = nn.MaxPool3d((third, 1, 1))
        self.layer2 = stage(block, grown, 2 * width, strides[1], _every_other(counts[1], first=0))
        self.layer3 = stage(block, 2 * grown, 4 * width, strides[2], _every_other(counts[2], first=0))
        self.layer4 = stage(block, 4 * grown, 8 * width, strides[3], _every_other(counts[3], first=1))
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(8 * grown, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, T, H, W)`` to logits ``(N, K)``."""
        check_video(x, at_least=self.min_frames)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.pool2(self.layer1(x))
        x = self.layer4(self.layer3(self.layer2(x)))
        return self.fc(self.dropout(self.avgpool(x).flatten(1)))


def _every_other(count: int, first: int) -> list[int]:
    return [3 if i % 2 == first else 1 for i in range(count)]
