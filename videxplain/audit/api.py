"""Explain a data set: shards, wherever they run, then one table."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import nn

from videxplain.attribution.registry import METHODS
from videxplain.audit.engines import Engine, Here
from videxplain.audit.extra import need_extra
from videxplain.audit.result import Audit
from videxplain.audit.settings import Settings, digest, state_digest
from videxplain.audit.shards import SHARD_VIDEOS, cut, share_of
from videxplain.audit.tables import CLASSES, ShardFiles
from videxplain.audit.work import Entry, ShardTask, explain_shard
from videxplain.data.datasets.open import open_dataset
from videxplain.data.datasets.types import Video, VideoDataset
from videxplain.errors import VidexplainError
from videxplain.explanation.api import config_of
from videxplain.files import output_folder, replacing
from videxplain.progress import Progress


def run_audit(
    model: str | nn.Module,
    data: str | Path | VideoDataset,
    out: str | Path,
    *,
    weights: str = "auto",
    labels: str | Sequence[str] | None = None,
    view: str = "model",
    expects: Mapping[str, Any] | None = None,
    subset: str = "test",
    method: str = "gradcam",
    layer: str | None = None,
    options: dict[str, Any] | None = None,
    precision: str = "fp32",
    trust: bool = True,
    boxes: str | Path | None = None,
    device: str = "cpu",
    engine: Engine | None = None,
    part: str | None = None,
    strict: bool = False,
    limit: int | None = None,
    labelled: bool = True,
    shard: int = SHARD_VIDEOS,
    progress: Progress | None = None,
) -> Audit | None:
    """Explain every video of a data set, and write tables and maps.

    A run that was stopped goes on with the shards that are missing.

    Args:
        model: The name of a network, as :func:`videxplain.load_model` takes it, which every worker loads; or a network
            with a ``config``, which is then sent to the workers.
        data: The folder or list of a data set, of which split 1 is taken, or an opened data set.
        out: The folder to write.
        weights: As for :func:`videxplain.load_model`.
        labels: Names of the classes, or the file or data set that lists them (``--labels``), for a network given by
            name whose weights have none.
        view: As for :func:`videxplain.load_model`, for a network given by name.
        expects: What a network given by name expects where its weights do not say it (``--set``), such as
            ``sampling``: further options of :func:`videxplain.load_model`.
        subset: ``"test"``, ``"train"`` or ``"all"``.
        method: The method.
        layer: Dotted name, or None for the method's default.
        options: What the method takes besides.
        precision: ``"fp32"`` or ``"bf16"``.
        trust: Whether trust figures, temporal reliance and the share of motion are measured on the middle window of
            every video: some twenty passes of one window.
        boxes: UCF101-24's file of boxes, the evidence of videos that have none of their own.
        device: Where to compute, such as ``"cuda"``.
        engine: Where shards run; None for this process.
        part: ``"3/8"``: only the third of eight parts of the shards. The last part that ends merges the tables.
        strict: Raise at the first video that cannot be explained.
        limit: At most so many videos, spread over all.
        labelled: False leaves out the labels of the data set, for one whose classes are not the network's.
        shard: Videos in a shard.
        progress: Called with the videos done so far and the videos in all.

    Returns:
        The audit; None where shards of other parts are missing still.

    Raises:
        VidexplainError: The folder holds an audit of something else, the classes of data set and network have
            nothing in common, or the extra ``audit`` is not installed.
    """
    from videxplain.models.weights.labels import read_labels
    from videxplain.models.zoo import load_model

    need_extra("audit")
    out = Path(out)
    if not isinstance(data, VideoDataset):
        data = open_dataset(data, for_training=False)
    METHODS[method].check_options(options or {})
    named = isinstance(model, str)
    names_file = labels if isinstance(labels, str) else ""
    classes = read_labels(labels) if isinstance(labels, str) else labels
    given: dict[str, Any] = dict(expects or {}) | ({"labels": tuple(classes)} if classes else {})
    network: nn.Module = load_model(model, weights, view=view, **given) if isinstance(model, str) else model
    config = config_of(network)
    entries = list_entries(data, subset, limit)
    if not labelled:
        entries = [replace(entry, truth=None) for entry in entries]
    names = config.outcome_labels or tuple(f"class {k}" for k in range(config.num_outcomes))
    if any(entry.truth for entry in entries) and not {entry.truth for entry in entries} & set(names):
        raise VidexplainError(
            f"the classes of {data.name} ({', '.join(data.labels[:3])}, ...) are none of the network's "
            f"({', '.join(names[:3])}, ...); audit it with --unlabelled"
        )
    settings = Settings(
        model=model if isinstance(model, str) else config.architecture,
        weights=weights if named else config.weights,
        weights_words=config.weights,
        weights_sha256=config.weights_sha256 if named else state_digest(network),
        data=str(data.root),
        kind=data.layout,
        split=data.split,
        subset=subset,
        videos=len(entries),
        videos_sha256=digest([(entry.shown, entry.truth, entry.group) for entry in entries]),
        labels=names,
        labels_file=names_file,
        expects=dict(expects or {}),
        method=method,
        layer=layer,
        options=dict(options or {}),
        precision=precision,
        trust=trust,
        evidence="boxes" if boxes else "masks" if _has_masks(data) else "",
        boxes=str(boxes or ""),
        shard=shard,
        view=view,
        shown=None if config.view is None else asdict(config.view),
    )
    sent = None if named else network
    with output_folder(out):
        settings.write(out)
        files = ShardFiles(out)
        shards = cut(len(entries), shard)
        missing = [one for one in share_of(shards, part) if not files.done(one)]
        done = sum(one.stop - one.start for one in shards if files.done(one))
        tasks = [ShardTask(one, settings, device, tuple(entries[one.start : one.stop]), sent) for one in missing]
        for task, result in (engine or Here()).run(explain_shard, tasks):
            if strict and (failed := next((row for row in result.rows if row.error), None)):
                raise VidexplainError(f"{failed.path}: {failed.error}")
            files.write(task.shard, result.rows, result.maps)
            done += task.shard.stop - task.shard.start
            if progress:
                progress(done, len(entries))
        if not all(files.done(one) for one in shards):
            return None
        files.merge(shards)
        audit = Audit.load(out)
        with replacing(out / CLASSES) as path:
            audit.classes.to_parquet(path)
    return audit


def list_entries(data: VideoDataset, subset: str, limit: int | None = None) -> list[Entry]:
    """The videos of a data set with names that no two of them share; the missing ones are among them."""
    parts: dict[str, Sequence[Video]] = {
        "test": data.test,
        "train": data.train,
        "all": (*data.train, *data.test, *data.unused),
    }
    if subset not in parts:
        raise VidexplainError(f"--subset is test, train or all, not '{subset}'")
    videos = list(parts[subset])
    if limit is not None:
        videos = videos[:: max(1, -(-len(videos) // limit))]
    shown = [_relative(video.path, data.root) for video in videos]
    stems = [re.sub(r"[^\w.+-]+", "-", Path(path).stem).strip(".-") or "clip" for path in shown]
    often = Counter(stem.casefold() for stem in stems)
    width = len(str(max(len(videos) - 1, 0)))
    return [
        Entry(
            number=number,
            path=video.path,
            shown=path,
            name=stem if often[stem.casefold()] == 1 else f"{stem}-{number:0{width}d}",
            group=video.group,
            truth=data.labels[video.label] if video.label >= 0 else None,
        )
        for number, (video, path, stem) in enumerate(zip(videos, shown, stems, strict=True))
    ]


def _has_masks(data: VideoDataset) -> bool:
    return data.name == "actionfigures"


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
