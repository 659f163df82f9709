"""What the graph of a pass says: which values are pixels, which are gates, and whether there is a rule for every step.

Autograd records every operation of a pass, however the network has called it. So a step without a rule is found in the
graph, also one inside a scripted part, and is refused.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeAlias

from torch import Tensor

from videxplain.attribution.relevance.nodes import BatchNormNode, Layer, LayerNode, PixelsNode
from videxplain.errors import VidexplainError

Node: TypeAlias = Any
"""A step of the graph of autograd."""


def _named(words: str) -> frozenset[str]:
    return frozenset(words.split())


_OURS = _named("LayerNode BatchNormNode NormalisedNode RatioNode ShareNode SamePixelsNode PixelsNode")
_MOVES = _named(
    "View UnsafeView ReshapeAlias Alias Permute Transpose T Squeeze Unsqueeze Expand Repeat Slice Select Split "
    "UnsafeSplit SplitWithSizes Unbind Cat Stack Clone ToCopy Copy Copys Index IndexSelect Gather Roll Flip Rot90 "
    "Diagonal Unfold PixelShuffle PixelUnshuffle ChannelShuffle AsStrided Swapaxes Im2Col Tril Triu Unflatten "
    "ViewAs"
)
"""Steps that move values to other places and keep them as they are."""
_SUMS = _named(
    "Add Sub Rsub Neg Sum Mean Cumsum AvgPool1D AvgPool2D AvgPool3D AdaptiveAvgPool1D AdaptiveAvgPool2D "
    "AdaptiveAvgPool3D MkldnnAdaptiveAvgPool2D ConstantPadNd ReflectionPad1D ReflectionPad2D ReflectionPad3D "
    "ReplicationPad1D ReplicationPad2D ReplicationPad3D UpsampleNearest1D UpsampleNearest2D UpsampleNearest3D "
    "UpsampleLinear1D UpsampleBilinear2D UpsampleBicubic2D UpsampleTrilinear3D UpsampleNearestExact2D "
    "UpsampleNearestExact3D UpsampleBilinear2DAa UpsampleBicubic2DAa Col2Im NativeDropout FusedDropout CopySlices "
    "IndexAdd IndexPut IndexCopy SelectScatter SliceScatter Scatter ScatterAdd"
)
"""Steps that add values, average them, or put some beside others: relevance is in proportion to the parts."""
_CHOICES = _named(
    "Relu LeakyRelu PreluKernel RreluWithNoise Abs Threshold MaxPool1DWithIndices MaxPool2DWithIndices "
    "MaxPool3DWithIndices AdaptiveMaxPool1D AdaptiveMaxPool2D AdaptiveMaxPool3D FractionalMaxPool2D "
    "FractionalMaxPool3D Max Amax Maximum Min Amin Minimum Topk Sort Where SWhere MaskedFill MaskedScatter"
)
"""Steps that choose among values: the chosen one has all the relevance."""
_PRODUCTS = _named("Mul Mm Bmm Mv Dot Addmm Addbmm Baddbmm Addmv Addcmul Einsum Trilinear")
"""Steps that multiply. With constants they are linear; of several computed factors each must have its share."""
_FUSED_ATTENTION = "ScaledDotProduct"
_SOFTMAX = frozenset(("Softmax", "SafeSoftmax"))
"""Softmax, and the one inside attention of PyTorch where no fused kernel takes the call."""
_SCALES = frozenset(("Rsqrt", "Reciprocal"))
"""What multiplies a value as a gate does, if it is computed itself."""


def kind_of(node: Node) -> str:
    """The name of a step, without what autograd adds to it."""
    return str(node.name()).rpartition("::")[2].rstrip("0123456789").replace("Backward", "")


def before(node: Node) -> list[Node]:
    """The steps whose results a step has taken, constants left out."""
    return [one for one, _ in node.next_functions if one is not None]


def is_pixels(value: Tensor) -> bool:
    """Whether a value is pixels: the input of the network, at most moved, or multiplied with and added to constants."""
    if value.grad_fn is None:
        return value.requires_grad
    waiting, seen = [value.grad_fn], {value.grad_fn}
    while waiting:
        node = waiting.pop()
        kind = kind_of(node)
        if kind == "AccumulateGrad":
            continue
        if kind not in _MOVES and kind != "SamePixelsNode":
            return False
        new = [one for one in before(node) if one not in seen]
        waiting.extend(new)
        seen.update(new)
    return True


def is_positive(value: Tensor) -> bool:
    """Whether a value is surely never negative: that of a ReLU, at most moved, pooled or averaged."""
    node: Node = value.grad_fn
    while node is not None and len(before(node)) == 1:
        kind = kind_of(node)
        if kind == "Relu":
            return True
        if kind not in _MOVES and "Pool" not in kind:
            return False
        (node,) = before(node)
    return False


def is_gate(value: Tensor) -> bool:
    """Whether a value only says how much of another one passes.

    That is a sigmoid, ``1 + tanh`` and ``1 + erf`` (as in GELU that is written out), or one divided by a norm.
    """
    node: Node = value.grad_fn
    is_shifted = False
    while node is not None:
        kind, steps = kind_of(node), before(node)
        if kind == "RatioNode":
            return bool(node.gate == "always" or (node.gate == "shifted" and is_shifted))
        if kind in _SCALES:
            return True
        if len(steps) != 1 or kind not in _MOVES | {"Mul", "Div", "Add"}:
            return False
        is_shifted = is_shifted or kind == "Add"
        node = steps[0]
    return False


def is_one_pixelwise_step(value: Tensor, of: Tensor) -> bool:
    """Whether ``value`` is ``of`` multiplied with, or added to, constants, pixel by pixel."""
    node = value.grad_fn
    if node is None or value.shape != of.shape or kind_of(node) not in ("Add", "Sub", "Rsub", "Mul", "Div", "Neg"):
        return False
    return len(before(node)) == 1


def check_and_merge(logits: Tensor, pixels: Tensor) -> list[Layer]:
    """Look through the graph behind logits: is there a rule for each step, and which batch normalisations to merge.

    A batch normalisation is merged into the layer before it where nothing else takes that layer's output.

    Returns:
        The layers that have a rule of their own.

    Raises:
        VidexplainError: A step has no rule, or there is something else than the pixels to trace back to.
    """
    steps = list(_steps(logits.grad_fn))
    if any(kind_of(node) == "AccumulateGrad" for node in _steps(logits.grad_fn, {n for n in steps if _is_border(n)})):
        raise _no_rule("a change of pixels in place")
    taken = Counter(id(one) for node in steps for one in before(node))
    for node in steps:
        _check(node)
        if kind_of(node) == "AccumulateGrad" and node.variable is not pixels:
            raise VidexplainError(
                "the network computes with a tensor that requires a gradient and is none of its parameters: lrp would "
                "take it for pixels; call requires_grad_(False) on it"
            )
        if kind_of(node) == BatchNormNode.__name__:
            (layer,) = before(node)
            if kind_of(layer) == LayerNode.__name__ and taken[id(layer)] == 1:
                layer.layer.scale, layer.layer.shift, node.is_merged = node.scale, node.shift, True
    layers = [node.layer for node in steps if kind_of(node) == LayerNode.__name__]
    rectified = [before(node)[0] for node in steps if kind_of(node) == "Relu"]
    alone = {id(layer_behind(one)) for one in rectified if taken[id(one)] == 1 and getattr(one, "is_merged", True)}
    for layer in layers:
        if id(layer) not in alone:
            layer.rectified = None
    return layers


def layer_behind(node: Node) -> Layer | None:
    """The layer that a step is, or, for a batch normalisation by fixed statistics, the layer before it."""
    if kind_of(node) == BatchNormNode.__name__ and len(before(node)) == 1:
        (node,) = before(node)
    return node.layer if kind_of(node) == LayerNode.__name__ else None


def reaches_past(logits: Tensor, cut: set[Node], pixels: Node) -> bool:
    """Whether some way from the logits to the pixels goes past all steps of ``cut``."""
    return pixels in set(_steps(logits.grad_fn, cut))


def _steps(last: Node, cut: set[Node] | frozenset[Node] = frozenset()) -> Iterator[Node]:
    """All steps from the last one back to the pixels, each once, those of ``cut`` and all before them left out."""
    waiting, seen = [last], {last}
    while waiting:
        node = waiting.pop()
        if node in cut:
            continue
        yield node
        new = [one for one in before(node) if one not in seen]
        waiting.extend(new)
        seen.update(new)


def _is_border(node: Node) -> bool:
    """Whether what goes back beyond a step is relevance of pixels."""
    return kind_of(node) == PixelsNode.__name__ or (kind_of(node) == LayerNode.__name__ and node.layer.sees_pixels)


def _check(node: Node) -> None:
    kind, factors = kind_of(node), before(node)
    if kind in _OURS | _MOVES | _SUMS | _CHOICES | _SOFTMAX or kind == "AccumulateGrad":
        return
    if kind == "Div" and node.next_functions[1:] and node.next_functions[1][0] is not None:
        raise _no_rule("division by a computed value")
    if kind == "Div":
        return
    if kind in _PRODUCTS or kind.startswith(_FUSED_ATTENTION):
        if len(factors) > 1 and not all(_is_shared(factor) for factor in factors):
            raise _no_rule(f"{kind} of two computed values")
        return
    raise _no_rule(kind)


def _is_shared(node: Node) -> bool:
    """Whether a factor has its share, here or, inside attention that is computed step by step, further back."""
    waiting, seen = [node], {node}
    while waiting:
        one = waiting.pop()
        kind, steps = kind_of(one), before(one)
        if kind == "ShareNode":
            continue
        if kind not in _MOVES | _PRODUCTS | _SOFTMAX | {"Add", "MaskedFill", "Where"} or not steps:
            return False
        waiting.extend(step for step in steps if step not in seen)
        seen.update(steps)
    return True


def _no_rule(what: str) -> VidexplainError:
    return VidexplainError(
        f"lrp has no rule for a step of this network ({what}, as it is called there or inside a scripted, compiled or "
        "recomputed part); use input-x-gradient, integrated-gradients or gradcam"
    )
