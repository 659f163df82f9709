"""A network that is used and left as it was found."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def untouched(module: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode with frozen parameters, and restore it afterwards, also after an error.

    Inside, gradients are recorded for whatever requires them. Training flags, ``requires_grad``, the grad mode,
    the cuDNN flags and torch's random state are restored afterwards.
    """
    training = [(m, m.training) for m in module.modules()]
    required = [(p, p.requires_grad) for p in module.parameters()]
    devices = sorted({p.device.index or 0 for p, _ in required if p.is_cuda})
    cudnn = torch.backends.cudnn.enabled
    try:
        with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices):
            for m, _ in training:
                m.training = False
            for p, _ in required:
                p.requires_grad_(False)
            yield
    finally:
        torch.backends.cudnn.enabled = cudnn
        for m, was in training:
            m.training = was
        for p, needed in required:
            p.requires_grad_(needed)
