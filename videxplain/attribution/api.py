"""Explain one batch: the door to all methods for tensors."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from videxplain.attribution.axes import ORDER, check_order, checked_order, in_its_order, to_our_order
from videxplain.attribution.default_layer import find_layer
from videxplain.attribution.engine import Precision
from videxplain.attribution.fusion import run_method
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import METHODS
from videxplain.attribution.targets import Target, for_samples, per_sample_scores
from videxplain.attribution.texts import with_texts
from videxplain.attribution.tokens import as_token_layout
from videxplain.attribution.versions import takes_batches
from videxplain.errors import VidexplainError
from videxplain.exclusive import alone
from videxplain.models.config import TokenLayout
from videxplain.network_answers import look_now
from videxplain.untouched import untouched


class MapWarning(UserWarning):
    """What a reader of a map must know, such as that a rule was applied to a part of the network only."""


def attribute(
    model: nn.Module,
    x: Tensor,
    *,
    method: str = "gradcam",
    target: Target | Sequence[Target] | None = None,
    targets: Sequence[Target] | None = None,
    layer: str | nn.Module | None = None,
    layout: str | None = None,
    precision: Precision = "fp32",
    enlarge: bool = True,
    token_grid: tuple[int, int, int] | TokenLayout | None = None,
    **options: Any,
) -> Tensor:
    """Explain a batch of video for any network.

    Args:
        model: A network from ``(N, C, T, H, W)`` to logits ``(N, K)``. It is left as it was found.
        x: The batch, float32, normalised as the network expects.
        method: A name from :func:`videxplain.list_methods`.
        target: A class by index or (when ``model.config`` has labels) by label, a ``Contrast`` of two classes, a
            function of the logits ``(N, K) -> (N,)``, a list with one of these per sample, or None for each sample's
            top class; of a network that compares videos with texts also ``"text: ..."``. The network's own output is
            explained: the logit, not its probability.
        targets: Several targets instead, explained from one forward pass and stacked in front.
        layer: Dotted name, with ``:use`` where one pass uses the layer more than once, or the layer itself; None for
            the method's default. The CAM methods also take several, ``"layer3+layer4"``: the geometric mean of their
            maps.
        layout: The order of the axes that the network takes, such as ``"NTCHW"``. ``x`` then comes in that order, and
            the result has ours. None means ``"NCTHW"``, and that an input which cannot have this order is refused.
        precision: ``"bf16"`` runs the part of the network before the layer in bfloat16.
        enlarge: Whether maps are enlarged to the size of the input (trilinear). Otherwise they stay at the layer's
            resolution.
        token_grid: For a transformer whose configuration and whose pass do not say how its tokens lie: steps in time,
            rows and columns, or a ``TokenLayout`` where the tokens do not run in this order.
        **options: The options of the method, such as ``pooling="frame"`` for Grad-CAM.

    Returns:
        Raw values, float32, not normalised: ``(N, T, H, W)``, or ``(N, C, T, H, W)`` for gradients with respect to the
        input; with ``targets``, M of them stacked in front.

    Raises:
        VidexplainError: Unknown method, layer, class or option, or an input that is not finite video in the network's
            order.
    """
    entry = METHODS[method]
    entry.check_options(options)
    check_order(layout or ORDER)
    check_input(model, x)
    x = to_our_order(x, layout or ORDER)
    if target is not None and targets is not None:
        raise VidexplainError("give target or targets, not both")
    if isinstance(targets, str) or not (targets is None or isinstance(targets, Iterable)):
        raise VidexplainError(f"targets is a list, such as [{targets!r}]; for one target give target={targets!r}")
    wanted = [target] if targets is None else list(targets)
    if not wanted:
        raise VidexplainError("targets is empty")
    model = with_texts(model, wanted)
    config = getattr(model, "config", None)
    labels = getattr(config, "outcome_labels", ())
    boundary = 0.5 if getattr(config, "output", "logits") == "probabilities" else 0.0
    tokens = as_token_layout(token_grid)

    notes: dict[str, None] = {}

    def explained(part: slice) -> Tensor:
        """Maps ``(M, n, ...)`` of some samples of the batch."""
        parts = [for_samples(one, part, len(x)) for one in wanted]
        p = Pass(
            model,
            x[part],
            lambda logits: [per_sample_scores(one, logits, labels, boundary) for one in parts],
            find_layer(entry, model, x[part], layer, tokens),
            precision,
            tokens,
        )
        result = run_method(entry, p, **options)
        notes.update(dict.fromkeys(result.notes))
        return result.maps

    with alone(model), in_its_order(model, layout) if layout else checked_order(model, x.shape):
        look_now(model)  # before passes leave marks in it
        if len(x) > 1 and not takes_batches(model, x):
            maps = torch.cat([explained(slice(n, n + 1)) for n in range(len(x))], dim=1)
        else:
            maps = explained(slice(None))
    for note in notes:
        warnings.warn(note, MapWarning, stacklevel=2)
    if maps.ndim == 5 and enlarge:
        maps = F.interpolate(maps, size=tuple(x.shape[2:]), mode="trilinear", align_corners=False)
    if targets is None:
        return maps[0]
    return maps.expand(len(wanted), *maps.shape[1:])


def check_input(module: nn.Module, x: Tensor) -> None:
    """Raise unless ``x`` is finite float video of five axes on the network's device, of a type that it takes."""
    if isinstance(module, str):
        raise VidexplainError(f"'{module}' is a name, not a network: give load_model('{module}')")
    if not isinstance(module, nn.Module):
        raise VidexplainError(
            f"the model is an nn.Module, not {type(module).__name__}; vx.wrap_function makes one of a plain function"
        )
    if not isinstance(x, Tensor):
        raise VidexplainError(f"the input is a tensor, not {type(x).__name__}; torch.from_numpy makes one of an array")
    if x.layout != torch.strided:
        raise VidexplainError("the input is sparse: give x.to_dense()")
    parameters = list(module.parameters())
    if any(is_lazy(value) for value in (*parameters, *module.buffers())):
        raise VidexplainError("the model has lazy layers that have not run yet: call it once on a batch first")
    if any(parameter.is_inference() for parameter in parameters):
        raise VidexplainError(
            "the model was made inside torch.inference_mode, so that torch takes no gradient through it: make it "
            "outside, or load its state_dict into one that was"
        )
    if x.ndim != 5 or not x.is_floating_point() or not x.numel():
        raise VidexplainError(f"expected float video (N, C, T, H, W), got {x.dtype} {tuple(x.shape)}")
    if parameters and parameters[0].device != x.device:
        raise VidexplainError(f"the input is on {x.device} and the model on {parameters[0].device}")
    if not torch.isfinite(x).all():
        raise VidexplainError("the input holds NaN or infinite values")
    kinds = {value.dtype for value in parameters if value.is_floating_point()}
    if kinds and x.dtype not in kinds and not _takes(module, x):
        kind = " and ".join(sorted(map(str, kinds)))
        raise VidexplainError(f"the input is {x.dtype} and the model {kind}: give both one type, such as x.float()")


def _takes(module: nn.Module, x: Tensor) -> bool:
    """Whether the network runs on this input; it may convert it to the type of its weights itself."""
    with untouched(module), torch.no_grad():
        try:
            module(x[:1].clone())
        except Exception:  # whatever a network raises
            return False
    return True
