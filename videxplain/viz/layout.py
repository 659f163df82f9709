"""What a figure of frames shows: which frames, how many rows and columns, and which words."""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from videxplain.errors import VidexplainError

_MOST = 100
_FAINT = 0.1
"""Share of a curve's range whose frames are never among the highest."""
PEAKS: Final = "peaks"
At: TypeAlias = tuple[int, ...] | Literal["peaks"]


@dataclass(frozen=True)
class Layout:
    """What a figure of frames shows.

    Attributes:
        at: Numbers of the frames, from 0, in the order in which they are drawn; empty for frames spread evenly;
            ``"peaks"`` for those where the map is strongest in time (:func:`peak_frames`).
        rows: Rows of frames; None for as many as are needed.
        columns: Frames in a row; None for as many as fit, at most 8.
        titles: Whether the figure has a headline, and the line below it.
        captions: Whether the figure says what its parts are: times above frames, names below panels, what colours
            measure. Warnings and the numbers of scales are always there.
        charts: Whether the predictions and the curves over time are below the frames.
    """

    at: At = ()
    rows: int | None = None
    columns: int | None = None
    titles: bool = True
    captions: bool = True
    charts: bool = True

    def __post_init__(self) -> None:
        if self.at is not PEAKS:
            object.__setattr__(self, "at", _at(self.at))
        for name, value in (("rows", self.rows), ("columns", self.columns)):
            if value is not None and (not isinstance(value, int) or not 1 <= value <= _MOST):
                raise VidexplainError(f"{name} are from 1 to {_MOST}, not {value}")
        if len(self.named) > _MOST:
            raise VidexplainError(f"a figure has at most {_MOST} frames, not {len(self.named)}")

    @property
    def named(self) -> tuple[int, ...]:
        """The frames that ``at`` has by number."""
        return () if isinstance(self.at, str) else self.at

    @property
    def peaks(self) -> bool:
        """Whether the frames are those where the map is strongest."""
        return isinstance(self.at, str)

    def grid(self, most_columns: int, frames: int) -> tuple[int, int]:
        """Return the rows and columns of the figure of a clip.

        Args:
            most_columns: Frames that fit in a row.
            frames: How many frames the clip has.

        Raises:
            VidexplainError: More frames were asked for than rows times columns hold.
        """
        wanted = len(self.named)
        if self.columns:
            columns = self.columns
        elif wanted:
            columns = math.ceil(wanted / (self.rows or math.ceil(wanted / most_columns)))
        else:
            columns = min(most_columns, frames)
        rows = self.rows or max(1, math.ceil(wanted / columns))
        if wanted > rows * columns:
            raise VidexplainError(f"{wanted} frames do not fit in {rows} x {columns} (rows x columns)")
        return rows, columns

    def chosen(self, frames: int, most: int, curve: np.ndarray | None = None) -> list[int]:
        """Return the numbers of the frames that are drawn; none for peaks before there is a map.

        Args:
            frames: How many frames the clip has.
            most: How many are drawn where none are named.
            curve: ``(frames,)``, how strong the map is in each frame, of which ``"peaks"`` are taken; None before there
                is a map, when only the layout is checked.

        Raises:
            VidexplainError: The clip does not have one of them.
        """
        if self.peaks:
            return [] if curve is None else peak_frames(curve, most)
        for frame in self.named:
            if not 0 <= frame < frames:
                raise VidexplainError(f"the clip has no frame {frame}; it has frames 0 to {frames - 1}")
        return list(self.named) or spread_frames(frames, most)


def _at(given: object) -> At:
    """Frames that were asked for, as plain numbers, or the word for peaks."""
    if isinstance(given, str) and given == PEAKS:
        return PEAKS
    try:
        return tuple(operator.index(frame) for frame in given)  # type: ignore[attr-defined]
    except TypeError:
        raise VidexplainError(f"at is the numbers of frames, such as (3, 10, 17), or 'peaks', not {given!r}") from None


def spread_frames(frames: int, most: int) -> list[int]:
    """Return the numbers of at most ``most`` frames, evenly spread from the first to the last."""
    count = min(most, frames)
    if count == 1:
        return [frames // 2]
    return np.unique(np.linspace(0, frames - 1, count).round().astype(int)).tolist()


def peak_frames(curve: np.ndarray, most: int) -> list[int]:
    """Return the numbers of the frames where a curve is highest, in order.

    The highest frame comes first, then the highest of those that are far enough from all before, and so on. Far enough
    is half the distance of ``most`` frames spread evenly. Frames in the lowest tenth of the curve's range are left out,
    so there may be fewer than ``most``. Of a curve that is the same everywhere, frames are spread evenly.

    Args:
        curve: ``(T,)`` values. Those that are not finite are left out.
        most: How many at most.
    """
    values = np.asarray(curve, np.float64)
    known = values[np.isfinite(values)]
    if not known.size or known.max() == known.min():
        return spread_frames(len(values), most)
    least = known.min() + _FAINT * (known.max() - known.min())
    apart = max(1, round(len(values) / (2 * most)))
    left = np.where(np.isfinite(values) & (values > least), values, -np.inf)
    found: list[int] = []
    while len(found) < most and np.isfinite(left.max()):
        highest = int(left.argmax())
        found.append(highest)
        left[max(0, highest - apart + 1) : highest + apart] = -np.inf
    return sorted(found)


def peaks_of_several(curves: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of curves ``(T,)``, each divided by its largest value, so that each counts for the peaks alike."""
    scaled = [np.nan_to_num(curve) / (float(np.abs(np.nan_to_num(curve)).max()) or 1.0) for curve in curves]
    return np.asarray(np.mean(scaled, axis=0))


def frames_at(text: str) -> At:
    """Read ``--at``: the numbers of frames with commas between them, such as ``"3,10,17"``, or ``"peaks"``.

    Raises:
        VidexplainError: It is something else.
    """
    return PEAKS if text.strip().lower() == PEAKS else frame_numbers(text)


def frame_numbers(text: str) -> tuple[int, ...]:
    """Read the numbers of frames from a text such as ``"3,10,17"``.

    Raises:
        VidexplainError: It holds something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise VidexplainError(
            f"frames are numbers from 0 with commas between them, such as 3,10,17, or peaks, not '{text}'"
        )
    return tuple(map(int, parts))
