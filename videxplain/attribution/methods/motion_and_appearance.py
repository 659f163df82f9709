"""How much of the evidence is movement, and how much is there in a picture that stands still."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videxplain.attribution.engine import Precision
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.methods.gradcam import gradcam, weighted_map
from videxplain.attribution.methods.saliency import input_gradients
from videxplain.attribution.registry import Attribution, Choose, method
from videxplain.attribution.targets import Score, score_versions
from videxplain.errors import VidexplainError

_COST = "1 forward pass, and 1 for each time step of the layer"


@method(
    "motion",
    family="cam",
    summary="the evidence of Grad-CAM that vanishes when the clip stands still",
    paper="after Hiley et al., arXiv 2003.14285, 2020, on Selvaraju et al., ICCV 2017",
    cost=_COST,
    layer="last",
    candidates=1,
)
def motion(
    module: nn.Module, x: Tensor, choose: Choose, layer: LayerCall | None, precision: Precision = "fp32"
) -> Attribution:
    """What a Grad-CAM map has beyond that of the same picture standing still, ``relu(cam - still)``.

    For each time step of the layer the frame in the middle of it is repeated through the whole clip, and Grad-CAM of
    that clip is taken at this step. A network that answers to differences of frames alone has all its evidence in
    here, one that averages over frames none.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        layer: Where to look.
        precision: See :func:`videxplain.attribution.engine.trace`.

    Returns:
        Maps ``(M, N, t, h, w)``, never negative; with those of :func:`appearance` they add up to Grad-CAM's.
    """
    return _split(module, x, choose, layer, precision, lambda whole, still: (whole - still).relu())


@method(
    "appearance",
    family="cam",
    summary="the evidence of Grad-CAM that is there when the clip stands still, too",
    paper="after Hiley et al., arXiv 2003.14285, 2020, on Selvaraju et al., ICCV 2017",
    cost=_COST,
    layer="last",
    candidates=1,
)
def appearance(
    module: nn.Module, x: Tensor, choose: Choose, layer: LayerCall | None, precision: Precision = "fp32"
) -> Attribution:
    """The rest, ``min(cam, still)``; see :func:`motion`."""
    return _split(module, x, choose, layer, precision, torch.minimum)


@method(
    "selective-relevance",
    family="gradient",
    summary="input x gradient, where it changes from frame to frame",
    paper="Hiley et al., arXiv 2003.14285, 2020",
    cost="1 forward and 1 backward pass",
    candidates=1,
    options=("threshold",),
)
def selective_relevance(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
    threshold: float = 1.0,
) -> Attribution:
    """Relevance with everything left out that stays the same in time.

    Relevance is the gradient times the input. Its derivative in time is that of a Sobel filter along the frames of the
    sum over channels; where its size is not above ``threshold`` standard deviations of all of it, relevance is set to
    zero.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        layer: Not looked at: the input is explained.
        precision: ``"bf16"`` runs both passes in bfloat16 where autocast does.
        threshold: In standard deviations of the derivative.

    Returns:
        Signed contributions ``(M, N, C, T, H, W)``.
    """
    if not threshold >= 0:
        raise VidexplainError(f"threshold is a number of standard deviations, 0 or more, not {threshold}")
    found = input_gradients("selective-relevance", module, x, choose, precision)
    relevance = found.maps * x.detach()
    change = sobel_in_time(relevance.sum(2))
    spread = change.flatten(2).std(-1)[..., None, None, None]
    return Attribution(found.logits, relevance * (change.abs() > threshold * spread)[:, :, None])


def sobel_in_time(values: Tensor) -> Tensor:
    """Sobel's derivative of ``(..., T, H, W)`` in time: differences along it, smoothed (1, 2, 1) along rows and
    columns.

    Frames and pixels at the borders are repeated.
    """
    shape = values.shape
    padded = F.pad(values.reshape(-1, 1, *shape[-3:]), (1, 1, 1, 1, 1, 1), mode="replicate")
    step = torch.tensor([-1.0, 0, 1], device=values.device)
    smooth = torch.tensor([1.0, 2, 1], device=values.device)
    kernel = step[:, None, None] * smooth[:, None] * smooth
    return F.conv3d(padded, kernel[None, None].to(values)).reshape(shape)


def _split(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None,
    precision: Precision,
    part: Callable[[Tensor, Tensor], Tensor],
) -> Attribution:
    assert layer is not None
    scores: list[Score] = []

    def choose_once(logits: Tensor) -> list[Score]:
        scores.extend(choose(logits))
        return scores

    whole = weighted_map(gradcam, module, x, choose_once, layer, precision)
    moved = [_elsewhere(score, whole.logits) for score in scores]
    steps, frames = whole.maps.shape[2], x.shape[2]
    still = []
    for step in range(steps):
        middle = int((step + 0.5) * frames / steps)
        clip = x[:, :, middle : middle + 1].expand_as(x).contiguous()
        found = weighted_map(gradcam, module, clip, lambda _: moved, layer, precision)
        still.append(found.maps[:, :, step])
    return Attribution(whole.logits, part(whole.maps, torch.stack(still, 2)))


def _elsewhere(score: Score, logits: Tensor) -> Score:
    """A score of the batch for other clips in its place, one sample at a time."""

    def of_others(others: Tensor) -> Tensor:
        return torch.cat([score_versions(score, logits, n, others[n : n + 1]) for n in range(len(others))])

    return of_others
