"""Integrated gradients from a clip of the mean colour. The integration is captum's."""

from torch import Tensor

from videxplain.attribution.methods.sample_by_sample import ScoreOfVideo, sample_by_sample
from videxplain.attribution.options import MOST_PASSES, Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method


@register_method(
    "integrated-gradients",
    family="gradient",
    summary="what each pixel adds to the score, compared with a grey clip; the values add up to the difference",
    paper="Sundararajan et al., ICML 2017",
    cost="1 forward pass, and 50 (steps) forward and backward passes",
    candidates=1,
    options=(
        Option(
            "steps",
            int,
            50,
            "How many gradients are taken between the grey clip and the clip. The cost grows with it.",
            minimum=1,
            maximum=MOST_PASSES,
        ),
    ),
)
def integrated_gradients(p: Pass, steps: int = 50) -> Attribution:
    """Integrated gradients on the straight line from zero, the mean colour, to the input (section 3, eq. 1).

    The points on the line are those of Gauss-Legendre quadrature.

    Returns:
        Signed contributions ``(M, N, C, T, H, W)``. Over a sample they add up to its score less that of the baseline.
    """
    from captum.attr import IntegratedGradients

    def explain(score: ScoreOfVideo, sample: Tensor) -> Tensor:
        contributions: Tensor = IntegratedGradients(score).attribute(
            sample, n_steps=steps, internal_batch_size=min(steps, p.at_once(traced=True))
        )
        return contributions.to(sample.dtype)

    return sample_by_sample(p, explain)
