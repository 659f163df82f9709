"""Another backward rule in the place of every ReLU of a network."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from videxplain.attribution.methods.rectifiers import as_rectifier, hidden_in, is_rectifying, other_nonlinearity
from videxplain.errors import VidexplainError

_FLAT = ("Round", "Sign", "Floor", "Ceil", "Trunc")
"""How autograd's names of functions begin whose gradient is zero everywhere."""


class ReplacedReLU(TorchFunctionMode):
    """While active, every rectifier has the backward rule that is given for it, however it is written.

    Attributes:
        seen: How many rectifiers have been called.
        others: Nonlinearities that have been called and for which the rule is not defined, such as GELU.
    """

    def __init__(self, rule: type[torch.autograd.Function], name: str) -> None:
        """Replace rectifiers by ``rule`` for the method called ``name`` in messages.

        The rule is applied to the input of the rectifier and the value at which its output stops to rise.
        """
        super().__init__()
        self._rule, self._name = rule, name
        self.seen = 0
        self.others: dict[str, int] = {}

    def check_seen(self, module: nn.Module, logits: Tensor) -> tuple[str, ...]:
        """Raise for a network to which the rule cannot be applied.

        Args:
            module: The network.
            logits: What it returned, with its graph.

        Returns:
            A line, if the rule is applied to a part of the network only.

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
        names = ", ".join(dict.fromkeys((*self._others_within(logits), *_not_reached(logits, self._rule))))
        if not names:
            return ()
        return (
            f"{self._name} is defined for ReLUs: {names} of {network} pass the plain gradient, so the map is guided in "
            "part",
        )

    def _others_within(self, logits: Tensor) -> list[str]:
        """The other nonlinearities, without one that makes probabilities at the very end."""
        last = type(logits.grad_fn).__name__.lower()
        return [name for name, times in self.others.items() if times > 1 or not last.startswith(name.lower())]

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
            if name := other_nonlinearity(func, args, kwargs):
                self.others[name] = self.others.get(name, 0) + 1
            return func(*args, **kwargs)
        self.seen += 1
        out = self._rule.apply(found.value, found.top)
        # A caller that works in place may go on with the old tensor rather than with what is returned.
        return found.value.copy_(out) if found.in_place else out


def rounds(logits: Tensor) -> bool:
    """Whether a function whose gradient is zero everywhere, such as rounding, took part in making ``logits``."""
    return any(type(node).__name__.startswith(_FLAT) for node in _nodes(logits))


def _not_reached(logits: Tensor, rule: type[torch.autograd.Function]) -> Iterator[str]:
    """Names of what made ``logits`` in calls that cannot be seen.

    They are functions with a backward pass of their own, as some networks write SiLU, scripted functions, and ReLUs
    inside compiled code of torch, such as that of ``nn.RNN``. Segments that are recomputed are refused elsewhere.
    """
    for node in _nodes(logits):
        if is_rectifying(node):
            yield "calls inside a scripted function or compiled code"
        function = getattr(node, "_forward_cls", None)
        if function is not None and function is not rule and not function.__name__.startswith("Checkpoint"):
            yield function.__name__


def _nodes(logits: Tensor) -> Iterator[Any]:
    """What autograd has recorded of making ``logits``."""
    seen: set[Any] = set()
    waiting = [logits.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [following for following, _ in node.next_functions]
        yield node
