"""Does a map foretell what changes of the input do, and does it hold still where they are small? Both are captum's.

Yeh et al., On the (In)fidelity and Sensitivity of Explanations, NeurIPS 2019.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from videxplain.metrics.faithfulness import Score, check_pair

NOISE = 0.1
"""Standard deviation of the noise of infidelity, as a share of the clip's own."""
RADIUS = 0.02
"""By so much the input is changed at most in the sensitivity; captum's default."""


def infidelity(score: Score, x: Tensor, heat: Tensor, *, samples: int = 16, seed: int = 0) -> float:
    """How badly a map foretells what happens to the score when noise is taken from the clip (definition 2.1).

    Each sample takes Gaussian noise I from x, alike in all channels, and compares the sum of I times the map with the
    fall of the score. Maps have scales of their own, and infidelity has the square of it: the map is first multiplied
    by the best number for these samples (captum's ``normalize``), and the result is divided by what a map of zeros
    gets. So 0 is perfect, and 1 no better than nothing.

    Args:
        score: Versions ``(B, C, T, H, W)`` to ``(B,)``.
        x: One clip ``(1, C, T, H, W)``, normalised.
        heat: ``(T, H, W)``.
        samples: How many.
        seed: Of the noise.
    """
    from captum.metrics import infidelity as captums

    check_pair(x, heat)
    deviation = NOISE * float(x.std())

    def measured(attribution: Tensor, normalise: bool) -> float:
        # A generator of its own: torch's are shared by all threads.
        draw = torch.Generator(x.device).manual_seed(seed)

        def perturb(inputs: Tensor) -> tuple[Tensor, Tensor]:
            shape = (len(inputs), 1, *inputs.shape[2:])
            noise = torch.randn(shape, generator=draw, device=inputs.device, dtype=inputs.dtype)
            noise = (deviation * noise).expand_as(inputs)
            return noise.contiguous(), inputs - noise

        value = captums(
            score,
            perturb,
            x,
            attribution,
            n_perturb_samples=samples,
            max_examples_per_batch=1,
            normalize=normalise,
        )
        return float(value)

    # The same number in each channel: only their sum is compared.
    spread = (heat / x.shape[1])[None, None].expand_as(x).contiguous()
    nothing = measured(torch.zeros_like(x), False)
    if nothing == 0:
        return 0.0
    # What captum adds up may fall short of zero by its rounding.
    return max(0.0, measured(spread, bool(heat.any()))) / nothing


def sensitivity(
    explain: Callable[[Tensor], Tensor], x: Tensor, *, radius: float = RADIUS, samples: int = 3, seed: int = 0
) -> float:
    """The largest change of a map, as a share of its norm, when the input changes a little (definition 3.1).

    Args:
        explain: A clip ``(1, C, T, H, W)`` to its map ``(T, H, W)``, for a fixed class.
        x: The clip.
        radius: How much any value changes at most.
        samples: How many changes are tried, drawn evenly from that ball.
        seed: Of the changes.

    Returns:
        0 where nothing changes; 0 too for a map of zeros that stays one.
    """
    from captum.metrics import sensitivity_max

    def run(inputs: tuple[Tensor]) -> tuple[Tensor]:
        # captum turns gradients off, which most explanations are made of.
        with torch.enable_grad():
            return (torch.stack([explain(one[None]).detach() for one in inputs[0]]),)

    draw = torch.Generator().manual_seed(seed)

    def perturb(inputs: Tensor) -> tuple[Tensor]:
        return (inputs + torch.empty(inputs.shape).uniform_(-radius, radius, generator=draw).to(inputs.device),)

    return float(sensitivity_max(run, x, perturb, n_perturb_samples=samples, max_examples_per_batch=1))
