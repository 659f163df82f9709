"""The files of a search for concepts: samples, tables and maps, shard by shard."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.concepts.rows import VideoRow, schema
from videxplain.errors import VidexplainError
from videxplain.files import make_folder, replacing, replacing_folder
from videxplain.runs.shards import Shard
from videxplain.runs.tables import merge_tables, open_maps, read_array

VIDEOS, CONCEPTS, SHARES, TUBES, MATCHES = (
    f"{name}.parquet" for name in ("videos", "concepts", "shares", "tubes", "matches")
)
PLACES, FACTORS, MEAN_MAPS = "places.zarr", "factors.npz", "mean_maps.npz"
_SHARDS, _SAMPLES = "shards", "sample"


class ConceptFiles:
    """The files in the folder of one search."""

    def __init__(self, folder: Path) -> None:
        """Files in ``folder``; nothing is written yet."""
        self.folder = folder

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

    def done(self, shard: Shard) -> bool:
        """Whether a shard is complete."""
        return self._table(shard).is_file()

    def write(self, shard: Shard, rows: Sequence[VideoRow], maps: Mapping[str, NDArray[np.float32]]) -> None:
        """Write a shard: first its maps, then its table. So a table always has its maps.

        Args:
            shard: The shard.
            rows: A row for each video, in the order of the data set.
            maps: ``(K, T, h, w)``, by the name of the video.
        """
        with replacing_folder(open_maps(self.folder / PLACES) / shard.name) as temporary:
            _write_maps(temporary, maps)
        make_folder(self._table(shard).parent)
        write_table(self._table(shard), rows, VideoRow)

    def merge(self, shards: Iterable[Shard]) -> None:
        """Write the table of all videos from the tables of the shards."""
        merge_tables([self._table(shard) for shard in shards], self.folder / VIDEOS)

    def _table(self, shard: Shard) -> Path:
        return self.folder / _SHARDS / f"{shard.name}.parquet"

    def _sample(self, shard: Shard) -> Path:
        return self.folder / _SAMPLES / f"{shard.name}.npz"


def write_table(path: Path, rows: Sequence[Any], kind: type) -> None:
    """Write a table as Parquet, whole or not at all.

    Args:
        path: The file.
        rows: The rows.
        kind: The dataclass of the rows, one of :mod:`videxplain.concepts.rows`.
    """
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=schema(kind))
    with replacing(path) as temporary:
        parquet.write_table(table, temporary)


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
