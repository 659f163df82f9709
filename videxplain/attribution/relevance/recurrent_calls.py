"""Recurrent layers, which PyTorch computes in one call, step by step with their rules.

Gates get no relevance: all of it goes to the signal that they let pass (signal-take-all, Arras et al., WASSA 2017).
What is added divides relevance in proportion, and the products with weights have the rule of linear layers, which sees
the input and the state before as one input.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from videxplain.attribution.relevance.layer_calls import Function, Handler, Rules, linear
from videxplain.attribution.relevance.products import passed
from videxplain.errors import VidexplainError

Weights: TypeAlias = Sequence[Tensor]
"""Of one layer in one direction: ``w_ih, w_hh, b_ih, b_hh``, without biases ``w_ih, w_hh``; then ``w_hr`` if any."""
State: TypeAlias = tuple[Tensor, ...]
Step: TypeAlias = Callable[[Rules, Tensor, State, Weights], State]
"""From the input ``(N, I)`` and the state to the next state, whose first part is the output."""


def lstm_step(rules: Rules, x: Tensor, state: State, weights: Weights) -> State:
    """``c = f c + i tanh(W x + U h + b)``, ``h = o tanh(c)``."""
    h, c = state
    size = c.shape[-1]
    w_x, w_h, b, projection = _parts(weights)
    gates = F.linear(x.detach(), w_x) + F.linear(h.detach(), w_h) + (0 if b is None else b)
    admitted, kept, _, shown = (gate.sigmoid() for gate in gates.split(size, -1))
    signal = slice(2 * size, 3 * size)
    new = _tanh(_of_both(rules, x, h, w_x[signal], w_h[signal], None if b is None else b[signal]))
    c = kept * c + admitted * new
    h = shown * _tanh(c)
    return (h if projection is None else linear(rules, h, projection)), c


def gru_step(rules: Rules, x: Tensor, state: State, weights: Weights) -> State:
    """``h = (1 - z) tanh(W x + b + r (U h + d)) + z h``."""
    (h,) = state
    size = h.shape[-1]
    w_x, w_h, *biases = weights
    b_x, b_h = biases or (None, None)
    of_x, of_h = F.linear(x.detach(), w_x, b_x), F.linear(h.detach(), w_h, b_h)
    reset, kept = ((of_x + of_h)[..., : 2 * size]).sigmoid().split(size, -1)
    signal = slice(2 * size, 3 * size)
    from_x = _linear(rules, x, w_x[signal], None if b_x is None else b_x[signal])
    from_h = _linear(rules, h, w_h[signal], None if b_h is None else b_h[signal])
    return ((1 - kept) * _tanh(from_x + reset * from_h) + kept * h,)


def tanh_step(rules: Rules, x: Tensor, state: State, weights: Weights) -> State:
    """``h = tanh(W x + U h + b)``."""
    w_x, w_h, b, _ = _parts(weights)
    return (_tanh(_of_both(rules, x, state[0], w_x, w_h, b)),)


def relu_step(rules: Rules, x: Tensor, state: State, weights: Weights) -> State:
    """``h = relu(W x + U h + b)``."""
    w_x, w_h, b, _ = _parts(weights)
    return (_of_both(rules, x, state[0], w_x, w_h, b).relu(),)


def _parts(weights: Weights) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Weights of the input and of the state, the sum of the biases, and the projection of the state."""
    w_x, w_h, *rest = weights
    bias = rest[0] + rest[1] if len(rest) > 1 else None
    return w_x, w_h, bias, rest[-1] if len(rest) % 2 else None


def _of_both(rules: Rules, x: Tensor, h: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor | None) -> Tensor:
    return _linear(rules, torch.cat([x, h], -1), torch.cat([w_x, w_h], -1), b)


def _linear(rules: Rules, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # The state before the first step and a frame that nothing is known of are constants.
    return linear(rules, x, weight, bias) if x.requires_grad else F.linear(x, weight, bias)


def _tanh(value: Tensor) -> Tensor:
    return passed(value, value.detach().tanh()) if value.requires_grad else value.tanh()


def unrolled(step: Step) -> Handler:
    """The handler of ``torch.lstm`` and the other recurrent functions."""

    def handler(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if kwargs or not isinstance(args[2], list | tuple):
            raise VidexplainError("lrp has no rule for packed sequences of a recurrent layer; give it padded ones")
        rules.used["recurrent"] += 1
        return _run(rules, step, *args)

    return handler


def _run(
    rules: Rules,
    step: Step,
    x: Tensor,
    start: Tensor | tuple[Tensor, ...],
    weights: Sequence[Tensor],
    has_biases: bool,
    layers: int,
    dropout: float,
    training: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, ...]:
    """All layers, directions and steps; what ``torch.lstm`` and the others return."""
    starts = start if isinstance(start, tuple) else (start,)
    unbatched = x.ndim == 2
    if unbatched:
        x, starts, batch_first = x[:, None], tuple(one[:, None] for one in starts), False
    directions = 1 + bidirectional
    each = len(weights) // (layers * directions)
    x = x.transpose(0, 1) if batch_first else x
    ends: list[State] = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            place = layer * directions + direction
            state: State = tuple(one[place] for one in starts)
            moments = list(x.unbind(0))
            found = []
            for moment in reversed(moments) if direction else moments:
                state = step(rules, moment, state, weights[place * each : (place + 1) * each])
                found.append(state[0])
            outputs.append(torch.stack(found[::-1] if direction else found))
            ends.append(state)
        x = torch.cat(outputs, -1)
    last = tuple(torch.stack(parts) for parts in zip(*ends, strict=True))
    if unbatched:
        return (x[:, 0], *(one[:, 0] for one in last))
    return (x.transpose(0, 1) if batch_first else x, *last)


def one_step(step: Step) -> Handler:
    """The handler of ``torch.lstm_cell`` and the other cells."""

    def handler(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        x, start, *weights = args
        starts = tuple(start) if isinstance(start, list | tuple) else (start,)
        rules.used["recurrent"] += 1
        state = step(rules, x, starts, [one for one in weights if one is not None])
        return state if len(starts) > 1 else state[0]

    return handler


RECURRENT: dict[str, Handler] = {
    "lstm": unrolled(lstm_step),
    "gru": unrolled(gru_step),
    "rnn_tanh": unrolled(tanh_step),
    "rnn_relu": unrolled(relu_step),
    "lstm_cell": one_step(lstm_step),
    "gru_cell": one_step(gru_step),
    "rnn_tanh_cell": one_step(tanh_step),
    "rnn_relu_cell": one_step(relu_step),
}
