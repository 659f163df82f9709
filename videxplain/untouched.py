"""A network that is used and left as it was found."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from videxplain.exclusive import alone, settings_kept, uncompiled
from videxplain.module_state import ModuleState


class _Use:
    """A network that one thread uses."""

    def __init__(self, module: nn.Module) -> None:
        self.thread = threading.get_ident()
        # Gathering these takes as long as a pass of a small network, so it is done once.
        self._modules = list(module.modules())
        self.state = ModuleState(self._modules)
        self._parameters = list(module.parameters())

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Evaluation mode without gradients of parameters; afterwards all is as it was."""
        training = [m.training for m in self._modules]
        required = [p.requires_grad for p in self._parameters]
        try:
            with torch.inference_mode(False), torch.enable_grad(), settings_kept():
                for m in self._modules:
                    if m.training:
                        m.training = False
                for p in self._parameters:
                    p.requires_grad_(False)
                yield
        finally:
            self.state.restore()
            for m, was in zip(self._modules, training, strict=True):
                if m.training != was:
                    m.training = was
            for p, needed in zip(self._parameters, required, strict=True):
                p.requires_grad_(needed)


_USES: dict[int, _Use] = {}
"""The networks in use, by their identity; a network is used by one thread at a time."""


@contextmanager
def without_autocast() -> Iterator[None]:
    """Full precision, whatever the caller has switched on: a backward pass, too, would round what it multiplies."""
    with ExitStack() as stack:
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


@contextmanager
def untouched(module: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode with frozen parameters, and restore it afterwards, also after an error.

    Inside, gradients are recorded for whatever requires them, no other thread uses the network, the caller's autocast
    is off, and what was compiled runs as it was written. Training flags, ``requires_grad``, buffers, tensors and NumPy
    arrays that are attributes, the grad mode, the flags of cuDNN and oneDNN, and torch's random state are restored
    afterwards. It may be entered again inside.
    """
    use = _USES.get(id(module))
    if use is not None and use.thread == threading.get_ident():
        with use.frozen():
            yield
        return
    with alone(module):
        _USES[id(module)] = use = _Use(module)
        try:
            with use.frozen(), without_autocast(), uncompiled():
                yield
        finally:
            del _USES[id(module)]


def begin_pass(module: nn.Module) -> None:
    """Inside :func:`untouched`, put back what earlier passes have left in the network, so that a pass begins anew."""
    use = _USES.get(id(module))
    if use is not None:
        use.state.restore()
