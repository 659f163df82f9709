"""The columns that every table of videos has, and how rows become a table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class RunRow:
    """What every kind of run says of one video.

    Attributes:
        video: Its number in the data set, from 0.
        path: Its path, relative to the data set's folder.
        name: The name of its files; no two videos have the same.
        group: Videos of one group come from one recording.
        truth: The label that the data set gives, or None.
        error: Why it could not be read or explained, or None. With an error, all columns after this one are empty.
        prediction: The class that the network finds most probable in the whole video.
        probability: Its probability.
        frames: Frames of the video.
        filled: How often its last frame was repeated because the network sees more frames; 0 for most videos.
        fps: Frames a second.
        height: Of a frame, in pixels.
        width: Of a frame, in pixels.
        windows: Passes of the network: the windows, and those that were run again.
        fingerprint: Digest of the video's size and of parts of its bytes, which tells whether it has changed since.
    """

    video: int
    path: str
    name: str
    group: str = ""
    truth: str | None = None
    error: str | None = None
    prediction: str | None = None
    probability: float | None = None
    frames: int | None = None
    filled: int | None = None
    fps: float | None = None
    height: int | None = None
    width: int | None = None
    windows: int | None = None
    fingerprint: str | None = None


def table_of(rows: Sequence[Any], kind: type, *, short_lists: bool = False) -> "pyarrow.Table":
    """A table of rows.

    Args:
        rows: The rows.
        kind: Their dataclass, whose fields are the columns.
        short_lists: Whether lists of numbers are stored in single precision.
    """
    import pyarrow as pa

    stored: dict[Any, Any] = {
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
        bool: pa.bool_(),
        list[float]: pa.list_(pa.float32() if short_lists else pa.float64()),
        list[str]: pa.list_(pa.string()),
    }
    known = {**stored, **{one | None: column for one, column in stored.items()}}
    hints = get_type_hints(kind)
    schema = pa.schema([pa.field(one.name, known[hints[one.name]]) for one in fields(kind)])
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=schema)
