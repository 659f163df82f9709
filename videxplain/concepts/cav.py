"""Concept activation vectors and TCAV scores from arrays (Kim et al., ICML 2018); no network, no files."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError

RUNS = 20
MOST_RUNS = 10_000
SMALLEST = 4
"""Fewer examples of a concept are refused, and fewer than twice as many random clips."""
_HELD_OUT = 3
"""One example of so many is held out."""


@dataclass(frozen=True, eq=False)
class Cav:
    """A concept activation vector.

    Attributes:
        vector: ``(C,)`` of length 1; it points from the random clips to the concept.
        accuracy: The share of held-out examples that its classifier tells apart; 0.5 is chance.
    """

    vector: NDArray[np.float64]
    accuracy: float


@dataclass(frozen=True, eq=False)
class Scores:
    """TCAV scores of one concept for one class, over repeated random sets.

    Attributes:
        concept: ``(runs,)``, with vectors that tell the concept from a random set.
        random: ``(runs,)``, with vectors that tell one random set from another.
        accuracy: ``(runs,)``, held-out accuracies of the concept's vectors.
        random_accuracy: ``(runs,)``, those of the random vectors.
    """

    concept: NDArray[np.float64]
    random: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    random_accuracy: NDArray[np.float64]


def train_cav(first: NDArray[np.floating], second: NDArray[np.floating], seed: int) -> Cav:
    """The normal of a linear classifier that tells ``first`` from ``second``, each ``(n, C)``.

    A logistic regression of scikit-learn with its default penalty, after all features are divided by one common
    number, their standard deviation. A third of each set is held out for the accuracy.
    """
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    kept, held = [], []
    for values in (first, second):
        order = rng.permutation(len(values))
        out = max(1, len(values) // _HELD_OUT)
        held.append(np.asarray(values, np.float64)[order[:out]])
        kept.append(np.asarray(values, np.float64)[order[out:]])
    x, y = np.concatenate(kept), np.repeat([1, 0], [len(one) for one in kept])
    centre, scale = x.mean(0), x.std() or 1.0
    model = LogisticRegression(max_iter=2000).fit((x - centre) / scale, y)
    vector = model.coef_[0]
    length = np.linalg.norm(vector)
    tested, truth = np.concatenate(held), np.repeat([1, 0], [len(one) for one in held])
    accuracy = float((model.predict((tested - centre) / scale) == truth).mean())
    return Cav(vector / length if length > 0 else vector, accuracy)


def tcav_score(vector: NDArray[np.floating], gradients: NDArray[np.floating]) -> float:
    """The share of clips whose score rises in the direction of ``vector`` (Kim et al., eq. 2).

    Args:
        vector: ``(C,)``.
        gradients: ``(n, C)``, of each clip's score with respect to what is added to the layer at all its places.
    """
    return float((gradients @ vector > 0).mean())


def check_counts(concept: int, pool: int, runs: int) -> None:
    """``VidexplainError`` for too few clips of a concept or random ones, or for too few or too many runs."""
    if not 2 <= runs <= MOST_RUNS:
        raise VidexplainError(f"a test takes 2 to {MOST_RUNS:,} runs over random sets, not {runs}")
    if concept < SMALLEST or pool < 2 * SMALLEST:
        raise VidexplainError(
            f"a concept needs at least {SMALLEST} clips and {2 * SMALLEST} random ones, and there are {concept} "
            f"and {pool}"
        )


def score_runs(
    concept: NDArray[np.floating],
    pool: NDArray[np.floating],
    gradients: NDArray[np.floating],
    runs: int = RUNS,
    seed: int = 0,
) -> Scores:
    """Scores of a concept, and of random vectors to compare them with.

    Each run draws a random set from the pool, as large as the concept's, for the concept's vector, and two random sets
    that share no clip for a random vector. Sets of different runs may share clips: the smaller the pool, the more alike
    the runs are, and the p-value of :func:`p_value` is then too small.

    Args:
        concept: ``(n, C)``, features of the concept's clips.
        pool: ``(m, C)``, features of the random clips.
        gradients: ``(k, C)``, of the clips of the class.
        runs: How many.
        seed: For the draws.

    Raises:
        VidexplainError: See :func:`check_counts`.
    """
    check_counts(len(concept), len(pool), runs)
    size = min(len(concept), len(pool) // 2)
    result = np.zeros((4, runs))
    for run in range(runs):
        rng = np.random.default_rng([seed, run])
        order = rng.permutation(len(pool))
        one, other = pool[order[:size]], pool[order[size : 2 * size]]
        own = train_cav(concept[rng.permutation(len(concept))[:size]], one, seed + run)
        chance = train_cav(one, other, seed + run)
        result[:, run] = (
            tcav_score(own.vector, gradients),
            tcav_score(chance.vector, gradients),
            own.accuracy,
            chance.accuracy,
        )
    return Scores(*result)


def p_value(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Welch's two-sided t-test of two samples; where neither varies, 1 for equal values and 0 for others."""
    from scipy.stats import ttest_ind_from_stats

    if first.std() == 0 and second.std() == 0:
        return 1.0 if first[0] == second[0] else 0.0
    one, other = ((sample.mean(), sample.std(ddof=1), len(sample)) for sample in (first, second))
    return float(ttest_ind_from_stats(*one, *other, equal_var=False).pvalue)
