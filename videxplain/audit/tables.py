"""The tables and maps of an audit on disk: Parquet and Zarr, shard by shard."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from videxplain.audit.rows import VideoRow
from videxplain.files import make_folder, replacing, replacing_folder
from videxplain.runs.shards import Shard
from videxplain.runs.tables import merge_tables, open_maps, read_array

if TYPE_CHECKING:
    import pyarrow

VIDEOS, CLASSES, MAPS = "videos.parquet", "classes.parquet", "maps.zarr"
_SHARDS = "shards"


def schema() -> "pyarrow.Schema":
    """The columns of the table of videos."""
    import pyarrow as pa

    kinds = {
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
        bool: pa.bool_(),
        list[float]: pa.list_(pa.float32()),
    }
    hints = get_type_hints(VideoRow)
    known: dict[Any, Any] = {**kinds, **{kind | None: stored for kind, stored in kinds.items()}}
    return pa.schema([pa.field(name, known[hint]) for name, hint in hints.items()])


class ShardFiles:
    """The files of the shards of one audit."""

    def __init__(self, folder: Path) -> None:
        """Files in ``folder``; nothing is written yet."""
        self.folder = folder

    def done(self, shard: Shard) -> bool:
        """Whether a shard is complete."""
        return self._table(shard).is_file()

    def write(
        self, shard: Shard, rows: Sequence[VideoRow], maps: Mapping[tuple[str, str], NDArray[np.float32]]
    ) -> None:
        """Write a shard: first its maps, then its table. So a table always has its maps.

        Args:
            shard: The shard.
            rows: A row for each video, in the order of the data set.
            maps: Raw maps ``(T, h, w)``, by the name of the video and what is explained.

        Raises:
            VidexplainError: The folder cannot be written, or the disk is full. The shard then counts as not done.
        """
        import pyarrow as pa
        from pyarrow import parquet

        with replacing_folder(open_maps(self.folder / MAPS) / shard.name) as temporary:
            _write_maps(temporary, maps)
        make_folder(self._table(shard).parent)
        table = pa.Table.from_pylist([row.as_dict() for row in rows], schema=schema())
        with replacing(self._table(shard)) as path:
            parquet.write_table(table, path)

    def merge(self, shards: Iterable[Shard]) -> Path:
        """Write the table of all videos from the tables of the shards, and return its path."""
        return merge_tables([self._table(shard) for shard in shards], self.folder / VIDEOS)

    def _table(self, shard: Shard) -> Path:
        return self.folder / _SHARDS / f"{shard.name}.parquet"


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
