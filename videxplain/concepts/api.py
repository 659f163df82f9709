"""Find the concepts of a layer over a data set: a sample of places, a factorisation, then every video."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from videxplain.attribution.layers import LayerCall
from videxplain.concepts import tables
from videxplain.concepts.factors import Factors, factorise
from videxplain.concepts.layer import layer_of, read
from videxplain.concepts.result import Concepts
from videxplain.concepts.rows import ConceptRow, MatchRow, ShareRow, TubeRow
from videxplain.concepts.settings import CONCEPTS, PLACES, SOBOL_DESIGNS, Settings, check_designs, check_seed
from videxplain.concepts.shares import class_shares
from videxplain.concepts.summary import summarise
from videxplain.concepts.work import Task, measure_shard, sample_shard
from videxplain.data.datasets.open import open_dataset
from videxplain.data.datasets.types import VideoDataset
from videxplain.device import device_of
from videxplain.errors import VidexplainError
from videxplain.files import output_folder, replacing
from videxplain.models.config import ModelConfig
from videxplain.progress import Progress
from videxplain.runs.engines import Engine, Here
from videxplain.runs.entries import Entry, data_settings, has_masks, list_entries
from videxplain.runs.extra import need_extra
from videxplain.runs.network import open_network
from videxplain.runs.rows import table_of
from videxplain.runs.shards import SHARD_VIDEOS, Shard, cut
from videxplain.runs.tables import write_table


def find_concepts(
    model: str | nn.Module,
    data: str | Path | VideoDataset,
    out: str | Path,
    *,
    layer: str | None = None,
    concepts: int = CONCEPTS,
    places: int = PLACES,
    designs: int = SOBOL_DESIGNS,
    seed: int = 0,
    weights: str = "auto",
    labels: str | Sequence[str] | None = None,
    view: str = "model",
    expects: Mapping[str, Any] | None = None,
    subset: str = "test",
    limit: int | None = None,
    device: str = "cpu",
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Concepts:
    """Find what a layer of a network responds to over a data set, and what this means for each class.

    The layer's activations at a sample of places in space and time are factorised into K concepts with non-negative
    coefficients (CRAFT; Fel et al., CVPR 2023). Then every video is read again, to measure where and when each concept
    is active and how much the score of the predicted class depends on it. Call it again with the same arguments to
    continue a run that was stopped.

    If a layer has negative values, such as the tokens of a transformer (Kowal et al., CVPR 2024), its positive and its
    negative parts are factorised as separate features. Tokens without a place, such as a class token, are not changed.

    Args:
        model: The name of a network, as :func:`videxplain.load_model` takes it; or a network with a ``config``.
        data: The folder or list of a data set, of which split 1 is taken, or an opened data set.
        out: The folder to write.
        layer: Dotted name, or None for Grad-CAM's default layer.
        concepts: The number of concepts, K.
        places: The most places to sample, the same number from each video.
        designs: N of the Sobol indices. They take N (K + 2) passes of the part after the layer for each video; 0 leaves
            them out.
        seed: For the sample, the factorisation, the designs and the bootstrap.
        weights: For a network given by name, as for :func:`videxplain.load_model`.
        labels: For a network given by name whose weights have no names of classes: the names, or the file or data set
            that lists them.
        view: For a network given by name, as for :func:`videxplain.load_model`.
        expects: For a network given by name whose weights do not say what it expects (``--set``): more options of
            :func:`videxplain.load_model`, such as ``sampling``.
        subset: ``"test"``, ``"train"`` or ``"all"``.
        limit: How many videos, spread evenly over the subset; None for all.
        device: Where a network given by name runs, such as ``"cuda"``.
        engine: Where shards run; None for this process.
        progress: Called with the number of videos done and the number of all videos. Each video counts twice.

    Raises:
        VidexplainError: The folder holds other concepts, the network has no such layer, no video can be read, or the
            extra ``audit`` is not installed.
    """
    need_extra("concepts")
    for name, value in (("concepts", concepts), ("places", places)):
        if value < 1:
            raise VidexplainError(f"{name} is at least 1, not {value}")
    check_seed(seed)
    dataset = data if isinstance(data, VideoDataset) else open_dataset(data, for_training=False)
    entries = list_entries(dataset, subset, limit)
    if not entries:
        raise VidexplainError(f"{dataset.root} has no videos in its subset '{subset}'")
    opened = open_network(model, weights=weights, labels=labels, view=view, expects=expects)
    network = opened.network.to(device) if opened.sent is None else opened.network
    call = _find_layer(network, opened.config, layer, concepts)
    check_designs(designs, concepts)
    settings = Settings(
        **opened.settings,
        **data_settings(dataset, subset, entries),
        layer=str(call),
        concepts=concepts,
        places=places,
        designs=designs,
        seed=seed,
        limit=limit if limit is not None and limit < len(list_entries(dataset, subset)) else None,
        evidence="masks" if has_masks(dataset) else "",
        shard=SHARD_VIDEOS,
    )
    # Each shard gets a copy of this task, with its own videos.
    task = Task(cut(1)[0], settings, device, (), opened.sent)
    out = Path(out)
    with output_folder(out):
        settings.write(out)
        run = _Run(tables.ConceptFiles(out), settings, entries, task, engine or Here(), progress)
        factors = run.factors()
        run.measure(factors)
        return _finish(out, settings, factors)


def _find_layer(network: nn.Module, config: ModelConfig, layer: str | None, concepts: int) -> LayerCall:
    """The layer whose concepts are sought.

    Raises:
        VidexplainError: No such layer, a layer that is not laid out as video, or one with too few channels.
    """
    x = torch.zeros(1, 3, config.num_frames, *config.size, device=device_of(network))
    call = layer_of(network, x, layer)
    channels = read(network, x, call)[0].shape[1]
    if concepts > 2 * channels:  # twice, because a layer with negative values has two features for each channel
        raise VidexplainError(
            f"{concepts} concepts cannot be found in layer '{call}' of {channels} channels: ask for 1 to {channels}"
        )
    return call


class _Run:
    """The two passes over the videos. Shards that an earlier run has written are kept."""

    def __init__(
        self,
        files: tables.ConceptFiles,
        settings: Settings,
        entries: Sequence[Entry],
        task: Task,
        engine: Engine,
        progress: Progress | None,
    ) -> None:
        self._files, self._settings, self._entries = files, settings, entries
        self._task, self._engine, self._progress = task, engine, progress
        self._shards = cut(len(entries), settings.shard)
        self._done = 0

    def factors(self) -> Factors:
        """The concepts, from a sample of places of all videos."""
        path = self._files.folder / tables.FACTORS
        if path.is_file():
            self._tell(len(self._entries))
            return Factors.load(path)
        missing = [shard for shard in self._shards if not self._files.sampled(shard)]
        self._tell(sum(shard.stop - shard.start for shard in self._shards if shard not in missing))
        for task, sample in self._engine.run(sample_shard, [self._part(shard) for shard in missing]):
            self._files.write_sample(task.shard, sample.places, sample.smallest, sample.error)
            self._tell(task.shard.stop - task.shard.start)
        places, smallest, error = self._files.read_samples(self._shards)
        if not len(places):
            raise VidexplainError(
                f"none of the {len(self._entries):,} videos of {self._settings.data} can be read, the first: {error}"
            )
        factors = factorise(places, self._settings.concepts, smallest < 0, self._settings.seed)
        factors.save(path)
        self._files.remove_samples()
        return factors

    def measure(self, factors: Factors) -> None:
        """Measure all videos, and merge their tables."""
        missing = [shard for shard in self._shards if not self._files.done(shard)]
        self._tell(sum(shard.stop - shard.start for shard in self._shards if shard not in missing))
        tasks = [replace(self._part(shard), factors=factors) for shard in missing]
        for task, measured in self._engine.run(measure_shard, tasks):
            self._files.write(task.shard, measured.rows, measured.maps)
            self._tell(task.shard.stop - task.shard.start)
        self._files.merge(self._shards)

    def _part(self, shard: Shard) -> Task:
        return replace(self._task, shard=shard, entries=tuple(self._entries[shard.start : shard.stop]))

    def _tell(self, videos: int) -> None:
        self._done += videos
        if self._progress:
            self._progress(self._done, 2 * len(self._entries))


def _finish(out: Path, settings: Settings, factors: Factors) -> Concepts:
    """Write the tables of the concepts. ``concepts.parquet`` is last: a folder that has it is complete."""
    found = Concepts(out, settings)
    summary = summarise(found, factors)
    shares = class_shares(found.videos, settings.labels, settings.seed)
    with replacing(out / tables.MEAN_MAPS) as path, path.open("wb") as file:
        np.savez(file, places=summary.places)
    for name, rows, kind in (
        (tables.SHARES, shares, ShareRow),
        (tables.TUBES, summary.tubes, TubeRow),
        (tables.MATCHES, summary.matches, MatchRow),
        (tables.CONCEPTS, summary.concepts, ConceptRow),
    ):
        write_table(out / name, table_of(rows, kind))
    return found
