"""Tests whether a class depends on a concept that is given by examples: TCAV (Kim et al., ICML 2018) for video."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from videxplain.attribution.targets import class_index, score_function
from videxplain.concepts.cav import RUNS, Scores, check_counts, p_value, score_runs
from videxplain.concepts.reader import LayerReader
from videxplain.concepts.settings import check_seed
from videxplain.data.datasets.open import open_dataset
from videxplain.data.datasets.types import VideoDataset
from videxplain.errors import VidexplainError, unknown
from videxplain.explanation.api import config_of
from videxplain.progress import Progress
from videxplain.runs.extra import need_extra

LEVEL = 0.05
_ALIKE = 1e-4
"""The gradients of all clips count as equal if they differ by less than this share of the largest."""


@dataclass(frozen=True)
class ConceptTest:
    """The result of TCAV for one concept and one class.

    Attributes:
        concept: The name of the folder of examples.
        target: The class.
        layer: The layer.
        score: The share of the class's clips whose score rises in the direction of the concept: the mean over runs.
        random: The same for random directions.
        p: The p-value of the difference of the two: Welch's two-sided t-test over the runs, times the number of tests
            (Bonferroni), at most 1.
        accuracy: How well the vectors tell held-out examples of the concept from random clips: the mean over runs.
        random_accuracy: The same for vectors between random sets.
        accuracy_p: The p-value of the difference of these two, not corrected.
        runs: Number of random sets.
        tests: Number of tests that were made together: concepts times classes.
        examples: Number of clips of the concept.
        counterparts: Number of random clips.
        clips: Number of clips of the class.
        scores: The score of each run.
        random_scores: The score of each random direction.
        notes: Notes that belong to the numbers.
    """

    concept: str
    target: str
    layer: str
    score: float
    random: float
    p: float
    accuracy: float
    random_accuracy: float
    accuracy_p: float
    runs: int
    tests: int
    examples: int
    counterparts: int
    clips: int
    scores: tuple[float, ...]
    random_scores: tuple[float, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_learned(self) -> bool:
        """Whether the layer tells the concept from random clips better than random sets from each other."""
        return _is_learned(self.accuracy, self.random_accuracy, self.accuracy_p)

    @property
    def is_significant(self) -> bool:
        """Whether the score differs from that of random directions; never for a concept that is not learned."""
        return self.is_learned and self.p < LEVEL

    def as_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return {**asdict(self), "learned": self.is_learned, "significant": self.is_significant}


def tcav(
    model: nn.Module,
    concept: str | Path | Sequence[str | Path],
    against: str | Path | Sequence[str | Path],
    *,
    layer: str,
    target: int | str | Sequence[int | str],
    clips: str | Path | None = None,
    data: str | Path | VideoDataset | None = None,
    subset: str = "test",
    runs: int = RUNS,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[ConceptTest]:
    """Test whether classes depend on concepts that are given by folders of clips (Kim et al., ICML 2018).

    A clip's features are the layer's activations, averaged over places and windows. A linear classifier tells the
    clips of a concept from a random set of other clips, and its normal is the concept's direction. The score of a class
    is the share of its clips whose logit rises when the direction is added to the layer's activations at all places.
    It is measured for ``runs`` random sets and compared with directions between two random sets.

    Args:
        model: A network with a ``config``, from :func:`videxplain.load_model` or :func:`videxplain.wrap`.
        concept: A folder of clips that show the concept, or several folders, each a concept.
        against: A folder of clips that do not show it, or several, which are taken together. At least twice as many
            clips as a concept has.
        layer: Dotted name. If only an average and a linear layer follow, all clips have the same gradient, and the
            score is 0 or 1: take an earlier layer.
        target: A class by label or index, or several.
        clips: A folder of clips of the class.
        data: Instead of ``clips``, a data set: its videos of each class.
        subset: ``"test"``, ``"train"`` or ``"all"``, for ``data``.
        runs: Number of random sets.
        seed: For the draws.
        progress: Called with the number of clips read and the number of all clips.

    Returns:
        A test for each concept and class: all classes of the first concept, then those of the next.

    Raises:
        VidexplainError: Too few clips, no such layer or class, or the extra ``audit`` is not installed.
    """
    need_extra("tcav", ("sklearn",))
    config = config_of(model)
    concepts = [concept] if isinstance(concept, str | Path) else list(concept)
    others = [against] if isinstance(against, str | Path) else list(against)
    targets = [target] if isinstance(target, str | int) else list(target)
    if not concepts or not others or not targets:
        raise VidexplainError("a test needs at least one concept, one folder of other clips and one class")
    check_seed(seed)
    if (clips is None) == (data is None):
        raise VidexplainError("give the clips of the class as a folder (clips) or by a data set (data), one of the two")
    labels = [class_index(one, config.num_outcomes, config.outcome_labels) for one in targets]
    shown = {str(folder): _videos(folder) for folder in concepts}
    pool = list(dict.fromkeys(path for folder in others for path in _videos(folder)))
    _check_clips(shown, pool, runs)
    of_class = {label: _clips_of(config.label(label), clips, data, subset) for label in labels}
    total = sum(map(len, shown.values())) + len(pool) + sum(map(len, of_class.values()))
    reader = LayerReader(model, config, layer, progress, total)
    features = {name: reader.features(paths) for name, paths in shown.items()}
    random = reader.features(pool)
    gradients = {
        label: reader.gradients(paths, score_function(label, config.num_outcomes)) for label, paths in of_class.items()
    }
    tests = len(concepts) * len(labels)
    results = []
    for name, values in features.items():
        for label in labels:
            scores = score_runs(values, random, gradients[label], runs, seed)
            counts = {"examples": len(values), "counterparts": len(random), "clips": len(gradients[label])}
            same = _all_alike(gradients[label])
            results.append(
                _result(Path(name).name or name, config.label(label), str(reader.layer), scores, tests, same, counts)
            )
    return results


def _check_clips(concepts: Mapping[str, Sequence[Path]], pool: Sequence[Path], runs: int) -> None:
    """Refuse a clip that is both an example and a random clip, and numbers of clips or runs that cannot be used."""
    for name, paths in concepts.items():
        if both := set(paths) & set(pool):
            raise VidexplainError(f"{min(both)} is a clip of the concept {name} and a random one: leave it out of one")
        check_counts(len(paths), len(pool), runs)


def _videos(folder: str | Path) -> list[Path]:
    """The videos of a folder of examples."""
    data = open_dataset(folder, for_training=False)
    return [video.path for video in (*data.train, *data.test, *data.unused)]


def _clips_of(label: str, clips: str | Path | None, data: str | Path | VideoDataset | None, subset: str) -> list[Path]:
    """The clips of a class: all clips of a folder, or the clips of a data set with its label."""
    if clips is not None:
        return _videos(clips)
    assert data is not None
    opened = data if isinstance(data, VideoDataset) else open_dataset(data, for_training=False)
    if label not in opened.labels:
        raise unknown(f"class of {opened.name}", label, opened.labels)
    parts: dict[str, Sequence[Any]] = {"test": opened.test, "train": opened.train, "all": opened.train + opened.test}
    if subset not in parts:
        raise VidexplainError(f"--subset is test, train or all, not '{subset}'")
    found = [video.path for video in parts[subset] if video.label == opened.labels.index(label)]
    if not found:
        raise VidexplainError(f"{opened.root} has no videos of '{label}' in its subset '{subset}'")
    return found


def _is_learned(accuracy: float, by_chance: float, p: float) -> bool:
    return accuracy > max(0.5, by_chance) and p < LEVEL


def _all_alike(gradients: NDArray[np.float64]) -> bool:
    """Whether all clips have the same gradient, as if only an average and a linear layer follow."""
    largest = np.abs(gradients).max()
    return len(gradients) > 1 and bool(np.abs(gradients - gradients.mean(0)).max() <= _ALIKE * largest)


def _result(
    concept: str, target: str, layer: str, scores: Scores, tests: int, same: bool, counts: dict[str, int]
) -> ConceptTest:
    accuracy_p = p_value(scores.accuracy, scores.random_accuracy)
    accuracy, by_chance = float(scores.accuracy.mean()), float(scores.random_accuracy.mean())
    notes = []
    if not _is_learned(accuracy, by_chance, accuracy_p):
        notes.append(
            f"layer '{layer}' tells '{concept}' from random clips no better than chance ({100 * accuracy:.0f} % of "
            f"held-out clips, random sets {100 * by_chance:.0f} %), so its score means nothing"
        )
    if same:
        notes.append(
            f"all clips of '{target}' have the same gradient at layer '{layer}', so every score is 0 or 1: "
            "take an earlier layer"
        )
    return ConceptTest(
        concept=concept,
        target=target,
        layer=layer,
        score=float(scores.concept.mean()),
        random=float(scores.random.mean()),
        p=min(1.0, tests * p_value(scores.concept, scores.random)),
        accuracy=accuracy,
        random_accuracy=by_chance,
        accuracy_p=accuracy_p,
        runs=len(scores.concept),
        tests=tests,
        scores=tuple(scores.concept.tolist()),
        random_scores=tuple(scores.random.tolist()),
        notes=tuple(notes),
        **counts,
    )
