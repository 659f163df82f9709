"""The uses of layers that one pass calls several times, found for all layers together."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from torch import Tensor, nn

from videxplain.attribution.engine import read_layers
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.rows.correspondence import looks, rows_seen, whole_calls
from videxplain.attribution.rows.probing import Probe
from videxplain.errors import VidexplainError

T = TypeVar("T")


def find_uses(module: nn.Module, x: Tensor, names: Sequence[str]) -> dict[str, list[int]]:
    """Which calls of layers begin a use, by passes of changed clips that all layers share.

    A layer that is called several times may be used as often, or once, such as in a loop over frames. To explain one of
    several uses it has to be named (``relu:0``).

    Args:
        module: The network.
        x: A clip ``(1, C, T, H, W)`` of the size that it takes.
        names: The dotted names of the layers.

    Returns:
        For each layer the number of the first call of each use, in the order of the uses. Layers are missing of which
        that is not clear, such as those whose calls do not make up the clip.
    """
    uses: dict[str, list[int]] = {}
    with suppress(VidexplainError):
        run = _CallsOf(module, names)
        probe = Probe(run, x, "")
        whole = run.by_layer(whole_calls(probe, len(x), x.shape[2]))
        uses |= {name: calls for name, calls in run.calls.items() if all(whole[name])}
        if others := [name for name in names if name not in uses]:
            uses |= _in_parts(_CallsOf(module, others), x)
    return uses


class _CallsOf:
    """A pass that gives the calls of several layers, layer after layer, without those that have no extent in space.

    Attributes:
        calls: By layer their numbers in the last pass; 0 is the layer's first call.
    """

    def __init__(self, module: nn.Module, names: Sequence[str]) -> None:
        self._module, self._layers = module, [LayerCall(name) for name in names]
        self.calls: dict[str, list[int]] = {}

    def __call__(self, clip: Tensor) -> list[Tensor]:
        shown = read_layers(self._module, clip, self._layers)
        self.calls = {
            layer.name: [call for call, output in enumerate(outputs) if output.ndim in (4, 5)]
            for layer, outputs in shown.items()
        }
        return [shown[layer][call] for layer in self._layers for call in self.calls[layer.name]]

    def by_layer(self, values: Iterable[T]) -> dict[str, list[T]]:
        """A value for each call, as the pass gives them, by layer."""
        rest = iter(values)
        return {name: [next(rest) for _ in calls] for name, calls in self.calls.items()}


def _in_parts(run: _CallsOf, x: Tensor) -> dict[str, list[int]]:
    """The same for layers whose calls may be parts of a clip, such as single frames."""
    probe, rows = rows_seen(Probe(run, x, ""), run, x, "")
    shapes = run.by_layer(probe.shapes)
    uses, before = {}, 0
    for name, calls in run.calls.items():
        of_layer = [replace(row, call=row.call - before) for row in rows if 0 <= row.call - before < len(calls)]
        before += len(calls)
        with suppress(VidexplainError):
            found = looks(of_layer, shapes[name], x, name)
            uses[name] = [calls[min(call for steps in look for call, _ in steps)] for look in found]
    return uses
