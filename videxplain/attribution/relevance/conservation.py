"""Relevance of one batch, and how much of the score each layer still holds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from videxplain.attribution.api import check_input
from videxplain.attribution.axes import ORDER, check_order, checked_order, in_its_order, to_our_order
from videxplain.attribution.layers import resolve
from videxplain.attribution.passes import Choose, Pass
from videxplain.attribution.registry import METHODS
from videxplain.attribution.relevance.composites import composite_for
from videxplain.attribution.relevance.propagation import relevance_of_scores, relevance_pass
from videxplain.attribution.targets import Target, for_samples, per_sample_scores
from videxplain.errors import VidexplainError
from videxplain.exclusive import alone


@dataclass(frozen=True)
class LayerRelevance:
    """How much relevance a layer's output holds.

    Attributes:
        name: The layer.
        total: ``(N,)``, the sum of its relevance, all its calls together.
        is_whole: Whether all relevance comes through this layer. Otherwise some goes past it, as past one branch of a
            residual block, and the sum need not be that of the score.
    """

    name: str
    total: Tensor
    is_whole: bool


@dataclass(frozen=True)
class Relevance:
    """What layer-wise relevance propagation gives for one batch.

    Attributes:
        logits: ``(N, K)``.
        score: ``(N,)``, what the pass back begins with: the explained logit, or each logit times the derivative of the
            score where the score is a function of several.
        map: ``(N, C, T, H, W)``, the relevance of every value of the input.
        layers: The layers from the last to the first, and how much each holds.
        used: How many calls of the network each part of the composite was for: ``first``, ``convolution``, ``linear``,
            ``attention``, ``product``, ``gate``, ``softmax``, ``normalisation``, ``activation`` and ``recurrent``.
    """

    logits: Tensor
    score: Tensor
    map: Tensor
    layers: tuple[LayerRelevance, ...]
    used: dict[str, int]

    @property
    def share(self) -> Tensor:
        """``(N,)``, the sum of the map as a share of the score; 1 where nothing is lost on the way."""
        return self.map.flatten(1).double().sum(1) / self.score

    def __str__(self) -> str:
        """A table: layers from the score to the input, and the relevance of each as a share of the score."""
        rows = [("score", torch.ones_like(self.score))]
        rows += [(one.name + ("" if one.is_whole else " (a part)"), one.total / self.score) for one in self.layers]
        rows.append(("input", self.share))
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  " + "  ".join(f"{one:8.1%}" for one in values) for name, values in rows)


def relevance(
    model: nn.Module,
    x: Tensor,
    *,
    target: Target | Sequence[Target] | None = None,
    layers: Sequence[str | nn.Module] | None = None,
    layout: str | None = None,
    **options: Any,
) -> Relevance:
    """Trace a score back through any network, and measure how much of it every layer holds.

    ::

        found = vx.relevance(model, x, target="Kick")
        found.share                    # how much of the score has arrived at the pixels
        print(found)                   # the same for every layer

    Relevance is what ``vx.attribute(..., method="lrp")`` gives, there summed over channels. Samples are explained one
    by one.

    Args:
        model: A network from ``(N, C, T, H, W)`` to logits ``(N, K)``. It is left as it was found.
        x: The batch, float32, normalised as the network expects.
        target: As for :func:`videxplain.attribute`.
        layers: Which layers to measure, by dotted name or the layers themselves; None for all that everything goes
            through.
        layout: The order of the axes that the network takes; see :func:`videxplain.attribute`.
        **options: The options of the method ``lrp``, such as ``composite="epsilon"``.

    Raises:
        VidexplainError: What :func:`videxplain.attribute` refuses, or a layer that holds no relevance of this score.
    """
    METHODS["lrp"].check_options(options)
    check_order(layout or ORDER)
    check_input(model, x)
    x = to_our_order(x, layout or ORDER)
    labels = getattr(getattr(model, "config", None), "outcome_labels", ())
    names = [name for name, _ in model.named_modules() if name] if layers is None else []
    names += [resolve(model, layer).name for layer in layers or ()]
    found = []
    with alone(model), in_its_order(model, layout) if layout else checked_order(model, x.shape):
        for n in range(len(x)):
            p = Pass(model, x[n : n + 1], _choice(for_samples(target, slice(n, n + 1), len(x)), labels))
            found.append(_of_sample(p, names, options, every=layers is None))
    return Relevance(
        torch.cat([one.logits for one in found]),
        torch.cat([one.score for one in found]),
        torch.cat([one.map for one in found]),
        tuple(
            replace(same[0], total=torch.cat([one.total for one in same]))
            for same in zip(*(one.layers for one in found), strict=True)
        ),
        dict(sum((Counter(one.used) for one in found), Counter())),
    )


def _choice(target: Target | Sequence[Target] | None, labels: Sequence[str]) -> Choose:
    return lambda logits: [per_sample_scores(target, logits, labels)]


def _of_sample(p: Pass, names: Sequence[str], options: dict[str, Any], every: bool) -> Relevance:
    """The relevance of one sample; ``every`` says that layers through which not everything goes are left out."""
    with relevance_pass(p, composite_for(p.module, **options), names) as run:
        by_name: dict[str, list[int]] = {}
        for i, output in reversed(list(enumerate(run.outputs))[1:]):
            if output.edge is not None:
                by_name.setdefault(output.name, []).append(i)
        if missing := [name for name in names if name not in by_name and not every]:
            raise VidexplainError(f"layer '{missing[0]}' holds no tensor that the logits are computed from")
        whole = {name: run.is_whole(calls) for name, calls in by_name.items()}
        (score,) = relevance_of_scores(p, run)
        layers = [
            LayerRelevance(name, _total([score.outputs[i] for i in calls]), whole[name])
            for name, calls in by_name.items()
            if whole[name] or not every
        ]
        return Relevance(run.logits.detach(), score.total, score.outputs[0], tuple(layers), dict(run.used))


def _total(outputs: list[Tensor]) -> Tensor:
    return torch.stack([one.double().sum() for one in outputs]).sum(0, keepdim=True).float()
