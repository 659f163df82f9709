"""Explain a data set: shards, wherever they run, then one table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from videxplain.attribution.registry import METHODS
from videxplain.audit.result import Audit
from videxplain.audit.settings import SETTINGS, Settings, read_settings
from videxplain.audit.tables import CLASSES, AuditFiles
from videxplain.audit.work import explain_shard
from videxplain.data.datasets.open import open_dataset
from videxplain.data.datasets.types import VideoDataset
from videxplain.errors import VidexplainError
from videxplain.files import output_folder, replacing
from videxplain.progress import Progress
from videxplain.runs.engines import Engine, Here
from videxplain.runs.entries import Entry, data_settings, has_masks, list_entries
from videxplain.runs.extra import need_extra
from videxplain.runs.network import open_network
from videxplain.runs.shards import SHARD_VIDEOS, cut, share_of
from videxplain.runs.task import ShardTask


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
    shard: int | None = None,
    progress: Progress | None = None,
) -> Audit | None:
    """Explain every video of a data set, and write tables and maps.

    Call it again with the same arguments to continue a run that was stopped.

    Args:
        model: The name of a network, as :func:`videxplain.load_model` takes it, which every worker loads; or a network
            with a ``config``, which is sent to the workers.
        data: The folder or list of a data set, of which split 1 is taken, or an opened data set.
        out: The folder to write.
        weights: For a network given by name, as for :func:`videxplain.load_model`.
        labels: For a network given by name whose weights have no names of classes (``--labels``): the names, or the
            file or data set that lists them.
        view: For a network given by name, as for :func:`videxplain.load_model`.
        expects: For a network given by name whose weights do not say what it expects (``--set``): more options of
            :func:`videxplain.load_model`, such as ``sampling``.
        subset: ``"test"``, ``"train"`` or ``"all"``.
        method: The name of the method.
        layer: Dotted name, or None for the method's default.
        options: Values of the method's options, by name.
        precision: ``"fp32"`` or ``"bf16"``.
        trust: Whether to measure trust, temporal reliance and the share of motion. This takes about twenty more passes
            of the middle window of every video.
        boxes: UCF101-24's file of boxes. The boxes are then the known evidence.
        device: Where the network runs, such as ``"cuda"``.
        engine: Where shards run; None for this process.
        part: ``"3/8"`` explains only the third of eight parts of the shards. The part that ends last merges the tables.
        strict: Raise at the first video that cannot be explained.
        limit: How many videos to explain, spread evenly over the subset; None for all.
        labelled: False ignores the labels of the data set, for a data set with other classes than the network's.
        shard: Videos in a shard; None for what the audit in the folder has, or 16.
        progress: Called with the number of videos done and the number of all videos.

    Returns:
        The audit, or None if shards of other parts are still missing.

    Raises:
        VidexplainError: The folder holds another audit, data set and network have no class in common, or the extra
            ``audit`` is not installed.
    """
    need_extra("audit")
    METHODS[method].check_options(options or {})
    dataset = data if isinstance(data, VideoDataset) else open_dataset(data, for_training=False)
    entries = list_entries(dataset, subset, limit, labelled=labelled)
    opened = open_network(model, weights=weights, labels=labels, view=view, expects=expects)
    truths = {entry.truth for entry in entries if entry.truth}
    if truths and not truths & set(opened.labels):
        raise VidexplainError(
            f"the classes of {dataset.name} ({', '.join(dataset.labels[:3])}, ...) are none of the network's "
            f"({', '.join(opened.labels[:3])}, ...); audit it with --unlabelled"
        )
    settings = Settings(
        **opened.settings,
        **data_settings(dataset, subset, entries),
        method=method,
        layer=layer,
        options=dict(options or {}),
        precision=precision,
        trust=trust,
        evidence="boxes" if boxes else "masks" if has_masks(dataset) else "",
        boxes=str(boxes or ""),
        shard=_held_shard(Path(out)) if shard is None else shard,
    )
    # Each shard gets a copy of this task, with its own videos.
    task = ShardTask(cut(1)[0], settings, device, (), opened.sent)
    out = Path(out)
    with output_folder(out):
        settings.write(out)
        return _run(AuditFiles(out), task, entries, engine or Here(), part, strict, progress)


def _held_shard(folder: Path) -> int:
    """Videos in a shard of the audit in a folder, which goes on; the usual number if there is none."""
    return read_settings(folder).shard if (folder / SETTINGS).is_file() else SHARD_VIDEOS


def _run(
    files: AuditFiles,
    task: ShardTask[Settings],
    entries: Sequence[Entry],
    engine: Engine,
    part: str | None,
    strict: bool,
    progress: Progress | None,
) -> Audit | None:
    """Explain the shards that are missing in ``files``, each by a copy of ``task``, and merge the tables."""
    shards = cut(len(entries), task.settings.shard)
    missing = [one for one in share_of(shards, part) if not files.done(one)]
    done = sum(one.stop - one.start for one in shards if files.done(one))
    tasks = [replace(task, shard=one, entries=tuple(entries[one.start : one.stop])) for one in missing]
    for finished, result in engine.run(explain_shard, tasks):
        if strict and (failed := next((row for row in result.rows if row.error), None)):
            raise VidexplainError(f"{failed.path}: {failed.error}")
        files.write(finished.shard, result.rows, result.maps)
        done += finished.shard.stop - finished.shard.start
        if progress:
            progress(done, len(entries))
    if not all(files.done(one) for one in shards):
        return None
    files.merge(shards)
    audit = Audit.load(files.folder)
    with replacing(files.folder / CLASSES) as path:
        audit.classes.to_parquet(path)
    return audit
