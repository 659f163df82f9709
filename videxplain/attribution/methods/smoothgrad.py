"""Gradients averaged over many inputs: noisy copies, or the way from a baseline. The averaging is captum's."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from videxplain.attribution.engine import Precision, at_once, computing_in, forward
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.registry import Attribution, Choose, method
from videxplain.attribution.targets import Score, score_versions
from videxplain.errors import VidexplainError
from videxplain.untouched import untouched

ScoreOfVideo: TypeAlias = Callable[[Tensor], Tensor]
"""Several versions of one sample ``(B, C, T, H, W)`` to a score each, ``(B,)``."""


@method(
    "smoothgrad",
    family="gradient",
    summary="the gradient averaged over noisy copies of the clip",
    paper="Smilkov et al., arXiv 1706.03825, 2017",
    cost="1 forward pass, and 25 (samples) forward and backward passes",
    candidates=1,
    options=("samples", "noise", "seed"),
)
def smoothgrad(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
    samples: int = 25,
    noise: float = 0.15,
    seed: int = 0,
) -> Attribution:
    """SmoothGrad: the mean gradient with respect to copies of the input with Gaussian noise on them.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        layer: Not looked at: the gradient is taken with respect to the input.
        precision: ``"bf16"`` runs all passes in bfloat16 where autocast does.
        samples: How many copies.
        noise: The noise's standard deviation, as a share of the sample's range from darkest to brightest.
        seed: Of the noise; every sample and every score sees the same.

    Returns:
        Signed gradients ``(M, N, C, T, H, W)``.
    """
    from captum.attr import NoiseTunnel, Saliency

    _at_least_one("samples", samples)
    if not noise >= 0:
        raise VidexplainError(f"noise is a share of the input's range, 0 or more, not {noise}")

    def explain(score: ScoreOfVideo, sample: Tensor) -> Tensor:
        torch.manual_seed(seed)
        deviation = noise * float(sample.detach().max() - sample.detach().min())
        found: Tensor = NoiseTunnel(Saliency(score)).attribute(
            sample,
            nt_samples=samples,
            nt_samples_batch_size=min(samples, at_once(sample, traced=True)),
            stdevs=deviation,
            abs=False,
        )
        return found

    return sample_by_sample(module, x, choose, precision, explain)


@method(
    "integrated-gradients",
    family="gradient",
    summary="what each pixel adds to the score on the way from a grey clip; the parts add up to the difference",
    paper="Sundararajan et al., ICML 2017",
    cost="1 forward pass, and 50 (steps) forward and backward passes",
    candidates=1,
    options=("steps",),
)
def integrated_gradients(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
    steps: int = 50,
) -> Attribution:
    """Integrated gradients on the straight way from zero, the mean colour, to the input (section 3, eq. 1).

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        layer: Not looked at: the gradient is taken with respect to the input.
        precision: ``"bf16"`` runs all passes in bfloat16 where autocast does.
        steps: At how many points of the way the gradient is taken (Gauss-Legendre).

    Returns:
        Signed contributions ``(M, N, C, T, H, W)``; over a sample they add up to its score less that of the baseline.
    """
    from captum.attr import IntegratedGradients

    _at_least_one("steps", steps)

    def explain(score: ScoreOfVideo, sample: Tensor) -> Tensor:
        found: Tensor = IntegratedGradients(score).attribute(
            sample, n_steps=steps, internal_batch_size=min(steps, at_once(sample, traced=True))
        )
        return found.to(sample.dtype)

    return sample_by_sample(module, x, choose, precision, explain)


@method(
    "gradient-shap",
    family="gradient",
    summary="integrated gradients of noisy copies, each at one random point of the way from a grey clip",
    paper="Lundberg and Lee, NeurIPS 2017",
    cost="1 forward pass, and 25 (samples) forward and backward passes",
    candidates=1,
    options=("samples", "noise", "seed"),
)
def gradient_shap(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
    samples: int = 25,
    noise: float = 0.09,
    seed: int = 0,
) -> Attribution:
    """Gradient SHAP, expected gradients against zero, the mean colour: SHAP values if the network were linear.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        layer: Not looked at: the gradient is taken with respect to the input.
        precision: ``"bf16"`` runs all passes in bfloat16 where autocast does.
        samples: How many copies.
        noise: The standard deviation of their noise, as a share of the sample's range from darkest to brightest.
        seed: Of the noise and the points; every sample and every score sees the same.

    Returns:
        Signed contributions ``(M, N, C, T, H, W)``.
    """
    from captum.attr import GradientShap

    _at_least_one("samples", samples)
    if not noise >= 0:
        raise VidexplainError(f"noise is a share of the input's range, 0 or more, not {noise}")

    def explain(score: ScoreOfVideo, sample: Tensor) -> Tensor:
        deviation = noise * float(sample.detach().max() - sample.detach().min())
        # captum runs all copies at once; a few at a time need no more memory than one pass, and come to the same mean.
        together = min(samples, at_once(sample, traced=True))
        total = torch.zeros_like(sample)
        # captum draws the points of the way from numpy.
        state = np.random.get_state()  # noqa: NPY002
        try:
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            for start in range(0, samples, together):
                count = min(together, samples - start)
                total += count * GradientShap(score).attribute(
                    sample, torch.zeros_like(sample), n_samples=count, stdevs=deviation
                )
        finally:
            np.random.set_state(state)  # noqa: NPY002
        return (total / samples).to(sample.dtype)

    return sample_by_sample(module, x, choose, precision, explain)


def sample_by_sample(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    precision: Precision,
    explain: Callable[[ScoreOfVideo, Tensor], Tensor],
) -> Attribution:
    """Each sample ``(1, C, T, H, W)`` explained by itself for each score, so that a batch equals its samples."""
    with untouched(module):
        x = x.clone() if x.is_inference() else x.detach()

        def run(versions: Tensor) -> Tensor:
            # In-place operations are not allowed on a leaf, so the network gets a copy.
            with computing_in(precision, x.device):
                return forward(module, versions.clone())

        with torch.no_grad():
            logits = run(x)
        scores = choose(logits)
        maps = [
            torch.cat(
                [explain(_for_sample(score, logits, n, run), x[n : n + 1].requires_grad_()) for n in range(len(x))]
            )
            for score in scores
        ]
        return Attribution(logits, torch.stack(maps).detach())


def _for_sample(score: Score, logits: Tensor, n: int, run: Callable[[Tensor], Tensor]) -> ScoreOfVideo:
    """The score of sample n, for any number of its versions at once."""

    def of_versions(versions: Tensor) -> Tensor:
        found = score_versions(score, logits, n, run(versions))
        if not found.requires_grad:
            raise VidexplainError("the score does not depend on the input: nothing can be traced back to it")
        return found

    return of_versions


def _at_least_one(name: str, value: Any) -> None:
    if value < 1:
        raise VidexplainError(f"{name} is a number of passes, at least 1, not {value}")
