"""The calls and rows of a layer, found once for each network, layer and size of input."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from videxplain.attribution.layers import LayerCall
from videxplain.attribution.rows.correspondence import Correspondence, as_it_is, find_correspondence
from videxplain.attribution.rows.placement import Placement, placement
from videxplain.attribution.rows.probing import Probe, Run
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout
from videxplain.network_answers import NetworkAnswers


@dataclass(frozen=True)
class LayerRows:
    """How the outputs of a layer become video.

    Attributes:
        calls: Numbers of the calls whose output has extent in space, in the order of the pass.
        found: Which of their rows is which sample and moment.
        is_direct: Whether the output of one call is ``(N, C, T, h, w)``, so that rows are samples.
    """

    calls: tuple[int, ...]
    found: Correspondence
    is_direct: bool = False

    def video(self, outputs: Sequence[Tensor], layer: LayerCall) -> Tensor:
        """The outputs of all calls of a pass as ``(N, C, T, h, w)``; with several uses those of the named one."""
        if self.is_direct and not layer.use:
            return outputs[self.calls[0]]
        return self.found.gather([outputs[call] for call in self.calls], self._use(layer))

    def calls_of(self, layer: LayerCall) -> frozenset[int]:
        """Numbers of the calls that belong to a use."""
        return frozenset(self.calls[call] for call in self.found.uses[self._use(layer)].calls)

    def _use(self, layer: LayerCall) -> int:
        uses = self.found.uses
        if len(uses) == 1 and layer.use:
            raise VidexplainError(f"layer '{layer.name}' is used once in a pass; there is no use {layer.use}")
        if len(uses) > 1 and (layer.use is None or layer.use >= len(uses)):
            names = ", ".join(f"'{layer.name}:{i}'" for i in range(len(uses)))
            raise VidexplainError(
                f"layer '{layer.name}' is used {len(uses)} times in a pass; say which use is meant: {names}"
            )
        use = layer.use or 0
        if uses[use].wrong:
            raise VidexplainError(f"layer '{layer}': {uses[use].wrong}, and its map cannot be laid over the frames")
        return use


def find_rows(
    module: nn.Module, x: Tensor, layer: LayerCall, tokens: TokenLayout | None, shapes: Sequence[torch.Size], run: Run
) -> LayerRows:
    """Which rows of a layer's output are which sample and moment.

    A layer that puts out ``(N, C, T, h, w)`` in one call needs no further pass. For any other it costs some passes of
    changed clips, once.

    Args:
        module: The network.
        x: Its input ``(N, C, T, H, W)``.
        layer: The layer.
        tokens: How the tokens of a transformer lie, if that was given.
        shapes: Those of the layer's outputs in a pass of ``x``, tokens laid out.
        run: A pass that gives these outputs.

    Raises:
        VidexplainError: The output has no extent in space, or is not the clip's moments, each once.
    """
    calls = tuple(call for call, shape in enumerate(shapes) if len(shape) in (4, 5))
    if not calls:
        raise VidexplainError(
            f"layer '{layer}' puts out {tuple(shapes[0])}, which has no extent in space; name a layer with output "
            "(N, C, T, h, w), (frames, C, h, w) in a 2D network, or (N, tokens, D) in a transformer"
        )
    first = shapes[calls[0]]
    if len(calls) == 1 and len(first) == 5 and first[0] == len(x):
        return LayerRows(calls, as_it_is(len(x)), is_direct=True)
    question = (layer.name, tokens, x.shape, tuple(shapes))
    found = _ROWS.ask(module, question, lambda: find_correspondence(_with_extent(run), x, layer.name))
    return LayerRows(calls, found)


def check_placement(
    module: nn.Module, x: Tensor, layer: LayerCall, tokens: TokenLayout | None, rows: LayerRows, run: Run
) -> None:
    """Refuse a layer whose output does not lie over the clip.

    It costs some passes of changed clips, once, and none in networks of packages whose layers are known.

    Args:
        module: The network.
        x: Its input ``(N, C, T, H, W)``.
        layer: The layer, and which of its uses.
        tokens: How the tokens of a transformer lie, if that was given.
        rows: What :func:`find_rows` has found.
        run: A pass that gives the layer's outputs.

    Raises:
        VidexplainError: It does not; the line says what was seen.
    """
    if is_known(module, layer.name):
        return
    found = _PLACEMENTS.ask(
        module,
        (layer, tokens, x.shape),
        lambda: placement(lambda clip: rows.video(run(clip), layer), x, layer.name),
    )
    if found.wrong:
        raise VidexplainError(f"layer '{layer}': {found.wrong}, so its map cannot be laid over the frames")
    if found.is_even:
        _EVEN.of(module)[(layer, tokens, x.shape[1:])] = True


def note_of_placement(module: nn.Module, x: Tensor, layer: LayerCall, tokens: TokenLayout | None) -> str:
    """What a reader of a map at a layer must know of its places; empty where they lie over the clip.

    The arguments are those with which :func:`check_placement` has found it out, for any number of samples.
    """
    if (layer, tokens, x.shape[1:]) not in _EVEN.of(module):
        return ""
    return (
        f"each place of layer '{layer}' depends on all parts of the clip alike, such as behind a Fourier transform: "
        "where the map is strong does not say where in the clip the evidence is"
    )


def check_samples(
    module: nn.Module,
    x: Tensor,
    layer: LayerCall,
    tokens: TokenLayout | None,
    outputs: Sequence[Tensor],
    forms: Sequence[TokenLayout | None],
    run: Run,
) -> None:
    """Refuse lists of tokens that may be read with samples and tokens exchanged, unless each sample is a clip's.

    The shape of ``(tokens, N, D)``, which is what ``nn.Transformer`` has unless told otherwise, can be that of
    ``(N h w, t, D)`` too. It costs some passes of changed clips, once, and none for other shapes.

    Args:
        module: The network.
        x: Its input ``(N, C, T, H, W)``.
        layer: The layer.
        tokens: How its tokens lie, if that was given.
        outputs: What it put out.
        forms: How these were taken to lie.
        run: A pass that gives the outputs, tokens laid out.

    Raises:
        VidexplainError: What is taken for the output for one clip depends on other clips, or on no clip.
    """
    doubtful = any(
        form is not None and (form.order == "places" or output.shape[0] == output.shape[1])
        for output, form in zip(outputs, forms, strict=True)
    )
    if len(x) == 1 or not doubtful or is_known(module, layer.name):
        return

    def are_exchanged() -> bool:
        own = torch.arange(len(x), device=x.device)
        found = Probe(run, x, layer.name).owners()
        return found is None or not all(torch.equal(one, own) for one in found)

    if _EXCHANGED.ask(module, (layer.name, tokens, x.shape), are_exchanged):
        raise VidexplainError(
            f"layer '{layer}': its output {tuple(outputs[0].shape)} seems to be (tokens, clips, channels); give one "
            "clip at a time, or name a layer with output (clips, tokens, channels)"
        )


def is_known(module: nn.Module, layer: str = "") -> bool:
    """Whether a network is one of a package whose layers are known to lie over the clip, which spares the passes.

    A part that somebody has put in may move its input. So only a new head is allowed, behind which there is no part of
    the package.

    Args:
        module: The network.
        layer: A layer; where it is in a new head, nothing is known of it. Empty for the network as a whole.
    """
    if _package(getattr(module, "module", module)) not in _KNOWN:
        return False
    parts = list(module.modules())
    packages = [_package(part) for part in parts]
    first = next((i for i, name in enumerate(packages) if name not in (*_KNOWN, "torch")), len(parts))
    if any(name in _KNOWN for name in packages[first:]):
        return False
    return not layer or set(module.get_submodule(layer).modules()) <= set(parts[:first])


def _package(part: nn.Module) -> str:
    """The package that a part's code is of; empty where somebody has put another ``forward`` into the part."""
    return "" if "forward" in vars(part) else type(part).__module__.partition(".")[0]


