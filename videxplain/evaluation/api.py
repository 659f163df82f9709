"""Evaluate a network on a dataset with one call."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from torch import nn

from videxplain.attribution.engine import Precision
from videxplain.data.datasets.open import VideoDataset, open_dataset, split_validation
from videxplain.data.datasets.types import Video, spread_evenly
from videxplain.errors import VidexplainError, unknown
from videxplain.evaluation.classify import UNDISTURBED, classify
from videxplain.evaluation.clips import find_readable
from videxplain.evaluation.evidence import measure_evidence
from videxplain.evaluation.result import Evaluation, top_accuracy
from videxplain.evaluation.runs import Division
from videxplain.evaluation.setup import setup_of
from videxplain.evaluation.views import Views
from videxplain.explanation.api import config_of
from videxplain.models.config import ModelConfig
from videxplain.progress import Bars

SUBSETS = ("test", "validation", "train")


def evaluate(
    model: nn.Module,
    data: str | Path | VideoDataset,
    *,
    subset: str = "test",
    limit: int | None = None,
    division: Division | None = None,
    precision: Precision = "fp32",
    batch_size: int = 16,
    workers: int = 0,
    strict: bool = False,
    evidence: bool = False,
    views: tuple[int, int] | None = None,
    progress: Bars | None = None,
) -> Evaluation:
    """Measure a network on a dataset: accuracy, confusions, and whether it needs the order of the frames.

    The prediction for a video is the mean of the probabilities of its clips: five windows spread over it, or one set of
    frames for networks that see frames spread over the whole video. Three more passes destroy the order of the frames.
    With ``views``, the mean is over clips in time x crops of the frame instead, as accuracies are usually reported
    (Feichtenhofer et al., SlowFast, ICCV 2019, section 4: 10 x 3). The order of the frames is then not tested.

    Args:
        model: A network with a ``config``, as :func:`videxplain.load_model` gives; it is left as it was found.
        data: The folder of a dataset, of which split 1 is taken, or an opened dataset.
        subset: ``"test"``, ``"validation"`` or ``"train"``; the last two as training divides them.
        limit: How many videos, spread evenly over the subset; None for all.
        division: How training split off its validation videos; None for a recipe's defaults.
        precision: ``"bf16"`` computes in bfloat16 where autocast does.
        batch_size: Clips of a forward pass.
        workers: Processes that prepare clips; 0 prepares them in a thread.
        strict: Raise at a missing or damaged video, instead of leaving it out.
        evidence: Also compare Grad-CAM with the known evidence of every video (ActionFigures).
        views: The number of clips in time and of crops: 1, or 3 for the middle and both ends of the longer side.
        progress: Shows the progress of each stage.

    Raises:
        VidexplainError: No such dataset or subset, a limit below 1, classes that the network does not have, no video
            that can be read, or ``evidence`` for videos that have none.
    """
    tested_views = None if views is None else Views(*views)
    bars: Bars = progress or (lambda stage: nullcontext())
    config = config_of(model)
    if config.output == "regression":
        raise VidexplainError(f"{config.architecture} is a regression: its outputs are no classes that could be right")
    dataset = data if isinstance(data, VideoDataset) else open_dataset(data)
    if strict:
        dataset.refuse_missing()
    videos = spread_evenly(choose_videos(dataset, subset, config, division), limit)
    with bars("looking at videos") as bar:
        readable = find_readable(videos, strict=strict, workers=os.cpu_count() or 1, progress=bar)
    if not readable.videos:
        raise VidexplainError(f"none of the {len(videos):,} videos can be read: {readable.skipped[0][1]}")
    with bars(f"evaluating {config.architecture}") as bar:
        answers = classify(
            model,
            config,
            readable,
            precision=precision,
            batch_size=batch_size,
            workers=workers,
            views=tested_views,
            progress=bar,
        )
    report = None
    if evidence:
        with bars("comparing with the evidence") as bar:
            report = measure_evidence(model, readable.videos, precision=precision, progress=bar)
    probabilities = answers.pop(UNDISTURBED)
    truth = np.array([video.label for video in readable.videos])
    return Evaluation(
        setup=setup_of(model, dataset, subset, limit, precision, tested_views.words if tested_views else ""),
        videos=readable.videos,
        labels=tuple(config.label(k) for k in range(config.num_outcomes)),
        probabilities=probabilities,
        temporal={name: top_accuracy(values, truth) for name, values in answers.items()},
        skipped=(*((path, "no such file") for path in missing_of(dataset, subset)), *readable.skipped),
        evidence=report,
        filled=sum(count < config.num_frames for count in readable.counts),
    )


def choose_videos(
    dataset: VideoDataset, subset: str, config: ModelConfig, division: Division | None = None
) -> tuple[Video, ...]:
    """The videos of a subset, with the network's labels.

    Args:
        dataset: The dataset.
        subset: ``"test"``, ``"validation"`` or ``"train"``; the last two as training divides them.
        config: Of the network.
        division: How validation videos were split off; None for a recipe's defaults.

    Raises:
        VidexplainError: No such subset, or classes that the network does not have.
    """
    if subset not in SUBSETS:
        raise unknown("subset", subset, SUBSETS)
    dataset.refuse_unlabelled()
    if subset == "test":
        videos = dataset.test
    else:
        division = division or Division()
        training, validation = split_validation(dataset.train, by=division.by, seed=division.seed)
        videos = validation if subset == "validation" else training
    classes = _class_numbers(dataset, config)
    if not videos:
        raise VidexplainError(f"split {dataset.split} of {dataset.root} has no {subset} videos")
    return tuple(Video(video.path, classes[video.label], video.group) for video in videos)


def missing_of(dataset: VideoDataset, subset: str) -> tuple[Path, ...]:
    """The missing videos of a subset.

    Missing training videos are not divided into training and validation, so each of them is missing in both.
    """
    if subset == "test":
        return dataset.missing_test
    return tuple(path for path in dataset.missing if path not in set(dataset.missing_test))


def _class_numbers(dataset: VideoDataset, config: ModelConfig) -> Sequence[int]:
    """The network's number of each class of a dataset."""
    have, want = dataset.labels, config.outcome_labels
    if not want:
        if len(have) != config.num_outcomes:
            raise VidexplainError(
                f"{dataset.root} has {len(have)} classes, and the network {config.num_outcomes} without names"
            )
        return range(len(have))
    if foreign := [name for name in have if name not in want]:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise VidexplainError(
            f"{dataset.root} has classes that the network does not know: {foreign[0]}{more}; "
            f"it knows {len(want)}: {', '.join(want[:3])}, ..."
        )
    return [want.index(name) for name in have]
