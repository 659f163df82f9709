"""Tables and maps of a run on disk: Parquet for each shard, and one Zarr group for all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError, unknown
from videxplain.files import make_folder, replacing

if TYPE_CHECKING:
    import pandas
    import pyarrow

VIDEOS = "videos.parquet"
"""The table of all videos, in the folder of every run."""


def read_table(path: Path) -> "pandas.DataFrame":
    """A Parquet table.

    Raises:
        VidexplainError: It cannot be read, or is damaged.
    """
    import pandas as pd

    with _reading(path):
        return pd.read_parquet(path)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # pyarrow's errors are of these two kinds
        raise VidexplainError(f"cannot read {path}: {' '.join(str(error).split())}") from None


def _arrow(path: Path) -> "pyarrow.Table":
    from pyarrow import parquet

    with _reading(path):
        return parquet.read_table(path)


def write_table(path: Path, table: "pyarrow.Table") -> None:
    """Write a table as Parquet, whole or not at all.

    Raises:
        VidexplainError: It cannot be written.
    """
    from pyarrow import parquet

    with replacing(path) as temporary:
        parquet.write_table(table, temporary)


def merge_tables(parts: Iterable[Path], out: Path) -> Path:
    """Write one Parquet table of the rows of all ``parts``, and return ``out``.

    Raises:
        VidexplainError: A part cannot be read, or is damaged.
    """
    import pyarrow as pa

    # Columns are joined by name. Parts that an older version has written may have them in another order.
    write_table(out, pa.concat_tables([_arrow(part) for part in parts], promote_options="default"))
    return out


def number_of(videos: "pandas.DataFrame", video: int | str) -> int:
    """The number of a video in the table of videos.

    Args:
        videos: The table.
        video: The number, or the name in the table.

    Raises:
        VidexplainError: No such video.
    """
    if isinstance(video, str):
        places = np.flatnonzero(videos["name"] == video)
        if not len(places):
            raise unknown("video", video, videos["name"])
        return int(places[0])
    if not 0 <= video < len(videos):
        raise VidexplainError(f"video {video} does not exist; there are videos 0 to {len(videos) - 1}")
    return video


def open_maps(root: Path) -> Path:
    """Make the Zarr group for the maps of all shards, unless it exists, and return ``root``.

    Raises:
        VidexplainError: It cannot be written.
    """
    import zarr

    make_folder(root)
    if not (root / "zarr.json").exists():
        try:
            zarr.open_group(root, mode="a")
        except OSError as error:
            raise VidexplainError(f"cannot write {root}: {error.strerror or error}") from None
    return root


def read_array(group: Path, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """An array of a Zarr group, and its attribute ``scale``.

    Raises:
        KeyError: The group has no such array.
        FileNotFoundError: There is no such group.
        VidexplainError: The array cannot be read, or is damaged.
    """
    import zarr

    try:
        array: Any = zarr.open_group(group, mode="r")[name]
        return np.asarray(array[...], np.float32), np.asarray(array.attrs["scale"], np.float32)
    except (KeyError, FileNotFoundError):
        raise
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise VidexplainError(f"cannot read {group / name}: {' '.join(str(error).split())}") from None
