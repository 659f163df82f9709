"""Gradients that a network cuts: switched on again where that is possible, and otherwise a true sentence.

A part of a network may run under ``torch.no_grad()``, recompute itself (``torch.utils.checkpoint``), detach, round, or
be quantised. A gradient that does not come back then does not mean that the score does not depend on what is explained.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from videxplain.errors import VidexplainError

WITHOUT_GRADIENTS = "scorecam, ablationcam, occlusion, frame-occlusion, rise, lime and kernel-shap need no gradient"

_SAME = 1e-6
"""Logits that change by a smaller share of the largest are the same."""
_LONGEST = 200
"""Characters of what a network or torch says."""
_NUDGE = 0.01
"""A change of this share of the spread of values shows that a network answers where its gradient is zero."""


class GradientsOn(TorchFunctionMode):
    """While active, a network cannot switch gradients off, as ``torch.no_grad()`` and ``set_grad_enabled`` do.

    The network computes the same function, so this is that function's gradient. What a network cuts by ``detach`` stays
    cut, because it is a part of how the network defines its gradient.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Ignore a call that switches gradients off, and call everything else as it is."""
        if func is torch._C._set_grad_enabled and not args[0]:
            return None
        return func(*args, **(kwargs or {}))


@contextmanager
def traced_back() -> Iterator[None]:
    """Say in one line what keeps a network from being traced back.

    Raises:
        VidexplainError: In the place of an error of autograd.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        words = str(error)
        if "checkpoint" in words.lower():
            raise VidexplainError(
                "the network recomputes parts of itself (torch.utils.checkpoint), and no gradient can be taken through "
                f"them this way: switch gradient checkpointing off; {WITHOUT_GRADIENTS}"
            ) from error
        if "used in the graph" in words:
            raise VidexplainError(
                "the network cuts the gradient on the way to the input (a quantised part or detach); "
                f"{WITHOUT_GRADIENTS}"
            ) from error
        raise VidexplainError(
            f"no gradient can be taken through this network ({_brief(error)}); {WITHOUT_GRADIENTS}"
        ) from error


@contextmanager
def frozen_pass() -> Iterator[None]:
    """Say in one line what a network raises in a pass, such as that it wants gradients for its frozen parameters.

    Raises:
        VidexplainError: In the place of whatever the network raises.
    """
    try:
        yield
    except (VidexplainError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if "not require grad" in str(error):
            raise VidexplainError(
                "the network takes gradients during a pass, as test-time adaptation does, and its parameters are "
                "frozen while it is explained: adapt it before, and explain the adapted network"
            ) from error
        reason = _brief(error)
        raise VidexplainError(
            f"the network raised {type(error).__name__} in a pass{f': {reason}' if reason else ''}"
        ) from error


def _brief(error: Exception) -> str:
    """The first sentence of an error, in one line, cut between words where it is long."""
    sentence = " ".join(str(error).split()).split(". ")[0]
    return sentence if len(sentence) <= _LONGEST else f"{sentence[:_LONGEST].rsplit(' ', 1)[0]} ..."


def not_traced(what: str, logits: Tensor, changed: Callable[[float], Tensor]) -> VidexplainError:
    """The error for a score from which no gradient has come back: cut, or truly independent.

    Args:
        what: What is explained, in words.
        logits: ``(N, K)`` of the pass.
        changed: The logits when what is explained has noise on it, of this share of its spread.
    """
    if logits.requires_grad:
        return VidexplainError("the score does not depend on the network's output: nothing can be traced back")
    if differ(logits, changed(1.0)):
        return VidexplainError(
            f"the score depends on {what}, but the network cuts the gradient on the way (a quantised or recomputed "
            f"part, detach or no_grad); {WITHOUT_GRADIENTS}"
        )
    return VidexplainError(f"the score does not depend on {what}: nothing can be traced back to it")


def check_not_cut(what: str, change: Callable[[float], Tensor], size: Tensor) -> None:
    """Raise for gradients that are zero everywhere although the score answers to a small change.

    Rounding, a hard choice and a detached path do that. A score that is flat keeps its map of zeros.

    Args:
        what: What is explained, in words.
        change: By how much the score changes when what is explained has noise on it, of this share of its spread.
        size: Numbers of the size of the score.
    """
    if bool(change(_NUDGE).abs().amax() > _SAME * size.detach().abs().amax().clamp_min(1e-12)):
        raise VidexplainError(
            f"the gradient is zero everywhere at {what}, but the score changes with it: the network cuts the gradient "
            f"on the way (rounding, a hard choice or detach); {WITHOUT_GRADIENTS}"
        )


def with_noise(values: Tensor, share: float) -> Tensor:
    """Values with noise of a share of their spread, the same noise every time."""
    noise = torch.randn(values.shape, generator=torch.Generator().manual_seed(0)).to(values)
    spread = values.detach().float().std(correction=0)
    return values + noise * (share * float(spread if spread > 0 else 1.0))


def differ(logits: Tensor, others: Tensor) -> bool:
    """Whether logits ``(N, K)`` of two passes are different by more than rounding."""
    change = (logits.detach() - others.detach()).abs().amax()
    return bool(change > _SAME * logits.detach().abs().amax().clamp_min(1e-12))
