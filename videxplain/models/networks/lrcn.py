"""LRCN: Donahue et al., Long-term Recurrent Convolutional Networks, CVPR 2015."""

from collections import OrderedDict
from typing import Literal, get_args

from torch import Tensor, nn

from videxplain.errors import unknown
from videxplain.models.networks.blocks import STRIDES, ResNet2d, Strides, check_video
from videxplain.models.video_model import VideoModel

Readout = Literal["last", "mean"]


class LRCN(VideoModel):
    """A residual image network on each frame, a latent layer, an LSTM over the frames, a linear classifier.

    The classifier sees the state after the last frame, and for a bidirectional LSTM also the backward state after the
    first frame. With ``readout="mean"`` it sees the mean of the states after each frame. Because it is linear, this
    averages the scores of all frames; section 4.1 of the paper averages their probabilities.

    ``trunk`` takes torchvision's ImageNet weights as they are. With ResNet-152, 512 latent and 512 hidden units and 101
    classes the parameters number 61,345,957: trunk 58,143,808, latent 2,048 * 512 + 512 = 1,049,088, LSTM 4 * 512 *
    (512 + 512 + 2) = 2,101,248, classifier 512 * 101 + 101 = 51,813.
    """

    def __init__(
        self,
        num_classes: int = 101,
        *,
        depth: int = 152,
        width: int = 64,
        strides: Strides = STRIDES,
        latent: int = 512,
        hidden: int = 512,
        layers: int = 1,
        bidirectional: bool = False,
        readout: Readout = "last",
        dropout: float = 0.5,
    ) -> None:
        """Build it.

        Args:
            num_classes: K.
            depth: 18, 34, 50, 101 or 152.
            width: Channels of the first convolution, to which all others of the trunk are in proportion.
            strides: Stride in space of each stage of the trunk; ``(1, 2, 1, 1)`` makes maps four times finer.
            latent: Length of the layer (linear, ReLU) between each frame's features and the LSTM.
            hidden: Length of the LSTM's state, in each direction.
            layers: LSTMs stacked on one another.
            bidirectional: Whether a second LSTM reads the frames backwards.
            readout: Which states of the LSTM the classifier sees: the ``"last"``, or the ``"mean"`` over all frames.
            dropout: Probability of dropping a unit before the classifier in training.

        Raises:
            VidexplainError: Another ``readout``.
        """
        super().__init__()
        if readout not in get_args(Readout):
            raise unknown("readout", readout, get_args(Readout))
        self.trunk = ResNet2d(depth, width, strides)
        self.latent = nn.Sequential(OrderedDict(fc=nn.Linear(self.trunk.out_channels, latent), relu=nn.ReLU()))
        self.lstm = nn.LSTM(latent, hidden, layers, batch_first=True, bidirectional=bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.directions, self.readout = 1 + bidirectional, readout
        self.fc = nn.Linear(self.directions * hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, T, H, W)`` to logits ``(N, K)``."""
        check_video(x)
        each, (states, _) = self.lstm(self.latent(self.trunk.per_frame(x)))
        if self.readout == "mean":
            return self.fc(self.dropout(each.mean(dim=1)))
        # The last layer's final states (directions, N, hidden); the backward one's final step is the first frame.
        last = states[-self.directions :].transpose(0, 1).flatten(1)
        return self.fc(self.dropout(last))
