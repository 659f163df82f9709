"""The files of the shards of a run: a table each, and maps."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from videxplain.files import make_folder, replacing_folder
from videxplain.runs.shards import Shard
from videxplain.runs.tables import VIDEOS, merge_tables, open_maps, write_table

if TYPE_CHECKING:
    import pyarrow

_SHARDS = "shards"


class ShardFiles:
    """The files of the shards of one run. Each kind of run says what their tables and maps hold."""

    def __init__(self, folder: Path) -> None:
        """Files in ``folder``; nothing is written yet."""
        self.folder = folder

    def done(self, shard: Shard) -> bool:
        """Whether a shard is complete."""
        return self._table(shard).is_file()

    def merge(self, shards: Iterable[Shard]) -> Path:
        """Write the table of all videos from the tables of the shards, and return its path."""
        return merge_tables([self._table(shard) for shard in shards], self.folder / VIDEOS)

    def _write(self, shard: Shard, table: "pyarrow.Table", maps: str, write_maps: Callable[[Path], None]) -> None:
        """Write a shard: first its maps, then its table. So a table always has its maps.

        Args:
            shard: The shard.
            table: A row for each video, in the order of the data set.
            maps: Name of the Zarr group of all maps.
            write_maps: Writes the maps of the shard into a folder.

        Raises:
            VidexplainError: The folder cannot be written, or the disk is full. The shard then counts as not done.
        """
        with replacing_folder(open_maps(self.folder / maps) / shard.name) as temporary:
            write_maps(temporary)
        make_folder(self._table(shard).parent)
        write_table(self._table(shard), table)

    def _table(self, shard: Shard) -> Path:
        return self.folder / _SHARDS / f"{shard.name}.parquet"
