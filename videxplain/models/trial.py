"""Trial passes of a network: whether it takes such clips, and what the numbers are that it returns."""

import math
import warnings
from collections.abc import Iterator, Sequence
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
_STRENGTHS, _STRONG = (0.5, 1.0, 2.0), (30.0, 1000.0)
"""Spread of the values of trial clips. No clip brings a probability out of its range, but a strong one does a logit."""
_SIGMOIDS = {
    **dict.fromkeys((torch.sigmoid, Tensor.sigmoid, F.sigmoid, torch.special.expit), "sigmoid"),
    F.logsigmoid: "logsigmoid",
}
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
    if empty := [key for key, value in tensors if value.is_meta]:
        raise VidexplainError(
            f"{name} has no weights yet, only their shapes ({empty[0]}): load its weights before wrap"
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
    device = device_of(model)
    clips = _clips(model.config, device, _STRENGTHS, still=True)
    first, sigmoid = _answer(model, next(clips), name)
    if told is not None:
        _check(first, told, name)
        return first.shape[1], told
    answers = [first]
    # One pass is enough for several numbers that can be nothing but logits for a still clip.
    if first.shape[1] == 1 or sigmoid or _kind(first) != "logits" or _inside(first):
        answers += [_answer(model, x, name)[0] for x in clips]
    rows = torch.cat(answers)
    if not sigmoid and _kind(rows) == "logits" and _inside(rows):
        strong = [_answer(model, x, name)[0] for x in _clips(model.config, device, _STRONG, still=False)]
        rows = torch.cat([rows, *(row for row in strong if bool(torch.isfinite(row).all()))])
    kind, words = _recognised(rows, sigmoid, name)
    if words:
        warnings.warn(f"{name} {words}; say output='...' if that is wrong", AssumptionWarning, stacklevel=3)
    return first.shape[1], kind


def _recognised(rows: Tensor, sigmoid: str, name: str) -> tuple[OutputKind, str]:
    """The kind of these outputs ``(N, K)``, and in words what was assumed; no words for logits of several classes.

    Raises:
        VidexplainError: They may be logits as well as something else.
    """
    kind = _kind(rows)
    if rows.shape[1] == 1 and not sigmoid and kind != "logits":
        raise VidexplainError(
            f"{name} returned {float(rows[0]):g} for every trial clip, as a softmax or its logarithm does over one "
            "class: return what comes before it, or say output='binary' or output='probabilities'"
        )
    if rows.shape[1] > 1 and (other := _other_logarithms(rows)):
        raise VidexplainError(
            f"{name} returns {other}: return natural logarithms, such as those of log_softmax, or say "
            "output='logits' if that is what they are"
        )
    if rows.shape[1] > 1 and _kind(rows / 100) == "probabilities":
        raise VidexplainError(
            f"{name} returns numbers that add up to 100, such as probabilities in per cent: divide them by 100 in the "
            "network, or say output='logits' if that is what they are"
        )
    if sigmoid == "sigmoid" and _inside(rows):
        return "probabilities", "ends in a sigmoid: each output is taken as a probability"
    if sigmoid == "logsigmoid":
        return "log_probabilities", "ends in a logsigmoid: each output is taken as the logarithm of a probability"
    if kind == "logits" and _inside(rows):
        if bool((rows == rows[:1]).all()):
            raise VidexplainError(
                f"{name} returned the same numbers between 0 and 1 for every trial clip, which may be logits or "
                "probabilities: say output='logits' or output='probabilities'"
            )
        return "probabilities", "returned numbers between 0 and 1 for every trial clip: each is taken as a probability"
    if rows.shape[1] == 1:
        return "binary", "has one output: it is taken as a logit, and a sigmoid gives the probability"
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


def _other_logarithms(rows: Tensor) -> str:
    """In words, logarithms of probabilities that are negated or of another base; empty for anything else."""
    if bool((rows == 0).all()):
        return ""
    for base, words in ((2.0, "to base 2"), (10.0, "to base 10")):
        if _kind(rows * math.log(base)) == "log_probabilities":
            return f"logarithms of probabilities {words}"
    return "minus the logarithms of probabilities" if _kind(-rows) == "log_probabilities" else ""


def _inside(rows: Tensor) -> bool:
    return bool(((rows >= 0) & (rows <= 1)).all())


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


def _clips(config: ModelConfig, device: torch.device, strengths: Sequence[float], still: bool) -> Iterator[Tensor]:
    """A still clip of the mean colour if it is wanted, then clips that differ in every way."""
    shape = (1, 3, config.num_frames, *config.size)
    if still:
        yield torch.zeros(shape, device=device)
    generator = torch.Generator().manual_seed(_SEED)
    for strength in strengths:
        yield (strength * torch.randn(shape, generator=generator)).to(device)


def _answer(model: VideoModel, x: Tensor, name: str) -> tuple[Tensor, str]:
    """The output for a clip, and ``"sigmoid"`` or ``"logsigmoid"`` where that made it."""
    try:
        with untouched(model), torch.no_grad(), _Sigmoids() as sigmoids:
            output = model(x)
            if not output.is_floating_point():
                kind = str(output.dtype).removeprefix("torch.")
                raise VidexplainError(f"{name} returned {kind}, such as numbers of classes: return the logits instead")
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
        self._results: list[tuple[Tensor, str]] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        if function in _SIGMOIDS:
            self._results.append((result, _SIGMOIDS[function]))
        return result

    def made(self, output: Tensor) -> str:
        """What made this output, or something that shares its memory under another shape; empty for anything else."""
        for one, name in self._results:
            if one.data_ptr() == output.data_ptr() and one.numel() == output.numel():
                return name
        return ""
