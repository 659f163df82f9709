"""The videos of one dataset or two, as a network is trained with them."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from videxplain.data.augmentation import Augmentation
from videxplain.data.datasets.open import VideoDataset, open_dataset, split_validation
from videxplain.data.stream import read_ahead
from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig
from videxplain.progress import Progress
from videxplain.train.clips import Clips, FrameCache, PassSampler, find_readable
from videxplain.train.recipe import Recipe

Batch = tuple[Tensor, Tensor, Tensor]
Bars = Callable[[str], AbstractContextManager[Progress | None]]
"""From what is being done to something that is told how far it is."""


@dataclass(frozen=True)
class Part:
    """One dataset of a recipe: its name in logs, its clips for training and for validation."""

    name: str
    dataset: VideoDataset
    training: Clips
    validation: Clips


class VideoData(L.LightningDataModule):
    """Batches of clips ``(N, 3, T, H, W)``, labels ``(N,)`` and positions of videos ``(N,)``.

    With two datasets a step gets a batch of each; the smaller one then comes more than once an epoch.

    Attributes:
        parts: The datasets.
        skipped: Videos that are missing or damaged, and what is wrong with each.
    """

    def __init__(self, recipe: Recipe, config: ModelConfig, *, strict: bool = False, bars: Bars | None = None) -> None:
        """Open the datasets and look at every video once.

        Args:
            recipe: What to read and how.
            config: What the network expects.
            strict: Raise at the first missing or damaged video rather than leave it out.
            bars: Shows progress.
        """
        super().__init__()
        self.recipe, self.config = recipe, config
        self._cores = os.cpu_count() or 1
        self._bars = bars or (lambda what: nullcontext())
        # What crops takes them from the frames as they are; for the others resizing comes first anyway.
        self._cache = FrameCache(None if recipe.augmentation == "crop" else config.size) if recipe.cache else None
        # For all parts together, so it is asked before anything is held.
        self._room = _free_memory() // 2
        self.skipped: list[tuple[Path, str]] = []
        datasets = [open_dataset(source.root, kind=source.kind, split=source.split) for source in recipe.data]
        self.parts = [
            self._part(name, dataset, strict) for name, dataset in zip(_names(datasets), datasets, strict=True)
        ]

    def train_dataloader(self) -> list[DataLoader[Any]]:
        """One loader a dataset, all of the same length."""
        size = self.recipe.batch_size
        longest = max(len(part.training) for part in self.parts)
        # Whole batches: a last one of a single clip would make noise of batch normalisation.
        total = max(longest // size * size, min(longest, size))
        return [self._loader(part.training, shuffle=True, total=total) for part in self.parts]

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """One loader a dataset."""
        return [self._loader(part.validation, shuffle=False) for part in self.parts]

    def _part(self, name: str, dataset: VideoDataset, strict: bool) -> Part:
        if strict:
            dataset.refuse_missing()
        self.skipped += [(path, "no such file") for path in dataset.missing]
        clips = []
        for what, videos in zip(
            ("training", "validation"),
            split_validation(dataset.train, by=self.recipe.validation, seed=self.recipe.seed),
            strict=True,
        ):
            with self._bars(f"{what} videos of {name}") as progress:
                found = find_readable(videos, strict=strict, workers=self._cores, progress=progress)
            self.skipped += found.skipped
            if not found.videos:
                why = f": {found.skipped[0][1]}" if found.skipped else ", for want of enough videos or groups"
                raise VidexplainError(f"{dataset.root} has no {what} videos{why}")
            if self._cache:
                with self._bars(f"{what} frames of {name}") as progress:
                    if not self._cache.fill(found, limit=self._room, workers=self._cores, progress=progress):
                        raise VidexplainError(
                            f"the frames of {dataset.root} do not fit into {self._room / 1e9:.1f} GB, half of the free "
                            "memory: say --set cache=false"
                        )
            clips.append(self._clips(found, training=what == "training"))
        return Part(name, dataset, *clips)

    def _clips(self, found: Any, *, training: bool) -> Clips:
        recipe, config = self.recipe, self.config
        return Clips(
            found,
            config,
            clips=recipe.clips,
            augmentation=Augmentation(
                recipe.augmentation if training else "resize",
                config.size,
                config.mean,
                config.std,
                horizontal_flip=recipe.horizontal_flip,
                vertical_flip=recipe.vertical_flip,
            ),
            seed=recipe.seed,
            at_random=training,
            cache=self._cache,
        )

    def _loader(self, clips: Clips, *, shuffle: bool, total: int | None = None) -> DataLoader[Any]:
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        sampler = PassSampler(len(clips), seed=self.recipe.seed, shuffle=shuffle, total=total, rank=rank, world=world)
        # Lightning says it too, but when a run is resumed only after the first batches are on their way.
        sampler.set_epoch(trainer.current_epoch if trainer else 0)
        # Other processes would each be sent all frames that are in memory; a thread shares them.
        workers = 0 if self._cache else self.recipe.workers
        return make_loader(clips, sampler, batch_size=self.recipe.batch_size, workers=workers)


class ReadAhead(DataLoader[Any]):
    """Prepares batches in a thread beside the network: OpenCV and NumPy let it compute meanwhile."""

    def __iter__(self) -> Any:
        """As a loader without processes has it, two batches ahead."""
        return read_ahead(super().__iter__(), depth=2)


def make_loader(clips: Clips, sampler: PassSampler, *, batch_size: int, workers: int) -> DataLoader[Any]:
    """Batches of clips in the order of ``sampler``, prepared in as many processes; without any, in a thread."""
    return (DataLoader if workers else ReadAhead)(
        clips,
        batch_size,
        sampler=sampler,  # it yields pairs, which is what Clips take
        num_workers=workers,
        # New interpreters: a fork would copy the locks of OpenCV's threads, but not the threads, and wait for ever.
        multiprocessing_context="spawn" if workers else None,
        persistent_workers=workers > 0,
        worker_init_fn=_begin,
        pin_memory=torch.cuda.is_available(),
    )


def _begin(_: int) -> None:
    cv2.setNumThreads(1)  # the processes are the threads


def _names(datasets: list[VideoDataset]) -> list[str]:
    """A name for each in logs; two of the same kind are told apart by number."""
    names = [dataset.name for dataset in datasets]
    return [name if names.count(name) == 1 else f"{name}-{number}" for number, name in enumerate(names, start=1)]


def _free_memory() -> int:
    """Bytes that can be taken without swapping."""
    # Linux fills unused memory with copies of files and gives it back when asked, so what is unused says little.
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 8 << 30  # a machine that does not say
