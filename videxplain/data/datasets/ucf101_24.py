"""UCF101-24: boxes around the people who act, in 24 classes of UCF101, as masks to compare maps with.

The boxes are those that Singh et al. corrected (ICCV 2017), in the ``pyannot.pkl`` of their repository
corrected-UCF101-Annots. A pickle can run code when it is read; this one is read without: see :class:`_Reader`.
"""

import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError

Mask = NDArray[np.bool_]
SIZE = (240, 320)
"""Height and width of the videos of UCF101, in whose pixels the boxes are given."""


@dataclass(frozen=True, eq=False)
class Tube:
    """One person in action.

    Attributes:
        start: Number of the first frame, from 0.
        boxes: ``(F, 4)`` left, top, width and height in pixels, one a frame; the first pixel is 0.
    """

    start: int
    boxes: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class VideoBoxes:
    """Everybody who acts in one video.

    Attributes:
        frames: How many frames the video has.
        tubes: One a person; a person who stops and begins again has several.
    """

    frames: int
    tubes: tuple[Tube, ...]

    @property
    def active(self) -> Mask:
        """``(T,)``: whether anybody acts."""
        active = np.zeros(self.frames, bool)
        for tube in self.tubes:
            active[tube.start : tube.start + len(tube.boxes)] = True
        return active

    def masks(self, size: tuple[int, int] = SIZE) -> Mask:
        """``(T, H, W)``: the pixels whose middle lies in a box.

        Args:
            size: Height and width of the masks; the boxes are scaled with the whole picture.
        """
        masks = np.zeros((self.frames, *size), bool)
        rows, columns = ((np.arange(wanted) + 0.5) * whole / wanted for wanted, whole in zip(size, SIZE, strict=True))
        for tube in self.tubes:
            for frame, (left, top, width, height) in enumerate(tube.boxes.tolist(), start=tube.start):
                down = (rows >= top) & (rows < top + height)
                across = (columns >= left) & (columns < left + width)
                masks[frame] |= np.outer(down, across)
        return masks


def read_boxes(path: str | Path) -> dict[str, VideoBoxes]:
    """The boxes of each video, under its file name without the suffix, such as ``v_Basketball_g01_c01``.

    Args:
        path: ``pyannot.pkl``, or ``pyannot_with_class_names.pkl`` of the same repository.

    Raises:
        VidexplainError: Another file, a damaged one, or one that would run code.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            contents = _Reader(file).load()
    except OSError as error:
        raise VidexplainError(f"cannot read '{path.name}': {error.strerror}") from error
    except _Refused as error:
        raise VidexplainError(f"'{path.name}' is not UCF101-24's pyannot.pkl: it asks for {error}") from error
    except Exception as error:  # a damaged pickle raises anything
        raise VidexplainError(f"'{path.name}' is not UCF101-24's pyannot.pkl, or is damaged") from error
    videos = contents.get("db", contents) if isinstance(contents, dict) else None
    if not isinstance(videos, dict) or not videos:
        raise VidexplainError(f"'{path.name}' holds no boxes of videos")
    return {str(name).rsplit("/", 1)[-1]: _video(path.name, str(name), entry) for name, entry in videos.items()}


def _video(file: str, name: str, entry: Any) -> VideoBoxes:
    try:
        frames = int(entry["numf"])
        tubes = tuple(_tube(frames, one["sf"], one["ef"], one["boxes"]) for one in entry["annotations"])
    except (KeyError, TypeError, ValueError) as error:
        raise VidexplainError(f"'{file}' has no boxes for '{name}' that could be used") from error
    return VideoBoxes(frames, tubes)


def _tube(frames: int, first: int, end: int, boxes: NDArray[Any]) -> Tube:
    # They are stored as uint8 where they fit, so that a sum would wrap around; and pixels are counted from 1, as in
    # MATLAB, but frames, in this file alone, from 0.
    numbers = np.asarray(boxes).astype(np.int64)
    if not 0 <= first < end <= frames or numbers.shape != (end - first, 4) or (numbers[:, 2:] <= 0).any():
        raise ValueError("a tube has one box for each of its frames, all of them frames of the video")
    return Tube(int(first), numbers - (1, 1, 0, 0))


class _Refused(Exception):
    """What a pickle asks for and does not get."""


class _Reader(pickle.Unpickler):
    """Reads a pickle of numbers, text and arrays of them; whatever else it asks for is refused.

    NumPy's own functions are not given to it either: they build arrays of objects from whatever bytes a file holds. Of
    the four that the file needs there are stand-ins here.
    """

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """The stand-in for a function or a class."""
        found = _STAND_INS.get((module.replace("numpy._core", "numpy.core"), name))
        if found is None:
            raise _Refused(f"{module}.{name}")
        return found


class _Type:
    """In place of ``numpy.dtype``: the type of numbers or of text."""

    def __init__(self, code: str, *_: Any) -> None:
        if not re.fullmatch(r"[iu][1248]|f[48]|U\d{1,4}", code):
            raise _Refused(f"arrays of type {code!r}")
        self._name = code

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] not in ("<", ">", "|", "="):
            raise _Refused(f"byte order {state[1]!r}")
        self._name = state[1] + self._name

    def read(self, data: bytes) -> NDArray[Any]:
        """The values in ``data``, one after the other."""
        return np.frombuffer(data, self._name)


class _Array:
    """In place of ``numpy.ndarray``; its contents come as its state."""

    def __init__(self, *_: Any) -> None:
        self.values: NDArray[Any] = np.empty(0)

    def __setstate__(self, state: tuple[int, tuple[int, ...], _Type, bool, bytes]) -> None:
        _, shape, kind, columns_first, data = state
        self.values = kind.read(data).reshape(shape, order="F" if columns_first else "C")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.values


def _scalar(kind: _Type, data: bytes) -> Any:
    """In place of NumPy's function that builds a single value."""
    return kind.read(data)[0].item()


_STAND_INS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.multiarray", "scalar"): _scalar,
}
