"""Does an explanation depend on what the network has learned? Its parameters are made random, and the maps compared.

Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018, section 3.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videxplain.device import device_of
from videxplain.errors import VidexplainError, unknown
from videxplain.exclusive import alone, seeded
from videxplain.network_answers import look_now

Mode: TypeAlias = Literal["cascading", "independent"]
_WINDOW, _SIGMA = 11, 1.5
"""Of the structural similarity (Wang et al., IEEE TIP 2004, section III)."""


@dataclass(frozen=True)
class Similarity:
    """How alike two maps are; 1 is the same.

    Attributes:
        spearman: Rank correlation of all voxels.
        absolute_spearman: The same for the maps without their signs.
        ssim: Mean structural similarity of the frames, of maps without their signs, each brought to [0, 1].
    """

    spearman: float
    absolute_spearman: float
    ssim: float


@dataclass(frozen=True)
class Step:
    """A map of a network with random parameters beside that of the trained one.

    Attributes:
        layer: The layer that was made random last; in a cascade, ``"all"`` layers before it are random too.
        similarity: To the map of the trained network.
    """

    layer: str
    similarity: Similarity


def layers_from_the_top(module: nn.Module) -> list[str]:
    """Names of the modules with parameters of their own, in the order of the module tree from the last to the first."""
    names = [name for name, m in module.named_modules() if any(True for _ in m.parameters(recurse=False))]
    return names[::-1]


@contextmanager
def randomised(module: nn.Module, layers: Sequence[str], seed: int = 0) -> Iterator[nn.Module]:
    """The network with some layers as they were before any training, and afterwards as it was.

    A layer is drawn anew by its own ``reset_parameters``, which sets the running statistics of a batch normalisation
    back too; parameters of other modules take normal values with the mean and deviation of those they replace. The
    random state of torch is restored. No other thread uses the network meanwhile.

    Args:
        module: The network.
        layers: Names of modules with parameters of their own.
        seed: Of the random values; a layer gets the same ones whatever the other layers are.
    """
    order = {name: place for place, name in enumerate(layers_from_the_top(module))}
    for name in layers:
        if name not in order:
            raise unknown("layer with parameters", name, order)
    with alone(module):
        look_now(module)  # what is known of the layers of the trained network holds for the random ones beside it
        kept = {name: value.clone() for name, value in module.state_dict().items()}
        try:
            for name in layers:
                with seeded(seed * len(order) + order[name], device_of(module)), torch.no_grad():
                    _reset(module.get_submodule(name))
            yield module
        finally:
            module.load_state_dict(kept)


def randomisation_test(
    module: nn.Module,
    explain: Callable[[nn.Module], Tensor],
    *,
    mode: Mode = "cascading",
    layers: Sequence[str] | None = None,
    seed: int = 0,
) -> list[Step]:
    """Explain again with random layers, from the top of the network down.

    A map that stays the same does not show what the network has learned.

    Args:
        module: The network.
        explain: The network to a map ``(T, H, W)``, always of the same clip and class.
        mode: ``"cascading"`` leaves the layers above random as well; ``"independent"`` has one at a time.
        layers: From the top down; None for all with parameters.
        seed: Of the random values.
    """
    if mode not in ("cascading", "independent"):
        raise VidexplainError(f"mode is 'cascading' or 'independent', not '{mode}'")
    names = layers_from_the_top(module) if layers is None else list(layers)
    before = explain(module).clone()  # it may be a view of what is about to change
    steps = []
    for place, name in enumerate(names):
        with randomised(module, names[: place + 1] if mode == "cascading" else [name], seed):
            steps.append(Step(name, similarity(before, explain(module))))
    return steps


def similarity(first: Tensor, second: Tensor) -> Similarity:
    """How alike two maps ``(T, H, W)`` are; one that is the same everywhere correlates with nothing."""
    if first.shape != second.shape or first.ndim != 3:
        raise VidexplainError(f"two maps (T, H, W) are compared, not {tuple(first.shape)} and {tuple(second.shape)}")
    return Similarity(
        spearman(first, second), spearman(first.abs(), second.abs()), ssim(_unit(first.abs()), _unit(second.abs()))
    )


def spearman(first: Tensor, second: Tensor) -> float:
    """Spearman's rank correlation of all values; equal values share the mean of their ranks. 0 where all are equal."""
    a, b = centred_ranks(first), centred_ranks(second)
    scale = (a.square().sum() * b.square().sum()).sqrt()
    return float((a * b).sum() / scale) if scale > 0 else 0.0


def centred_ranks(values: Tensor) -> Tensor:
    """The ranks of all values minus their mean, flat, float64; equal values share the mean of their ranks."""
    ranks = _ranks(values.flatten())
    return ranks - ranks.mean()


def ssim(first: Tensor, second: Tensor) -> float:
    """Structural similarity of maps ``(T, H, W)`` with values in [0, 1], the mean over frames.

    Wang et al., IEEE TIP 2004, eq. 13: Gaussian windows of 11 pixels with a deviation of 1.5, K1 = 0.01, K2 = 0.03;
    pixels whose window sticks out are left out, and windows are smaller on smaller maps.
    """
    edge = min(_WINDOW, *first.shape[1:])
    edge -= 1 - edge % 2
    offsets = torch.arange(edge, dtype=torch.float64, device=first.device) - edge // 2
    line = torch.exp(-0.5 * (offsets / _SIGMA) ** 2)
    window = (line[:, None] * line)[None, None] / line.sum() ** 2

    def blurred(values: Tensor) -> Tensor:
        return F.conv2d(values[:, None], window)

    a, b = first.double(), second.double()
    mean_a, mean_b = blurred(a), blurred(b)
    var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    covariance = blurred(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    numerator = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float((numerator / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())


def _reset(module: nn.Module) -> None:
    if isinstance(module, nn.MultiheadAttention):
        module._reset_parameters()  # under this name it has what others call reset_parameters
    elif callable(reset := getattr(module, "reset_parameters", None)):
        reset()
    else:
        for parameter in module.parameters(recurse=False):
            spread = float(parameter.std()) if parameter.numel() > 1 else 0.0
            parameter.normal_(float(parameter.mean()), spread or 1.0)


def _ranks(values: Tensor) -> Tensor:
    _, inverse, counts = values.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    middle: Tensor = (last - (counts - 1) / 2)[inverse]
    return middle


def _unit(values: Tensor) -> Tensor:
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else torch.zeros_like(values)
