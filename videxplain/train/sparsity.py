"""A prior that concentrates activations at few places of the last feature maps."""

import torch
from torch import Tensor, nn


def share_of_places(features: Tensor) -> Tensor:
    """The share of the places of feature maps that are active.

    The activation ``s`` of a place is the sum over its channels. The share is the participation ratio
    ``(sum s)^2 / (P sum s^2)`` over all P places: 1 if all places are equally active, 1/P if only one is. It is the
    Hoyer-Square measure of Yang, Wen and Li, *DeepHoyer*, ICLR 2020, equation 3, divided by P. The scale of the
    features does not matter.

    Args:
        features: ``(N, C, ...)``, places in space and time.

    Returns:
        The mean over N, a share without unit. Features that are zero everywhere count 0.
    """
    activation = features.float().relu().sum(1).flatten(1)
    total, squares = activation.sum(1), activation.square().sum(1)
    return (total.square() / (activation.shape[1] * squares).clamp(min=torch.finfo(torch.float32).tiny)).mean()


class SparsityPrior:
    """Adds up :func:`share_of_places` of a layer's output while the network runs.

    Networks that see frames one by one put the frames of all clips on the first axis. Their places are those of the
    whole clip too, so that few frames are active, and not only few places of each frame.
    """

    def __init__(self, layer: nn.Module) -> None:
        """Register a hook at ``layer``, which stays."""
        self.clips = 1
        """The number of clips in the next pass."""
        self._shares: list[Tensor] = []
        layer.register_forward_hook(self._listen)

    def taken(self) -> Tensor:
        """The mean share of the passes since the last call.

        Raises:
            RuntimeError: The layer was not run since.
        """
        shares, self._shares = self._shares, []
        if not shares:
            raise RuntimeError("the layer took part in no pass")
        return torch.stack(shares).mean()

    def _listen(self, layer: nn.Module, _inputs: object, output: Tensor) -> None:
        if layer.training:
            self._shares.append(share_of_places(output.unflatten(0, (self.clips, -1)).transpose(1, 2)))
