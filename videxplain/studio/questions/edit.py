"""One change of a clip that a visitor asks for: freeze, blur or hide a box over some frames, or cut the frames out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from videxplain.errors import VidexplainError, unknown

KINDS = ("freeze", "blur", "hide", "cut")
_MOST_FRAMES = 10_000_000


@dataclass(frozen=True)
class Edit:
    """One change of a clip, over some of its frames.

    Attributes:
        kind: ``"freeze"`` keeps the content of the box from the frame before, ``"blur"`` blurs the box, ``"hide"``
            fills it with the network's mean colour, ``"cut"`` removes the frames.
        first: The first frame. Frames count from the first one that the question is about.
        last: The last frame.
        box: Left, top, right and bottom as shares of width and height; by default the whole picture.
    """

    kind: str
    first: int
    last: int
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)

    @classmethod
    def checked(cls, given: Any) -> "Edit":
        """The change of a request.

        Args:
            given: A table with ``kind``, ``first``, ``last`` and ``box``.

        Raises:
            VidexplainError: The table is not a change.
        """
        if not isinstance(given, Mapping):
            raise VidexplainError("an edit is a table with kind, first, last and box")
        kind, box = given.get("kind"), given.get("box", (0.0, 0.0, 1.0, 1.0))
        if kind not in KINDS:
            raise unknown("edit", str(kind)[:40], KINDS)
        first, last = given.get("first", 0), given.get("last", 0)
        if any(type(one) is not int or not 0 <= one < _MOST_FRAMES for one in (first, last)) or last < first:
            raise VidexplainError("first and last of an edit are numbers of frames, and last is not before first")
        if not isinstance(box, list | tuple) or len(box) != 4 or not all(_is_share(one) for one in box):
            raise VidexplainError("box of an edit is left, top, right, bottom, each from 0 to 1")
        left, top, right, bottom = map(float, box)
        if not (left < right and top < bottom):
            raise VidexplainError("box of an edit is left, top, right, bottom, with left < right and top < bottom")
        return cls(kind, first, last, (left, top, right, bottom))

    def words(self, start: int) -> str:
        """The change in words, with frames counted in the clip. ``start`` is the frame of the clip that is frame 0."""
        where = "" if self.box == (0.0, 0.0, 1.0, 1.0) or self.kind == "cut" else " in the box"
        return f"{self.kind}{where}, frames {start + self.first} to {start + self.last}"

    def pixels(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of the box in pictures of ``size``; at least one pixel."""
        (height, width), (left, top, right, bottom) = size, self.box
        top_row, left_column = min(math.floor(top * height), height - 1), min(math.floor(left * width), width - 1)
        return (
            slice(top_row, max(math.ceil(bottom * height), top_row + 1)),
            slice(left_column, max(math.ceil(right * width), left_column + 1)),
        )


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
