"""Trial passes of a network: whether it takes such clips, and what the numbers are that it returns."""

import warnings
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from videxplain.device import device_of
from videxplain.errors import VidexplainError
from videxplain.models.assumption import AssumptionWarning
from videxplain.models.config import ModelConfig, OutputKind
from videxplain.models.video_model import VideoModel
from videxplain.models.weights.finite import check_finite
from videxplain.untouched import untouched

_ROUNDING = 1e-5
"""How far probabilities may be from a sum of 1."""
_SIGMOIDS = frozenset({torch.sigmoid, Tensor.sigmoid, F.sigmoid, torch.special.expit})
_SEED = 0


def check_module(module: nn.Module, name: str) -> None:
    """Raise for a network that cannot be explained in the state it is in."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    if lazy := [key for key, value in tensors if is_lazy(value)]:
        raise VidexplainError(
            f"{name} has lazy layers without weights ({lazy[0]}): run it once or load its weights before wrap"
        )
    if frozen := [key for key, value in tensors if value.is_inference()]:
        raise VidexplainError(
            f"{name} was made inside torch.inference_mode() ({frozen[0]}), so it has no gradients: load it outside"
        )
    kinds = {value.dtype for _, value in tensors if value.is_floating_point()} - {torch.float32}
    if kinds:
        kind = str(kinds.pop()).removeprefix("torch.")
        raise VidexplainError(f"{name} computes in {kind}, and explanations in float32: wrap network.float()")
    check_finite(dict(tensors), f"{name} cannot be explained")


def known_output(model: VideoModel, told: OutputKind | None) -> tuple[int, OutputKind]:
    """K and the kind of a network's output, from trial passes.

    Args:
        model: The network; its configuration says what one pass takes.
        told: The kind, if it was given; the passes then only check it.

    Raises:
        VidexplainError: The network does not take such clips, or what it returns is not of the kind given.
    """
    name = model.config.architecture
    clips = _clips(model.config, device_of(model))
    first, sigmoid = _answer(model, next(clips), name)
    if told is not None:
        _check(first, told, name)
        return first.shape[1], told
    answers = [first]
    # One pass is enough for several numbers that are no probabilities for a still clip.
    if first.shape[1] == 1 or sigmoid or _kind(first) != "logits":
        answers += [_answer(model, x, name)[0] for x in clips]
    rows = torch.cat(answers)
    kind, words = _recognised(rows, sigmoid)
    if words:
        warnings.warn(f"{name} {words}; say output='...' if that is wrong", AssumptionWarning, stacklevel=3)
    return first.shape[1], kind


def _recognised(rows: Tensor, sigmoid: bool) -> tuple[OutputKind, str]:
    """The kind of these outputs ``(N, K)``, and in words what was assumed; no words for logits of several classes."""
    inside = bool(((rows >= 0) & (rows <= 1)).all())
    if sigmoid and inside:
        return "probabilities", "ends in a sigmoid: each output is taken as a probability"
    if rows.shape[1] == 1:
        where = ", though all trials were between 0 and 1" if inside else ""
        return (
            "binary",
            f"has one output{where}: it is taken as a logit, and a sigmoid gives the probability",
        )
    kind = _kind(rows)
    words: dict[OutputKind, str] = {
        "logits": "",
        "probabilities": "returns numbers that add up to 1: they are taken as probabilities, and no softmax follows",
        "log_probabilities": "returns logarithms of probabilities: they are taken as such, and no softmax follows",
    }
    return kind, words[kind]


def _kind(rows: Tensor) -> OutputKind:
    if bool((rows >= 0).all()) and bool(((rows.sum(1) - 1).abs() <= _ROUNDING).all()):
        return "probabilities"
    if bool((rows <= 0).all()) and bool(((rows.exp().sum(1) - 1).abs() <= _ROUNDING).all()):
        return "log_probabilities"
    return "logits"


def _check(rows: Tensor, told: OutputKind, name: str) -> None:
    low, high = float(rows.min()), float(rows.max())
    if told == "probabilities" and (low < 0 or high > 1 + _ROUNDING):
        raise VidexplainError(
            f"{name} returned values from {low:.3g} to {high:.3g}, which are no probabilities: say logits or multilabel"
        )
    if told == "log_probabilities" and high > _ROUNDING:
        raise VidexplainError(f"{name} returned {high:.3g}, which is no logarithm of a probability: say logits")
    if told == "binary" and rows.shape[1] != 1:
        raise VidexplainError(f"output binary is one logit, and {name} returned {rows.shape[1]}: say multilabel")


def _clips(config: ModelConfig, device: torch.device) -> Iterator[Tensor]:
    """A still clip of the mean colour, then clips that differ in every way."""
    shape = (1, 3, config.num_frames, *config.size)
    yield torch.zeros(shape, device=device)
    generator = torch.Generator().manual_seed(_SEED)
    for strength in (0.5, 1.0, 2.0):
        yield (strength * torch.randn(shape, generator=generator)).to(device)


def _answer(model: VideoModel, x: Tensor, name: str) -> tuple[Tensor, bool]:
    """The output for a clip, and whether a sigmoid made it."""
    try:
        with untouched(model), torch.no_grad(), _Sigmoids() as sigmoids:
            output = model(x)
            return output.detach().float().cpu(), sigmoids.made(output)
    except VidexplainError:
        raise
    # Whatever the network stumbles over, in its own words.
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise VidexplainError(f"{name} does not take such an input: {reason}") from None


class _Sigmoids(TorchFunctionMode):
    """While active, remembers what sigmoids return."""

    def __init__(self) -> None:
        super().__init__()
        self._results: list[Tensor] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        if function in _SIGMOIDS:
            self._results.append(result)
        return result

    def made(self, output: Tensor) -> bool:
        """Whether a sigmoid's result is this output, or shares its memory under another shape."""
        return any(one.data_ptr() == output.data_ptr() and one.numel() == output.numel() for one in self._results)
