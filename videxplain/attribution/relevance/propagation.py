"""One pass of a network forwards with the rules of a composite, and relevance back from its scores."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from videxplain.attribution.engine import logits_with_noise
from videxplain.attribution.layers import LayerCall, hook_output
from videxplain.attribution.passes import Pass
from videxplain.attribution.relevance.calls import RelevanceRules
from videxplain.attribution.relevance.composites import Composite
from videxplain.attribution.relevance.graph import check_and_merge, is_pixels, reaches_past
from videxplain.attribution.relevance.layer_calls import Rules
from videxplain.attribution.relevance.nodes import Layer, LayerNode
from videxplain.attribution.targets import Score
from videxplain.attribution.tokens import tensor_and_grid
from videxplain.attribution.traceable import check_not_cut, not_traced, traced_back
from videxplain.untouched import untouched


@dataclass(frozen=True)
class SeenOutput:
    """What a module put out in a pass, or the input itself, and where in the graph that is.

    Attributes:
        name: The module's dotted name, or ``"input"``.
        values: What it put out.
        edge: Where in the graph; None where it does not depend on the clip.
        is_pixels: Whether these are the pixels themselves. What comes back is then relevance already.
    """

    name: str
    values: Tensor
    edge: GradientEdge | None
    is_pixels: bool

    def relevance(self, carried: Tensor | None) -> Tensor:
        """From what has come back to the relevance, float32, of the shape of the values.

        Nothing comes back to what the score does not depend on.
        """
        if carried is None or self.edge is None:
            return torch.zeros_like(self.values, dtype=torch.float32)
        if self.is_pixels:
            return carried.float()
        node = self.edge.node
        values = node.layer.merged(self.values) if isinstance(node, LayerNode._backward_cls) else self.values
        return (values * carried).float()


@dataclass(frozen=True)
class ScoreRelevance:
    """The relevance of one score.

    Attributes:
        total: ``(N,)``, the relevance that the pass back begins with: that of the logits, each logit times the
            derivative of the score. For a class it is its logit.
        outputs: The relevance of each of :attr:`RelevancePass.outputs`.
    """

    total: Tensor
    outputs: list[Tensor]


@dataclass(frozen=True)
class RelevancePass:
    """A pass forwards, from which relevance can be traced back.

    Attributes:
        logits: ``(N, K)``, float32.
        pixels: The input ``(N, C, T, H, W)``.
        to_input: Whether relevance is traced back to the input.
        outputs: The input, if relevance is traced back to it. Then what the modules put out that were asked for, all
            their calls in the order of the pass.
        used: How many calls each part of the composite was for.
        layers: The layers with a rule of their own.
    """

    logits: Tensor
    pixels: Tensor
    to_input: bool
    outputs: list[SeenOutput]
    used: Counter[str]
    layers: list[Layer]

    def is_whole(self, outputs: Sequence[int]) -> bool:
        """Whether all relevance comes through some of the outputs."""
        steps = {edge.node for edge in (self.outputs[i].edge for i in outputs) if edge is not None}
        return not reaches_past(self.logits, steps, get_gradient_edge(self.pixels).node)

    def back(self, score: Callable[[Tensor], Tensor], retain: bool) -> ScoreRelevance:
        """The relevance of one score; ``retain`` says that others will be asked for."""
        total = score(self.logits).sum()
        (slope,) = torch.autograd.grad(total, self.logits, retain_graph=True)
        for layer in self.layers:
            layer.is_last_pass = not retain
        wanted = [one.edge for one in self.outputs if one.edge is not None]
        with traced_back():
            found = iter(torch.autograd.grad(self.logits, wanted, slope, retain_graph=retain, allow_unused=True))
        outputs = [one.relevance(None if one.edge is None else next(found)) for one in self.outputs]
        return ScoreRelevance((self.logits.detach() * slope).sum(1), outputs)


@contextmanager
def relevance_pass(
    p: Pass, composite: Composite, layers: Sequence[str] = (), to_input: bool = True
) -> Iterator[RelevancePass]:
    """Run a network forwards so that relevance can be traced back; afterwards it is as it was found.

    Args:
        p: The pass. It is computed in float32 in any case.
        composite: The rules.
        layers: Names of modules whose output is wanted, too.
        to_input: Whether the relevance of the input is wanted. Without it the pass back ends at the modules.

    Raises:
        VidexplainError: The network has a step for which there is no rule, or no gradient comes through it.
    """
    rules = Rules(composite)
    p = replace(p, precision="fp32")  # the rules divide by sums that bfloat16 rounds
    with untouched(p.module):
        pixels = (p.x.clone() if p.x.is_inference() else p.x.detach()).requires_grad_()
        outputs = [SeenOutput("input", pixels.detach(), get_gradient_edge(pixels), is_pixels=True)] if to_input else []
        with ExitStack() as hooks:
            for name in layers:
                hooks.callback(hook_output(p.module, LayerCall(name), _keep(name, outputs)))
            with RelevanceRules(rules):
                logits = p.logits(pixels)
        if not logits.requires_grad:
            raise not_traced("the input", logits, p.logits_with_noise)
        with_rules = check_and_merge(logits, pixels)
        yield RelevancePass(logits, pixels, to_input, outputs, rules.used, with_rules)


def relevance_of_scores(p: Pass, run: RelevancePass) -> list[ScoreRelevance]:
    """The relevance of each of the scores of a pass.

    Raises:
        VidexplainError: No relevance comes back although the score depends on the input, or on the layer where the pass
            back ends there.
    """
    scores = p.scores(run.logits)
    if not all(score(run.logits).requires_grad for score in scores):
        raise not_traced("the input", run.logits.detach(), p.logits_with_noise)
    found = [run.back(score, retain=i < len(scores) - 1) for i, score in enumerate(scores)]
    last = slice(1) if run.to_input else slice(None)
    if not any(bool(output.any()) for one in found for output in one.outputs[last]):
        for score in scores:
            if run.to_input:
                check_not_cut("the input", p.change_of(score, run.logits), run.logits)
            else:
                check_not_cut(f"layer '{p.target_layer}'", partial(_change_at_layer, p, run, score), run.logits)
    return found


def _change_at_layer(p: Pass, run: RelevancePass, score: Score, share: float) -> Tensor:
    """By how much a score changes with noise on the layer's output."""
    changed = logits_with_noise(p.module, p.x, [p.target_layer], share)
    return score(changed) - score(run.logits.detach())


def _keep(name: str, outputs: list[SeenOutput]) -> Any:
    def hook(_: nn.Module, __: Any, output: Any) -> None:
        values, _grid = tensor_and_grid(output)
        if values is not None:
            edge = get_gradient_edge(values) if values.requires_grad else None
            # What follows may change it in place, and a copy in the graph would change what is merged.
            outputs.append(SeenOutput(name, values.detach().clone(), edge, edge is not None and is_pixels(values)))

    return hook
