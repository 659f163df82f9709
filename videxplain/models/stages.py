"""The features of a clip at every stage of a network, pooled over time and space."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd

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


class StageFeatures:
    """What the stages put out in a pass."""

    def __init__(self, names: Sequence[str]) -> None:
        """Nothing is seen yet."""
        self._names = names
        self._sums: dict[str, list[Tensor]] = {}
        self._clips, self.done = 0, False

    def begin(self, x: Tensor) -> None:
        """A pass begins; what was seen of the one before is forgotten."""
        self._sums, self._clips = {}, len(x)

    def add(self, name: str, output: Tensor) -> None:
        """Count the output ``(R, C, *S)`` of a stage, which may be called once for each frame."""
        self._sums.setdefault(name, []).append(output.detach().float().flatten(2).mean(2))

    def row(self) -> Tensor | None:
        """The features ``(1, F)`` of the last pass; None if it was not of one clip, or no stage was seen."""
        return self.rows() if self._clips == 1 else None

    def rows(self) -> Tensor | None:
        """The features ``(N, F)`` of the clips of the last pass; None if no stage was seen.

        A 2D network folds frames into the batch. Its rows are taken as clip after clip, which only a pass of each clip
        alone can confirm. None also if a stage has no whole number of rows for each clip.
        """
        calls = [one for name in self._names for one in self._sums.get(name, [])]
        if not (self._clips and calls) or any(len(one) % self._clips for one in calls):
            return None
        room = MOST_FEATURES // len(self._sums)
        means = []
        for name in self._names:
            if name in self._sums:
                by_clip = [one.view(self._clips, -1, one.shape[1]).mean(1) for one in self._sums[name]]
                mean = torch.stack(by_clip).mean(0)
                means.append(F.adaptive_avg_pool1d(mean, min(mean.shape[1], room)))
        return torch.cat(means, 1).cpu()


@contextmanager
def stage_features(model: nn.Module, names: Sequence[str]) -> Iterator[StageFeatures]:
    """Collect the features of the passes of this thread, until ``done`` is set.

    Args:
        model: The network. Its hooks are put back at the end.
        names: Its stages, from :func:`stage_names`.
    """
    seen, me = StageFeatures(names), threading.get_ident()

    def mine() -> bool:
        # Another thread may use the same network between two passes of this one.
        return not seen.done and threading.get_ident() == me

    def begin(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        if mine() and given and isinstance(given[0], Tensor):
            seen.begin(given[0])

    def keep(name: str, output: object) -> None:
        if mine() and isinstance(output, Tensor) and output.ndim >= _LEAST_DIMENSIONS:
            seen.add(name, output)

    hooks = [model.register_forward_pre_hook(begin)]
    for name in names:
        stage = model.get_submodule(name)
        hooks.append(stage.register_forward_hook(lambda _, __, output, name=name: keep(name, output)))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
