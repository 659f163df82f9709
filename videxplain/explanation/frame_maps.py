"""One small map per frame of a video of any length, in memory or, when large, in a temporary file."""

import tempfile
from collections.abc import Iterator
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError

_IN_MEMORY_BYTES = 64 * 2**20
_OUTLIERS = 99.9
"""The colour scale of a frame ends at this percentile, so that one pixel does not make all others look weak."""
_EVEN = 0.5
"""A map is nearly even if its low values are at least this share of its highest."""


class FrameMaps:
    """Maps ``(h, w)``, one a frame, to which the windows of a video add their shares.

    Up to 64 MiB are held in memory. Larger maps lie in an unnamed temporary file, so that explaining an hour of video
    needs no more memory than explaining a second.

    Attributes:
        num_frames: How many maps there are, T.
        size: Height and width of a map.
    """

    def __init__(self, num_frames: int, size: tuple[int, int]) -> None:
        """All frames start at zero."""
        self.num_frames, self.size = num_frames, size
        self._bytes = size[0] * size[1] * 4
        self._array: NDArray[np.float32] | None = None
        if num_frames * self._bytes <= _IN_MEMORY_BYTES:
            self._array = np.zeros((num_frames, *size), np.float32)
        else:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the maps)
            self._file.truncate(num_frames * self._bytes)

    @classmethod
    def of(cls, values: NDArray[np.float32]) -> "FrameMaps":
        """The maps ``(T, h, w)`` of an array."""
        count, height, width = values.shape
        maps = cls(count, (height, width))
        for frame, value in enumerate(values):
            maps.add(frame, value)
        return maps

    def __len__(self) -> int:
        return self.num_frames

    def __getitem__(self, frame: int) -> NDArray[np.float32]:
        if not 0 <= frame < self.num_frames:
            raise IndexError(f"frame {frame} of {self.num_frames}")
        if self._array is not None:
            return self._array[frame].copy()
        self._file.seek(frame * self._bytes)
        return np.frombuffer(self._file.read(self._bytes), np.float32).reshape(self.size).copy()

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return (self[i] for i in range(self.num_frames))

    def add(self, frame: int, values: NDArray[np.float32]) -> None:
        """Add ``values`` ``(h, w)`` to the map of a frame."""
        if self._array is not None:
            self._array[frame] += values
            return
        total = self[frame] + values
        self._file.seek(frame * self._bytes)
        self._file.write(total.astype(np.float32, copy=False).tobytes())

    def between(self, interval: int) -> "FrameMaps":
        """The same maps for windows side by side, each of which sees only every ``interval``-th frame.

        Each window is interpolated at the frames that it skips. The mean of the windows at a frame is then a weighted
        mean over neighbouring frames with triangular weights, cut off at the ends of the video.
        """
        maps = FrameMaps(self.num_frames, self.size)
        for frame in range(self.num_frames):
            near = range(max(frame - interval + 1, 0), min(frame + interval, self.num_frames))
            weights = [interval - abs(other - frame) for other in near]
            for other, weight in zip(near, weights, strict=True):
                maps.add(frame, self[other] * np.float32(weight / sum(weights)))
        return maps

    def temporal(self) -> NDArray[np.float32]:
        """The mean of each frame's map, ``(T,)``: how much each frame contributed."""
        return np.array([m.mean() for m in self], np.float32)

    def not_finite(self) -> int:
        """In how many frames the map holds NaN or infinite values."""
        return sum(not np.isfinite(values).all() for values in self)

    def even_note(self) -> str:
        """That all values are much alike, in a line; empty where they are not.

        Colours begin at 0, so such a map is bright everywhere. Of each frame, 95 % of the values count.
        """
        _, high = self.range(signed=False)
        low = min((float(np.percentile(values, 5)) for values in self if np.isfinite(values).all()), default=0.0)
        if not 0 < _EVEN * high <= low:
            return ""
        share = f"{100 * low / high:.0f} %"
        return f"the map is nearly even: its low values are {share} of the highest, so it hardly says where"

    def range(self, signed: bool) -> tuple[float, float]:
        """Where the colour scale of the whole video begins and ends; values that are not finite do not count.

        Args:
            signed: Whether negative values are part of the picture; otherwise the scale begins at 0.
        """
        low, high = (np.inf, -np.inf) if signed else (0.0, -np.inf)
        if self._array is not None and self._array.size and np.isfinite(self._array).all():
            flat = self._array.reshape(self.num_frames, -1)
            tops = np.percentile(flat, _OUTLIERS, axis=1)
            high = float(np.where(tops != 0, tops, flat.max(1)).max())
            return float(np.percentile(flat, 100 - _OUTLIERS, axis=1).min()) if signed else 0.0, high
        for frame in self:
            finite = np.isfinite(frame)
            values = frame if finite.all() else frame[finite]
            if not values.size:
                continue
            # Evidence smaller than the outliers that are left out is still evidence.
            high = max(high, float(np.percentile(values, _OUTLIERS)) or float(values.max()))
            low = min(low, float(np.percentile(values, 100 - _OUTLIERS))) if signed else 0.0
        return (low, high) if high > -np.inf else (0.0, 0.0)


class UnsavedMaps:
    """The maps of an explanation that was saved as JSON: their means and their range are known, they are not.

    Attributes:
        num_frames: How many maps there were.
    """

    def __init__(self, temporal: NDArray[np.float32], scale: tuple[float, float]) -> None:
        """Take what the file holds."""
        self.num_frames = len(temporal)
        self._temporal, self._scale = temporal, scale

    def __len__(self) -> int:
        return self.num_frames

    def __getitem__(self, frame: int) -> NDArray[np.float32]:
        self._refuse()

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        self._refuse()

    def temporal(self) -> NDArray[np.float32]:
        """The mean of each frame's map, ``(T,)``."""
        return self._temporal

    def range(self, signed: bool) -> tuple[float, float]:
        """Where the colour scale of the whole video begins and ends."""
        return self._scale

    def _refuse(self) -> NoReturn:
        raise VidexplainError("this explanation was loaded from JSON, which holds no maps: save and load it as .npz")
