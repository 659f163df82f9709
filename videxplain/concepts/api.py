"""Find the concepts of a layer over a data set: a sample of places, a factorisation, then every video."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from videxplain.audit.api import list_entries
from videxplain.audit.engines import Engine, Here
from videxplain.audit.extra import need_extra
from videxplain.audit.settings import digest, state_digest
from videxplain.audit.shards import cut
from videxplain.audit.work import Entry
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
from videxplain.explanation.api import config_of
from videxplain.files import output_folder, replacing
from videxplain.progress import Progress

_SHARD = 16
"""Videos in a shard; what a stopped run loses at most."""


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
    """Find what a layer of a network responds to over a data set, and what each of it means for the classes.

    The activations of the layer at a sample of places of space and time are factorised into K concepts that are never
    negative (CRAFT; Fel et al., CVPR 2023). Then every video is read again: where and when each concept is active, and
    how much the score of the predicted class depends on it. A run that was stopped goes on.

    A layer with negative values, such as the tokens of a transformer (Kowal et al., CVPR 2024), has its positive and
    its negative parts factorised as features of their own. Tokens of no place, such as a class token, stay as they are.

    Args:
        model: The name of a network, as :func:`videxplain.load_model` takes it; or a network with a ``config``.
        data: The folder or list of a data set, of which split 1 is taken, or an opened data set.
        out: The folder to write.
        layer: Dotted name, or None for the layer that Grad-CAM takes.
        concepts: How many are sought, K.
        places: From at most how many places the concepts are found. The same number is drawn from each video.
        designs: N of the Sobol indices, which take N (K + 2) passes of what follows the layer for each video; 0 leaves
            them out.
        seed: For the sample, the factorisation, the designs and the bootstrap.
        weights: As for :func:`videxplain.load_model`.
        labels: Names of the classes, or the file or data set that lists them, for a network given by name whose
            weights have none.
        view: As for :func:`videxplain.load_model`, for a network given by name.
        expects: What a network given by name expects where its weights do not say it (``--set``), such as
            ``sampling``: further options of :func:`videxplain.load_model`.
        subset: ``"test"``, ``"train"`` or ``"all"``.
        limit: At most so many videos, spread over all.
        device: Where to compute, such as ``"cuda"``.
        engine: Where shards run; None for this process.
        progress: Called with the videos done so far and the videos in all; each counts twice.

    Raises:
        VidexplainError: The folder holds concepts of something else, the network has no such layer, no video can
            be read, or the extra ``audit`` is not installed.
    """
    from videxplain.models.weights.labels import read_labels
    from videxplain.models.zoo import load_model

    need_extra("concepts")
    for name, value in (("concepts", concepts), ("places", places)):
        if value < 1:
            raise VidexplainError(f"{name} is at least 1, not {value}")
    check_seed(seed)
    out = Path(out)
    if not isinstance(data, VideoDataset):
        data = open_dataset(data, for_training=False)
    named = isinstance(model, str)
    classes = read_labels(labels) if isinstance(labels, str) else labels
    given: dict[str, Any] = dict(expects or {}) | ({"labels": tuple(classes)} if classes else {})
    network: nn.Module = load_model(model, weights, view=view, **given) if isinstance(model, str) else model
    config = config_of(network)
    entries = list_entries(data, subset, limit)
    if not entries:
        raise VidexplainError(f"{data.root} has no videos in its subset '{subset}'")
    if named:
        network = network.to(device)
    x = torch.zeros(1, 3, config.num_frames, *config.size, device=device_of(network))
    call = layer_of(network, x, layer)
    # A layer that cannot be laid out as video is refused before any work is done, and so are too many concepts.
    channels = read(network, x, call)[0].shape[1]
    if concepts > 2 * channels:  # twice, because a layer with negative values has two features for each channel
        raise VidexplainError(
            f"{concepts} concepts cannot be found in layer '{call}' of {channels} channels: ask for 1 to {channels}"
        )
    check_designs(designs, concepts)
    settings = Settings(
        model=model if isinstance(model, str) else config.architecture,
        weights=weights if named else config.weights,
        weights_sha256=config.weights_sha256 if named else state_digest(network),
        data=str(data.root),
        kind=data.layout,
        split=data.split,
        subset=subset,
        videos=len(entries),
        videos_sha256=digest([(entry.shown, entry.truth, entry.group) for entry in entries]),
        labels=config.outcome_labels or tuple(f"class {k}" for k in range(config.num_outcomes)),
        labels_file=labels if isinstance(labels, str) else "",
        expects=dict(expects or {}),
        layer=str(call),
        concepts=concepts,
        places=places,
        designs=designs,
        seed=seed,
        limit=limit if limit is not None and limit < len(list_entries(data, subset)) else None,
        evidence="masks" if data.name == "actionfigures" else "",
        shard=_SHARD,
        view=view,
        shown=None if config.view is None else asdict(config.view),
    )
    task = Task(cut(1)[0], settings, device, (), None if named else network)
    with output_folder(out):
        settings.write(out)
        run = _Run(tables.ConceptFiles(out), settings, entries, task, engine or Here(), progress)
        factors = run.factors()
        run.measure(factors)
        return _finish(out, settings, factors)


class _Run:
    """The two passes over the videos. What an earlier run has written is kept."""

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

    def _part(self, shard: Any) -> Task:
        return replace(self._task, shard=shard, entries=tuple(self._entries[shard.start : shard.stop]))

    def _tell(self, videos: int) -> None:
        self._done += videos
        if self._progress:
            self._progress(self._done, 2 * len(self._entries))


def _finish(out: Path, settings: Settings, factors: Factors) -> Concepts:
    """Write the tables of the concepts; that of the concepts themselves comes last and says that all is there."""
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
        tables.write_table(out / name, rows, kind)
    return found
