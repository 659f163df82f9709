"""The tables and maps of an audit on disk: Parquet and Zarr, shard by shard."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videxplain.audit.rows import VideoRow
from videxplain.runs.rows import table_of
from videxplain.runs.shard_files import ShardFiles
from videxplain.runs.shards import Shard
from videxplain.runs.tables import read_array

CLASSES, MAPS = "classes.parquet", "maps.zarr"


class AuditFiles(ShardFiles):
    """The files of the shards of one audit."""

    def write(
        self, shard: Shard, rows: Sequence[VideoRow], maps: Mapping[tuple[str, str], NDArray[np.float32]]
    ) -> None:
        """Write a shard.

        Args:
            shard: The shard.
            rows: A row for each video, in the order of the data set.
            maps: Raw maps ``(T, h, w)``, by the name of the video and what is explained.

        Raises:
            VidexplainError: The folder cannot be written, or the disk is full. The shard then counts as not done.
        """
        table = table_of(rows, VideoRow, short_lists=True)
        self._write(shard, table, MAPS, lambda folder: _write_maps(folder, maps))


def _write_maps(folder: Path, maps: Mapping[tuple[str, str], NDArray[np.float32]]) -> None:
    """One array for each video and target: half precision, divided by the largest absolute value, in one chunk."""
    import zarr

    group = zarr.open_group(folder, mode="w")
    for (video, what), values in maps.items():
        largest = float(np.abs(values).max(initial=0)) or 1.0
        array = group.create_array(
            f"{video}/{what}", shape=values.shape, chunks=values.shape, dtype="float16", attributes={"scale": largest}
        )
        array[...] = (values / largest).astype(np.float16)


def read_maps(folder: Path, shard: Shard, video: str, what: str) -> NDArray[np.float32]:
    """The raw maps ``(T, h, w)`` of a video.

    Args:
        folder: The folder of the audit.
        shard: The shard of the video.
        video: The name of the video.
        what: ``"prediction"``, ``"truth"`` or ``"contrast"``.

    Raises:
        KeyError: There are no such maps.
        FileNotFoundError: There are no maps of the shard.
        VidexplainError: The maps cannot be read, or are damaged.
    """
    values, scale = read_array(folder / MAPS / shard.name, f"{video}/{what}")
    return values * scale
