import pytest
import torch
from torch import nn

from videxplain.train.onednn import TwoFramesExactly


def spoil_memory():
    """Fill memory that is then given back with what shows when it is used without being written."""
    held = [
        torch.full((n,), float("nan"), dtype=kind)
        for n in (1000, 20_000, 400_000)
        for kind in (torch.bfloat16, torch.float32)
        for _ in range(4)
    ]
    del held


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
@pytest.mark.parametrize(("channels", "kernel"), [(64, (3, 3, 3)), (48, (3, 1, 1))])
def test_gradients_of_weights_are_right_in_bfloat16(frames, channels, kernel):
    generator = torch.Generator().manual_seed(0)
    layer = nn.Conv3d(channels, 64, kernel, padding=[k // 2 for k in kernel])
    x = torch.randn(4, channels, frames, 5, 5, generator=generator)
    above = torch.randn(4, 64, frames, 5, 5, generator=generator)
    layer(x).backward(above)
    exact = layer.weight.grad.clone()
    for _ in range(3):
        layer.zero_grad()
        spoil_memory()
        with torch.autocast("cpu", torch.bfloat16), TwoFramesExactly():
            y = layer(x)
        y.float().backward(above)
        torch.testing.assert_close(layer.weight.grad, exact, atol=0.02 * exact.abs().max().item(), rtol=0)


@pytest.mark.parametrize(
    ("frames", "stride", "kernel", "exact"),
    [(2, 1, 3, True), (4, 2, 5, True), (3, 2, 3, True), (2, 1, 1, False), (4, 1, 3, False), (2, 2, 3, False)],
)
def test_only_two_frames_are_computed_in_float32(frames, stride, kernel, exact):
    layer = nn.Conv3d(8, 8, (kernel, 3, 3), stride=(stride, 1, 1), padding=(kernel // 2, 1, 1))
    with torch.autocast("cpu", torch.bfloat16), TwoFramesExactly():
        assert (layer(torch.randn(1, 8, frames, 6, 6)).dtype == torch.float32) == exact
