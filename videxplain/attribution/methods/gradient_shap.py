"""Gradient SHAP: integrated gradients of noisy copies, at random points. The sampling is captum's."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from videxplain.attribution.methods.sample_by_sample import (
    COPIES,
    NOISE_SEED,
    ScoreOfVideo,
    noise_deviation,
    noise_option,
    sample_by_sample,
)
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.exclusive import seeded


@register_method(
    "gradient-shap",
    family="gradient",
    summary="integrated gradients of noisy copies, each at one random point between a grey clip and the copy",
    paper="Lundberg and Lee, NeurIPS 2017",
    cost="1 forward pass, and 25 (samples) forward and backward passes",
    candidates=1,
    options=(COPIES, noise_option(0.09), NOISE_SEED),
)
def gradient_shap(p: Pass, samples: int = 25, noise: float = 0.09, seed: int = 0) -> Attribution:
    """Gradient SHAP, expected gradients against zero, the mean colour: SHAP values if the network were linear.

    Every sample and every score sees the same noise and the same points.
    Each kind of device draws noise of its own: a GPU's map differs from the CPU's as one seed's does from another's.

    Returns:
        Signed contributions ``(M, N, C, T, H, W)``.
    """
    from captum.attr import GradientShap

    def explain(score: ScoreOfVideo, sample: Tensor) -> Tensor:
        deviation = noise_deviation(noise, sample)
        # captum runs all copies at once. A few at a time need no more memory than one pass and give the same mean.
        together = min(samples, p.at_once(traced=True))
        total = torch.zeros_like(sample)
        # captum draws the points of the way from numpy.
        with seeded(seed, sample.device), _numpy_seeded(seed):
            for start in range(0, samples, together):
                count = min(together, samples - start)
                total += count * GradientShap(score).attribute(
                    sample, torch.zeros_like(sample), n_samples=count, stdevs=deviation
                )
        return (total / samples).to(sample.dtype)

    return sample_by_sample(p, explain)


@contextmanager
def _numpy_seeded(seed: int) -> Iterator[None]:
    """numpy's global generator begins at ``seed`` and is then as it was."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(seed)  # noqa: NPY002
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
