"""The file of settings in a folder of results. A later run into the folder must have the same settings."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from videxplain.boxes import Box
from videxplain.data.views import seen_box
from videxplain.errors import VidexplainError
from videxplain.files import read_record, write_json
from videxplain.models.config import View
from videxplain.version import __version__

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SettingsT = TypeVar("SettingsT", bound="DataclassInstance")
_WORDS = {
    "videos_sha256": "list of videos",
    "weights_sha256": "file of the network",
    "state_sha256": "state of the network",
}
_LONGEST = 40
"""Messages show no values that have more letters."""


@dataclass(frozen=True)
class SettingsFile:
    """How one kind of run keeps its settings.

    Attributes:
        name: Name of the file.
        schema: Version of the file's layout.
        writer: The run that writes the file, in messages: ``"an audit"``.
        results: The results in the folder, in messages: ``"an audit"``.
        words: What messages call a setting, by its name. Settings that all kinds of runs have are known already.
    """

    name: str
    schema: int
    writer: str
    results: str
    words: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path, settings: "DataclassInstance") -> None:
        """Write the settings, or check that the folder has the same settings already.

        Raises:
            VidexplainError: The folder has other settings.
        """
        asked = asdict(settings)
        # A file from before a setting existed was written with its default.
        later = {field.name: field.default for field in fields(settings) if field.default is not MISSING}
        content = {"schema": self.schema, "videxplain": __version__, **json.loads(json.dumps(asked))}
        path = folder / self.name
        if not path.exists():
            write_json(path, content)
            return
        held = later | self._read(path)
        for name in (one.name for one in fields(settings) if one.compare):
            if held.get(name) != content[name]:
                other = f"{(_WORDS | dict(self.words)).get(name, name)}{_both(held.get(name), content[name], name)}"
                raise VidexplainError(f"{folder} holds {self.results} with another {other}: choose another --out")

    def load(self, folder: Path, kind: type[SettingsT]) -> SettingsT:
        """The settings in a folder.

        Args:
            folder: The folder of results.
            kind: The dataclass of the settings, which has a field ``labels``.

        Raises:
            VidexplainError: There is no such file, or it is damaged or of another version.
        """
        path = folder / self.name
        if not path.is_file():
            raise VidexplainError(f"{folder} does not hold {self.results}: there is no {self.name} in it")
        held = self._read(path)
        known = {field.name: held[field.name] for field in fields(kind) if field.name in held}
        try:
            return kind(**{**known, "labels": tuple(known["labels"])})
        except (KeyError, TypeError) as error:
            raise VidexplainError(f"{path} is not complete: {error}") from None

    def _read(self, path: Path) -> dict[str, Any]:
        held = read_record(path, f"is not what {self.writer} writes")
        if held.get("schema") != self.schema:
            raise VidexplainError(f"{path} is of another version of videxplain")
        return held


def view_box_of(shown: Mapping[str, Any] | None, size: tuple[int, int]) -> Box | None:
    """The part of a frame that the network saw; None for the whole frame.

    Args:
        shown: The fields of the network's ``View``; None if it sees whole frames.
        size: Height and width of the frame, in pixels.
    """
    if shown is None:
        return None
    sides: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in shown.items()}
    return seen_box(size, View(**sides))


def _both(held: Any, asked: Any, name: str) -> str:
    short = all(len(str(value)) <= _LONGEST for value in (held, asked)) and not name.endswith("sha256")
    return f" ({held}, not {asked})" if short else ""
