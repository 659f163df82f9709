"""Run a network once and get activations and gradients at a layer, leaving no trace on the network.

The network is split at the target layer. Parameters are frozen for the time of the call, so that everything
before the layer (the trunk) is plain inference; at the layer the output becomes a leaf that requires a gradient,
and only what follows (the head) is recorded. Grad-CAM needs no more than that.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from videxplain.attribution.further_outputs import check_further_outputs, with_noise_on_further_outputs
from videxplain.attribution.layers import LayerCall, hook_output
from videxplain.attribution.recording import Recording, Trace
from videxplain.attribution.recurrence import differentiable_recurrence
from videxplain.attribution.rows.extra_tokens import check_extra_tokens
from videxplain.attribution.rows.layer_rows import LayerRows, check_placement, check_samples, find_rows
from videxplain.attribution.tokens import TokenReader, lay_out, replaced, tensor_and_grid
from videxplain.attribution.traceable import GradientsOn, frozen_pass, with_noise
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout
from videxplain.untouched import begin_pass, untouched

Precision: TypeAlias = Literal["fp32", "bf16"]

_VOXELS = 4 * 16 * 112 * 112
"""So many positions of one clip's versions go through the network together."""
_TRACED_VOXELS = 16 * 112 * 112
"""And so many where gradients are taken, for which every layer's output is held."""


def computing_in(precision: Precision, device: torch.device) -> torch.autocast:
    """Autocast to bfloat16, or none at all, whatever the caller has switched on."""
    if precision not in ("fp32", "bf16"):
        raise VidexplainError(f"precision is 'fp32' or 'bf16', not '{precision}'")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


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
    recordings = {layer: Recording(layer) for layer in layers}
    with untouched(module), ExitStack() as stack:
        stack.enter_context(computing_in(precision, x.device))
        # A network that changes its input in place must not change the caller's.
        clip = x.clone(memory_format=torch.channels_last_3d if precision == "bf16" else torch.preserve_format).detach()
        if precision == "bf16":
            for m in module.modules():
                stack.callback(m.register_forward_pre_hook(_widen).remove)
        reader = TokenReader(module, clip, tokens)
        stack.enter_context(reader.watching())
        for layer, recording in recordings.items():
            stack.callback(hook_output(module, layer, recording.keep(reader)))
        try:
            logits = forward(module, clip)
        except VidexplainError as error:
            if precision == "fp32" or "view size is not compatible" not in str(error.__cause__):
                raise
            # A network that uses view takes axes as they lie usually, and not channels last.
            for recording in recordings.values():
                recording.forget()
            torch.set_autocast_enabled(x.device.type, True)
            logits = forward(module, x.clone(memory_format=torch.contiguous_format).detach())
        yield traced(module, x, recordings, logits, tokens)


def rows_of(
    module: nn.Module,
    x: Tensor,
    layer: LayerCall,
    tokens: TokenLayout | None = None,
    shapes: Sequence[torch.Size] | None = None,
) -> LayerRows:
    """Which rows of a layer's output are which sample and moment.

    The arguments are those of :func:`trace`; ``shapes`` are those of the layer's outputs, if a pass has shown them.
    """
    with untouched(module):
        if shapes is None:
            shapes = [output.shape for output in read_layer(module, x, layer, tokens)]
        return find_rows(module, x, layer, tokens, shapes, lambda clip: read_layer(module, clip, layer, tokens))


def traced(
    module: nn.Module, x: Tensor, recordings: dict[LayerCall, Recording], logits: Tensor, tokens: TokenLayout | None
) -> Trace:
    """A pass that is over, for :class:`Trace`.

    Args:
        module: The network.
        x: Its input ``(N, C, T, H, W)``.
        recordings: What its layers put out.
        logits: What it returned.
        tokens: As in :func:`trace`.

    Raises:
        VidexplainError: A layer did not run.
    """
    for layer, recording in recordings.items():
        if not recording.outputs:
            raise VidexplainError(
                f"layer '{layer}' did not run in this pass, or the network called its forward method past the layer "
                "itself, so nothing was seen of it: name another layer"
            )
        recording.state = "replay"

    def rows(layer: LayerCall, shapes: list[torch.Size]) -> LayerRows:
        with other_passes(recordings.values()):
            found = rows_of(module, x, layer, tokens, shapes)
            if recordings[layer].has_further:
                check_further_outputs(module, x, layer, partial(logits_with_noise_on_further_outputs, module, x, layer))
            recording = recordings[layer]
            check_extra_tokens(module, x, recording.forms, tokens)
            run = partial(read_layer, module, layer=layer, tokens=tokens)
            check_samples(module, x, layer, tokens, recording.outputs, recording.forms, run)
            check_placement(module, x, layer, tokens, found, run)
            return found

    def changed(share: float) -> Tensor:
        with other_passes(recordings.values()):
            return logits_with_noise(module, x, list(recordings), share)

    return Trace(logits, recordings, rows, changed)


