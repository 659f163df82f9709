"""Weights of channels from one pass for each channel of a layer; Score-CAM and Ablation-CAM share this."""

from collections.abc import Callable

import torch
from torch import Tensor

from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution
from videxplain.attribution.targets import score_versions
from videxplain.untouched import untouched

COST = "1 forward pass, and 1 for each channel of the layer"


def weight_channels(
    p: Pass,
    activations: Tensor,
    logits: Tensor,
    run: Callable[[int, Tensor], Tensor],
    weigh: Callable[[Tensor, Tensor], Tensor],
) -> Attribution:
    """ReLU of the channels, summed with weights from the scores of versions of the clip, one version a channel.

    Args:
        p: The pass.
        activations: Those of the target layer, ``(N, K, T, h, w)``.
        logits: Those of the batch.
        run: From the number of a sample and the numbers of channels to the logits of their versions, a row each.
        weigh: From the score of a sample and the scores ``(K,)`` of its versions to the weights ``(K,)``.

    Returns:
        Maps ``(M, N, T, h, w)``, never negative.
    """
    versions = []
    with untouched(p.module), torch.no_grad():
        for n in range(len(p.x)):
            parts = torch.arange(activations.shape[1], device=p.x.device).split(p.at_once())
            versions.append(torch.cat([run(n, part) for part in parts]))
    maps = []
    for score in p.scores(logits):
        values = score(logits)
        weights = torch.stack(
            [weigh(values[n], score_versions(score, logits, n, one)) for n, one in enumerate(versions)]
        )
        maps.append(torch.einsum("nk,nkthw->nthw", weights, activations).relu())
    return Attribution(logits, torch.stack(maps))
