"""Classifies videos: the prediction is the mean of the probabilities of a video's clips."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from videxplain.attribution.engine import Precision, computing_in
from videxplain.data.augmentation import Augmentation
from videxplain.device import device_of
from videxplain.evaluation.clips import Clips, Readable
from videxplain.evaluation.loading import PassSampler, make_loader
from videxplain.evaluation.reliance import DISTURBANCES
from videxplain.evaluation.views import ViewClips, Views
from videxplain.models.config import ModelConfig
from videxplain.models.outputs import probabilities
from videxplain.progress import Progress
from videxplain.untouched import untouched

UNDISTURBED = "as they are"


def classify(
    network: nn.Module,
    config: ModelConfig,
    readable: Readable,
    *,
    precision: Precision = "fp32",
    batch_size: int = 16,
    workers: int = 0,
    views: Views | None = None,
    progress: Progress | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Classify videos, and classify them again with the order of their frames destroyed.

    A network of neighbouring frames sees five windows spread over a video; a network of uniform frames sees one set.
    With ``views`` it sees that many clips and crops.

    Args:
        network: A network, which is left as it was found.
        config: What the network expects.
        readable: V videos.
        precision: ``"bf16"`` computes in bfloat16 where autocast does.
        batch_size: Clips of a forward pass.
        workers: Processes that prepare clips.
        views: Clips in time and crops of multi-view testing. The order of the frames is then not tested, because this
            would take four times as many passes.
        progress: Called with the number of batches done and the number of all batches.

    Returns:
        Probabilities ``(V, K)``, the mean over the clips and crops of a video, by the name of the pass:
        ``UNDISTURBED``, and without ``views`` each of ``DISTURBANCES``.
    """
    device = device_of(network)
    clips, per_video, names = _clips_of(readable, config, views)
    crops = 1 if views is None else views.crops
    sampler = PassSampler(len(clips), seed=0, shuffle=False)
    loader = make_loader(clips, sampler, batch_size=max(1, batch_size // crops), workers=workers)
    sums = {name: np.zeros((len(readable.videos), config.num_outcomes)) for name in names}
    number = 0
    with untouched(network), torch.inference_mode(), computing_in(precision, device):
        for done, (batch, _, positions) in enumerate(loader, start=1):
            if views is not None:
                batch, positions = batch.flatten(0, 1), positions.repeat_interleave(crops)
            batch = batch.to(device)
            numbers = range(number, number + len(batch))
            number += len(batch)
            for name, total in sums.items():
                changed = DISTURBANCES[name](batch, numbers) if name in DISTURBANCES else batch
                logits = network(changed.contiguous(memory_format=torch.channels_last_3d)).float()
                np.add.at(total, positions.numpy(), probabilities(logits, config).cpu().numpy())
            if progress:
                progress(done, len(loader))
    return {name: (total / per_video).astype(np.float32) for name, total in sums.items()}


def _clips_of(
    readable: Readable, config: ModelConfig, views: Views | None
) -> tuple[Clips | ViewClips, int, tuple[str, ...]]:
    """The clips, how many inputs of the network there are for each video, and the names of the passes."""
    if views is not None:
        views.check(config)
        return ViewClips(readable, config, views), views.clips * views.crops, (UNDISTURBED,)
    kind = "uniform" if config.sampling == "uniform" else "five"
    resized = Augmentation("resize", config.size, config.mean, config.std, view=config.view)
    clips = Clips(readable, config, clips=kind, augmentation=resized)
    return clips, clips.per_video, (UNDISTURBED, *DISTURBANCES)
