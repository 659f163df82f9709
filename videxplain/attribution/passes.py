"""What a method is given: a network, a batch, and which of its scores to explain."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import torch
from torch import Tensor, nn

from videxplain.attribution.engine import Precision, Trace, computing_in, forward, trace
from videxplain.attribution.layers import FusedLayers, LayerCall
from videxplain.attribution.targets import Score
from videxplain.attribution.traceable import with_noise
from videxplain.attribution.versions import versions_at_once
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout

Choose: TypeAlias = Callable[[Tensor], list[Score]]
"""Decides from the logits ``(N, K)`` which scores to explain, once the forward pass is over."""


@dataclass(frozen=True)
class Pass:
    """One batch that a method explains.

    Attributes:
        module: A network from video ``(N, C, T, H, W)`` to logits ``(N, K)``. A method leaves it as it was found.
        x: The batch, float32, normalised as the network expects. A method never writes into it.
        choose: Decides from the logits which scores to explain. Methods call :meth:`scores` instead.
        layer: Where to look; None for a method that explains the input. Methods read :attr:`target_layer` instead.
        precision: ``"bf16"`` computes in bfloat16 what needs no float32: the part of the network before the target
            layer, or all passes of a method that explains the input.
        tokens: How the tokens of a transformer lie; None for what its configuration or the pass itself says.
    """

    module: nn.Module
    x: Tensor
    choose: Choose
    layer: LayerCall | FusedLayers | None = None
    precision: Precision = "fp32"
    tokens: TokenLayout | None = None
    _chosen: list[Score] = field(default_factory=list, init=False, repr=False, compare=False)

    def scores(self, logits: Tensor) -> list[Score]:
        """The scores to explain, each a function of the logits ``(N, K) -> (N,)``.

        ``choose`` is asked once. It may depend on all calls before, as in a long video whose windows vote, so a second
        call returns what the first one chose.
        """
        if not self._chosen:
            self._chosen.extend(self.choose(logits.detach()))
        return self._chosen

    @property
    def target_layer(self) -> LayerCall:
        """The layer to look at.

        Raises:
            VidexplainError: The pass has none, or has several.
        """
        if isinstance(self.layer, LayerCall):
            return self.layer
        if self.layer is None:
            raise VidexplainError("this pass has no layer; register the method with layer='last' or layer='first'")
        raise VidexplainError(f"the method looks at one layer, and this pass has several: {self.layer}")

    def at(self, layer: LayerCall | None) -> "Pass":
        """The same pass at another layer, for the same scores."""
        return replace(self, layer=layer, choose=self.scores)

    def trace(self) -> AbstractContextManager[Trace]:
        """Run the network on the batch, split at the target layer; see :func:`videxplain.attribution.engine.trace`."""
        return trace(self.module, self.x, [self.target_layer], precision=self.precision, tokens=self.tokens)

    def logits(self, x: Tensor) -> Tensor:
        """Logits of a batch in the precision of the pass, differentiable where ``x`` is.

        The network gets a copy of ``x``, because it may work in place, in the type of the batch.
        """
        with computing_in(self.precision, self.x.device):
            return forward(self.module, x.to(self.x.dtype, copy=True))

    def logits_with_noise(self, share: float) -> Tensor:
        """Logits of the batch with noise on it, of a share of its spread, without gradients."""
        with torch.no_grad():
            return self.logits(with_noise(self.x, share))

    def change_of(self, score: Score, logits: Tensor) -> Callable[[float], Tensor]:
        """By how much a score changes, for each sample, when the batch has noise of a share of its spread on it."""
        return lambda share: score(self.logits_with_noise(share)) - score(logits.detach())

    def at_once(self, traced: bool = False) -> int:
        """How many versions of a sample go through the network together; ``traced`` says that gradients are taken."""
        return versions_at_once(self.module, self.x[:1], traced)
