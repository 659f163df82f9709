"""What a figure of frames shows: which frames, how many rows and columns, and which words."""

import math
import operator
from dataclasses import dataclass

import numpy as np

from videxplain.errors import VidexplainError

_MOST = 100


@dataclass(frozen=True)
class Layout:
    """What a figure of frames shows.

    Attributes:
        at: Numbers of the frames, from 0, in the order in which they are drawn; empty for frames spread evenly.
        rows: Rows of frames; None for as many as are needed.
        columns: Frames in a row; None for as many as fit, at most 8.
        titles: Whether the figure has a headline, and the line below it.
        captions: Whether the figure says what its parts are: times above frames, names below panels, what colours
            measure. Warnings and the numbers of scales are always there.
        charts: Whether the predictions and the curves over time are below the frames.
    """

    at: tuple[int, ...] = ()
    rows: int | None = None
    columns: int | None = None
    titles: bool = True
    captions: bool = True
    charts: bool = True

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "at", tuple(operator.index(frame) for frame in self.at))
        except TypeError:
            raise VidexplainError(f"at is the numbers of frames, such as (3, 10, 17), not {self.at!r}") from None
        for name, value in (("rows", self.rows), ("columns", self.columns)):
            if value is not None and (not isinstance(value, int) or not 1 <= value <= _MOST):
                raise VidexplainError(f"{name} are from 1 to {_MOST}, not {value}")
        if len(self.at) > _MOST:
            raise VidexplainError(f"a figure has at most {_MOST} frames, not {len(self.at)}")

    def grid(self, most_columns: int, frames: int) -> tuple[int, int]:
        """Return the rows and columns of the figure of a clip.

        Args:
            most_columns: Frames that fit in a row.
            frames: How many frames the clip has.

        Raises:
            VidexplainError: More frames were asked for than rows times columns hold.
        """
        wanted = len(self.at)
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

    def chosen(self, frames: int, most: int) -> list[int]:
        """Return the numbers of the frames that are drawn.

        Args:
            frames: How many frames the clip has.
            most: How many are drawn where none are named.

        Raises:
            VidexplainError: The clip does not have one of them.
        """
        for frame in self.at:
            if not 0 <= frame < frames:
                raise VidexplainError(f"the clip has no frame {frame}; it has frames 0 to {frames - 1}")
        return list(self.at) or spread_frames(frames, most)


def spread_frames(frames: int, most: int) -> list[int]:
    """Return the numbers of at most ``most`` frames, evenly spread from the first to the last."""
    count = min(most, frames)
    if count == 1:
        return [frames // 2]
    return np.unique(np.linspace(0, frames - 1, count).round().astype(int)).tolist()


def frame_numbers(text: str) -> tuple[int, ...]:
    """Read the numbers of frames from a text such as ``"3,10,17"``.

    Raises:
        VidexplainError: It holds something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise VidexplainError(f"frames are numbers from 0 with commas between them, such as 3,10,17, not '{text}'")
    return tuple(map(int, parts))
