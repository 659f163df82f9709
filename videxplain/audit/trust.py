"""Whether to believe a clip's map, and whether the network needs the order of its frames."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.attribution.engine import Precision, computing_in, forward
from videxplain.attribution.versions import versions_at_once
from videxplain.metrics.strongest import at_random_place, strongest_part
from videxplain.models.config import ModelConfig
from videxplain.models.outputs import probabilities
from videxplain.untouched import untouched


@dataclass(frozen=True)
class Trust:
    """What happens to the prediction of a window when parts are hidden and frames are reordered.

    Attributes:
        trust: How far the probability of the class falls when the strongest tenth of the map is hidden by the mean
            colour: 0.6 is from 90 % to 30 %. None for a map that is the same everywhere.
        trust_random: The same when a part of the same size and shape at a random place is hidden.
        shuffled: Whether the prediction stays when the frames are shuffled.
        reversed: The same when they run backwards.
        frozen: The same when all are the middle frame.
    """

    trust: float | None
    trust_random: float | None
    shuffled: bool
    reversed: bool
    frozen: bool


def measure_trust(
    model: nn.Module,
    config: ModelConfig,
    window: Tensor,
    maps: NDArray[np.float32],
    label: int,
    seed: int,
    precision: Precision = "fp32",
) -> Trust:
    """Measure trust and temporal reliance of one window, with six passes.

    The random part is the strongest part, rolled in time, height and width by random amounts. So only its place is
    random, not its size and shape.

    Args:
        model: The network.
        config: What the network expects, and what its output means.
        window: ``(1, 3, T, H, W)``, normalised, so that zero is the mean colour.
        maps: ``(T, h, w)``, the map of the window.
        label: The index of the outcome that is explained.
        seed: For the random part and the shuffled frames.
        precision: See :func:`videxplain.attribute`.
    """
    large = F.interpolate(
        torch.from_numpy(np.array(maps))[None, None], size=window.shape[2:], mode="trilinear", align_corners=False
    )[0, 0].numpy()
    shown = strongest_part(large)
    parts = [torch.from_numpy(mask).to(window.device) for mask in (shown, at_random_place(shown, seed))]
    frames = window.shape[2]
    order = torch.from_numpy(np.random.default_rng(seed).permutation(frames)).to(window.device)
    versions = torch.cat(
        [
            window,
            *(window.masked_fill(part, 0) for part in parts),
            window[:, :, order],
            window.flip(2),
            window[:, :, frames // 2 : frames // 2 + 1].expand_as(window),
        ]
    )
    with untouched(model), torch.no_grad(), computing_in(precision, window.device):
        logits = torch.cat([forward(model, part) for part in versions.split(versions_at_once(model, window))])
    said = probabilities(logits, config)
    whole, hidden, elsewhere = said[:3, label].tolist()
    best = said.argmax(1).tolist()
    # A map that is the same everywhere shows nothing that could be hidden.
    shows = bool(maps.max() > maps.min())
    return Trust(
        trust=whole - hidden if shows else None,
        trust_random=whole - elsewhere if shows else None,
        shuffled=best[3] == best[0],
        reversed=best[4] == best[0],
        frozen=best[5] == best[0],
    )
