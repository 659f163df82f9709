"""SmoothGrad: gradients averaged over noisy copies of the clip. The averaging is captum's."""

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
    "smoothgrad",
    family="gradient",
    summary="the gradient averaged over noisy copies of the clip",
    paper="Smilkov et al., arXiv 1706.03825, 2017",
    cost="1 forward pass, and 25 (samples) forward and backward passes",
    candidates=1,
    options=(COPIES, noise_option(0.15), NOISE_SEED),
)
def smoothgrad(p: Pass, samples: int = 25, noise: float = 0.15, seed: int = 0) -> Attribution:
    """SmoothGrad: the mean gradient with respect to copies of the input with Gaussian noise on them.

    Every sample and every score sees the same noise.
    Each kind of device draws noise of its own: a GPU's map differs from the CPU's as one seed's does from another's.

    Returns:
        Signed gradients ``(M, N, C, T, H, W)``.
    """
    from captum.attr import NoiseTunnel, Saliency

    def explain(score: ScoreOfVideo, sample: Tensor) -> Tensor:
        with seeded(seed, sample.device):
            mean: Tensor = NoiseTunnel(Saliency(score)).attribute(
                sample,
                nt_samples=samples,
                nt_samples_batch_size=min(samples, p.at_once(traced=True)),
                stdevs=noise_deviation(noise, sample),
                abs=False,
            )
        return mean

    return sample_by_sample(p, explain)
