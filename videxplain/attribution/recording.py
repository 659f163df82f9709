"""What layers put out in a pass that was split at them, and gradients with respect to it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from videxplain.attribution.further_outputs import has_further_outputs
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.rows.layer_rows import LayerRows
from videxplain.attribution.tokens import TokenReader, lay_out, replaced, tensor_of_layer
from videxplain.attribution.traceable import check_not_cut, not_traced, traced_back
from videxplain.errors import VidexplainError
from videxplain.exclusive import vmap_quiet
from videxplain.models.config import TokenLayout

_GRADIENT_BYTES = 64 * 2**20
"""How much memory the gradients of targets that are traced back together may take."""


@dataclass
class Recording:
    """The outputs of one layer in one pass.

    Attributes:
        layer: The layer.
        outputs: Those of all its calls, in order.
        forms: How each of them lies in space and time, if it holds tokens.
        state: Whether the pass is under way (``"record"``); over, so that what runs again is a segment that the network
            recomputes for its gradient (``"replay"``); or another pass is run in which the layer is left alone
            (``"off"``).
        has_further: Whether the layer returned other tensors than its first.
    """

    layer: LayerCall
    outputs: list[Tensor] = field(default_factory=list)
    forms: list[TokenLayout | None] = field(default_factory=list)
    state: Literal["record", "replay", "off"] = "record"
    has_further: bool = False

    def keep(self, reader: TokenReader) -> Any:
        """A forward hook that splits the network at the layer.

        Its output becomes a leaf that requires a gradient and is kept; a copy of it is handed on.

        Args:
            reader: Knows how tokens lie at this moment of the pass.
        """

        def hook(module: nn.Module, __: Any, output: Any) -> Any:
            if self.state == "off":
                return None
            values = tensor_of_layer(output, self.layer)
            if values.requires_grad:  # an earlier target layer already opened the graph
                kept = values
            else:
                kept = values.detach()
                if torch.is_autocast_enabled(values.device.type):
                    # The head is float32: from here on nothing is cast to a shorter type.
                    torch.set_autocast_enabled(values.device.type, False)
                    kept = kept.float()
                self._open(kept)
            if self.state == "record":
                self.forms.append(reader.layout(module, output))
                self.outputs.append(kept)
                self.has_further = self.has_further or has_further_outputs(output)
            # What follows may change its input in place, so it gets a copy.
            return replaced(output, kept.clone())

        return hook

    def forget(self) -> None:
        """Begin anew, for a pass that is made once more."""
        self.outputs.clear()
        self.forms.clear()

    def _open(self, kept: Tensor) -> None:
        """Let a graph begin at an output."""
        try:
            kept.requires_grad_()
        except RuntimeError as error:
            if "functorch" not in str(error):
                raise
            raise VidexplainError(
                f"layer '{self.layer}' runs inside a transform of torch.func, such as vmap, where its output cannot be "
                "kept; name a layer outside of it, or call the layer in a loop"
            ) from None

    def laid_out(self, calls: Sequence[Tensor]) -> list[Tensor]:
        """Outputs, or gradients with respect to them, tokens put back where they stand."""
        return [lay_out(call, form) for call, form in zip(calls, self.forms, strict=True)]


FindRows: TypeAlias = Callable[[LayerCall, list[torch.Size]], LayerRows]
"""From a layer and the shapes of its outputs, tokens laid out, to which rows are which sample and moment."""
Changed: TypeAlias = Callable[[float], Tensor]
"""Logits of the pass when the layers' outputs have noise on them, of a share of their spread."""


