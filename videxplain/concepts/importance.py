"""How much a score depends on each concept of a clip: Sobol total indices, gradient x activation, leaving it out."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.attribution.engine import trace
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.targets import Score
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
    model: nn.Module,
    config: ModelConfig,
    x: Tensor,
    layer: LayerCall,
    factors: Factors,
    rest: Rest,
    label: int,
    score: Score,
    designs: int,
    seed: int,
) -> Importance:
    """Measure the concepts of one window.

    Args:
        model: The network.
        config: What the network's output means.
        x: The window ``(1, C, T, H, W)``.
        layer: The layer.
        factors: The concepts.
        rest: Runs the part of the network after the layer.
        label: The class.
        score: The score of the class.
        designs: N of the Sobol indices, which take N (K + 2) passes of the part after the layer; 0 for none.
        seed: For the masks of the Sobol indices.
    """
    directions = torch.from_numpy(factors.directions).to(x)
    calls = rest.calls(x)
    active = {call: _coefficients(values, factors) for call, values in calls.items()}

    def outputs(masks: Tensor) -> Tensor:
        def make(call: int, numbers: Tensor) -> Tensor:
            return torch.einsum("rk...,bk,kc->brc...", active[call], masks[numbers], directions)

        return rest.run(x, len(masks), make)

    count = factors.count
    # First with all concepts, then without each of them.
    leaving = torch.ones(count + 1, count)
    leaving[1:] -= torch.eye(count)
    designed = torch.from_numpy(sobol_masks(designs, count, seed)).float() if designs else torch.zeros(0, count)
    logits = outputs(torch.cat([leaving, designed]).to(x))
    left, varied = logits[: count + 1], logits[count + 1 :]
    of_left, said = score(left).cpu().double().numpy(), probabilities(left, config).cpu().double().numpy()

    with trace(model, x, [layer]) as run:
        activations, whole = run.activations(layer)[0], run.logits.detach()
        gradient = next(run.gradients(score(run.logits)[None]))[layer][0]
    video = _coefficients(activations[None], factors)[0]
    parts = torch.einsum("cthw,kthw,kc->k", gradient, video, directions).cpu().double().numpy()
    return Importance(
        score=float(score(whole)[0]),
        probability=float(probabilities(whole, config)[0, label]),
        reconstructed=float(of_left[0]),
        reconstructed_probability=float(said[0, label]),
        reconstructed_label=int(said[0].argmax()),
        without=of_left[1:],
        without_probability=said[1:, label],
        without_label=said[1:].argmax(1),
        gradient_x_activation=parts,
        rest=float((gradient.cpu().double() * activations.cpu().double()).sum()) - float(parts.sum()),
        sobol=total_indices(score(varied).cpu().double().numpy(), designs, count) if designs else np.zeros(0),
    )


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
