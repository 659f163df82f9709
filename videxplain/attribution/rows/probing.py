"""What a layer's output depends on: change a part of the clip, run the network, and see which rows are different.

A layer's outputs in one pass are its calls; each has rows along its first dimension. A cell is one frame of one sample.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from videxplain.errors import VidexplainError

Run: TypeAlias = Callable[[Tensor], Sequence[Tensor]]
"""A pass of ``(N, C, T, H, W)``: the outputs of all calls of the layer, detached.

Each is ``(rows, C, h, w)`` or ``(rows, C, t, h, w)``.
"""

SMALLEST_CHANGE = 1e-5
"""A row has changed where it differs by more than this share of the largest value of its call: less is rounding."""
_DOMINANT = 1.5
"""A row that depends on all frames is of the one whose influence is so many times that of any other."""
_ALIKE = 0.6
"""A row depends on the same frames of two clips where so large a share of those of either is common to both."""
_ALIKE_OF_ONE = 0.4
"""And so large a share where it is of the same one in both."""
_STILL = 0.05
"""A clip whose values spread by less than this share of the largest has one colour, but for a small part of it."""
_LARGEST_NORMALISED = 4.0
"""Values of normalised video are smaller than this; larger ones are on another scale, such as 0 to 255."""
_SEED = 20
_PATCHES = 4


@dataclass(frozen=True)
class Row:
    """What one row of one call depends on.

    Attributes:
        call: Number of the call, 0 for the first of the pass.
        row: Number of the row in it.
        sample: The sample of the batch; -1 where nothing of the clip is seen.
        frames: The frames of that sample.
        influence: For each of the T frames how much the row changes with it; empty where one frame alone is seen.
    """

    call: int
    row: int
    sample: int
    frames: frozenset[int]
    influence: tuple[float, ...] = ()

    @property
    def own_frame(self) -> int | None:
        """The frame that the row is of, if it depends on that one alone or far more than on any other."""
        if len(self.frames) == 1:
            return next(iter(self.frames))
        if len(self.frames) < 1:
            return None
        first, second = sorted(self.influence, reverse=True)[:2]
        return self.influence.index(first) if first >= _DOMINANT * second else None


class Probe:
    """Passes of one clip with parts of it changed, compared with a pass of the clip as it is."""

    def __init__(self, run: Run, x: Tensor, name: str, strength: float = 1.0, other: Tensor | None = None) -> None:
        """Run the clip once.

        Args:
            run: A pass.
            x: ``(N, C, T, H, W)``.
            name: The layer, for messages.
            strength: How far the other clip's values spread, as a multiple of those of the clip.
            other: The other clip; None for one that is made up.
        """
        x = x.detach()
        self._run, self._x, self._name = run, x, name
        self._known = [call.detach().float().clone() for call in run(x.clone())]
        self.shapes = [call.shape for call in self._known]
        if other is not None:
            self._other = other
            return
        self._other = other_clip(x, strength)

    @property
    def device(self) -> torch.device:
        """Where the clip is."""
        return self._x.device

    def changes(self, hidden: Tensor) -> list[Tensor]:
        """How much each row changes, ``(rows,)`` for each call, when the voxels of ``hidden`` are others.

        Args:
            hidden: Bool, broadcasts to ``(N, C, T, H, W)``.
        """
        return [(new - old).abs().flatten(1).amax(1) / scale for old, new, scale in self._compared(hidden)]

    def pictures(self, hidden: Tensor) -> list[Tensor]:
        """The same for each place, ``(rows, h, w)`` for each call: the mean over channels and steps."""
        found = []
        for old, new, scale in self._compared(hidden):
            change = (new - old).abs() / scale
            found.append(change.mean(tuple(range(1, change.ndim - 2))))
        return found

    def places(self, hidden: Tensor) -> Tensor:
        """The same for each channel and place of one call, ``(C, t, h, w)``: the mean over samples."""
        ((old, new, scale),) = self._compared(hidden)
        return ((new - old).abs() / scale).mean(0)

    def rows(self) -> list[Row]:
        """Every row of every call, in the order of the pass, with what it depends on.

        Raises:
            VidexplainError: Rows depend on several samples of the batch.
        """
        samples, frames = len(self._x), self._x.shape[2]
        cells = self._decode(samples * frames, lambda chosen: chosen.view(samples, 1, frames, 1, 1))
        alone = [cell for cell in cells if cell is not None]
        if len(alone) == len(cells):
            return [
                Row(*place, cell // frames, frozenset({cell % frames})) if cell >= 0 else Row(*place, -1, frozenset())
                for place, cell in zip(self._places(), alone, strict=True)
            ]
        rows = self._mixed_rows()
        back = Probe(self._run, self._other, self._name, other=self._x)
        if back.shapes != self.shapes or any(
            not _alike(row, again) for row, again in zip(rows, back._mixed_rows(), strict=True)
        ):
            raise self._depends_on_content()
        return rows

    def _mixed_rows(self) -> list[Row]:
        """The same where rows depend on several frames: one pass a frame."""
        samples, frames = len(self._x), self._x.shape[2]
        found = self._decode(samples, lambda chosen: chosen.view(samples, 1, 1, 1, 1))
        owners = [owner for owner in found if owner is not None]
        if len(owners) < len(found):
            raise VidexplainError(
                f"layer '{self._name}': its output for one clip of the batch depends on other clips of the batch; "
                "give one clip at a time"
            )
        by_frame = []
        for t in range(frames):
            hidden = torch.zeros(frames, dtype=torch.bool, device=self._x.device)
            hidden[t] = True
            by_frame.append(torch.cat(self.changes(hidden.view(1, 1, frames, 1, 1))))
        influence = torch.stack(by_frame, 1).cpu()
        return [
            Row(
                *place,
                owner,
                frozenset(t for t, change in enumerate(changes) if change > SMALLEST_CHANGE),
                tuple(changes),
            )
            for place, owner, changes in zip(self._places(), owners, influence.tolist(), strict=True)
        ]

    def owners(self) -> list[Tensor] | None:
        """For each call the sample of each row, ``(rows,)``; None where a row depends on several samples or none."""
        found = self._decode(len(self._x), lambda chosen: chosen.view(-1, 1, 1, 1, 1))
        if any(owner is None or owner < 0 for owner in found):
            return None
        return list(torch.tensor(found, device=self._x.device).split([shape[0] for shape in self.shapes]))

    def _decode(self, cells: int, spread: Callable[[Tensor], Tensor]) -> list[int | None]:
        """For each row the one cell that it depends on, -1 for none, None for several.

        Every cell is changed in another half of the passes. A row that depends on two cells changes in more than half
        of them, so that one cell is told from several by few passes.
        """
        words = code_words(cells)
        passes = 1 + max(max(word) for word in words)
        changed = []
        for number in range(passes):
            chosen = torch.tensor([number in word for word in words], device=self._x.device)
            changed.append(torch.cat(self.changes(spread(chosen))) > SMALLEST_CHANGE)
        cell_of = {word: cell for cell, word in enumerate(words)}
        found: list[int | None] = []
        for row in torch.stack(changed, 1).tolist():
            word = tuple(number for number, is_changed in enumerate(row) if is_changed)
            found.append(cell_of.get(word) if word else -1)
        return found

    def _depends_on_content(self) -> VidexplainError:
        return VidexplainError(
            f"layer '{self._name}': which frames it sees depends on what the clip shows, so its output cannot be laid "
            "over the frames; name another layer"
        )

    def _places(self) -> list[tuple[int, int]]:
        return [(call, row) for call, shape in enumerate(self.shapes) for row in range(shape[0])]

    def _compared(self, hidden: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        calls = [call.detach().float() for call in self._run(torch.where(hidden, self._other, self._x))]
        if [call.shape for call in calls] != self.shapes:
            raise self._depends_on_content()
        scales = [old.abs().amax().clamp_min(1e-12) for old in self._known]
        return list(zip(self._known, calls, scales, strict=True))


def other_clip(x: Tensor, strength: float = 1.0, seed: int = _SEED) -> Tensor:
    """A made-up clip that differs from ``x`` everywhere; its values spread by so many times those of ``x``."""
    mean, spread = float(x.float().mean()), float(x.float().std(correction=0))
    largest = float(x.float().abs().max())
    if spread < _STILL * largest:  # so little noise would open no rectifier
        spread = max(1.0, largest / _LARGEST_NORMALISED)
    # What is dark becomes bright, so that a network that chooses by what a frame shows chooses others.
    return (2 * mean - x.float() + strength * (spread or 1.0) * _noise(x.shape, seed).to(x.device)).to(x.dtype)


def _alike(row: Row, again: Row) -> bool:
    """Whether a row is of the same frame in another clip, or depends on the same frames, a few weak ones apart."""
    same_own = row.own_frame is not None and row.own_frame == again.own_frame
    share = len(row.frames & again.frames) / max(1, len(row.frames | again.frames))
    return share >= (_ALIKE_OF_ONE if same_own else _ALIKE)


def _noise(shape: torch.Size, seed: int) -> Tensor:
    """Noise with large bright and dark patches, so that every rectifier opens somewhere."""
    generator = torch.Generator().manual_seed(seed)
    fine = torch.randn(shape, generator=generator)
    grid = torch.randn(shape[0], 1, shape[2], _PATCHES, _PATCHES, generator=generator)
    return fine + 3 * F.interpolate(grid, size=tuple(shape[2:]), mode="nearest")


def code_words(count: int) -> list[tuple[int, ...]]:
    """So many different halves of a few passes: ``count`` sets of pass numbers, all of one size."""
    passes = 1
    while comb(passes, (passes + 1) // 2) < count:
        passes += 1
    words = list(combinations(range(passes), (passes + 1) // 2))
    return words[:count]
