"""Comparing maps with a reference, and networks that references can work on."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tests.attribution.networks import seeded


def close(found: object, expected: object) -> None:
    """Raise where two maps are more than 1e-5 of the largest value apart; the expected one must not be all zero."""
    found, expected = (torch.as_tensor(values).double().cpu() for values in (found, expected))
    assert expected.abs().max() > 0
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def out_of_place(build: Callable[[], nn.Module]) -> nn.Module:
    """A network whose ReLU modules do not work in place, because captum puts backward hooks on them."""
    module = seeded(build)
    for m in module.modules():
        if isinstance(m, nn.ReLU):
            m.inplace = False
    return module


def full_graph(module: nn.Module, layer: str, x: Tensor, score: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Activations of a layer and gradients of a score at it, by plain autograd over the whole network."""
    kept = []
    hook = module.get_submodule(layer).register_forward_hook(lambda _, __, out: kept.append(out) or out.clone())
    total = score(module(x)).sum()
    hook.remove()
    return kept[0].detach(), torch.autograd.grad(total, kept[0])[0]
