"""How much a score depends on each concept of a clip: Sobol total indices, gradient x activation, leaving it out."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videxplain.attribution.engine import trace
from videxplain.attribution.targets import Score, score_function
from videxplain.concepts.factors import Factors
from videxplain.concepts.layer import Rest
from videxplain.models.config import ModelConfig
from videxplain.models.outputs import probabilities


@dataclass(frozen=True, eq=False)
class Importance:
    """How much the score of one class depends on the concepts of one window.

    In the reconstruction, the concepts replace the layer's activations: what they do not explain is left out.

    Attributes:
        score: The network's output for the class.
        probability: The probability of the class.
        reconstructed: The score of the reconstruction.
        reconstructed_probability: The probability of the class for the reconstruction.
        reconstructed_label: The most probable class for the reconstruction.
        without: ``(K,)``, the score of the reconstruction without one of the concepts.
        without_probability: ``(K,)``, the probability of the class for it.
        without_label: ``(K,)``, the most probable class for it.
        gradient_x_activation: ``(K,)``, the sum over places of the concept's activations times the score's gradient.
        rest: The same sum for the part that the concepts do not explain.
        sobol: ``(K,)``, total indices; empty for no designs, NaN if the score does not change.
    """

    score: float
    probability: float
    reconstructed: float
    reconstructed_probability: float
    reconstructed_label: int
    without: NDArray[np.float64]
    without_probability: NDArray[np.float64]
    without_label: NDArray[np.int64]
    gradient_x_activation: NDArray[np.float64]
    rest: float
    sobol: NDArray[np.float64]


def measure_importance(
    rest: Rest, x: Tensor, factors: Factors, config: ModelConfig, label: int, *, designs: int, seed: int
) -> Importance:
    """Measure how much the score of a class depends on the concepts of one window.

    Args:
        rest: The network and the layer; it runs the part of the network after the layer.
        x: The window ``(1, C, T, H, W)``.
        factors: The concepts.
        config: What the network's output means.
        label: The class.
        designs: N of the Sobol indices, which take N (K + 2) passes of the part after the layer; 0 for none.
        seed: For the masks of the Sobol indices.
    """
    score = score_function(label, config.num_outcomes)
    count = factors.count
    # First with all concepts, then without each of them.
    leaving = torch.ones(count + 1, count)
    leaving[1:] -= torch.eye(count)
    designed = torch.from_numpy(sobol_masks(designs, count, seed)).float() if designs else torch.zeros(0, count)
    logits = _masked_outputs(rest, x, factors, torch.cat([leaving, designed]).to(x))
    left, varied = logits[: count + 1], logits[count + 1 :]
    scores, shares = score(left).cpu().double().numpy(), probabilities(left, config).cpu().double().numpy()
    whole, parts, unexplained = _gradient_x_activation(rest, x, factors, score)
    return Importance(
        score=float(score(whole)[0]),
        probability=float(probabilities(whole, config)[0, label]),
        reconstructed=float(scores[0]),
        reconstructed_probability=float(shares[0, label]),
        reconstructed_label=int(shares[0].argmax()),
        without=scores[1:],
        without_probability=shares[1:, label],
        without_label=shares[1:].argmax(1),
        gradient_x_activation=parts,
        rest=unexplained,
        sobol=total_indices(score(varied).cpu().double().numpy(), designs, count) if designs else np.zeros(0),
    )


def _masked_outputs(rest: Rest, x: Tensor, factors: Factors, masks: Tensor) -> Tensor:
    """The logits of reconstructions in which each concept is multiplied by its value in ``masks`` ``(versions, K)``."""
    directions = torch.from_numpy(factors.directions).to(x)
    active = {call: _coefficients(values, factors) for call, values in rest.calls(x).items()}

    def make(call: int, numbers: Tensor) -> Tensor:
        return torch.einsum("rk...,bk,kc->brc...", active[call], masks[numbers], directions)

    return rest.run(x, len(masks), make)


def _gradient_x_activation(
    rest: Rest, x: Tensor, factors: Factors, score: Score
) -> tuple[Tensor, NDArray[np.float64], float]:
    """The logits ``(1, K)``, the part of each concept in gradient x activation, and the part that none explains."""
    with trace(rest.module, x, [rest.layer]) as run:
        activations, logits = run.activations(rest.layer)[0], run.logits.detach()
        gradient = next(run.gradients(score(run.logits)[None]))[rest.layer][0]
    directions = torch.from_numpy(factors.directions).to(x)
    video = _coefficients(activations[None], factors)[0]
    parts = torch.einsum("cthw,kthw,kc->k", gradient, video, directions).cpu().double().numpy()
    total = float((gradient.cpu().double() * activations.cpu().double()).sum())
    return logits, parts, total - float(parts.sum())


def _coefficients(activations: Tensor, factors: Factors) -> Tensor:
    """``(N, C, ...)`` activations to ``(N, K, ...)`` coefficients."""
    places = activations.movedim(1, -1)
    found = factors.coefficients(places.reshape(-1, places.shape[-1]).cpu().numpy())
    return torch.from_numpy(found).to(activations).reshape(*places.shape[:-1], factors.count).movedim(-1, 1)


@lru_cache(maxsize=4)
def sobol_masks(designs: int, count: int, seed: int) -> NDArray[np.float64]:
    """The points at which a score is evaluated for total indices: ``(designs (count + 2), count)`` in [0, 1].

    The points are the rows of a matrix A, of a matrix B, and for each variable of A with this column taken from B
    (Saltelli et al., 2010). A and B are the halves of a scrambled Sobol sequence.
    """
    from scipy.stats import qmc

    # A Sobol sequence is balanced for powers of two. For other numbers its beginning is taken.
    points = qmc.Sobol(2 * count, seed=seed).random_base2(max(1, int(np.ceil(np.log2(max(designs, 2))))))[:designs]
    a, b = points[:, :count], points[:, count:]
    mixed = [np.where(np.arange(count) == k, b, a) for k in range(count)]
    return np.concatenate([a, b, *mixed])


def total_indices(scores: NDArray[np.float64], designs: int, count: int) -> NDArray[np.float64]:
    """Sobol total indices ``(count,)`` by Jansen's estimator (1999), as CRAFT takes them (Fel et al., CVPR 2023).

    The index of a variable is the share of the score's variance that it takes part in, alone or with others. So the
    indices of all variables add up to at least 1.

    Args:
        scores: ``(designs (count + 2),)``, the scores at the points of :func:`sobol_masks`.
        designs: N.
        count: Number of variables.

    Returns:
        The indices; NaN if the score is the same at all points.
    """
    a, b = scores[:designs], scores[designs : 2 * designs]
    mixed = scores[2 * designs :].reshape(count, designs)
    variance = np.concatenate([a, b]).var()
    if not variance > 1e-12 * max(1e-12, float(np.abs(scores).max()) ** 2):
        return np.full(count, np.nan)
    result: NDArray[np.float64] = ((a - mixed) ** 2).mean(1) / (2 * variance)
    return result


def shares_of(parts: NDArray[np.float64], rest: float) -> NDArray[np.float64]:
    """Gradient x activation ``(K,)`` as signed shares: divided by the sum of the absolute values, with the rest."""
    total = np.abs(parts).sum() + abs(rest)
    return parts / total if total > 0 else np.zeros_like(parts)
