"""A network that is used and left as it was found."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from videxplain.exclusive import alone, settings_kept
from videxplain.module_state import ModuleState

_STATES: dict[int, ModuleState] = {}
"""The state of each network in use, by its identity; a network is used by one thread at a time."""


@contextmanager
def untouched(module: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode with frozen parameters, and restore it afterwards, also after an error.

    Inside, gradients are recorded for whatever requires them, and no other thread uses the network. Training flags,
    ``requires_grad``, buffers, tensors that are attributes, the grad mode, the flags of cuDNN and oneDNN, and torch's
    random state are restored afterwards.
    """
    with alone(module):
        training = [(m, m.training) for m in module.modules()]
        required = [(p, p.requires_grad) for p in module.parameters()]
        is_outer = id(module) not in _STATES
        if is_outer:
            _STATES[id(module)] = ModuleState(module)
        try:
            with torch.inference_mode(False), torch.enable_grad(), settings_kept():
                for m, _ in training:
                    m.training = False
                for p, _ in required:
                    p.requires_grad_(False)
                yield
        finally:
            begin_pass(module)
            if is_outer:
                del _STATES[id(module)]
            for m, was in training:
                m.training = was
            for p, needed in required:
                p.requires_grad_(needed)


def begin_pass(module: nn.Module) -> None:
    """Inside :func:`untouched`, put back what earlier passes have left in the network, so that a pass begins anew."""
    state = _STATES.get(id(module))
    if state is not None:
        state.restore()
