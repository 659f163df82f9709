"""Networks of other projects: weights as if trained, clips, and the same answer after conversion."""

import torch
from torch import nn

CLASSES = 7


def randomise(network: nn.Module, gain: float = 1.0) -> nn.Module:
    """Weights, statistics and scales as a trained network might have them, by a seed of their own.

    ``gain`` multiplies the scales: what would grow along a network's shortcuts vanishes in one that has none.
    """
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            for values, low, high in (
                (module.weight.data, 0.3 * gain, 0.7 * gain),
                (module.bias.data, -0.2, 0.2),
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 1.5),
            ):
                values.uniform_(low, high, generator=generator)
            module.num_batches_tracked.fill_(9)
        elif isinstance(module, nn.Conv2d | nn.Conv3d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, generator=generator)
            if module.bias is not None:
                module.bias.data.uniform_(-0.3, 0.3, generator=generator)
    return network.eval()


def videos(frames: int, size: int) -> torch.Tensor:
    """Two of noise, the second with more contrast and brighter, so that averages do not make them alike."""
    noise = torch.randn(2, 3, frames, size, size, generator=torch.Generator().manual_seed(2))
    return torch.stack([noise[0], 2 * noise[1] + 1])


@torch.no_grad()
def assert_same_logits(theirs: nn.Module, ours: nn.Module, x: torch.Tensor) -> None:
    expected = theirs(x)
    assert expected.shape == (2, CLASSES)
    # Logits that hardly depend on the video would show nothing.
    assert (expected[0] - expected[1]).abs().max() > 0.05
    assert not ours.training
    torch.testing.assert_close(ours(x), expected, rtol=1e-4, atol=1e-4)
