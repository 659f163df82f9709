"""Non-negative factorisation of a layer's activations: the concepts, and how strongly each is active at a place."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError
from videxplain.files import replacing

_SWEEPS = 2000
_STILL = 1e-7
"""A place is solved when a sweep changes its coefficients by less than this share of the largest."""
_ITERATIONS = 400


@dataclass(frozen=True, eq=False)
class Factors:
    """K concepts of a layer: ``activations ≈ coefficients @ directions``.

    Attributes:
        vectors: ``(K, F)``, not negative, each of length 1. F is C, the layer's channels. For a layer with negative
            values F is 2 C: its positive and its negative parts are separate features.
        signed: Whether F is 2 C.
        iterations: Iterations of the factorisation.
        converged: Whether the factorisation converged before the last iteration that is allowed.
    """

    vectors: NDArray[np.float64]
    signed: bool
    iterations: int = 0
    converged: bool = True

    @property
    def count(self) -> int:
        """The number of concepts, K."""
        return len(self.vectors)

    @property
    def channels(self) -> int:
        """The layer's channels, C."""
        return self.vectors.shape[1] // (2 if self.signed else 1)

    @property
    def directions(self) -> NDArray[np.float64]:
        """``(K, C)``: what one unit of each concept adds to the activations of a place."""
        if not self.signed:
            return self.vectors
        return self.vectors[:, : self.channels] - self.vectors[:, self.channels :]

    def coefficients(self, activations: NDArray[np.floating]) -> NDArray[np.float64]:
        """How strongly each concept is active: ``(n, C)`` activations to ``(n, K)``, never negative.

        They are the non-negative least-squares solution for these concepts. Each place is solved for itself, so the
        result does not depend on which places are solved together.
        """
        return solve(features(activations, self.signed), self.vectors)

    def save(self, path: Path) -> None:
        """Write the concepts as NumPy arrays, whole or not at all."""
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                vectors=self.vectors,
                signed=self.signed,
                iterations=self.iterations,
                converged=self.converged,
            )

    @classmethod
    def load(cls, path: Path) -> "Factors":
        """Read what :meth:`save` wrote.

        Raises:
            VidexplainError: The file is missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(file["vectors"], bool(file["signed"]), int(file["iterations"]), bool(file["converged"]))
        except (OSError, ValueError, KeyError) as error:
            raise VidexplainError(f"cannot read {path}: {error}") from None


def features(activations: NDArray[np.floating], signed: bool) -> NDArray[np.float64]:
    """The features that are factorised.

    Args:
        activations: ``(n, C)``.
        signed: Whether positive and negative parts are separate features. Otherwise negative values count as zero.

    Returns:
        ``(n, C)``, or ``(n, 2 C)`` if ``signed``.
    """
    values = np.asarray(activations, np.float64)
    if not signed:
        return np.maximum(values, 0)
    return np.concatenate([np.maximum(values, 0), np.maximum(-values, 0)], 1)


def factorise(activations: NDArray[np.floating], concepts: int, signed: bool, seed: int = 0) -> Factors:
    """Find concepts in the activations of a sample of places, as CRAFT does (Fel et al., CVPR 2023, eq. 1).

    scikit-learn's NMF minimises the squared error of ``features ≈ coefficients @ vectors`` with non-negative factors,
    starting from ``nndsvda``. The concepts are sorted by how much of the activations they explain, the largest first.

    Args:
        activations: ``(n, C)``, a place a row.
        concepts: The number of concepts, K.
        signed: Whether the layer has negative values, so that positive and negative parts are separate features.
        seed: For the start of the factorisation.

    Raises:
        VidexplainError: The activations are all zero, or there are fewer places or channels than concepts.
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    values = features(activations, signed)
    most = min(values.shape)
    if not 1 <= concepts <= most:
        raise VidexplainError(
            f"{concepts} concepts cannot be found in {values.shape[0]} places of {values.shape[1]} features: "
            f"ask for 1 to {most}"
        )
    scale = values.max(initial=0)
    if not scale > 0:
        raise VidexplainError("the layer is zero at every place of the sample; name another layer")
    search = NMF(concepts, init="nndsvda", max_iter=_ITERATIONS, tol=1e-4, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the result says whether it converged
        # The solver's tolerance is relative to the values, but its start is not. So the values are scaled.
        coefficients = search.fit_transform(values / scale)
    lengths = np.linalg.norm(search.components_, axis=1)
    used = lengths > 0
    vectors = search.components_ / np.where(used, lengths, 1)[:, None]
    weight = (coefficients * lengths).sum(0)
    order = np.argsort(-weight, kind="stable")
    return Factors(vectors[order], signed, int(search.n_iter_), int(search.n_iter_) < _ITERATIONS)


def solve(values: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Non-negative least squares of each row of ``values`` ``(n, F)`` on ``vectors`` ``(K, F)``: ``(n, K)``.

    Coordinate descent on all rows at once (Hsieh and Dhillon, KDD 2011). Rows do not influence each other. A vector
    that is zero gets the coefficient zero.
    """
    gram, target = vectors @ vectors.T, vectors @ values.T
    result = np.zeros_like(target)
    open_rows = np.arange(values.shape[0])
    part, goal = result, target
    for _ in range(_SWEEPS):
        if not len(open_rows):
            break
        before = part.copy()
        for k in range(len(vectors)):
            if gram[k, k] > 0:
                part[k] = np.maximum(part[k] + (goal[k] - gram[k] @ part) / gram[k, k], 0)
        result[:, open_rows] = part
        moving = np.abs(part - before).max(0) > _STILL * part.max(0)
        open_rows = open_rows[moving]
        part, goal = part[:, moving], goal[:, moving]
    return result.T