@dataclass(frozen=True)
class Trace:
    """One forward pass, recorded from the target layers on.

    Attributes:
        logits: The network's output ``(N, K)``, float32, differentiable back to the layers.
        recordings: What each target layer put out.
        find_rows: Finds out which rows are which sample and moment.
        changed: Asked where no gradient comes back.
    """

    logits: Tensor
    recordings: dict[LayerCall, Recording]
    find_rows: FindRows
    changed: Changed
    _rows: dict[LayerCall, LayerRows] = field(default_factory=dict)

    def activations(self, layer: LayerCall) -> Tensor:
        """What the layer put out, ``(N, C, T, h, w)``, float32."""
        return self._video([out.detach() for out in self.recordings[layer].outputs], layer)

    def gradients(self, scores: Tensor, retain: bool = False) -> Iterator[dict[LayerCall, Tensor]]:
        """For each score the gradients with respect to all target layers, one trace back each.

        Args:
            scores: ``(M, N)``, functions of ``logits``; sample n of a score depends on sample n alone.
            retain: Whether gradients of other scores will be asked for afterwards.

        Yields:
            M times, for every layer, ``(N, C, T, h, w)``.

        Raises:
            VidexplainError: No gradient comes back: the score does not depend on the layers, or the network cuts it.
        """
        flat = [out for recording in self.recordings.values() for out in recording.outputs]
        totals = scores.sum(dim=1)
        if not totals.requires_grad:
            raise not_traced(self._names(), self.logits, self.changed)
        # What each score makes of the logits, while the graph is there.
        slopes = [torch.autograd.grad(total, self.logits, retain_graph=True)[0] for total in totals]
        is_flat = True
        size = sum(out.numel() * out.element_size() for out in flat)
        chunk = max(1, _GRADIENT_BYTES // max(size, 1))
        for start in range(0, len(totals), chunk):
            part = totals[start : start + chunk]
            for row in self._backward(part, flat, keep=retain or start + len(part) < len(totals)):
                is_flat = is_flat and not any(bool(gradient.any()) for gradient in row)
                gradients = iter(row)
                yield {
                    layer: self._video([next(gradients) for _ in recording.outputs], layer)
                    for layer, recording in self.recordings.items()
                }
        if is_flat:  # for one score of several it means nothing
            check_not_cut(self._names(), partial(self._changes, slopes), self.logits)

    def rows(self, layer: LayerCall) -> LayerRows:
        """Which rows of the layer's output are which sample and moment."""
        if layer not in self._rows:
            recording = self.recordings[layer]
            shapes = [output.shape for output in recording.laid_out(recording.outputs)]
            self._rows[layer] = self.find_rows(layer, shapes)
        return self._rows[layer]

    def _video(self, calls: list[Tensor], layer: LayerCall) -> Tensor:
        return self.rows(layer).video(self.recordings[layer].laid_out(calls), layer).float()

    def _backward(self, totals: Tensor, flat: list[Tensor], keep: bool) -> Iterator[list[Tensor]]:
        if len(totals) > 1:
            eye = torch.eye(len(totals), device=totals.device, dtype=totals.dtype)
            try:
                with vmap_quiet():
                    batched = torch.autograd.grad(
                        totals, flat, eye, is_grads_batched=True, retain_graph=True, allow_unused=True
                    )
            except RuntimeError:  # an operator that vmap cannot batch: one score after the other
                batched = None
            if batched is not None:
                for m in range(len(totals)):
                    yield [
                        self._present(None if g is None else g[m], out) for g, out in zip(batched, flat, strict=True)
                    ]
                return
        for m, total in enumerate(totals):
            last = not keep and m == len(totals) - 1
            with traced_back():
                single = torch.autograd.grad(total, flat, retain_graph=not last, allow_unused=True)
            yield [self._present(g, out) for g, out in zip(single, flat, strict=True)]

    def _present(self, gradient: Tensor | None, output: Tensor) -> Tensor:
        # A call that the score does not use (a frame that only a reset state saw) has no influence: zero.
        return torch.zeros_like(output) if gradient is None else gradient

    def _changes(self, slopes: Sequence[Tensor], share: float) -> Tensor:
        """By how much scores of these slopes change, for each sample, with noise on the layers' outputs."""
        change = self.changed(share) - self.logits.detach()
        return torch.stack([(slope * change).sum(1) for slope in slopes])

    def _names(self) -> str:
        return "layer " + ", ".join(f"'{layer}'" for layer in self.recordings)
