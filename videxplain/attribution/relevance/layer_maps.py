"""Relevance of an inner layer's output, laid over the moments and places of the clip."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from videxplain.attribution.engine import logits_with_noise_on_further_outputs, read_layer, rows_of
from videxplain.attribution.further_outputs import check_further_outputs, has_further_outputs
from videxplain.attribution.layers import hook_output
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution
from videxplain.attribution.relevance.composites import Composite
from videxplain.attribution.relevance.propagation import RelevancePass, relevance_of_scores, relevance_pass
from videxplain.attribution.rows.extra_tokens import check_extra_tokens
from videxplain.attribution.rows.layer_rows import LayerRows, check_placement, check_samples
from videxplain.attribution.tokens import TokenReader, lay_out, tensor_of_layer
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout

WITHOUT_PLACE = (
    "tokens without a place, such as a class token, hold some of the relevance at this layer; the map does not show it"
)


def relevance_at_layer(p: Pass, composite: Composite) -> Attribution:
    """The relevance of the target layer's output, summed over its channels.

    Returns:
        Maps ``(M, N, T, h, w)`` at the layer's resolution. :attr:`Attribution.conserved` is there if all relevance
        comes through the layer, and not in a branch that some of it goes past.

    Raises:
        VidexplainError: A step of the network has no rule, the layer did not run, or its output is not the clip's
            moments and places, each once.
    """
    with _pass_to_layer(p, composite) as seen:
        found = relevance_of_scores(p, seen.run)
        maps = torch.stack([seen.video(one.outputs).sum(1) for one in found])
        hidden = any(seen.has_hidden(one.outputs) for one in found)
        conserved = None
        if seen.run.is_whole(sorted(seen.rows.calls_of(p.target_layer))):
            begun = torch.stack([one.total.double() for one in found])
            conserved = torch.stack([maps.flatten(2).double().sum(2), begun], -1)
        notes = (WITHOUT_PLACE,) if hidden else ()
        return Attribution(seen.run.logits.detach(), maps, conserved=conserved, notes=notes)


@dataclass(frozen=True)
class _PassToLayer:
    """A pass whose relevance is traced back to one layer.

    Attributes:
        p: What is explained.
        run: The pass. Its outputs are those of the layer's calls.
        forms: How each of them lies, if it holds tokens.
        rows: Which of their rows is which sample and moment.
    """

    p: Pass
    run: RelevancePass
    forms: list[TokenLayout | None]
    rows: LayerRows

    def video(self, outputs: Sequence[Tensor]) -> Tensor:
        """Values of the layer's calls as ``(N, C, T, h, w)``."""
        laid = [lay_out(values, form) for values, form in zip(outputs, self.forms, strict=True)]
        return self.rows.video(laid, self.p.target_layer)

    def has_hidden(self, outputs: Sequence[Tensor]) -> bool:
        """Whether tokens without a place hold any of these values."""
        of_use = self.rows.calls_of(self.p.target_layer)
        kept = [(outputs[i], self.forms[i]) for i in of_use]
        return any(form is not None and bool(values[:, : form.prefix].any()) for values, form in kept)


@contextmanager
def _pass_to_layer(p: Pass, composite: Composite) -> Iterator[_PassToLayer]:
    layer, forms, further = p.target_layer, list[TokenLayout | None](), list[bool]()
    reader = TokenReader(p.module, p.x, p.tokens)

    def keep(part: nn.Module, _: Any, output: Any) -> None:
        tensor_of_layer(output, layer)
        forms.append(reader.layout(part, output))
        further.append(has_further_outputs(output))

    with ExitStack() as stack:
        with reader.watching(), ExitStack() as hooks:
            hooks.callback(hook_output(p.module, layer, keep))
            run = stack.enter_context(relevance_pass(p, composite, [layer.name], to_input=False))
        if not run.outputs:
            raise VidexplainError(f"layer '{layer}' did not run in this pass, so there is nothing to explain at it")
        if all(output.edge is None for output in run.outputs):
            raise VidexplainError(f"layer '{layer}' puts out the same for every clip, so it holds no relevance")
        if any(further):
            check_further_outputs(
                p.module, p.x, layer, partial(logits_with_noise_on_further_outputs, p.module, p.x, layer)
            )
        check_extra_tokens(p.module, p.x, forms, p.tokens)
        shapes = [lay_out(one.values, form).shape for one, form in zip(run.outputs, forms, strict=True)]
        rows = rows_of(p.module, p.x, layer, p.tokens, shapes)
        again = partial(read_layer, p.module, layer=layer, tokens=p.tokens)
        check_samples(p.module, p.x, layer, p.tokens, [one.values for one in run.outputs], forms, again)
        check_placement(p.module, p.x, layer, p.tokens, rows, again)
        yield _PassToLayer(p, run, forms, rows)
