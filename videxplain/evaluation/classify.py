"""What a network says of videos: each is judged by the mean probabilities of its clips."""

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
    """Classify videos, and classify them again with the order of their frames taken away.

    A network of neighbouring frames sees five windows spread over a video; a network of uniform frames sees one set.
    With ``views`` it sees as many clips and crops as these say, and each as it is.

    Args:
        network: A network, which is left as it was found.
        config: What it expects.
        readable: V videos.
        precision: ``"bf16"`` computes in bfloat16 where autocast does.
        batch_size: Clips of a forward pass.
        workers: Processes that prepare clips.
        views: Clips in time and crops of multi-view testing. The order of the frames is then left alone: that would be
            four times as many passes.
        progress: Told of batches.

    Returns:
        Probabilities ``(V, K)``, the mean over the clips and crops of a video, under ``UNDISTURBED`` and under the name
        of each of ``DISTURBANCES``.
    """
    device = device_of(network)
    if views is None:
        kind = "uniform" if config.sampling == "uniform" else "five"
        resized = Augmentation("resize", config.size, config.mean, config.std, view=config.view)
        cut = Clips(readable, config, clips=kind, augmentation=resized)
        clips: Clips | ViewClips = cut
        per_video, names = cut.per_video, (UNDISTURBED, *DISTURBANCES)
    else:
        views.check(config)
        clips, per_video, names = ViewClips(readable, config, views), views.clips * views.crops, (UNDISTURBED,)
        batch_size = max(1, batch_size // views.crops)
    loader = make_loader(clips, PassSampler(len(clips), seed=0, shuffle=False), batch_size=batch_size, workers=workers)
    sums = {name: np.zeros((len(readable.videos), config.num_outcomes)) for name in names}
    number = 0
    with untouched(network), torch.inference_mode(), computing_in(precision, device):
        for done, (batch, _, positions) in enumerate(loader, start=1):
            if views is not None:
                batch, positions = batch.flatten(0, 1), positions.repeat_interleave(views.crops)
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
