"""Another backward rule in the place of every ReLU of a network."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from videxplain.attribution.methods.rectifiers import as_rectifier, hidden_in, other_nonlinearity
from videxplain.errors import VidexplainError


class ReplacedReLU(TorchFunctionMode):
    """While active, every rectifier has the backward rule that is given for it, however it is written.

    Attributes:
        seen: How many rectifiers have been called.
        others: Names of nonlinearities that have been called and for which the rule is not defined, such as GELU.
    """

    def __init__(self, rule: type[torch.autograd.Function], name: str) -> None:
        """Replace rectifiers by ``rule`` for the method called ``name`` in messages.

        The rule is applied to the input of the rectifier and the value at which its output stops to rise.
        """
        super().__init__()
        self._rule, self._name = rule, name
        self.seen = 0
        self.others: dict[str, None] = {}

    def check_seen(self, module: nn.Module) -> None:
        """Raise for a network to which the rule cannot be applied, and warn of one to which it is applied in part.

        Raises:
            VidexplainError: The network called no rectifier, or hides some in scripted or traced parts.
        """
        config = getattr(module, "config", None)
        network = str(getattr(config, "architecture", "")) or type(module).__name__
        if hidden := hidden_in(module):
            raise VidexplainError(
                f"{self._name} has to see every ReLU, and the scripted or traced part '{hidden[0]}' hides its own: "
                "explain the network as it was before torch.jit, or use gradcam or saliency"
            )
        if not self.seen:
            raise VidexplainError(f"{network} calls no ReLU: {self._name} would be the plain gradient; use gradcam")
        if self.others:
            names = ", ".join(self.others)
            warnings.warn(
                f"{self._name} is defined for ReLUs: {names} of {network} pass the plain gradient, so that the map is "
                "guided in part",
                stacklevel=2,
            )

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Apply the rule in the place of a rectifier, and call everything else as it is."""
        kwargs = kwargs or {}
        found = as_rectifier(func, args, kwargs)
        if found is None:
            if name := other_nonlinearity(func):
                self.others[name] = None
            return func(*args, **kwargs)
        self.seen += 1
        out = self._rule.apply(found.value, found.top)
        # A caller that works in place may go on with the old tensor rather than with what is returned.
        return found.value.copy_(out) if found.in_place else out
