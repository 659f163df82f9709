"""Explain one batch: the door to all methods for tensors."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import videxplain.attribution.methods  # noqa: F401  (entering them into the registry)
from videxplain.attribution.engine import Precision
from videxplain.attribution.fusion import run_method
from videxplain.attribution.layers import FusedLayers, LayerCall, default_layer, first_layer, resolve
from videxplain.attribution.registry import METHODS, Method
from videxplain.attribution.targets import Target, per_sample_scores
from videxplain.errors import VidexplainError, unknown
from videxplain.models.config import TokenLayout


def attribute(
    module: nn.Module,
    x: Tensor,
    *,
    method: str,
    target: Target | Sequence[Target] | None = None,
    targets: Sequence[Target] | None = None,
    layer: str | None = None,
    precision: Precision = "fp32",
    enlarge: bool = True,
    token_grid: tuple[int, int, int] | TokenLayout | None = None,
    **options: Any,
) -> Tensor:
    """Explain a batch of video for any network.

    Args:
        module: A network from ``(N, C, T, H, W)`` to logits ``(N, K)``; it is left as it was found.
        x: The batch, float32, normalised as the network expects.
        method: A name from :func:`videxplain.list_methods`.
        target: A class by index or (when ``module.config`` has labels) by label, a ``Contrast`` of two classes, a
            function of the logits ``(N, K) -> (N,)``, a list with one of these per sample, or None for each sample's
            top class. The logit is explained, not the probability.
        targets: Several targets instead, explained from one forward pass and stacked in front.
        layer: Dotted name, with ``:use`` where one pass uses the layer more than once; None for the method's default.
            Of the CAM methods also several, ``"layer3+layer4"``: the geometric mean of their maps.
        precision: ``"bf16"`` runs the part of the network before the layer in bfloat16.
        enlarge: Whether maps are enlarged to the size of the input, trilinear, or left at the layer's resolution.
        token_grid: Of a transformer whose configuration and whose pass do not say how its tokens lie: steps in time,
            rows and columns, or a ``TokenLayout`` where they do not run in this order.
        **options: What the method takes besides, such as ``pooling="frame"`` for Grad-CAM.

    Returns:
        Raw values, float32, not normalised: ``(N, T, H, W)``, or ``(N, C, T, H, W)`` for gradients with respect to the
        input; with ``targets``, M of them stacked in front.

    Raises:
        VidexplainError: Unknown method, layer or class, or an input that is not finite video.
    """
    chosen = METHODS[method]
    check_options(chosen, options)
    check_input(module, x)
    if target is not None and targets is not None:
        raise VidexplainError("give target or targets, not both")
    labels = getattr(getattr(module, "config", None), "labels", ())
    wanted = [target] if targets is None else list(targets)
    if not wanted:
        raise VidexplainError("targets is empty")
    tokens = as_layout(token_grid)
    found = run_method(
        chosen,
        module,
        x,
        lambda logits: [per_sample_scores(one, logits, labels) for one in wanted],
        find_layer(chosen, module, x, layer, tokens),
        precision,
        **(options | {"tokens": tokens} if chosen.family == "attention" else options),
    )
    maps = found.maps
    if maps.ndim == 5 and enlarge:
        maps = F.interpolate(maps, size=tuple(x.shape[2:]), mode="trilinear", align_corners=False)
    if targets is None:
        return maps[0]
    return maps.expand(len(wanted), *maps.shape[1:])


def as_layout(token_grid: tuple[int, int, int] | TokenLayout | None) -> TokenLayout | None:
    """A layout of tokens, of which only the grid may have been given."""
    if token_grid is None or isinstance(token_grid, TokenLayout):
        return token_grid
    if len(token_grid) != 3 or min(token_grid) < 1:
        raise VidexplainError(f"token_grid is (steps, rows, columns), not {tuple(token_grid)}")
    return TokenLayout((token_grid[0], token_grid[1], token_grid[2]), prefix=None)


def find_layer(
    method: Method, module: nn.Module, x: Tensor, name: str | None, tokens: TokenLayout | None = None
) -> LayerCall | FusedLayers | None:
    """The layers called ``name``, or the method's default for this network; None for methods that need none."""
    if method.layer is None:
        if name is not None:
            raise VidexplainError(f"{method.name} explains the input, so it takes no layer")
        return None
    if name is not None:
        return _resolve_all(method, module, name.split("+"), tokens)
    return default_layer(module, x, tokens) if method.layer == "last" else first_layer(module)


def _resolve_all(
    method: Method, module: nn.Module, names: list[str], tokens: TokenLayout | None
) -> LayerCall | FusedLayers:
    layers = tuple(resolve(module, name.strip(), tokens) for name in names)
    if len(layers) == 1:
        return layers[0]
    if method.family != "cam":
        raise VidexplainError(f"{method.name} looks at one layer; the cam methods fuse several")
    if len(set(layers)) < len(layers):
        raise VidexplainError(f"layer '{'+'.join(names)}' names a layer twice")
    return FusedLayers(layers)


def check_options(method: Method, options: dict[str, Any]) -> None:
    """Raise for a keyword argument that the method does not take."""
    for name in options:
        if name not in method.options:
            if not method.options:
                raise VidexplainError(f"{method.name} takes no option '{name}'")
            raise unknown(f"option of {method.name}", name, method.options)


def check_input(module: nn.Module, x: Tensor) -> None:
    """Raise unless ``x`` is finite float video ``(N, C, T, H, W)`` on the network's device."""
    if x.ndim != 5 or not x.is_floating_point() or not x.numel():
        raise VidexplainError(f"expected float video (N, C, T, H, W), got {x.dtype} {tuple(x.shape)}")
    parameter = next(module.parameters(), None)
    if parameter is not None and parameter.device != x.device:
        raise VidexplainError(f"the input is on {x.device} and the model on {parameter.device}")
    if not torch.isfinite(x).all():
        raise VidexplainError("the input holds NaN or infinite values")
