"""Put the tokens of a transformer back in their places in the video."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any, TypeAlias, cast

from torch import Tensor, nn

from videxplain.errors import VidexplainError
from videxplain.exclusive import of_this_thread
from videxplain.models.config import TokenLayout

Grid: TypeAlias = tuple[int, int, int]

_MOST_EXTRA = 8
"""Up to so many tokens without a place, such as a class token and registers, are assumed; more have to be given."""

CHANNELS_FIRST = (nn.Conv3d, nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d, nn.BatchNorm3d)


class TokenReader:
    """Knows, at any moment of a pass, how the output of a layer lies in space and time.

    The grid is that of the configuration, or the one that the pass itself shows: that of the last convolution over the
    whole clip, such as a patch embedding, or the one that a layer returns beside its tokens, as MViT's do. Where a
    network normalises single tokens, a grid ``(N, T, H, W, C)`` whose last dimension one of them normalises has its
    channels last, as in Swin transformers.
    """

    def __init__(self, module: nn.Module, x: Tensor, tokens: TokenLayout | None = None) -> None:
        """Read outputs of ``module`` in passes of ``x``.

        Args:
            module: The network.
            x: Its input ``(N, C, T, H, W)``.
            tokens: How tokens lie; None for what the network's configuration says, if it has any.
        """
        self._module, self._samples, self._frames = module, len(x), x.shape[2]
        self._told = tokens or getattr(getattr(module, "config", None), "tokens", None)
        self._grid = self._told.grid if self._told else None
        self._read = self._told.read if self._told else None
        self._widths = {width for m in module.modules() if (width := width_of_norm(m)) is not None}
        # A convolution over single frames does not show the order of a list of all frames' tokens.
        self._ordered = True

    @property
    def messages(self) -> TokenLayout | None:
        """How tokens lie in a network whose frames send each other messages; None for other networks."""
        return self._told if self._told is not None and self._told.messages is not None else None

    @property
    def transformer(self) -> bool:
        """Whether the network can have tokens at all."""
        return self._told is not None or bool(self._widths)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While active, the grid follows the pass."""
        with ExitStack() as hooks:
            if self.transformer and (self._told is None or self._told.grid is None):
                watch = of_this_thread(self._watch)
                for m in self._module.modules():
                    hooks.callback(m.register_forward_hook(watch).remove)
            yield

    def layout(self, layer: nn.Module, output: Any) -> TokenLayout | None:
        """How the output of ``layer`` lies; None for an output that is not tokens, such as a convolution's."""
        values, own = tensor_and_grid(output)
        if values is None or not self.transformer:
            return None
        if values.ndim == 5:
            last = not isinstance(layer, CHANNELS_FIRST) and values.shape[-1] in self._widths
            return TokenLayout((values.shape[1], values.shape[2], values.shape[3]), 0, "grid") if last else None
        if values.ndim != 3 or len(values) % self._samples:
            return None
        return self.fit(len(values), values.shape[1], own)

    def fit(self, rows: int, tokens: int, own: Grid | None = None) -> TokenLayout | None:
        """How ``(rows, tokens, D)`` lie; None where rows of the batch are something else, such as windows.

        Args:
            rows: Samples, or frames or places of all samples.
            tokens: L.
            own: The grid, if the layer returned it with the tokens.

        Raises:
            VidexplainError: A list of tokens does not fill the grid, or none is known.
        """
        grid, folded = own or self._grid, rows // self._samples
        if grid is None:
            if folded != 1:
                return None
            raise VidexplainError(
                f"{tokens} tokens, and the network does not say how they lie: "
                "give token_grid=(steps, rows, columns), or tokens= to vx.wrap"
            )
        t, h, w = grid
        if (extra := self._extra(tokens, h * w)) is not None and folded == t and (t > 1 or not self._ordered):
            return TokenLayout(grid, extra, "frames", self._read)
        if tokens == t and folded == h * w and folded > 1:
            return TokenLayout(grid, 0, "places", self._read)
        if folded != 1:
            return None
        extra = self._extra(tokens, prod(grid))
        if extra is None:
            of = f" after {self._told.prefix} of no place" if self._told and self._told.prefix else ""
            raise VidexplainError(f"{tokens} tokens do not fill a grid of {t}x{h}x{w} = {prod(grid)}{of}")
        if not self._ordered and self._told is None:
            raise VidexplainError(
                f"{tokens} tokens of {t} frames in one list, whose order the network does not say: give token_grid, "
                f"({t}, {h}, {w}) if frames come one after the other"
            )
        return TokenLayout(grid, extra, "hwt" if self._told and self._told.order == "hwt" else "thw", self._read)

    def _extra(self, tokens: int, places: int) -> int | None:
        """How many of the tokens come before those of the places; None where they do not fit."""
        extra, told = tokens - places, self._told.prefix if self._told else None
        # A layer may get the tokens of the grid alone.
        fits = 0 <= extra <= _MOST_EXTRA if told is None else extra in (0, told)
        return extra if fits else None

    def _watch(self, layer: nn.Module, _: Any, output: Any) -> None:
        values, own = tensor_and_grid(output)
        if own is not None:
            self._grid = own
        elif values is None or len(values) % self._samples:
            return
        elif isinstance(layer, nn.Conv3d) and values.ndim == 5 and len(values) == self._samples:
            self._grid, self._ordered = (values.shape[2], values.shape[3], values.shape[4]), True
        elif isinstance(layer, nn.Conv2d) and values.ndim == 4:
            self._grid, self._ordered = (len(values) // self._samples, values.shape[2], values.shape[3]), False


def width_of_norm(layer: nn.Module) -> int | None:
    """How many channels a layer normalises at each token; None for any other layer.

    Many projects have a class of their own for RMSNorm.
    """
    if isinstance(layer, nn.LayerNorm | nn.RMSNorm):
        return layer.normalized_shape[-1]
    scales = [parameter for parameter in layer.parameters(recurse=False) if parameter.ndim == 1]
    is_rms = type(layer).__name__.lower().replace("_", "").endswith("rmsnorm")
    return len(scales[0]) if is_rms and scales else None


def as_token_layout(token_grid: tuple[int, int, int] | TokenLayout | None) -> TokenLayout | None:
    """How tokens lie, also if only the grid was given."""
    if token_grid is None or isinstance(token_grid, TokenLayout):
        return token_grid
    if len(token_grid) != 3 or min(token_grid) < 1:
        raise VidexplainError(f"token_grid is (steps, rows, columns), not {tuple(token_grid)}")
    return TokenLayout((token_grid[0], token_grid[1], token_grid[2]), prefix=None)


def tensor_and_grid(output: Any) -> tuple[Tensor | None, Grid | None]:
    """The tensor of a layer's output, and the grid that it returns beside it, if it does."""
    if isinstance(output, Tensor):
        return output, None
    if isinstance(output, tuple) and output and isinstance(output[0], Tensor):
        beside = output[1] if len(output) > 1 else None
        if isinstance(beside, tuple | list) and len(beside) == 3 and all(isinstance(extent, int) for extent in beside):
            return output[0], (beside[0], beside[1], beside[2])
        return output[0], None
    return None, None


def replaced(output: Any, values: Tensor) -> Any:
    """What a layer returned, with another tensor."""
    return values if isinstance(output, Tensor) else tuple_like(output, (values, *output[1:]))


def tuple_like(given: tuple[Any, ...], values: Iterable[Any]) -> tuple[Any, ...]:
    """Values as a tuple of the kind of another, whose places may have names."""
    if hasattr(given, "_make"):
        return cast("tuple[Any, ...]", given._make(values))
    return type(given)(tuple(values))


def tensor_of_layer(output: Any, layer: object) -> Tensor:
    """The tensor of a layer's output, whose gradient is to be taken.

    Raises:
        VidexplainError: It is another kind of object, or numbers that are no features.
    """
    values, _ = tensor_and_grid(output)
    if values is None:
        raise VidexplainError(f"layer '{layer}' returns a {type(output).__name__}, not a tensor; name another layer")
    if not values.is_floating_point():
        kind = str(values.dtype).removeprefix("torch.")
        raise VidexplainError(f"layer '{layer}' returns numbers of kind {kind}, not features; name another layer")
    return values


def lay_out(values: Tensor, tokens: TokenLayout | None) -> Tensor:
    """Tokens in one of the orders of :class:`TokenLayout` as ``(N, D, t, h, w)``; anything else as it is.

    Tokens of single frames come as those of a network of images do, ``(N t, D, h, w)``.
    """
    if tokens is None:
        return values
    if tokens.order == "grid":
        return values.movedim(-1, 1)
    assert tokens.grid is not None
    t, h, w = tokens.grid
    if tokens.order == "places":
        return values.unflatten(0, (-1, h, w)).permute(0, 4, 3, 1, 2)
    values = values[:, tokens.prefix :].transpose(1, 2)
    if tokens.order == "frames":
        return values.unflatten(2, (h, w))
    return values.unflatten(2, (t, h, w)) if tokens.order == "thw" else values.unflatten(2, (h, w, t)).movedim(-1, 2)
