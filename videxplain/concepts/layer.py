"""A layer of a network as video, and the rest of the network on other activations of that layer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from videxplain.attribution.default_layer import find_layer
from videxplain.attribution.engine import computing_in, read_layer, rows_of, trace
from videxplain.attribution.layer_rows import find_owners
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.registry import METHODS
from videxplain.attribution.tokens import TokenReader, lay_out, replaced, tensor_and_grid
from videxplain.attribution.versions import versions_at_once
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout
from videxplain.models.wrapping import Wrapped
from videxplain.untouched import begin_pass, untouched

Make: TypeAlias = Callable[[int, Tensor], Tensor]
"""From the number of a call of the layer and the numbers ``(B,)`` of versions to what the call puts out in each of
them: ``(B, rows, C, ...)``, tokens laid out."""
Way: TypeAlias = Literal["repeated", "rows", "single"]

_NUMBERS = 2**21
"""So many activations of the layer go through what follows it together."""
_SAME = 1e-3
"""Two ways of running versions agree where their logits differ by less than this share of the largest."""


def layer_of(module: nn.Module, x: Tensor, layer: str | nn.Module | None) -> LayerCall:
    """The layer whose concepts are sought: a dotted name, the layer itself, or None for Grad-CAM's default."""
    found = find_layer(METHODS["gradcam"], module, x, layer)
    if not isinstance(found, LayerCall):
        raise VidexplainError(f"concepts are of one layer, and '{layer}' names several")
    return found


def read(module: nn.Module, x: Tensor, layer: LayerCall) -> tuple[Tensor, Tensor]:
    """Activations ``(N, C, T, h, w)`` and logits ``(N, K)`` of a batch, without gradients."""
    with trace(module, x, [layer]) as run:
        return run.activations(layer), run.logits.detach()


def put_back(values: Tensor, laid: Tensor, form: TokenLayout | None) -> Tensor:
    """The inverse of :func:`videxplain.attribution.tokens.lay_out`.

    Args:
        values: What the layer put out. Tokens of no place, such as a class token, are taken from it.
        laid: Other values, laid out.
        form: How the layer's output lies; None for an output that holds no tokens.
    """
    if form is None:
        return laid
    if form.order == "grid":
        return laid.movedim(1, -1)
    if form.order == "places":
        return laid.permute(0, 3, 4, 2, 1).flatten(0, 2)
    if form.order == "hwt":
        laid = laid.movedim(2, -1)
    tokens = laid.flatten(2).transpose(1, 2)
    return torch.cat([values[:, : form.prefix].expand(len(tokens), -1, -1), tokens], 1) if form.prefix else tokens


