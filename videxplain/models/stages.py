"""The features by which clips are known: those of the picture, and how much each channel of each stage varies."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd

from videxplain.exclusive import of_this_thread
from videxplain.models.config import ModelConfig
from videxplain.models.picture import picture_features

MOST_FEATURES = 640
"""Features of all stages together; in wider networks neighbouring channels are averaged."""
_TRUNK = "trunk"
_LEAST_DIMENSIONS = 4
"""Maps have a sample, channels, rows and columns, and perhaps time."""


def stage_names(model: nn.Module) -> tuple[str, ...]:
    """The dotted names of the stages of a network, or of its ``trunk`` if it has one.

    They are the children that have parts of their own, such as ``layer1``; in a network without any, the pooling
    layers. Those whose output is no map are left out when features are collected.
    """
    start = f"{_TRUNK}." if isinstance(getattr(model, _TRUNK, None), nn.Module) else ""
    children = list((model.get_submodule(_TRUNK) if start else model).named_children())
    stages = [name for name, child in children if any(True for _ in child.children())]
    pooling = [name for name, child in children if isinstance(child, _MaxPoolNd | _AvgPoolNd)]
    return tuple(f"{start}{name}" for name in stages or pooling)


class ClipFeatures:
    """What the network is given in a pass, and what its stages put out.

    The first features are those of the picture (:func:`videxplain.models.picture.picture_features`). Those of the
    stages come after them. The feature of a channel is ``log(d + m)``, where ``d`` is the standard deviation of the
    channel over time and places, and ``m`` the root mean square of ``d`` over the channels of the stage. Means over
    time and places depend on the colours of the background. The standard deviation depends on what stands in the clip,
    and its logarithm has no long tail; ``m`` keeps channels that are nearly silent from counting most.
    """

    def __init__(self, names: Sequence[str], std: Sequence[float] | None = None) -> None:
        """Nothing is seen yet of the stages ``names``; ``std`` is what the channels of the input were divided by."""
        self._names, self._std = names, std
        self._seen: dict[str, list[tuple[Tensor, Tensor]]] = {}
        self._given: Tensor | None = None
        self.done = False

    def begin(self, x: Tensor) -> None:
        """A pass begins; what was seen of the one before is forgotten."""
        self._seen, self._given = {}, x

    def add(self, name: str, output: Tensor) -> None:
        """Count the output ``(R, C, *S)`` of a stage, which may be called once for each frame."""
        places = output.detach().float().flatten(2)
        mean = places.mean(2, keepdim=True)
        # On a processor six times as fast as torch.var_mean.
        variance = torch.linalg.vector_norm(places - mean, dim=2).square() / places.shape[2]
        self._seen.setdefault(name, []).append((variance, mean.squeeze(2)))

    def row(self) -> Tensor | None:
        """The features ``(1, F)`` of the last pass; None if it was not of one clip, or no stage was seen."""
        return self.rows() if self._given is not None and len(self._given) == 1 else None

    def saw(self, x: Tensor) -> bool:
        """Whether the last pass was of the clips ``x``, and not of changed ones."""
        given = self._given
        return given is not None and given.shape == x.shape and bool((given == x).all())

    def rows(self) -> Tensor | None:
        """The features ``(N, F)`` of the clips of the last pass; None if no stage was seen.

        A 2D network folds frames into the batch. Its rows are taken as clip after clip, which only a pass of each clip
        alone can confirm. None also if a stage has no whole number of rows for each clip.
        """
        calls = [mean for name in self._names for _, mean in self._seen.get(name, [])]
        if self._given is None or not calls or any(len(one) % len(self._given) for one in calls):
            return None
        room, clips = MOST_FEATURES // len(self._seen), len(self._given)
        stages = [self._of(name, clips, room).cpu() for name in self._names if name in self._seen]
        return torch.cat([picture_features(self._given, self._std), *stages], 1)

    def _of(self, name: str, clips: int, room: int) -> Tensor:
        """The features ``(N, F)`` of a stage, at most ``room``."""
        within, means = (
            torch.cat([one.view(clips, -1, one.shape[1]) for one in parts], 1)
            for parts in zip(*self._seen[name], strict=True)
        )
        # The variance over all rows of a clip is the mean of those within the rows, and that of the rows' means.
        deviation = (within.mean(1) + means.var(1, correction=0)).sqrt()
        whole = deviation.square().mean(1, keepdim=True).sqrt().clamp(min=torch.finfo(deviation.dtype).tiny)
        return (F.adaptive_avg_pool1d(deviation, min(deviation.shape[1], room)) + whole).log()


@contextmanager
def clip_features(model: nn.Module, names: Sequence[str]) -> Iterator[ClipFeatures]:
    """Collect the features of the passes of this thread, until ``done`` is set.

    Args:
        model: The network. Its hooks are put back at the end.
        names: Its stages, from :func:`stage_names`.
    """
    config = getattr(model, "config", None)
    seen = ClipFeatures(names, config.std if isinstance(config, ModelConfig) else None)

    def begin(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        if not seen.done and given and isinstance(given[0], Tensor):
            seen.begin(given[0])

    def keep(name: str, output: object) -> None:
        if not seen.done and isinstance(output, Tensor) and output.ndim >= _LEAST_DIMENSIONS:
            seen.add(name, output)

    hooks = [model.register_forward_pre_hook(of_this_thread(begin))]
    for name in names:
        stage = model.get_submodule(name)
        hooks.append(stage.register_forward_hook(of_this_thread(lambda _, __, output, name=name: keep(name, output))))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
