"""A layer of a network as video, and the rest of the network on other activations of that layer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from videxplain.attribution.default_layer import find_layer
from videxplain.attribution.engine import computing_in, read_layer, rows_of, trace
from videxplain.attribution.layers import LayerCall, hook_output
from videxplain.attribution.registry import METHODS
from videxplain.attribution.rows.layer_rows import find_owners
from videxplain.attribution.tokens import TokenReader, lay_out, replaced, tensor_and_grid
from videxplain.attribution.versions import versions_at_once
from videxplain.errors import VidexplainError
from videxplain.exclusive import of_this_thread
from videxplain.models.config import TokenLayout
from videxplain.models.wrapping import Wrapped
from videxplain.untouched import begin_pass, untouched

Make: TypeAlias = Callable[[int, Tensor], Tensor]
"""From the number of a call of the layer and the numbers ``(B,)`` of versions to the output of this call for each
version: ``(B, rows, C, ...)``, tokens laid out as video."""
Way: TypeAlias = Literal["repeated", "rows", "single"]

_NUMBERS = 2**21
"""The most activations of the layer that go through the rest of the network together."""
_SAME = 1e-3
"""Two ways of running versions agree if their logits differ by less than this share of their range."""


def layer_of(module: nn.Module, x: Tensor, layer: str | nn.Module | None) -> LayerCall:
    """The layer whose concepts are sought.

    Args:
        module: The network.
        x: A batch ``(N, C, T, H, W)``.
        layer: A dotted name, the layer itself, or None for Grad-CAM's default.

    Raises:
        VidexplainError: No such layer, or several.
    """
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
        values: The layer's output. Tokens without a place, such as a class token, are taken from it.
        laid: Other values, laid out as video.
        form: The layout of the layer's output; None for an output without tokens.
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
    """Runs the rest of a network, after a layer, on other activations of one clip.

    There are three ways to run several versions of the activations. ``"repeated"`` is the fastest: the part before the
    layer runs once, and its output is repeated. ``"rows"`` repeats the clip, for a network that folds frames into the
    batch. ``"single"`` runs one version after the other, which always works. For the first clip, the first way that
    gives the same logits as ``"single"`` is chosen.
    """

    def __init__(self, module: nn.Module, layer: LayerCall) -> None:
        """Nothing is run yet.

        Args:
            module: The network.
            layer: The layer.
        """
        self.module, self.layer = module, layer
        self._way: Way | None = None

    def calls(self, x: Tensor) -> dict[int, Tensor]:
        """The output ``(rows, C, ...)`` of each call of the layer for a clip ``(1, C, T, H, W)``; tokens laid out."""
        wanted = rows_of(self.module, x, self.layer).calls_of(self.layer)
        outputs = read_layer(self.module, x, self.layer)
        return {call: outputs[call] for call in wanted}

    def run(self, x: Tensor, versions: int, make: Make) -> Tensor:
        """The logits ``(versions, K)`` of a clip with other activations.

        Args:
            x: The clip ``(1, C, T, H, W)``.
            versions: Number of versions.
            make: Makes the activations of versions.
        """
        numbers = torch.arange(versions, device=x.device)
        if self._way is None:
            # Far from each other, because neighbouring versions may be equal.
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
            except Exception:  # a network may raise anything for another batch size in the middle
                continue
            close = _SAME * (expected - expected.mean()).abs().amax().clamp_min(1e-12)
            if got.shape == expected.shape and bool((got - expected).abs().amax() <= close):
                return way
        return "single"

    def _run(self, x: Tensor, numbers: Tensor, make: Make, way: Way) -> Tensor:
        with untouched(self.module), torch.no_grad(), computing_in("fp32", x.device):
            rows = rows_of(self.module, x, self.layer)
            together = 1
            if way == "rows":
                together = versions_at_once(self.module, x)
            elif way == "repeated":  # only the part after the layer runs for each version
                together = max(1, _NUMBERS // make(min(rows.calls_of(self.layer)), numbers[:1]).numel())
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
                    self.module, clip, self.layer, None, rows, lambda one: read_layer(self.module, one, self.layer)
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

        reader = TokenReader(self.module, clip)
        with _replaced_calls(self.module, reader, self.layer, rows.calls_of(self.layer), change):
            begin_pass(self.module)
            if way == "repeated" and isinstance(self.module, Wrapped):
                with _one_clip(self.module.module):
                    return self.module(x.repeat(len(numbers), 1, 1, 1, 1)).float()
            return self.module(clip.clone()).float()


@contextmanager
def _one_clip(module: nn.Module) -> Iterator[None]:
    """While active, a network gets only the first of a batch of repeated clips.

    Its wrapper sees the whole batch, and expects a row of logits for each clip of it.
    """

    def hook(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return tuple(map(_first, given)), {name: _first(value) for name, value in named.items()}

    handle = module.register_forward_pre_hook(of_this_thread(hook), with_kwargs=True)
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
    """While active, the output of a layer's calls is replaced by ``change(number of the call)``, laid out as video."""
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
        remove = hook_output(module, layer, hook)
        try:
            yield
        finally:
            remove()
