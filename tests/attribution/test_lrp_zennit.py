"""Relevance propagation against zennit, which computes the same rules on modules."""

import pytest
import torch
from torch import nn

from tests.attribution import zennit_reference as zennit
from tests.attribution.networks import video
from tests.attribution.references import close
from tests.small_models import CONVOLUTIONAL
from videxplain.attribution.relevance.conservation import relevance


def with_statistics(network: nn.Module) -> nn.Module:
    """Batch statistics and biases that are not those of a new network, and double precision."""
    generator = torch.Generator().manual_seed(1)
    for m in network.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.running_mean.normal_(0, 0.2, generator=generator)
            m.running_var.uniform_(0.5, 1.5, generator=generator)
            m.weight.data.uniform_(0.5, 1.5, generator=generator)
            m.weight.data[::3] *= -1  # merged, such a channel has its positive and negative weights swapped
            m.bias.data.normal_(0, 0.2, generator=generator)
    return network.double()


@pytest.mark.parametrize("composite", zennit.COMPOSITES)
@pytest.mark.parametrize("name", ["c3d", "i3d", "late_fusion", "r3d", "mc3"])
def test_composites_equal_zennit(name, composite, tmp_path):
    build, shape = CONVOLUTIONAL[name]
    network, x = with_statistics(build(tmp_path)), video(2, 3, *shape).double()
    box = {"low": zennit.LOW, "high": zennit.HIGH} if composite == "epsilon-gamma-box" else {}
    found = relevance(network, x, target=2, layers=(), composite=composite, **box)
    close(found.map, zennit.relevance(network, x, 2, zennit.COMPOSITES[composite]()))
