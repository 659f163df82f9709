"""One network with a classifier for each of two datasets (sections 4.1.6 and 4.2 of the report)."""

import copy

import torch
from torch import Tensor, nn

from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig
from videxplain.models.video_model import VideoModel


def classifier_name(network: nn.Module) -> str:
    """The dotted name of the layer that gives the logits: the last linear layer or convolution.

    Raises:
        VidexplainError: There is none.
    """
    names = [name for name, part in network.named_modules() if isinstance(part, nn.Linear | nn.Conv2d | nn.Conv3d)]
    if not names or not names[-1]:
        raise VidexplainError(f"{type(network).__name__} has no classifier: no linear layer and no convolution")
    return names[-1]


class Heads(nn.Module):
    """Several classifiers in the place of one. ``active`` is the number of the classifier that is used."""

    def __init__(self, classifiers: list[nn.Module]) -> None:
        """Use the first of ``classifiers`` at the beginning."""
        super().__init__()
        self.each = nn.ModuleList(classifiers)
        self.active = 0

    def forward(self, x: Tensor) -> Tensor:
        """The output of the active classifier."""
        return self.each[self.active](x)


class ManyHeads(nn.Module):
    """A network of the zoo with a classifier for each of several datasets, or for one.

    Attributes:
        network: The network. For more than one dataset, its classifier is a :class:`Heads`.
        configs: The configuration of the network for each dataset.
    """

    def __init__(self, network: VideoModel, configs: list[ModelConfig], *, seed: int = 0) -> None:
        """Add classifiers to a network.

        Args:
            network: The network, with the classifier of the first dataset.
            configs: Its configuration for each dataset.
            seed: For the weights of the other classifiers.
        """
        super().__init__()
        self.network, self.configs = network, configs
        self._name = classifier_name(network)
        first = network.get_submodule(self._name)
        if len(configs) > 1:
            others = [_like(first, config.num_classes, seed + i) for i, config in enumerate(configs[1:], start=1)]
            _put(network, self._name, Heads([first, *others]))

    def forward(self, x: Tensor, which: int = 0) -> Tensor:
        """``(N, 3, T, H, W)`` to the logits of dataset ``which``."""
        heads = self.classifiers
        if isinstance(heads, Heads):
            heads.active = which
        elif which:
            raise IndexError(f"the network has one classifier, not {which + 1}")
        return self.network(x)

    @property
    def classifiers(self) -> nn.Module:
        """The classifier, or all of them as :class:`Heads`."""
        return self.network.get_submodule(self._name)

    def single(self, which: int) -> VideoModel:
        """A copy of the network with the classifier of dataset ``which`` only."""
        network = copy.deepcopy(self.network)
        heads = network.get_submodule(self._name)
        if isinstance(heads, Heads):
            _put(network, self._name, heads.each[which])
        network.config = self.configs[which]
        return network.eval()


def _like(layer: nn.Module, classes: int, seed: int) -> nn.Module:
    """A layer like ``layer``, with another number of classes and new weights."""
    generator = torch.Generator().manual_seed(seed)
    made: nn.Linear | nn.Conv2d | nn.Conv3d
    if isinstance(layer, nn.Linear):
        made = nn.Linear(layer.in_features, classes, layer.bias is not None)
    elif isinstance(layer, nn.Conv2d | nn.Conv3d):
        kind = type(layer)
        made = kind(
            layer.in_channels,
            classes,
            layer.kernel_size,  # type: ignore[arg-type]
            layer.stride,  # type: ignore[arg-type]
            layer.padding,  # type: ignore[arg-type]
            bias=layer.bias is not None,
        )
    nn.init.kaiming_normal_(made.weight, nonlinearity="linear", generator=generator)
    if made.bias is not None:
        nn.init.zeros_(made.bias)
    return made


def _put(network: nn.Module, name: str, part: nn.Module) -> None:
    outer, _, last = name.rpartition(".")
    setattr(network.get_submodule(outer), last, part)
