"""Explain each sample of a batch alone; methods that average gradients over many versions of a clip share this."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from videxplain.attribution.options import MOST_PASSES, Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution
from videxplain.attribution.targets import Score, score_versions
from videxplain.attribution.traceable import check_not_cut, not_traced, traced_back
from videxplain.untouched import untouched

ScoreOfVideo: TypeAlias = Callable[[Tensor], Tensor]
"""Several versions of one sample ``(B, C, T, H, W)`` to a score each, ``(B,)``."""

COPIES = Option("samples", int, 25, "How many noisy copies. The cost grows with it.", minimum=1, maximum=MOST_PASSES)
NOISE_SEED = Option("seed", int, 0, "The seed of the noise.", minimum=0)


def noise_option(default: float) -> Option:
    """How much noise a method puts on copies of a clip."""
    words = "Standard deviation of the noise, as a share of the clip's range from darkest to brightest."
    return Option("noise", float, default, words, minimum=0)


def noise_deviation(noise: float, sample: Tensor) -> float:
    """The standard deviation of the noise for one sample."""
    return noise * float(sample.detach().max() - sample.detach().min())


def sample_by_sample(p: Pass, explain: Callable[[ScoreOfVideo, Tensor], Tensor]) -> Attribution:
    """Each sample ``(1, C, T, H, W)`` explained alone for each score, so that a batch equals its samples.

    Args:
        p: The pass.
        explain: From the score and a sample that requires a gradient to its explanation, of the sample's shape.
    """
    with untouched(p.module):
        x = p.x.clone() if p.x.is_inference() else p.x.detach()
        with torch.no_grad():
            logits = p.logits(x)
        maps = []
        for score in p.scores(logits):
            with traced_back():
                of_samples = [
                    explain(_for_sample(p, score, logits, n), x[n : n + 1].requires_grad_()) for n in range(len(x))
                ]
            if not any(bool(one.any()) for one in of_samples):
                check_not_cut("the input", p.change_of(score, logits), logits)
            maps.append(torch.cat(of_samples))
        return Attribution(logits, torch.stack(maps).detach().float())


def _for_sample(p: Pass, score: Score, logits: Tensor, n: int) -> ScoreOfVideo:
    """The score of sample n, for any number of its versions at once."""

    def of_versions(versions: Tensor) -> Tensor:
        answers = p.logits(versions)
        scores = score_versions(score, logits, n, answers)
        if torch.is_grad_enabled() and not scores.requires_grad:
            raise not_traced("the input", answers, p.logits_with_noise)
        return scores

    return of_versions
