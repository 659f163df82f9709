"""Non-local Neural Networks (Wang et al., CVPR 2018): I3D in which every place can look at every other."""

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

from torch import Tensor, nn

from videxplain.errors import VidexplainError, unknown
from videxplain.models.networks.blocks import STRIDES, Strides, residual_plan
from videxplain.models.networks.i3d import I3D

Mode: TypeAlias = Literal["embedded_gaussian", "gaussian", "dot_product"]


class Affinity(nn.Module):
    """How much each place takes from each other; a module of its own, so that a hook can read it.

    With theta and phi at places i and j: ``softmax_j(theta_i . phi_j)`` for both Gaussians (eq. 2 and 3), and
    ``theta_i . phi_j / P'`` for the dot product (eq. 4). There is no ``1 / sqrt(C)``, as in the paper.
    """

    def __init__(self, mode: Mode) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, theta: Tensor, phi: Tensor) -> Tensor:
        """Theta ``(N, P, C)`` and phi ``(N, P', C)`` to ``(N, P, P')``; P is T*H*W, P' its sub-sampled counterpart."""
        pairs = theta @ phi.transpose(1, 2)
        return pairs / pairs.shape[-1] if self.mode == "dot_product" else pairs.softmax(dim=-1)

    def extra_repr(self) -> str:
        """The mode."""
        return self.mode


class NonLocal(nn.Module):
    """A non-local block (eq. 6): ``x + BN(W_z y)``, where y sums ``g`` over all places, weighted by the affinity.

    Inner channels are half the outer ones. phi and g are sub-sampled by a 1x2x2 max pooling; in the authors' own code
    it is their input that is. The normalisation starts at zero, so that a block put into a trained network changes
    nothing at first.
    """

    def __init__(self, channels: int, mode: Mode = "embedded_gaussian", caffe2: bool = False) -> None:
        """``mode`` names the pairwise function; the Gaussian has no embeddings theta and phi.

        ``caffe2`` pools before phi and g, and drops an odd last row or column.
        """
        super().__init__()
        if mode not in get_args(Mode):
            raise unknown("non-local mode", mode, get_args(Mode))
        inner = max(1, channels // 2)
        embedded = mode != "gaussian"
        self.theta = nn.Conv3d(channels, inner, 1) if embedded else None
        self.phi = nn.Conv3d(channels, inner, 1) if embedded else None
        self.g = nn.Conv3d(channels, inner, 1)
        self.caffe2 = caffe2
        # An odd last row or column is otherwise pooled by itself rather than dropped.
        self.pool = nn.MaxPool3d((1, 2, 2), ceil_mode=not caffe2)
        self.affinity = Affinity(mode)
        self.w_z = nn.Conv3d(inner, channels, 1, bias=False)
        self.bn_z = nn.BatchNorm3d(channels)
        nn.init.zeros_(self.bn_z.weight)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, T, H, W)`` to the same shape."""
        theta = x if self.theta is None else self.theta(x)
        if self.caffe2:
            seen = self.pool(x)
            phi, g = seen if self.phi is None else self.phi(seen), self.g(seen)
        else:
            phi, g = self.pool(x if self.phi is None else self.phi(x)), self.pool(self.g(x))
        weights = self.affinity(_places(theta), _places(phi))
        y = (weights @ _places(g)).transpose(1, 2).unflatten(2, x.shape[2:])
        return x + self.bn_z(self.w_z(y))


def _places(x: Tensor) -> Tensor:
    """``(N, C, T, H, W)`` to ``(N, T*H*W, C)``."""
    return x.flatten(2).transpose(1, 2)


class NonLocalI3D(I3D):
    """I3D with a non-local block after every other residual block of its second and third stages (res3, res4).

    In the ResNet-50 these are five, named ``layer2.nl1``, ``layer2.nl3``, ``layer3.nl1``, ``layer3.nl3`` and
    ``layer3.nl5`` after the residual blocks that they follow; all other names are I3D's. A block on C channels adds
    ``2 C^2 + 3.5 C`` parameters: 3 convolutions of C * C/2 + C/2, one of C/2 * C, and 2 C. Two of 512 and three of
    1,024 channels add 2 * 526,080 + 3 * 2,100,736 = 7,354,368; the Gaussian ones, without theta and phi, 3,680,256.
    """

    def __init__(
        self,
        num_classes: int = 400,
        *,
        mode: Mode = "embedded_gaussian",
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
            mode: The pairwise function of the non-local blocks.
            depth: As in :class:`I3D`.
            blocks: As in :class:`I3D`; a stage of one block gets no non-local one.
            width: As in :class:`I3D`.
            time_strides: As in :class:`I3D`.
            strides: As in :class:`I3D`.
            caffe2: As in :class:`I3D` and :class:`NonLocal`.
            dropout: As in :class:`I3D`.
        """
        super().__init__(
            num_classes,
            depth=depth,
            blocks=blocks,
            width=width,
            time_strides=time_strides,
            strides=strides,
            caffe2=caffe2,
            dropout=dropout,
        )
        if len(self.layer2) < 2 and len(self.layer3) < 2:
            raise VidexplainError(f"blocks {blocks}: the second or third stage needs 2 to hold a non-local block")
        channels = width * residual_plan(depth)[0].expansion
        self.layer2 = _with_non_local(self.layer2, 2 * channels, mode, caffe2)
        self.layer3 = _with_non_local(self.layer3, 4 * channels, mode, caffe2)


def _with_non_local(stage: nn.Sequential, channels: int, mode: Mode, caffe2: bool) -> nn.Sequential:
    widened = nn.Sequential()
    for i, block in enumerate(stage):
        widened.add_module(str(i), block)
        if i % 2 == 1:
            widened.add_module(f"nl{i}", NonLocal(channels, mode, caffe2))
    return widened
