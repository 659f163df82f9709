"""Batches of clips: their order, and the processes that prepare them."""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from videxplain.data.stream import read_ahead
from videxplain.evaluation.clips import Index
from videxplain.interrupts import uninterrupted

Batch = tuple[Tensor, Tensor, Tensor]
"""Clips ``(N, 3, T, H, W)``, their labels ``(N,)``, and the positions of their videos ``(N,)``."""


class PassSampler(Sampler[Index]):
    """The order of clips in an epoch. It depends only on the seed and the epoch.

    With several processes, each takes every n-th clip. If ``total`` is larger than the number of clips, the clips are
    used several times in an epoch, each time in another order and with other augmentation.
    """

    def __init__(
        self, clips: int, *, seed: int, shuffle: bool, total: int | None = None, rank: int = 0, world: int = 1
    ) -> None:
        """``clips`` is the number of clips; ``rank`` of ``world`` is this process."""
        self.clips, self.seed, self.shuffle = clips, seed, shuffle
        self.rank, self.world = rank, world
        # In training every process takes the same number: a process with more would wait for the others for ever.
        wanted = total or clips
        self.total = -(-wanted // world) * world if shuffle else wanted
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(range(self.rank, self.total, self.world))

    def __iter__(self) -> Iterator[Index]:
        passes = -(-self.total // self.clips)
        order: list[Index] = []
        for turn in range(self.epoch * passes, (self.epoch + 1) * passes):
            clips = np.arange(self.clips)
            if self.shuffle:
                clips = np.random.default_rng([self.seed, turn]).permutation(self.clips)
            order += [(turn, int(number)) for number in clips]
        return iter(order[self.rank : self.total : self.world])


class ReadAhead(DataLoader[Any]):
    """Prepares batches in a thread while the network runs. OpenCV and NumPy release Python's lock."""

    def __iter__(self) -> Any:
        """The batches, prepared two ahead."""
        return read_ahead(super().__iter__(), depth=2)


class InProcesses(DataLoader[Any]):
    """Prepares batches in worker processes, which an interrupt does not reach."""

    def __iter__(self) -> Any:
        """The batches; the first call starts the processes."""
        with uninterrupted():
            return super().__iter__()


def make_loader(
    clips: "Dataset[tuple[Tensor, int, int]]", sampler: PassSampler, *, batch_size: int, workers: int
) -> DataLoader[Any]:
    """Batches of clips in the order of ``sampler``, prepared by ``workers`` processes, or in a thread if that is 0."""
    return (InProcesses if workers else ReadAhead)(
        clips,
        batch_size,
        sampler=sampler,  # it yields pairs, which is what Clips take
        # Clips that come as a batch are not put together.
        collate_fn=_as_it_is if hasattr(clips, "__getitems__") else None,
        num_workers=workers,
        # A fork would copy locked locks of OpenCV's threads, but not the threads, and wait for ever.
        multiprocessing_context="spawn" if workers else None,
        persistent_workers=workers > 0,
        worker_init_fn=_begin,
        pin_memory=torch.cuda.is_available(),
    )


def _as_it_is(batch: Any) -> Any:
    return batch


def _begin(_: int) -> None:
    cv2.setNumThreads(1)  # the processes are the threads
