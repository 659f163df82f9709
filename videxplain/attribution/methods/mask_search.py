"""Masks that are found by gradient ascent: versions of one clip, and the score as a reward."""

from collections.abc import Callable

import torch
from torch import Tensor

from videxplain.attribution.options import MOST_PASSES, Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution
from videxplain.attribution.targets import Score, score_versions
from videxplain.attribution.traceable import check_not_cut, not_traced, traced_back
from videxplain.untouched import untouched

Reward = Callable[[Tensor], Tensor]
"""A version ``(1, C, T, H, W)`` of the clip to a scalar that can be traced back: 0 where nothing is seen, 1 for all."""

_EVEN = 1e-6
"""Scores that differ by less are the same."""

STEPS = Option(
    "steps", int, 100, "How many steps of gradient ascent. The cost grows with it.", minimum=1, maximum=MOST_PASSES
)


def optimise(p: Pass, nothing: Callable[[Tensor], Tensor], search: Callable[[Reward, Tensor], Tensor]) -> Attribution:
    """A map for each sample and each score.

    Args:
        p: The pass.
        nothing: From a sample to its version in which nothing is seen.
        search: From the reward and a sample to a map ``(T, h, w)``.
    """
    with untouched(p.module):
        x = p.x.clone() if p.x.is_inference() else p.x.detach()
        with torch.no_grad():
            logits = p.logits(x)
            hidden = p.logits(torch.cat([nothing(x[n : n + 1]) for n in range(len(x))]))
        maps = []
        for score in p.scores(logits):
            of_samples = []
            for n in range(len(x)):
                mask = search(_reward(p, score, logits, hidden, n), x[n : n + 1])
                # Where the score does not depend on what is seen, there is nothing to find.
                even = (score(logits)[n] - score_versions(score, logits, n, hidden[n : n + 1])[0]).abs() < _EVEN
                of_samples.append(torch.zeros_like(mask) if even else mask)
            maps.append(torch.stack(of_samples))
        return Attribution(logits, torch.stack(maps))


def _reward(p: Pass, score: Score, logits: Tensor, hidden: Tensor, n: int) -> Reward:
    """The score of sample n on a scale that is the same for scores of all kinds."""
    whole, low = score(logits)[n], score_versions(score, logits, n, hidden[n : n + 1])[0]
    scale = (whole - low).abs().clamp_min(_EVEN)

    _check_traceable(p, score, logits, n)

    def reward(version: Tensor) -> Tensor:
        value = score_versions(score, logits, n, p.logits(version))[0]
        return (value - low) / scale

    return reward


def _check_traceable(p: Pass, score: Score, logits: Tensor, n: int) -> None:
    """Raise where no gradient comes back from the score of sample n, so that no ascent is possible."""
    clip = p.x[n : n + 1].detach().clone().requires_grad_()
    answers = p.logits(clip)
    value = score_versions(score, logits, n, answers)[0]
    if not value.requires_grad:
        raise not_traced("the input", answers, p.logits_with_noise)
    with traced_back():
        (gradient,) = torch.autograd.grad(value, clip)
    if not bool(gradient.any()):
        check_not_cut("the input", p.change_of(score, logits), logits)
