"""What the classifier of a network is given: the features of a clip, pooled over time and space."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn


def classifier_of(model: nn.Module, classes: int) -> nn.Linear | None:
    """The last linear layer with ``classes`` outputs, or None if there is none."""
    layers = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == classes]
    return layers[-1] if layers else None


@contextmanager
def classifier_input(model: nn.Module, classes: int) -> Iterator[list[Tensor]]:
    """Collect what the classifier is given in the passes of this thread; the list stays empty without a classifier.

    Args:
        model: The network. Its hooks are put back at the end.
        classes: K, the number of its outputs.
    """
    seen: list[Tensor] = []
    layer = classifier_of(model, classes)
    if layer is None:
        yield seen
        return
    me = threading.get_ident()

    def keep(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        # Another thread may use the same network between two passes of this one.
        if threading.get_ident() == me:
            seen.append(given[0].detach())

    hook = layer.register_forward_pre_hook(keep)
    try:
        yield seen
    finally:
        hook.remove()
