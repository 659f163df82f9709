"""A method on one window of a video after the other."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from videxplain.attribution.api import check_input
from videxplain.attribution.axes import checked_order
from videxplain.attribution.default_layer import find_layer
from videxplain.attribution.engine import Precision
from videxplain.attribution.fusion import run_method
from videxplain.attribution.layers import FusedLayers, LayerCall
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, Method
from videxplain.attribution.targets import Score
from videxplain.exclusive import alone
from videxplain.explanation.familiarity import measurement_of, pass_of
from videxplain.models.config import TokenLayout
from videxplain.models.stages import clip_features


class WindowRunner:
    """One method on one network. It looks for the layer when it gets the first window."""

    def __init__(
        self,
        module: nn.Module,
        method: Method,
        wanted: str | nn.Module | None,
        tokens: TokenLayout | None,
        precision: Precision,
        options: dict[str, Any],
    ) -> None:
        self._module, self._method, self._wanted, self._tokens = module, method, wanted, tokens
        self._precision, self._options = precision, options
        self.layer: LayerCall | FusedLayers | None = None
        self.measurement = measurement_of(module)
        self.notes: dict[str, None] = {}
        self._ready = False

    def __call__(self, x: Tensor, choose: Callable[[Tensor], list[Score]], measured: bool = False) -> Attribution:
        """What the method says of a window; ``measured`` counts it for the familiarity of the clip."""
        if not self._ready:
            check_input(self._module, x)
            with alone(self._module), checked_order(self._module, x.shape):
                self.layer = find_layer(self._method, self._module, x, self._wanted, self._tokens)
                result = self._measured(x, choose, measured)
            self._ready = True
            return result
        return self._measured(x, choose, measured)

    def _measured(self, x: Tensor, choose: Callable[[Tensor], list[Score]], measured: bool) -> Attribution:
        """The same, once the layer is known."""
        if not (measured and self.measurement):
            return self._explained(x, choose)
        features: list[Tensor | None] = []

        def choose_and_keep(logits: Tensor) -> list[Score]:
            # The scores are chosen after the pass of the clip itself, and usually before those of changed clips.
            features.append(seen.row() if seen.saw(x) else None)
            seen.done = True
            return choose(logits)

        with clip_features(self._module, self.measurement.stages) as seen:
            result = self._explained(x, choose_and_keep)
        known = features[0] if features else None
        if known is None:
            _, known = pass_of(self._module, x, self.measurement.stages)
        if known is not None:
            self.measurement.add(known, result.logits)
        return result

    def _explained(self, x: Tensor, choose: Callable[[Tensor], list[Score]]) -> Attribution:
        one = Pass(self._module, x, choose, self.layer, self._precision, self._tokens)
        result = run_method(self._method, one, **self._options)
        self.notes.update(dict.fromkeys(result.notes))
        return result
