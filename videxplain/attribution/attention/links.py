"""Where one place of a clip looks: a row of a non-local block's affinity, or of a transformer's attention."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from videxplain.attribution.attention.moved_tokens import check_places_of_attention
from videxplain.attribution.attention.read import ReadAttention
from videxplain.attribution.attention.token_flow import LayerAttention
from videxplain.attribution.engine import forward
from videxplain.attribution.rows.extra_tokens import check_extra_tokens
from videxplain.attribution.rows.layer_rows import is_known
from videxplain.attribution.rows.placement import placement
from videxplain.attribution.tokens import TokenReader
from videxplain.errors import VidexplainError, unknown
from videxplain.exclusive import of_this_thread
from videxplain.untouched import untouched


@dataclass(frozen=True)
class Links:
    """What one place takes from each other.

    Attributes:
        block: Name of the non-local block, or number of the layer of attention.
        query: Step, row and column of the place, on the grid of places that look.
        grid: Steps, rows and columns of that grid.
        weights: ``(t, h, w)`` on the grid of places that are looked at, which may be coarser. With a softmax they and
            the share of a class token add up to 1.
    """

    block: str
    query: tuple[int, int, int]
    grid: tuple[int, int, int]
    weights: Tensor


def blocks_of(module: nn.Module) -> list[str]:
    """Names of a network's non-local blocks, in the order of the pass."""
    return [name for name, m in module.named_modules() if isinstance(getattr(m, "affinity", None), nn.Module)]


def find_links(module: nn.Module, x: Tensor, place: tuple[float, float, float], block: str | None = None) -> Links:
    """Where a place looks.

    Args:
        module: A network with non-local blocks, or a transformer whose attention is between all tokens of the clip.
        x: One clip ``(1, C, T, H, W)``.
        place: In time, height and width, each as a share from 0 to 1 of the clip.
        block: Which non-local block, by name, or which layer of attention, by number from 0; None for the last.

    Raises:
        VidexplainError: A network that has neither, or no such block, or one whose places are not those of the clip.
    """
    if names := blocks_of(module):
        chosen = block or names[-1]
        if chosen not in names:
            raise unknown("non-local block", chosen, names)
        return _of_block(module, x, place, chosen)
    return _of_attention(module, x, place, block)


def _of_block(module: nn.Module, x: Tensor, place: tuple[float, float, float], name: str) -> Links:
    seen: dict[str, Any] = {}

    def of_input(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen["grid"], seen["input"] = tuple(inputs[0].shape[2:]), inputs[0].detach()

    def of_affinity(_: nn.Module, __: Any, output: Tensor) -> None:
        seen["weights"] = output.detach().float()

    where = module.get_submodule(name)
    hooks = [
        where.register_forward_pre_hook(of_this_thread(of_input)),
        where.get_submodule("affinity").register_forward_hook(of_this_thread(of_affinity)),
    ]
    try:
        with untouched(module), torch.no_grad():
            forward(module, x.clone())
            grid, weights = seen["grid"], seen["weights"]
            # The places that are looked at are pooled; the block's own pooling says to which size.
            coarse = tuple(where.get_submodule("pool")(x.new_zeros(1, 1, *grid)).shape[2:])
            if not is_known(module):

                def places(clip: Tensor) -> Tensor:
                    forward(module, clip)
                    return cast(Tensor, seen["input"])

                if why := placement(places, x, name).wrong:
                    raise VidexplainError(f"block '{name}': {why}, so its links cannot be laid over the clip")
    finally:
        for hook in hooks:
            hook.remove()
    return _row(name, place, grid, coarse, weights[0])


def _of_attention(module: nn.Module, x: Tensor, place: tuple[float, float, float], block: str | None) -> Links:
    reader = TokenReader(module, x)
    found: list[tuple[Tensor, Any]] = []

    def take(weights: Tensor) -> None:
        rows, _, queries, keys = weights.shape
        form = None
        if queries == keys and rows == len(x):
            with suppress(VidexplainError):
                form = reader.fit(rows, keys)
        found.append((weights.detach().float().mean(1), form))

    with untouched(module), torch.no_grad(), reader.watching(), ReadAttention(take):
        forward(module, x.clone())
    layers = [weights_form for weights_form in found if weights_form[1] is not None]
    if not reader.transformer or not layers:
        raise VidexplainError(
            "the network has no non-local blocks and no attention between all places of the clip; use non_local, or a "
            "transformer such as VideoMAE or ViViT"
        )
    number = len(layers) - 1 if block is None else int(block) if block.isdecimal() else -1
    if not 0 <= number < len(layers):
        raise VidexplainError(f"layers of attention are numbered 0 to {len(layers) - 1}, and there is no '{block}'")
    weights, form = layers[number]
    check_extra_tokens(module, x, [form], None)
    check_places_of_attention(module, x, [LayerAttention(weights, form, False)], None)
    prefix = form.prefix or 0
    square = weights[0, prefix:, prefix:]
    if form.order == "hwt":
        t, h, w = form.grid
        square = square.unflatten(0, (h, w, t)).unflatten(-1, (h, w, t)).permute(2, 0, 1, 5, 3, 4)
        square = square.reshape(t * h * w, t * h * w)
    return _row(f"attention {number}", place, form.grid, form.grid, square)


def _row(
    name: str,
    place: tuple[float, float, float],
    grid: tuple[int, int, int],
    coarse: tuple[int, int, int],
    weights: Tensor,
) -> Links:
    step, row, column = (min(int(share * extent), extent - 1) for share, extent in zip(place, grid, strict=True))
    chosen = weights[(step * grid[1] + row) * grid[2] + column]
    return Links(name, (step, row, column), grid, chosen.unflatten(0, coarse).cpu())
