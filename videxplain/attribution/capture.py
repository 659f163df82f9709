"""Activations of any layers of a network, and gradients of a score at them, as video."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from videxplain.attribution.axes import ORDER, check_order, in_its_order, to_our_order
from videxplain.attribution.engine import computing_in, traced
from videxplain.attribution.layers import LayerCall, hook_output, resolve
from videxplain.attribution.recording import Recording, Trace
from videxplain.attribution.recurrence import differentiable_recurrence
from videxplain.attribution.rows.layer_rows import LayerRows
from videxplain.attribution.tokens import TokenReader, as_token_layout
from videxplain.attribution.traceable import GradientsOn
from videxplain.device import device_of
from videxplain.errors import VidexplainError
from videxplain.exclusive import of_this_thread
from videxplain.models.config import TokenLayout
from videxplain.network_answers import look_again
from videxplain.untouched import untouched

Layer: TypeAlias = str | nn.Module
"""A dotted name, with ``:use`` where one pass uses the layer more than once, or the layer itself."""


@dataclass(frozen=True)
class CapturedLayer:
    """What one layer put out in the last pass.

    Attributes:
        name: The layer, as in ``layer=`` of :func:`videxplain.attribute`.
        activations: ``(N, C, T, h, w)``, float32, detached.
    """

    name: str
    activations: Tensor


@dataclass
class Capture:
    """What :func:`capture` has seen of the last pass of the network: its layers, by name.

    It stays usable after the ``with`` block.
    """

    _module: nn.Module
    _layers: tuple[LayerCall, ...]
    _pass: Trace | None = field(default=None, repr=False)

    def __getitem__(self, layer: Layer) -> CapturedLayer:
        """The layer, by the name that it was asked for with, or the layer itself.

        Raises:
            VidexplainError: The layer was not asked for, or the network has not run.
        """
        call = resolve(self._module, layer)
        if call not in self._layers:
            raise VidexplainError(f"layer '{call}' was not captured; captured are {', '.join(map(str, self._layers))}")
        return CapturedLayer(str(call), self._seen().activations(call))

    def __iter__(self) -> Iterator[str]:
        """The names of the layers."""
        return map(str, self._layers)

    def gradients(self, score: Tensor) -> dict[str, Tensor]:
        """Gradients of a score with respect to the output of each layer.

        Args:
            score: Any function of what the network returned, such as ``logits[:, 3]``. Several numbers are summed, so
                one number per sample gives each sample's own gradient.

        Returns:
            ``(N, C, T, h, w)`` by the name of the layer. The gradient at an early layer is the one through all later
            layers. A layer that the score does not depend on has zeros.

        Raises:
            VidexplainError: The score depends on none of the layers, or the network has not run.
        """
        (gradients,) = self._seen().gradients(score.reshape(1, -1), retain=True)
        return {str(layer): values for layer, values in gradients.items()}

    def _seen(self) -> Trace:
        if self._pass is None:
            raise VidexplainError("the network has not run yet; call it inside the with block")
        return self._pass


@contextmanager
def capture(
    model: nn.Module,
    layers: Sequence[Layer],
    *,
    layout: str = ORDER,
    token_grid: tuple[int, int, int] | TokenLayout | None = None,
) -> Iterator[Capture]:
    """Keep what layers of a network put out while you run it, as video whatever the kind of network.

    ::

        with vx.capture(model, ["layer1", "layer4"]) as seen:
            logits = model(x)
        seen["layer4"].activations                       # (N, C, T, h, w)
        seen.gradients(logits[:, 3])["layer4"]           # the same shape

    Inside the block the network is in evaluation mode and its parameters are frozen, so that what comes before the
    first of the layers needs no memory for gradients. Afterwards the network is as it was: no hook and no flag stays.
    Of several passes the last one counts.

    Args:
        model: A network from video to logits ``(N, K)``.
        layers: Which layers, by dotted name or the layers themselves.
        layout: The order of the axes that the network takes, such as ``"NTCHW"``.
        token_grid: For a transformer whose configuration and whose pass do not say how its tokens lie; see
            :func:`videxplain.attribute`.

    Raises:
        VidexplainError: The network has no such layer, does not run it, or is given something else than video.
    """
    check_order(layout)
    calls = tuple(resolve(model, layer) for layer in layers)
    if not calls or len(set(calls)) < len(calls):
        raise VidexplainError("capture needs one or several layers, each named once")
    seen = Capture(model, calls)
    with ExitStack() as stack:
        stack.enter_context(untouched(model))
        device = device_of(model)
        stack.enter_context(computing_in("fp32", device))
        stack.enter_context(differentiable_recurrence(model, device.type == "cuda"))
        recorder = stack.enter_context(_Recorder(seen, layout, as_token_layout(token_grid)))
        stack.callback(model.register_forward_pre_hook(of_this_thread(recorder.begin), prepend=True).remove)
        stack.callback(model.register_forward_hook(of_this_thread(recorder.end)).remove)
        yield seen


class _Recorder(ExitStack):
    """The hooks of one pass, which begin when the network is called and its input is known."""

    def __init__(self, seen: Capture, layout: str, tokens: TokenLayout | None) -> None:
        super().__init__()
        self._seen, self._layout, self._tokens = seen, layout, tokens
        self._recordings: dict[LayerCall, Recording] = {}
        self._x: Tensor | None = None
        self._aside = False  # while passes are run to find out how layers lie

    def begin(self, model: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Hook the layers for the pass that begins."""
        if self._aside:
            return
        self.close()  # a pass before may have raised
        if not inputs or not isinstance(inputs[0], Tensor) or inputs[0].ndim != 5:
            raise VidexplainError("capture reads networks of video: call the model with one tensor of five axes")
        x = to_our_order(inputs[0], self._layout)
        self._x = x.detach().clone()
        self._recordings = {layer: Recording(layer) for layer in self._seen._layers}
        self._seen._pass = None
        reader = TokenReader(model, x, self._tokens)
        self.enter_context(reader.watching())
        for layer, recording in self._recordings.items():
            self.callback(hook_output(model, layer, recording.keep(reader)))
        if torch.is_grad_enabled():
            self.enter_context(GradientsOn())

    def end(self, model: nn.Module, _: Any, logits: Any) -> None:
        """Take the pass as the one that was seen."""
        if self._aside:
            return
        self.close()
        assert self._x is not None
        run = traced(model, self._x, self._recordings, logits, self._tokens)

        def rows(layer: LayerCall, shapes: list[torch.Size]) -> LayerRows:
            with self._other_passes(model):
                return run.find_rows(layer, shapes)

        def changed(share: float) -> Tensor:
            with self._other_passes(model):
                return run.changed(share)

        self._seen._pass = Trace(logits, self._recordings, rows, changed)

    @contextmanager
    def _other_passes(self, model: nn.Module) -> Iterator[None]:
        self._aside = True
        try:
            with in_its_order(model, self._layout):
                yield
        finally:
            self._aside = False
            look_again(model)  # whoever runs the network here may change it
