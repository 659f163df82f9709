"""The clips of one or two datasets, for training and validation."""

import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
from torch.utils.data import DataLoader

from videxplain.data.augmentation import Augmentation
from videxplain.data.datasets.frames import read_video_frames
from videxplain.data.datasets.open import VideoDataset, open_dataset, split_validation
from videxplain.errors import VidexplainError
from videxplain.evaluation.clips import Clips, Readable, find_readable
from videxplain.evaluation.loading import PassSampler, make_loader
from videxplain.models.config import ModelConfig
from videxplain.progress import Bars
from videxplain.train.frame_cache import FrameCache, free_memory
from videxplain.train.on_device import ByteClips, on_device
from videxplain.train.recipe import Recipe


@dataclass(frozen=True)
class Part:
    """One dataset of a recipe.

    Attributes:
        name: Its name in logs.
        dataset: The dataset.
        training: The clips for training.
        validation: The clips for validation.
    """

    name: str
    dataset: VideoDataset
    training: Clips
    validation: Clips


class VideoData(L.LightningDataModule):
    """Batches of clips ``(N, 3, T, H, W)``, labels ``(N,)`` and positions of videos ``(N,)``.

    With two datasets, each step gets a batch of both. So the smaller dataset is seen more than once in an epoch.

    Attributes:
        parts: The datasets.
        skipped: Videos that are missing or damaged, with the reasons.
    """

    def __init__(self, recipe: Recipe, config: ModelConfig, *, strict: bool = False, bars: Bars | None = None) -> None:
        """Open the datasets and read every video once.

        Args:
            recipe: The recipe: datasets, and how clips are cut and augmented.
            config: What the network expects.
            strict: Raise at the first missing or damaged video, instead of leaving it out.
            bars: Shows progress.

        Raises:
            VidexplainError: A dataset cannot be opened or used, or its frames do not fit into memory.
        """
        super().__init__()
        self.recipe, self.config = recipe, config
        self._cores = os.cpu_count() or 1
        self._bars = bars or (lambda what: nullcontext())
        # "crop" needs the frames at their own size. The other augmentations resize them first.
        self._cache = FrameCache(None if recipe.augmentation == "crop" else config.size) if recipe.cache else None
        # The bound is for all parts together, so it is measured before any frame is kept.
        self._room = free_memory() // 2
        self.skipped: list[tuple[Path, str]] = []
        datasets = [open_dataset(source.root, kind=source.kind, split=source.split) for source in recipe.data]
        self.parts = [
            self._part(name, dataset, strict) for name, dataset in zip(_names(datasets), datasets, strict=True)
        ]

    def train_dataloader(self) -> list[DataLoader[Any]]:
        """One loader for each dataset, all of the same length."""
        size = self.recipe.batch_size
        longest = max(len(part.training) for part in self.parts)
        # Only full batches: a last batch of one clip would give batch normalisation noisy statistics.
        total = max(longest // size * size, min(longest, size))
        return [self._loader(part.training, shuffle=True, total=total) for part in self.parts]

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """One loader for each dataset."""
        return [self._loader(part.validation, shuffle=False) for part in self.parts]

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Vary the clips of a batch on the device, if the recipe says so. Lightning calls it."""
        return on_device(batch, self.config) if self.recipe.vary_on == "device" else batch

    def _part(self, name: str, dataset: VideoDataset, strict: bool) -> Part:
        dataset.refuse_unlabelled()
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
                readable = find_readable(videos, strict=strict, workers=self._cores, progress=progress)
            self.skipped += readable.skipped
            if not readable.videos:
                why = f": {readable.skipped[0][1]}" if readable.skipped else ": too few videos or groups"
                raise VidexplainError(f"{dataset.root} has no {what} videos{why}")
            if self._cache:
                with self._bars(f"{what} frames of {name}") as progress:
                    if not self._cache.fill(readable, limit=self._room, workers=self._cores, progress=progress):
                        raise VidexplainError(
                            f"the frames of {dataset.root} do not fit into {self._room / 1e9:.1f} GB, half of the free "
                            "memory: say --set cache=false"
                        )
            clips.append(self._clips(readable, training=what == "training"))
        return Part(name, dataset, *clips)

    def _clips(self, readable: Readable, *, training: bool) -> Clips:
        recipe, config = self.recipe, self.config
        return (ByteClips if recipe.vary_on == "device" else Clips)(
            readable,
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
            read=self._cache.read if self._cache else read_video_frames,
        )

    def _loader(self, clips: Clips, *, shuffle: bool, total: int | None = None) -> DataLoader[Any]:
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        sampler = PassSampler(len(clips), seed=self.recipe.seed, shuffle=shuffle, total=total, rank=rank, world=world)
        # Lightning sets it too, but in a resumed run only after the first batches are prepared.
        sampler.set_epoch(trainer.current_epoch if trainer else 0)
        # Each worker process would get a copy of all frames in memory. A thread shares them.
        workers = 0 if self._cache else self.recipe.workers
        return make_loader(clips, sampler, batch_size=self.recipe.batch_size, workers=workers)


def _names(datasets: list[VideoDataset]) -> list[str]:
    """A name in logs for each dataset. Datasets of the same name get numbers."""
    names = [dataset.name for dataset in datasets]
    return [name if names.count(name) == 1 else f"{name}-{number}" for number, name in enumerate(names, start=1)]
