"""The file in a folder of results that says what was asked for. A later run into the folder has to ask for the same."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.boxes import Box
from videxplain.data.views import seen_box
from videxplain.errors import VidexplainError
from videxplain.files import read_record, write_json
from videxplain.models.config import View
from videxplain.version import __version__

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_WORDS = {"videos_sha256": "list of videos", "weights_sha256": "file of weights"}
_LONGEST = 40
"""Letters of a value that is worth printing."""


@dataclass(frozen=True)
class KeptFile:
    """How the settings of one kind of run are kept.

    Attributes:
        name: Of the file.
        schema: Number of its layout.
        writer: Who writes it, such as ``"an audit"``.
        results: What the folder holds, such as ``"an audit"``.
        words: Name of a setting to what a message calls it, beyond those that all kinds have.
    """

    name: str
    schema: int
    writer: str
    results: str
    words: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path, settings: "DataclassInstance") -> None:
        """Write the file, or compare with the one that is there.

        Raises:
            VidexplainError: The folder holds results of something else.
        """
        fields = asdict(settings)
        content = {"schema": self.schema, "videxplain": __version__, **json.loads(json.dumps(fields))}
        path = folder / self.name
        if not path.exists():
            write_json(path, content)
            return
        held = self.read(path)
        for name in fields:
            if held.get(name) != content[name]:
                other = f"{(_WORDS | dict(self.words)).get(name, name)}{_both(held.get(name), content[name], name)}"
                raise VidexplainError(f"{folder} holds {self.results} with another {other}: choose another --out")

    def read(self, path: Path) -> dict[str, Any]:
        """What the file holds; ``VidexplainError`` where it is none, or of another version."""
        held = read_record(path, f"is not what {self.writer} writes")
        if held.get("schema") != self.schema:
            raise VidexplainError(f"{path} is of another version of videxplain")
        return held


def kept_view_box(shown: Mapping[str, Any] | None, size: tuple[int, int]) -> Box | None:
    """The part of a frame that the network saw; None where that is the whole frame.

    Args:
        shown: The fields of the network's ``View``; None where it is shown whole frames.
        size: Height and width of the frame.
    """
    if shown is None:
        return None
    sides: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in shown.items()}
    return seen_box(size, View(**sides))


def _both(held: Any, asked: Any, name: str) -> str:
    short = all(len(str(value)) <= _LONGEST for value in (held, asked)) and not name.endswith("sha256")
    return f" ({held}, not {asked})" if short else ""
