"""Random weights that keep activations at a sane size through any depth."""

import torch
from torch import nn

from videxplain.models.networks.blocks import BasicBlock, Bottleneck
from videxplain.models.networks.non_local import NonLocal


def initialise(network: nn.Module, seed: int = 0) -> None:
    """Fill a network with seeded random weights, in place; the global random state is neither used nor changed.

    Convolutions and linear layers get normal weights of variance 2 / fan-in (He et al., ICCV 2015), the last linear
    layer and the logits' convolution 1 / fan-in; biases are 0. Normalisations start as the identity, but those that
    end the branch of one of L residual blocks are scaled by L ** -0.5: in evaluation mode, where nothing is normalised
    yet, the sum of L branches would otherwise double in variance L times. Non-local blocks start as the identity.
    """
    generator = torch.Generator().manual_seed(seed)
    last = None
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            last = module
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.reset_running_stats()
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LSTM):
            for weight in module.parameters():
                nn.init.uniform_(weight, -(module.hidden_size**-0.5), module.hidden_size**-0.5, generator=generator)
        elif next(module.parameters(recurse=False), None) is not None:
            raise TypeError(f"no rule for the weights of {name}, a {type(module).__name__}")
    if last is not None:
        nn.init.kaiming_normal_(last.weight, nonlinearity="linear", generator=generator)
    blocks = [module for module in network.modules() if isinstance(module, BasicBlock | Bottleneck)]
    for block in blocks:
        nn.init.constant_(block.last_norm.weight, len(blocks) ** -0.5)
    for module in network.modules():
        if isinstance(module, NonLocal):
            nn.init.zeros_(module.bn_z.weight)
