"""How many versions of a clip go through a network together."""

from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from videxplain.attribution.engine import at_once, forward
from videxplain.errors import VidexplainError
from videxplain.network_answers import NetworkAnswers
from videxplain.untouched import untouched

Answer: TypeAlias = Literal["apart", "mixed", "one clip", "varies"]
"""Clips of a batch are apart, are mixed, or the network takes one clip a pass; or one clip has several answers."""
VARIES = (
    "the network answers one clip differently from pass to pass (it draws at random, or counts its passes), so the "
    "map holds for the passes that were made"
)

_SAME = 1e-3
"""Logits of a clip alone and in a batch are the same where they differ by less than this share of the largest."""


def versions_at_once(module: nn.Module, sample: Tensor, traced: bool = False) -> int:
    """How many versions of a sample ``(1, C, T, H, W)`` go through this network together.

    They are as many as :func:`videxplain.attribution.engine.at_once` says. Where the answer for one clip depends on the
    others of the batch, or the network takes one clip a pass, versions go one by one.

    Args:
        module: The network.
        sample: The clip.
        traced: Whether gradients are taken.
    """
    many = at_once(sample, traced)
    return many if many > 1 and takes_batches(module, sample) else 1


def takes_batches(module: nn.Module, x: Tensor) -> bool:
    """Whether a network gives each clip of a batch the answer that the clip gets alone.

    It does not where a layer normalises by the batch, or where it takes one clip a pass. It is tried with two clips of
    the size of ``x``, once for each size.
    """
    return _answer(module, x) == "apart"


def known_to_vary(module: nn.Module) -> bool:
    """Whether it was found out before that a network answers the same clip differently from pass to pass."""
    return "varies" in _KNOWN.of(module).values()


def _answer(module: nn.Module, x: Tensor) -> Answer:
    return _KNOWN.ask(module, (x.shape[1:], x.dtype), lambda: _tried(module, x[:1].detach()))


def _tried(module: nn.Module, clip: Tensor) -> Answer:
    with untouched(module), torch.no_grad():
        noise = torch.randn(clip.shape, generator=torch.Generator().manual_seed(0)).to(clip)
        spread = clip.float().std(correction=0)
        other = 2 * clip.mean() - clip + noise * (spread if spread > 0 else 1.0)
        try:
            alone = torch.cat([forward(module, clip.clone()), forward(module, other.clone())])
        except VidexplainError:  # no logits at all: the pass that is explained says it
            return "apart"
        try:
            together = forward(module, torch.cat([clip, other]))
        except Exception:  # whatever a network says that is given two clips and takes one
            return "one clip"
        if _same(alone, together):
            return "apart"
        return "mixed" if _same(alone[:1], forward(module, clip.clone())) else "varies"


def _same(logits: Tensor, others: Tensor) -> bool:
    if not torch.equal(logits.isfinite(), others.isfinite()):
        return False
    # A network whose answer is NaN gives the same answer every time.
    logits, others = (values.nan_to_num(0.0, 0.0, 0.0) for values in (logits, others))
    return bool((logits - others).abs().amax() <= _SAME * logits.abs().amax())


_KNOWN = NetworkAnswers[Answer]()