def find_owners(
    module: nn.Module, x: Tensor, layer: LayerCall, tokens: TokenLayout | None, rows: LayerRows, run: Run
) -> dict[int, Tensor] | None:
    """For each call of a layer the sample of each row, ``(rows,)``; None where that is not clear.

    Args:
        module: The network.
        x: Its input ``(B, C, T, H, W)``.
        layer: The layer.
        tokens: How the tokens of a transformer lie, if that was given.
        rows: What was found for one sample. A batch whose pass has other calls is not clear.
        run: A pass that gives the layer's outputs.
    """

    def measured() -> list[Tensor] | None:
        try:
            probe = Probe(_with_extent(run), x, layer.name)
            return probe.owners() if len(probe.shapes) == len(rows.calls) else None
        except VidexplainError:
            return None

    owners = _OWNERS.ask(module, (layer.name, tokens, x.shape), measured)
    return None if owners is None else dict(zip(rows.calls, owners, strict=True))


def _with_extent(run: Run) -> Run:
    return lambda x: [output for output in run(x) if output.ndim in (4, 5)]


_KNOWN = ("videxplain", "torchvision", "transformers", "pytorchvideo")

_ROWS = NetworkAnswers[Correspondence]()
_PLACEMENTS = NetworkAnswers[Placement]()
_EVEN = NetworkAnswers[bool]()
"""Layers, with the size of the clip, whose places say nothing of where."""
_EXCHANGED = NetworkAnswers[bool]()
_OWNERS = NetworkAnswers[list[Tensor] | None]()
