"""Class activation maps: channels of a layer, weighted by what their gradients mean for a score."""

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from videxplain.attribution.options import Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method

Pooling: TypeAlias = Literal["clip", "frame"]
Weights: TypeAlias = Callable[[Tensor, Tensor, tuple[int, ...]], Tensor]
"""Activations and gradients ``(N, K, T, h, w)``, and the dimensions that are pooled, to weights that broadcast."""

POOLING = Option(
    "pooling",
    str,
    "clip",
    "One weight per channel for the whole clip, or one for each time step of the layer.",
    choices=("clip", "frame"),
)

TURNED_NOTE = (
    "gradcam gives each channel one weight for the whole clip, but here many channels speak for the class in some "
    "frames and against it in others: compare it with --pooling frame"
)
_TURNED = 0.15
"""Grad-CAM has the note above if more than this share of what its layer holds has the other sign in its own frame."""


def cam_method(name: str, *, summary: str, paper: str, pooled: bool) -> Callable[[Weights], Weights]:
    """Enter a rule for weights into the table of methods.

    Args:
        name: The name of the method.
        summary: One line.
        paper: The source.
        pooled: Whether the rule pools over positions. Such a method has the option ``pooling``.
    """

    def add(weights: Weights) -> Weights:
        register_method(
            name,
            family="cam",
            summary=summary,
            paper=paper,
            cost="1 forward pass",
            layer="last",
            candidates=5,
            options=(POOLING,) if pooled else (),
        )(partial(weighted_map, weights))
        return weights

    return add


def weighted_map(weights: Weights, p: Pass, pooling: Pooling = "clip") -> Attribution:
    """ReLU of the layer's channels, summed with the weights that a rule finds.

    Args:
        weights: The rule.
        p: The pass.
        pooling: ``"clip"`` pools over time and space, one weight per channel; ``"frame"`` over space alone, one weight
            per channel and time step.

    Returns:
        Maps ``(M, N, T, h, w)``, never negative.
    """
    over = pooled_dimensions(pooling)
    with p.trace() as run:
        scores = torch.stack([score(run.logits) for score in p.scores(run.logits)])
        activations = run.activations(p.target_layer)
        averaged, turns, maps = weights is gradcam and pooling == "clip", False, []
        for found in run.gradients(scores):  # of one score after the other, because those of all can be large
            gradients = found[p.target_layer]
            maps.append((weights(activations, gradients, over) * activations).sum(1).relu())
            turns = turns or (averaged and share_turned(activations, gradients) > _TURNED)
        return Attribution(run.logits.detach(), torch.stack(maps), notes=(TURNED_NOTE,) if turns else ())


def share_turned(activations: Tensor, gradients: Tensor) -> float:
    """The share of a layer whose channel has the other sign in its own frame than over the clip.

    A channel k adds ``w_kt sum(A_kt)`` in frame t, where ``w_kt`` is the mean gradient of that frame. Where ``w_kt``
    and the mean over frames differ in sign, Grad-CAM shows evidence against the class as evidence for it, or leaves
    evidence out. The share is of the sum of all that is added, without signs. It is 0 where the head is linear, and
    large where an LSTM follows.

    Args:
        activations: ``(N, K, T, h, w)``.
        gradients: The same.
    """
    of_frames = gradients.mean((3, 4))
    of_clip = of_frames.mean(2, keepdim=True)
    added = (of_frames * activations.sum((3, 4))).abs()
    return float((added * (of_frames * of_clip < 0)).sum() / added.sum().clamp_min(torch.finfo(added.dtype).tiny))


def pooled_dimensions(pooling: Pooling) -> tuple[int, ...]:
    """The dimensions of ``(N, K, T, h, w)`` that are pooled over."""
    return (2, 3, 4) if pooling == "clip" else (3, 4)


@cam_method(
    "gradcam",
    summary="where the target layer holds evidence for the class",
    paper="Selvaraju et al., ICCV 2017",
    pooled=True,
)
def gradcam(activations: Tensor, gradients: Tensor, over: tuple[int, ...]) -> Tensor:
    """The mean of the gradients (eq. 1)."""
    return gradients.mean(over, keepdim=True)


@cam_method(
    "gradcam++",
    summary="Grad-CAM that counts several occurrences of the evidence equally",
    paper="Chattopadhay et al., WACV 2018",
    pooled=True,
)
def gradcam_plus_plus(activations: Tensor, gradients: Tensor, over: tuple[int, ...]) -> Tensor:
    """The sum of the positive gradients, each with its own share (eqs. 7 and 19).

    ``share = g^2 / (2 g^2 + sum(A) g^3 + 1e-6)``, where the derivatives are those of the exponential of the score. The
    1e-6 is pytorch-grad-cam's. It reduces channels whose gradients are below a thousandth.
    """
    squares = gradients.square()
    below = 2 * squares + activations.sum(over, keepdim=True) * squares * gradients + 1e-6
    shares = torch.where(gradients > 0, squares / below, 0)
    return (shares * gradients).sum(over, keepdim=True)


@cam_method(
    "hirescam",
    summary="activations times gradients, position by position; exact if the head is linear",
    paper="Draelos and Carin, arXiv 2011.08891, 2020",
    pooled=False,
)
def hirescam(activations: Tensor, gradients: Tensor, over: tuple[int, ...]) -> Tensor:
    """The gradients themselves, not pooled (section 3.3)."""
    return gradients


@cam_method(
    "xgradcam",
    summary="Grad-CAM with channels weighted by their contribution to the score",
    paper="Fu et al., BMVC 2020",
    pooled=True,
)
def xgradcam(activations: Tensor, gradients: Tensor, over: tuple[int, ...]) -> Tensor:
    """The mean of the gradients with the activations as weights (eq. 8); the 1e-8 is torchcam's."""
    return (gradients * activations).sum(over, keepdim=True) / (activations.sum(over, keepdim=True) + 1e-8)


@cam_method(
    "layercam",
    summary="activations times positive gradients, position by position; sharp in early layers too",
    paper="Jiang et al., IEEE TIP 2021",
    pooled=False,
)
def layercam(activations: Tensor, gradients: Tensor, over: tuple[int, ...]) -> Tensor:
    """The positive part of the gradients, not pooled (eq. 6)."""
    return gradients.relu()
