"""A prior for few places: what a network knows of a clip should stand at few places of its last feature maps."""

import torch
from torch import Tensor, nn


def share_of_places(features: Tensor) -> Tensor:
    """Over how many of its places the activation of feature maps is spread, as a share.

    It is the participation ratio ``(sum s)^2 / (P sum s^2)`` of the activation ``s`` of each place, the sum over all
    channels: 1 where all P places are as active, 1/P where only one is active. Its form is the Hoyer-Square measure
    of Yang, Wen and Li, *DeepHoyer*, ICLR 2020, equation 3, divided by P; the scale of the features does not matter.

    Args:
        features: ``(N, C, ...)``, places in space, or in space and time.

    Returns:
        The mean over N, without unit. Features that are zero everywhere count 0.
    """
    activation = features.float().relu().sum(1).flatten(1)
    total, squares = activation.sum(1), activation.square().sum(1)
    return (total.square() / (activation.shape[1] * squares).clamp(min=torch.finfo(torch.float32).tiny)).mean()


class SparsityPrior:
    """Adds up :func:`share_of_places` of a layer's output while the network runs."""

    def __init__(self, layer: nn.Module) -> None:
        """Listen to ``layer``, for as long as it lives."""
        self._shares: list[Tensor] = []
        layer.register_forward_hook(self._listen)

    def taken(self) -> Tensor:
        """The mean share of the passes since the last call.

        Raises:
            RuntimeError: The layer took part in none of them.
        """
        shares, self._shares = self._shares, []
        if not shares:
            raise RuntimeError("the layer took part in no pass")
        return torch.stack(shares).mean()

    def _listen(self, layer: nn.Module, _inputs: object, output: Tensor) -> None:
        if layer.training:
            self._shares.append(share_of_places(output))
