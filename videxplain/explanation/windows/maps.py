"""The maps of all windows, kept until the class of the whole video is known."""

import tempfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_IN_MEMORY_BYTES = 32 * 2**20


class WindowMaps:
    """For each window the maps of a few classes, by class. Above 32 MiB they lie in a temporary file."""

    def __init__(self) -> None:
        """Begin without any window."""
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  (lives as long as this object)
        self._index: list[tuple[int, list[int], tuple[int, ...]]] = []

    def add(self, keys: Sequence[int], maps: NDArray[np.float32]) -> None:
        """Keep the maps ``(M, T, h, w)`` of the next window, one for each of M ``keys``."""
        self._index.append(self._append(keys, maps))

    def replace(self, window: int, keys: Sequence[int], maps: NDArray[np.float32]) -> None:
        """Keep other maps for a window."""
        self._index[window] = self._append(keys, maps)

    def keys(self, window: int) -> list[int]:
        """The classes for which a window has maps."""
        return self._index[window][1]

    def read(self, window: int, key: int) -> NDArray[np.float32]:
        """The map ``(T, h, w)`` of a window for one class."""
        offset, keys, shape = self._index[window]
        size = int(np.prod(shape)) * 4
        self._file.seek(offset + keys.index(key) * size)
        return np.frombuffer(self._file.read(size), np.float32).reshape(shape)

    def close(self) -> None:
        """Free the memory or the file."""
        self._file.close()

    def _append(self, keys: Sequence[int], maps: NDArray[np.float32]) -> tuple[int, list[int], tuple[int, ...]]:
        offset = self._file.seek(0, 2)
        self._file.write(maps.tobytes())
        return offset, list(keys), maps.shape[1:]
