"""Another backward rule in the place of every ReLU of a network."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from videxplain.errors import VidexplainError


class ReplacedReLU(TorchFunctionMode):
    """While active, every ReLU has the backward rule that is given for it.

    Attributes:
        seen: How many ReLUs have been called.
    """

    def __init__(self, rule: type[torch.autograd.Function], name: str) -> None:
        """Replace ReLUs by ``rule`` for the method called ``name`` in messages."""
        super().__init__()
        self._rule, self._name = rule, name
        self.seen = 0

    def check_seen(self, module: nn.Module) -> None:
        """Raise for a network that called no ReLU, so that the rule changed nothing."""
        if not self.seen:
            config = getattr(module, "config", None)
            network = str(getattr(config, "architecture", "")) or type(module).__name__
            raise VidexplainError(f"{network} calls no ReLU: {self._name} would be the plain gradient; use gradcam")

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Apply the rule in the place of a ReLU, and call everything else as it is."""
        kwargs = kwargs or {}
        if func not in _RELUS:
            return func(*args, **kwargs)
        self.seen += 1
        value = args[0] if args else kwargs["input"]
        out = self._rule.apply(value)
        in_place = func in _IN_PLACE or kwargs.get("inplace", False) or (func is F.relu and len(args) > 1 and args[1])
        # A caller that works in place may go on with the old tensor rather than with what is returned.
        return value.copy_(out) if in_place else out


_IN_PLACE = frozenset({torch.relu_, Tensor.relu_, F.relu_})
_RELUS = frozenset({F.relu, torch.relu, Tensor.relu, *_IN_PLACE})