class Rest:
    """What follows a layer of a network, run on other activations of one clip.

    Versions go through the rest of the network together where that gives what they get one by one. The first clip
    shows it. Best is ``"repeated"``: what comes before the layer is run once, and its output is repeated. In a network
    that folds frames into the batch, the clip is repeated (``"rows"``). Otherwise versions go one by one
    (``"single"``).
    """

    def __init__(self, module: nn.Module, layer: LayerCall) -> None:
        """Nothing is run yet."""
        self._module, self._layer = module, layer
        self._way: Way | None = None

    def calls(self, x: Tensor) -> dict[int, Tensor]:
        """What each call of the layer puts out for a clip ``(1, C, T, H, W)``: ``(rows, C, ...)``, tokens laid out."""
        wanted = rows_of(self._module, x, self._layer).calls_of(self._layer)
        outputs = read_layer(self._module, x, self._layer)
        return {call: outputs[call] for call in wanted}

    def run(self, x: Tensor, versions: int, make: Make) -> Tensor:
        """The logits ``(versions, K)`` of a clip ``(1, C, T, H, W)`` with other activations."""
        numbers = torch.arange(versions, device=x.device)
        if self._way is None:
            # Far from each other, so that they differ whatever the first few leave out.
            self._way = self._find_way(x, numbers[[0, versions // 2, versions - 1]].unique(), make)
        return self._run(x, numbers, make, self._way)

    def _find_way(self, x: Tensor, numbers: Tensor, make: Make) -> Way:
        if len(numbers) < 2:
            return "single"
        expected = self._run(x, numbers, make, "single")
        ways: Sequence[Way] = ("repeated", "rows")
        for way in ways:
            try:
                got = self._run(x, numbers, make, way)
            except Exception:  # whatever a network says that is given another batch than it began with
                continue
            close = _SAME * (expected - expected.mean()).abs().amax().clamp_min(1e-12)
            if got.shape == expected.shape and bool((got - expected).abs().amax() <= close):
                return way
        return "single"

    def _run(self, x: Tensor, numbers: Tensor, make: Make, way: Way) -> Tensor:
        with untouched(self._module), torch.no_grad(), computing_in("fp32", x.device):
            rows = rows_of(self._module, x, self._layer)
            together = 1
            if way == "rows":
                together = versions_at_once(self._module, x)
            elif way == "repeated":  # only what follows the layer is run as often
                together = max(1, _NUMBERS // make(min(rows.calls_of(self._layer)), numbers[:1]).numel())
            return torch.cat([self._pass(x, part, make, way, rows) for part in numbers.split(together)])

    def _pass(self, x: Tensor, numbers: Tensor, make: Make, way: Way, rows: Any) -> Tensor:
        owners: dict[int, Tensor] | None = None
        clip = x
        if way == "rows":
            clip = x.repeat(len(numbers), 1, 1, 1, 1)
            if len(numbers) > 1 and rows.is_direct:
                owners = dict.fromkeys(rows.calls, numbers - numbers[0])
            elif len(numbers) > 1:
                owners = find_owners(
                    self._module, clip, self._layer, None, rows, lambda one: read_layer(self._module, one, self._layer)
                )
                if owners is None:
                    return torch.cat([self._pass(x, one, make, "single", rows) for one in numbers.split(1)])

        def change(call: int) -> Tensor:
            made = make(call, numbers)
            if way == "repeated":
                if made.shape[1] != 1:
                    raise VidexplainError("the layer has several rows a clip")
                return made[:, 0]
            if owners is None:
                return made[0]
            owner = owners[call]
            values = made.new_empty(len(owner), *made.shape[2:])
            for b in range(len(numbers)):
                values[owner == b] = made[b]
            return values

        reader = TokenReader(self._module, clip)
        with _replaced_calls(self._module, reader, self._layer, rows.calls_of(self._layer), change):
            begin_pass(self._module)
            if way == "repeated" and isinstance(self._module, Wrapped):
                with _one_clip(self._module.module):
                    return self._module(x.repeat(len(numbers), 1, 1, 1, 1)).float()
            return self._module(clip.clone()).float()


@contextmanager
def _one_clip(module: nn.Module) -> Iterator[None]:
    """While active, a network gets the first clip of a batch of repeated ones.

    What is wrapped around it counts the clips of the batch, and finds as many rows of logits as versions were made.
    """

    def hook(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return tuple(map(_first, given)), {name: _first(value) for name, value in named.items()}

    handle = module.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def _first(value: Any) -> Any:
    return value[:1] if isinstance(value, Tensor) and value.ndim > 1 else value


@contextmanager
def _replaced_calls(
    module: nn.Module, reader: TokenReader, layer: LayerCall, wanted: frozenset[int], change: Callable[[int], Tensor]
) -> Iterator[None]:
    """While active, calls of a layer put out something else: ``change`` of the number of the call, tokens laid out."""
    calls = count()

    def hook(part: nn.Module, _: Any, output: Any) -> Any:
        call = next(calls)
        values, _grid = tensor_and_grid(output)
        if values is None or call not in wanted:
            return None
        form = reader.layout(part, output)
        laid = change(call).to(values.dtype)
        if laid.shape[1:] != lay_out(values, form).shape[1:]:
            raise VidexplainError(f"layer '{layer}' puts out another size than in the pass before")
        return replaced(output, put_back(values, laid, form))

    with reader.watching():
        handle = module.get_submodule(layer.name).register_forward_hook(hook)
        try:
            yield
        finally:
            handle.remove()