def forward(module: nn.Module, x: Tensor) -> Tensor:
    """Logits ``(N, K)`` in float32 from a forward pass that can be differentiated, recurrent layers on CUDA too."""
    begin_pass(module)
    with (
        differentiable_recurrence(module, x.is_cuda),
        GradientsOn() if torch.is_grad_enabled() else nullcontext(),
        frozen_pass(),
    ):
        logits = module(x)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(x):
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise VidexplainError(f"the model must return logits ({len(x)}, classes), and it returned {got}")
    if not logits.is_floating_point() or not logits.numel():
        kind = str(logits.dtype).removeprefix("torch.") if logits.numel() else "none"
        raise VidexplainError(f"the model must return logits, which are real numbers, and it returned {kind}")
    return logits.float()


def at_once(sample: Tensor, traced: bool = False) -> int:
    """How many versions of a sample ``(1, C, T, H, W)`` go through a network together: of a large one, few.

    So memory does not grow with the number of versions, and a small clip does not go alone. ``traced`` says that
    gradients are taken.
    """
    return max(1, (_TRACED_VOXELS if traced else _VOXELS) // sample[0, 0].numel())


def read_layer(module: nn.Module, x: Tensor, layer: LayerCall, tokens: TokenLayout | None = None) -> list[Tensor]:
    """The outputs of all calls of a layer in a pass without gradients, tokens put back where they stand.

    The arguments are those of :func:`trace`.
    """
    return read_layers(module, x, [layer], tokens)[layer]


def read_layers(
    module: nn.Module, x: Tensor, layers: Sequence[LayerCall], tokens: TokenLayout | None = None
) -> dict[LayerCall, list[Tensor]]:
    """The same for several layers in one pass."""
    outputs: dict[LayerCall, list[Tensor]] = {layer: [] for layer in layers}
    with untouched(module), torch.no_grad(), computing_in("fp32", x.device), ExitStack() as stack:
        reader = TokenReader(module, x, tokens)
        stack.enter_context(reader.watching())

        def hook(part: nn.Module, _: Any, output: Any, layer: LayerCall) -> None:
            values, _grid = tensor_and_grid(output)
            if values is not None:
                # What follows may change it in place.
                outputs[layer].append(lay_out(values.clone(), reader.layout(part, output)))

        for layer in layers:
            stack.callback(hook_output(module, layer, partial(hook, layer=layer)))
        forward(module, x.clone())
    return outputs


def logits_with_noise(module: nn.Module, x: Tensor, layers: Sequence[LayerCall], share: float) -> Tensor:
    """The logits of a pass in which the outputs of layers have noise on them, of a share of their spread."""

    def noisy(output: Any) -> Any:
        values, _grid = tensor_and_grid(output)
        return output if values is None else replaced(output, with_noise(values, share))

    return _logits_with(module, x, layers, noisy)


def logits_with_noise_on_further_outputs(module: nn.Module, x: Tensor, layer: LayerCall, share: float) -> Tensor:
    """The same with noise on all tensors that a layer returns but the first."""
    return _logits_with(module, x, [layer], lambda output: with_noise_on_further_outputs(output, share))


def _logits_with(module: nn.Module, x: Tensor, layers: Sequence[LayerCall], change: Callable[[Any], Any]) -> Tensor:
    """The logits of a pass in which layers put out something else."""

    def hook(_: nn.Module, __: Any, output: Any) -> Any:
        return change(output)

    with untouched(module), torch.no_grad(), computing_in("fp32", x.device), ExitStack() as stack:
        for layer in layers:
            stack.callback(hook_output(module, layer, hook))
        return forward(module, x.clone())


@contextmanager
def other_passes(recordings: Iterable[Recording]) -> Iterator[None]:
    """While active, passes are not recorded; what is run afterwards is a segment that is recomputed."""
    for recording in recordings:
        recording.state = "off"
    try:
        yield
    finally:
        for recording in recordings:
            recording.state = "replay"


def _widen(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """In the head, what comes from the trunk by another way than the target layer (a shortcut) is made float32."""
    tensors = [value for value in inputs if isinstance(value, Tensor)]
    if not tensors or torch.is_autocast_enabled(tensors[0].device.type):
        return None
    return tuple(
        value.float() if isinstance(value, Tensor) and value.dtype == torch.bfloat16 else value for value in inputs
    )
