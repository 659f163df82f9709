"""One pass of a network forwards with the rules of a composite, and relevance back from its scores."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from videxplain.attribution.passes import Pass
from videxplain.attribution.relevance.calls import RelevanceRules
from videxplain.attribution.relevance.composites import Composite
from videxplain.attribution.relevance.graph import check_and_merge, is_pixels, reaches_past
from videxplain.attribution.relevance.layer_calls import Rules
from videxplain.attribution.relevance.nodes import Layer, LayerNode
from videxplain.attribution.tokens import tensor_and_grid
from videxplain.attribution.traceable import check_not_cut, not_traced, traced_back
from videxplain.untouched import untouched


@dataclass(frozen=True)
class SeenOutput:
    """What a module put out in a pass, and where in the graph that is.

    Attributes:
        name: Of the module.
        values: What it put out.
        edge: Where in the graph.
        is_pixels: Whether these are the pixels themselves, so that what comes back is relevance already.
    """

    name: str
    values: Tensor
    edge: GradientEdge
    is_pixels: bool

    def relevance(self, carried: Tensor | None) -> Tensor:
        """From what has come back to the relevance; nothing comes back to what the score does not depend on."""
        if carried is None:
            return torch.zeros_like(self.values)
        if self.is_pixels:
            return carried
        node = self.edge.node
        values = node.layer.merged(self.values) if isinstance(node, LayerNode._backward_cls) else self.values
        return values * carried


@dataclass(frozen=True)
class ScoreRelevance:
    """The relevance of one score.

    Attributes:
        total: ``(N,)``, the relevance that the pass back begins with: that of the logits, each logit times the
            derivative of the score. For a class it is its logit.
        pixels: ``(N, C, T, H, W)``.
        outputs: Relevance of what modules put out, in the order of :attr:`RelevancePass.outputs`.
    """

    total: Tensor
    pixels: Tensor
    outputs: list[Tensor]


@dataclass(frozen=True)
class RelevancePass:
    """A pass forwards, from which relevance can be traced back.

    Attributes:
        logits: ``(N, K)``, float32.
        pixels: The input.
        outputs: What the modules put out that were asked for, in the order of the pass.
        used: How many calls each part of the composite was for.
        layers: The layers with a rule of their own.
    """

    logits: Tensor
    pixels: Tensor
    outputs: list[SeenOutput]
    used: Counter[str]
    layers: list[Layer]

    def is_whole(self, outputs: Sequence[int]) -> bool:
        """Whether all relevance comes through some of the outputs."""
        steps = {self.outputs[i].edge.node for i in outputs}
        return not reaches_past(self.logits, steps, get_gradient_edge(self.pixels).node)

    def back(self, score: Callable[[Tensor], Tensor], retain: bool) -> ScoreRelevance:
        """The relevance of one score; ``retain`` says that others will be asked for."""
        total = score(self.logits).sum()
        (slope,) = torch.autograd.grad(total, self.logits, retain_graph=True)
        for layer in self.layers:
            layer.is_last_pass = not retain
        wanted: Sequence[Any] = [self.pixels, *(one.edge for one in self.outputs)]
        with traced_back():
            found = torch.autograd.grad(self.logits, wanted, slope, retain_graph=retain, allow_unused=True)
        pixels = torch.zeros_like(self.pixels) if found[0] is None else found[0]
        outputs = [one.relevance(carried) for one, carried in zip(self.outputs, found[1:], strict=True)]
        return ScoreRelevance((self.logits.detach() * slope).sum(1), pixels.detach().float(), outputs)


@contextmanager
def relevance_pass(p: Pass, composite: Composite, layers: Sequence[str] = ()) -> Iterator[RelevancePass]:
    """Run a network forwards so that relevance can be traced back; afterwards it is as it was found.

    Args:
        p: The pass.
        composite: The rules.
        layers: Names of modules whose output is wanted, too.

    Raises:
        VidexplainError: The network has a step for which there is no rule, or no gradient comes through it.
    """
    rules, outputs = Rules(composite), list[SeenOutput]()
    with untouched(p.module), ExitStack() as hooks:
        for name in layers:
            hooks.callback(p.module.get_submodule(name).register_forward_hook(_keep(name, outputs)).remove)
        pixels = (p.x.clone() if p.x.is_inference() else p.x.detach()).requires_grad_()
        with RelevanceRules(rules):
            logits = p.logits(pixels)
        if not logits.requires_grad:
            raise not_traced("the input", logits, p.logits_with_noise)
        with_rules = check_and_merge(logits, pixels)
        yield RelevancePass(logits, pixels, outputs, rules.used, with_rules)


def relevance_of_scores(p: Pass, run: RelevancePass) -> list[ScoreRelevance]:
    """The relevance of each of the scores of a pass.

    Raises:
        VidexplainError: No relevance comes back although the score depends on the input.
    """
    scores = p.scores(run.logits)
    if not all(score(run.logits).requires_grad for score in scores):
        raise not_traced("the input", run.logits.detach(), p.logits_with_noise)
    found = [run.back(score, retain=i < len(scores) - 1) for i, score in enumerate(scores)]
    if not any(bool(one.pixels.any()) for one in found):
        for score in scores:
            check_not_cut("the input", p.change_of(score, run.logits), run.logits)
    return found


def _keep(name: str, outputs: list[SeenOutput]) -> Any:
    def hook(_: nn.Module, __: Any, output: Any) -> None:
        values, _grid = tensor_and_grid(output)
        if values is not None and values.requires_grad:
            # What follows may change it in place, and a copy in the graph would change what is merged.
            outputs.append(SeenOutput(name, values.detach().clone(), get_gradient_edge(values), is_pixels(values)))

    return hook
