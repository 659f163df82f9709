"""Put the tokens of a transformer back where they stand in the video."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout

_MOST_EXTRA = 8
"""So many tokens of no place, such as a class token and registers, are taken for granted; more have to be told."""

_CHANNELS_FIRST = (nn.Conv3d, nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d, nn.BatchNorm3d)


class TokenReader:
    """Knows, at any moment of a pass, how the output of a layer lies in space and time.

    The grid is that of the configuration, or the one that the pass itself shows: that of the last convolution over the
    whole clip, such as a patch embedding, or the one that a layer returns beside its tokens, as MViT's do. Where a
    network has layer normalisation, a grid ``(N, T, H, W, C)`` whose last dimension one of them normalises has its
    channels last, as in Swin transformers.
    """

    def __init__(self, module: nn.Module, x: Tensor, tokens: TokenLayout | None = None) -> None:
        """Read outputs of ``module`` in passes of ``x``.

        Args:
            module: The network.
            x: Its input ``(N, C, T, H, W)``.
            tokens: How tokens lie; None for what the network's configuration says, if it has any.
        """
        self._tokens = tokens or getattr(getattr(module, "config", None), "tokens", None)
        self._samples = len(x)
        self._grid = self._tokens.grid if self._tokens else None
        norms = [m for m in module.modules() if isinstance(m, nn.LayerNorm)]
        self._widths = {m.normalized_shape[-1] for m in norms}
        self._module = module

    @property
    def transformer(self) -> bool:
        """Whether the network can have tokens at all."""
        return self._tokens is not None or bool(self._widths)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While active, the grid follows the pass."""
        with ExitStack() as hooks:
            if self.transformer and (self._tokens is None or self._tokens.grid is None):
                for m in self._module.modules():
                    hooks.callback(m.register_forward_hook(self._watch).remove)
            yield

    def layout(self, layer: nn.Module, output: Any) -> TokenLayout | None:
        """How what ``layer`` has just put out lies; None for what is no tokens, such as a convolution's output."""
        values, own = split(output)
        if values is None or not self.transformer:
            return None
        if values.ndim == 5:
            last = not isinstance(layer, _CHANNELS_FIRST) and values.shape[-1] in self._widths
            return TokenLayout((values.shape[1], values.shape[2], values.shape[3]), 0, "grid") if last else None
        if values.ndim != 3 or len(values) != self._samples:
            return None
        grid = own or self._grid
        if grid is None:
            raise VidexplainError(
                f"{values.shape[1]} tokens, and the network does not say how they lie: "
                "give token_grid=(steps, rows, columns)"
            )
        extra = values.shape[1] - prod(grid)
        told = self._tokens.prefix if self._tokens else None
        # A layer may have been given the tokens of the grid alone.
        if extra != 0 and (extra < 0 or extra > _MOST_EXTRA if told is None else extra != told):
            raise VidexplainError(
                f"{values.shape[1]} tokens do not fill a grid of {'x'.join(map(str, grid))} = {prod(grid)}"
                + (f" after {told} of no place" if told else "")
            )
        return TokenLayout(grid, extra, self._tokens.order if self._tokens else "thw")

    def _watch(self, layer: nn.Module, _: Any, output: Any) -> None:
        values, own = split(output)
        if own is not None:
            self._grid = own
        elif values is None:
            return
        elif isinstance(layer, nn.Conv3d) and values.ndim == 5 and len(values) == self._samples:
            self._grid = (values.shape[2], values.shape[3], values.shape[4])
        elif isinstance(layer, nn.Conv2d) and values.ndim == 4 and len(values) % self._samples == 0:
            self._grid = (len(values) // self._samples, values.shape[2], values.shape[3])


def split(output: Any) -> tuple[Tensor | None, tuple[int, int, int] | None]:
    """The tensor of a layer's output, and the grid that it returns beside it, if it does."""
    if isinstance(output, Tensor):
        return output, None
    if isinstance(output, tuple) and output and isinstance(output[0], Tensor):
        beside = output[1] if len(output) > 1 else None
        if isinstance(beside, tuple | list | torch.Size) and len(beside) == 3:
            t, h, w = (int(extent) for extent in beside)
            return output[0], (t, h, w)
        return output[0], None
    return None, None


def replaced(output: Any, values: Tensor) -> Any:
    """What a layer returned, with another tensor."""
    return values if isinstance(output, Tensor) else (values, *output[1:])


def lay_out(values: Tensor, tokens: TokenLayout | None) -> Tensor:
    """Tokens ``(N, L, D)`` or channels-last ``(N, t, h, w, D)`` as ``(N, D, t, h, w)``; anything else as it is."""
    if tokens is None:
        return values
    if tokens.order == "grid":
        return values.movedim(-1, 1)
    assert tokens.grid is not None
    values = values[:, tokens.prefix :].transpose(1, 2)
    if tokens.order == "thw":
        return values.unflatten(2, tokens.grid)
    t, h, w = tokens.grid
    return values.unflatten(2, (h, w, t)).movedim(-1, 2)
