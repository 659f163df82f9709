"""The fall of a score when parts of a clip are hidden; the methods that hide parts share this."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from videxplain.attribution.options import Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution
from videxplain.attribution.targets import score_versions
from videxplain.fills import FILLS
from videxplain.untouched import untouched

FILL = Option(
    "fill",
    str,
    "mean",
    "What replaces a hidden part: the mean colour, the blurred picture, or the frame before.",
    choices=FILLS,
)


def fall_of_scores(
    p: Pass, versions: Callable[[Tensor], Iterator[Tensor]], collect: Callable[[Tensor], Tensor]
) -> Attribution:
    """Run versions of each sample with something hidden. All chosen scores share all passes.

    Args:
        p: The pass.
        versions: From a sample ``(1, C, T, H, W)`` to its versions, of the same shape.
        collect: From how far the score falls in each version, ``(versions,)``, to a map.
    """
    logits, falls = falls_of_samples(p, versions)
    maps = [torch.stack([collect(fall) for fall in of_samples]) for of_samples in falls]
    return Attribution(logits, torch.stack(maps))


def falls_of_samples(p: Pass, versions: Callable[[Tensor], Iterator[Tensor]]) -> tuple[Tensor, list[list[Tensor]]]:
    """The logits ``(N, K)``, and how far each chosen score of each sample falls in each version, ``(versions,)``.

    The arguments are those of :func:`fall_of_scores`.
    """
    with untouched(p.module), torch.no_grad():
        logits = p.logits(p.x)
        of_samples = []
        for n in range(len(p.x)):
            sample, parts, held = p.x[n : n + 1], [], []
            for version in versions(sample):
                held.append(version)
                if len(held) == p.at_once():
                    parts.append(p.logits(torch.cat(held)))
                    held = []
            if held:
                parts.append(p.logits(torch.cat(held)))
            of_samples.append(torch.cat(parts))
        falls = []
        for score in p.scores(logits):
            values = score(logits)
            falls.append([values[n] - score_versions(score, logits, n, one) for n, one in enumerate(of_samples)])
    return logits, falls
