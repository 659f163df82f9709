"""The files of a search for concepts: samples, tables and maps, shard by shard."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videxplain.concepts.rows import VideoRow
from videxplain.errors import VidexplainError
from videxplain.files import make_folder, replacing
from videxplain.runs.rows import table_of
from videxplain.runs.shard_files import ShardFiles
from videxplain.runs.shards import Shard
from videxplain.runs.tables import read_array

CONCEPTS, SHARES, TUBES, MATCHES = (f"{name}.parquet" for name in ("concepts", "shares", "tubes", "matches"))
PLACES, FACTORS, MEAN_MAPS = "places.zarr", "factors.npz", "mean_maps.npz"
_SAMPLES = "sample"


class ConceptFiles(ShardFiles):
    """The files of the shards of one search."""

    # The sample of places

    def sampled(self, shard: Shard) -> bool:
        """Whether the sample of a shard is written."""
        return self._sample(shard).is_file()

    def write_sample(self, shard: Shard, places: NDArray[np.float32], smallest: float, error: str) -> None:
        """Write the sample of a shard.

        Args:
            shard: The shard.
            places: ``(n, C)``, the sampled places.
            smallest: The smallest value of all its places.
            error: Why a video could not be read; empty if all could.
        """
        make_folder(self._sample(shard).parent)
        with replacing(self._sample(shard)) as path, path.open("wb") as file:
            np.savez(file, places=places, smallest=np.float64(smallest), error=np.str_(error))

    def read_samples(self, shards: Iterable[Shard]) -> tuple[NDArray[np.float32], float, str]:
        """Read the samples of shards.

        Returns:
            All sampled places ``(n, C)``, the smallest value of all places, and the first error, empty without one.

        Raises:
            VidexplainError: A sample is missing or damaged.
        """
        parts, smallest, error = [], np.inf, ""
        for shard in shards:
            try:
                with np.load(self._sample(shard), allow_pickle=False) as file:
                    parts.append(file["places"])
                    smallest = min(smallest, float(file["smallest"]))
                    error = error or str(file["error"])
            except (OSError, ValueError, KeyError) as raised:
                raise VidexplainError(f"cannot read {self._sample(shard)}: {raised}") from None
        parts = [part for part in parts if len(part)]
        return (np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)), smallest, error

    def remove_samples(self) -> None:
        """Remove the samples, which are not needed after the factorisation."""
        shutil.rmtree(self.folder / _SAMPLES, ignore_errors=True)

    # Videos

    def write(self, shard: Shard, rows: Sequence[VideoRow], maps: Mapping[str, NDArray[np.float32]]) -> None:
        """Write a shard.

        Args:
            shard: The shard.
            rows: A row for each video, in the order of the data set.
            maps: ``(K, T, h, w)``, by the name of the video.

        Raises:
            VidexplainError: The folder cannot be written, or the disk is full. The shard then counts as not done.
        """
        self._write(shard, table_of(rows, VideoRow), PLACES, lambda folder: _write_maps(folder, maps))

    def _sample(self, shard: Shard) -> Path:
        return self.folder / _SAMPLES / f"{shard.name}.npz"


def _write_maps(folder: Path, maps: Mapping[str, NDArray[np.float32]]) -> None:
    """One array for each video: half precision, each concept divided by its largest value, one chunk a concept."""
    import zarr

    group = zarr.open_group(folder, mode="w")
    for video, values in maps.items():
        largest = values.max((1, 2, 3), initial=0)
        scale = np.where(largest > 0, largest, 1.0)
        array = group.create_array(
            video,
            shape=values.shape,
            chunks=(1, *values.shape[1:]),
            dtype="float16",
            attributes={"scale": [float(value) for value in scale]},
        )
        array[...] = (values / scale[:, None, None, None]).astype(np.float16)


def read_maps(folder: Path, shard: Shard, video: str) -> NDArray[np.float32]:
    """The coefficients ``(K, T, h, w)`` of a video.

    Args:
        folder: The folder of the search.
        shard: The shard of the video.
        video: The name of the video.

    Raises:
        KeyError: There are no maps of the video.
        FileNotFoundError: There are no maps of the shard.
        VidexplainError: The maps cannot be read, or are damaged.
    """
    values, scale = read_array(folder / PLACES / shard.name, video)
    return values * scale[:, None, None, None]
