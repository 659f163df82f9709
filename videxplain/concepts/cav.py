"""Concept activation vectors and TCAV scores (Kim et al., ICML 2018), computed from arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError

RUNS = 20
MOST_RUNS = 10_000
SMALLEST = 4
"""The fewest examples of a concept. The fewest random clips are twice as many."""
_HELD_OUT = 3
"""One of this number of examples is held out."""


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
        concept: ``(runs,)``, scores of vectors that tell the concept from a random set.
        random: ``(runs,)``, scores of vectors that tell one random set from another.
        accuracy: ``(runs,)``, held-out accuracies of the concept's vectors.
        random_accuracy: ``(runs,)``, held-out accuracies of the random vectors.
    """

    concept: NDArray[np.float64]
    random: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    random_accuracy: NDArray[np.float64]


def train_cav(first: NDArray[np.floating], second: NDArray[np.floating], seed: int) -> Cav:
    """The normal of a linear classifier that tells ``first`` from ``second``, each ``(n, C)``.

    The classifier is scikit-learn's logistic regression with its default penalty. Before, the mean of each feature is
    subtracted, and all features are divided by one number, their standard deviation. A third of each set is held out
    for the accuracy.
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
        gradients: ``(n, C)``, the gradient of each clip's score by a vector that is added to the layer at all places.
    """
    return float((gradients @ vector > 0).mean())


def check_counts(concept: int, pool: int, runs: int) -> None:
    """Check the numbers of clips and of runs.

    Args:
        concept: Number of the concept's clips.
        pool: Number of random clips.
        runs: Number of random sets.

    Raises:
        VidexplainError: There are too few clips, or too few or too many runs.
    """
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
    """Scores of a concept's vectors, and of random vectors for comparison.

    Each run trains two vectors. The concept's vector tells the concept from a random set of the same size. The random
    vector tells this set from another random set without common clips. Sets of different runs may share clips. The
    smaller the pool is, the more similar are the runs, and the p-value of :func:`p_value` is then too small.

    Args:
        concept: ``(n, C)``, features of the concept's clips.
        pool: ``(m, C)``, features of the random clips.
        gradients: ``(k, C)``, gradients of the clips of the class.
        runs: Number of runs.
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
    """The p-value of Welch's two-sided t-test. If neither sample varies, it is 1 for equal values, otherwise 0."""
    from scipy.stats import ttest_ind_from_stats

    if first.std() == 0 and second.std() == 0:
        return 1.0 if first[0] == second[0] else 0.0
    one, other = ((sample.mean(), sample.std(ddof=1), len(sample)) for sample in (first, second))
    return float(ttest_ind_from_stats(*one, *other, equal_var=False).pvalue)
