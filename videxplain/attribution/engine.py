"""Run a network once and get activations and gradients at a layer, leaving no trace on the network.

The network is split at the target layer. Parameters are frozen for the time of the call, so that everything
before the layer (the trunk) is plain inference; at the layer the output becomes a leaf that requires a gradient,
and only what follows (the head) is recorded. Grad-CAM needs no more than that.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from videxplain.attribution.layers import BatchShape, LayerCall, as_video
from videxplain.attribution.tokens import TokenReader, lay_out, replaced, tensor_and_grid
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout
from videxplain.untouched import untouched

Precision: TypeAlias = Literal["fp32", "bf16"]

_GRADIENT_BYTES = 64 * 2**20
"""How much memory the gradients of targets that are traced back together may take."""

_VOXELS = 4 * 16 * 112 * 112
"""So many positions of one clip's versions go through the network together."""
_TRACED_VOXELS = 16 * 112 * 112
"""And so many where gradients are taken, for which every layer's output is held."""


def computing_in(precision: Precision, device: torch.device) -> torch.autocast:
    """Autocast to bfloat16, or none at all, whatever the caller has switched on."""
    if precision not in ("fp32", "bf16"):
        raise VidexplainError(f"precision is 'fp32' or 'bf16', not '{precision}'")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


@dataclass(frozen=True)
class Trace:
    """One forward pass, recorded from the target layers on.

    Attributes:
        logits: The network's output ``(N, K)``, float32, differentiable back to the layers.
        shape: Samples and frames of the input.
        outputs: For each target layer the outputs of all its calls, in order.
        forms: How each of them lies in space and time, where it holds tokens.
    """

    logits: Tensor
    shape: BatchShape
    outputs: dict[LayerCall, list[Tensor]]
    forms: dict[LayerCall, list[TokenLayout | None]]

    def activations(self, layer: LayerCall) -> Tensor:
        """What the layer put out, ``(N, C, T, h, w)``, float32."""
        return self._video([out.detach() for out in self.outputs[layer]], layer)

    def gradients(self, scores: Tensor, retain: bool = False) -> Iterator[dict[LayerCall, Tensor]]:
        """For each score the gradients with respect to all target layers, one trace back each.

        Args:
            scores: ``(M, N)``, functions of ``logits``; sample n of a score depends on sample n alone.
            retain: Whether gradients of other scores will be asked for afterwards.

        Yields:
            M times, for every layer, ``(N, C, T, h, w)``.
        """
        flat = [out for outs in self.outputs.values() for out in outs]
        totals = scores.sum(dim=1)
        if not totals.requires_grad:
            raise VidexplainError(f"the score does not depend on {self._names()}: nothing can be traced back to it")
        size = sum(out.numel() * out.element_size() for out in flat)
        chunk = max(1, _GRADIENT_BYTES // max(size, 1))
        for start in range(0, len(totals), chunk):
            part = totals[start : start + chunk]
            for row in self._backward(part, flat, keep=retain or start + len(part) < len(totals)):
                gradients = iter(row)
                yield {
                    layer: self._video([next(gradients) for _ in outs], layer) for layer, outs in self.outputs.items()
                }

    def _video(self, calls: list[Tensor], layer: LayerCall) -> Tensor:
        laid = [lay_out(call, form) for call, form in zip(calls, self.forms[layer], strict=True)]
        return as_video(laid, layer, self.shape)

    def _backward(self, totals: Tensor, flat: list[Tensor], keep: bool) -> Iterator[list[Tensor]]:
        if len(totals) > 1:
            eye = torch.eye(len(totals), device=totals.device, dtype=totals.dtype)
            try:
                with warnings.catch_warnings():
                    # vmap announces operators that it runs one by one; that is slower, not wrong.
                    warnings.filterwarnings("ignore", message="There is a performance drop")
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
            single = torch.autograd.grad(total, flat, retain_graph=not last, allow_unused=True)
            yield [self._present(g, out) for g, out in zip(single, flat, strict=True)]

    def _present(self, gradient: Tensor | None, output: Tensor) -> Tensor:
        # A call that the score does not use (a frame that only a reset state saw) has no influence: zero.
        return torch.zeros_like(output) if gradient is None else gradient

    def _names(self) -> str:
        return ", ".join(f"'{layer}'" for layer in self.outputs)


@contextmanager
def trace(
    module: nn.Module,
    x: Tensor,
    layers: Sequence[LayerCall],
    *,
    precision: Precision = "fp32",
    tokens: TokenLayout | None = None,
) -> Iterator[Trace]:
    """Run ``module`` on ``x`` once, split at ``layers``.

    Args:
        module: Any network from video ``(N, C, T, H, W)`` to logits ``(N, K)``.
        x: The video batch, float32.
        layers: The layers to record, from :func:`videxplain.attribution.layers.resolve`.
        precision: ``"bf16"`` runs the part before the first of the layers in bfloat16, channels last; the part
            after it stays float32.
        tokens: How the tokens of a transformer lie; None for what its configuration or the pass says.
    """
    outputs: dict[LayerCall, list[Tensor]] = {layer: [] for layer in layers}
    forms: dict[LayerCall, list[TokenLayout | None]] = {layer: [] for layer in layers}
    with untouched(module), ExitStack() as stack:
        stack.enter_context(computing_in(precision, x.device))
        # A network that changes its input in place must not change the caller's.
        x = x.clone(memory_format=torch.channels_last_3d if precision == "bf16" else torch.preserve_format).detach()
        if precision == "bf16":
            for m in module.modules():
                stack.callback(m.register_forward_pre_hook(_widen).remove)
        reader = TokenReader(module, x, tokens)
        stack.enter_context(reader.watching())
        for layer in layers:
            keep = keep_output(outputs[layer], forms[layer], layer, reader)
            stack.callback(module.get_submodule(layer.name).register_forward_hook(keep).remove)
        logits = forward(module, x)
        for layer, calls in outputs.items():
            if not calls:
                raise VidexplainError(f"layer '{layer}' did not run in this pass, so there is nothing to explain at it")
        yield Trace(logits, BatchShape(len(x), x.shape[2]), outputs, forms)


def forward(module: nn.Module, x: Tensor) -> Tensor:
    """Logits ``(N, K)`` in float32 from a forward pass that can be differentiated, recurrent layers on CUDA too."""
    with differentiable_recurrence(module, x.is_cuda):
        logits = module(x)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(x):
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise VidexplainError(f"the model must return logits ({len(x)}, classes), and it returned {got}")
    return logits.float()


def at_once(sample: Tensor, traced: bool = False) -> int:
    """How many versions of a sample ``(1, C, T, H, W)`` go through a network together: of a large one, few.

    So memory does not grow with the number of versions, and a small clip does not go alone. ``traced`` says that
    gradients are taken.
    """
    return max(1, (_TRACED_VOXELS if traced else _VOXELS) // sample[0, 0].numel())


def keep_output(calls: list[Tensor], forms: list[TokenLayout | None], layer: LayerCall, reader: TokenReader) -> Any:
    """A forward hook that splits the network at a layer.

    Its output becomes a leaf that requires a gradient and is kept; a copy of it is handed on.

    Args:
        calls: Where the outputs of the layer go.
        forms: Where it is noted how each of them lies in space and time.
        layer: The layer, for messages.
        reader: Knows how tokens lie at this moment of the pass.
    """

    def hook(module: nn.Module, __: Any, output: Any) -> Any:
        values, _ = tensor_and_grid(output)
        if values is None:
            raise VidexplainError(
                f"layer '{layer}' returns a {type(output).__name__}, not a tensor; name another layer"
            )
        forms.append(reader.layout(module, output))
        if values.requires_grad:  # an earlier target layer already opened the graph
            kept = values
        else:
            # The head is float32: from here on nothing is cast to a shorter type.
            torch.set_autocast_enabled(values.device.type, False)
            kept = values.detach().float().requires_grad_()
        calls.append(kept)
        # What follows may change its input in place, so it gets a copy.
        return replaced(output, kept.clone())

    return hook


def _widen(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """In the head, what comes from the trunk by another way than the target layer (a shortcut) is made float32."""
    tensors = [value for value in inputs if isinstance(value, Tensor)]
    if not tensors or torch.is_autocast_enabled(tensors[0].device.type):
        return None
    return tuple(
        value.float() if isinstance(value, Tensor) and value.dtype == torch.bfloat16 else value for value in inputs
    )


@contextmanager
def differentiable_recurrence(module: nn.Module, is_cuda: bool) -> Iterator[None]:
    """Run the RNNs alone without what stands in the way of their backward pass.

    cuDNN refuses it in evaluation mode. oneDNN's cannot be batched over scores and computes gradients of the weights
    besides: for all classes at once it costs more than the network's forward pass.
    """
    backend: Any = torch.backends.cudnn if is_cuda else torch.backends.mkldnn
    enabled = backend.enabled

    def switch(on: bool) -> None:
        backend.enabled = on

    with ExitStack() as stack:
        stack.callback(switch, enabled)
        for recurrent in (m for m in module.modules() if isinstance(m, nn.RNNBase)):
            stack.callback(recurrent.register_forward_pre_hook(lambda *_: switch(False)).remove)
            stack.callback(recurrent.register_forward_hook(lambda *_: switch(enabled)).remove)
        yield
