"""What masks that are found by gradient ascent have in common: versions of one clip, and the score as a reward."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from videxplain.attribution.engine import Precision, computing_in, forward
from videxplain.attribution.registry import Attribution, Choose
from videxplain.attribution.targets import Score, score_versions
from videxplain.errors import VidexplainError
from videxplain.untouched import untouched

Reward = Callable[[Tensor], Tensor]
"""A version ``(1, C, T, H, W)`` of the clip to a scalar that can be traced back: 0 where nothing is seen, 1 for all."""

_EVEN = 1e-6
"""Scores that differ by less are the same."""


def optimise(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    precision: Precision,
    nothing: Callable[[Tensor], Tensor],
    search: Callable[[Reward, Tensor], Tensor],
) -> Attribution:
    """A map for each sample and each score.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        precision: ``"bf16"`` runs all passes in bfloat16 where autocast does.
        nothing: A sample to its version in which nothing is seen.
        search: From the reward and a sample to a map ``(T, h, w)``.
    """
    with untouched(module):
        x = x.clone() if x.is_inference() else x.detach()

        def run(versions: Tensor) -> Tensor:
            with computing_in(precision, x.device):
                return forward(module, versions.clone())

        with torch.no_grad():
            logits = run(x)
            hidden = run(torch.cat([nothing(x[n : n + 1]) for n in range(len(x))]))
        maps = []
        for score in choose(logits):
            of_samples = []
            for n in range(len(x)):
                reward = _reward(score, logits, hidden, n, run)
                found = search(reward, x[n : n + 1])
                # What is seen makes no difference: there is nothing to find.
                even = (score(logits)[n] - score_versions(score, logits, n, hidden[n : n + 1])[0]).abs() < _EVEN
                of_samples.append(torch.zeros_like(found) if even else found)
            maps.append(torch.stack(of_samples))
        return Attribution(logits, torch.stack(maps))


def _reward(score: Score, logits: Tensor, hidden: Tensor, n: int, run: Callable[[Tensor], Tensor]) -> Reward:
    """The score of sample n on a scale that is the same for scores of all kinds."""
    whole, low = score(logits)[n], score_versions(score, logits, n, hidden[n : n + 1])[0]
    scale = (whole - low).abs().clamp_min(_EVEN)

    def reward(version: Tensor) -> Tensor:
        value = score_versions(score, logits, n, run(version))[0]
        if not value.requires_grad:
            raise VidexplainError("the score does not depend on the input: nothing can be traced back to it")
        return (value - low) / scale

    return reward
