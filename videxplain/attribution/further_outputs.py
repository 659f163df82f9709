"""The tensors that a layer returns beside its first.

A map is of the first tensor. Where the network uses another one too, the map would leave out what goes through it, and
gradients would, too.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from videxplain.attribution.layers import LayerCall
from videxplain.attribution.tokens import tuple_like
from videxplain.attribution.traceable import differ, with_noise
from videxplain.errors import VidexplainError
from videxplain.network_answers import NetworkAnswers


def has_further_outputs(output: Any) -> bool:
    """Whether a layer returned more than one tensor of real numbers."""
    found: list[Tensor] = []

    def see(values: Tensor) -> Tensor:
        found.append(values)
        return values

    if isinstance(output, tuple):
        _changed(list(output[1:]), see)
    return bool(found)


def with_noise_on_further_outputs(output: Any, share: float) -> Any:
    """What a layer returned, with noise on all its tensors but the first, of a share of their spread."""
    if not isinstance(output, tuple):
        return output
    rest = (_changed(part, lambda values: with_noise(values, share)) for part in output[1:])
    return tuple_like(output, (output[0], *rest))


def check_further_outputs(module: nn.Module, x: Tensor, layer: LayerCall, logits: Callable[[float], Tensor]) -> None:
    """Refuse a layer of which the network uses more than the first tensor.

    It costs two passes, once.

    Args:
        module: The network.
        x: Its input ``(N, C, T, H, W)``.
        layer: The layer, one that returns several tensors.
        logits: The logits when the others have noise on them, of this share of their spread.

    Raises:
        VidexplainError: The logits depend on another tensor as well.
    """
    if _JUDGED.ask(module, (layer.name, x.shape), lambda: differ(logits(0.0), logits(1.0))):
        raise VidexplainError(
            f"layer '{layer}' returns several tensors, and the network uses more than the first, so a map of the first "
            "would leave something out; name another layer"
        )


def _changed(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A nest of tuples, lists and dictionaries with all its tensors of real numbers changed."""
    if isinstance(value, Tensor):
        return change(value) if value.is_floating_point() else value
    if isinstance(value, list):
        return [_changed(part, change) for part in value]
    if isinstance(value, tuple):
        return tuple_like(value, (_changed(part, change) for part in value))
    if isinstance(value, dict):
        return {name: _changed(part, change) for name, part in value.items()}
    return value


_JUDGED = NetworkAnswers[bool]()
