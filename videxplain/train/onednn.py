"""Avoids a defect of oneDNN."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class TwoFramesExactly(TorchFunctionMode):
    """Computes in float32 those 3D convolutions whose weights would get a wrong gradient in bfloat16 on a processor.

    If a convolution over time has an output of two frames, oneDNN (3.12, processors with AVX-512 BF16) computes the
    gradient of its weights from uninitialised memory, without an error, and the numbers are often plausible. Other
    numbers of frames, float32, and convolutions over space only are right. The defect concerns the last two
    convolutions of C3D, and all but the first stage of I3D with its usual time strides.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is F.conv3d and not kwargs and _frames_out(*args) == 2:
            x, weight, bias, *rest = args
            with torch.autocast(x.device.type, enabled=False):
                return func(x.float(), weight, bias, *rest)
        return func(*args, **(kwargs or {}))


def _frames_out(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1, 1),
    padding: Sequence[int] = (0, 0, 0),
    dilation: Sequence[int] = (1, 1, 1),
    groups: int = 1,
) -> int:
    """The number of frames in the output of a convolution over time; 0 for a convolution over space only."""
    length = weight.shape[2]
    if length == 1:
        return 0
    return (x.shape[2] + 2 * padding[0] - dilation[0] * (length - 1) - 1) // stride[0] + 1
