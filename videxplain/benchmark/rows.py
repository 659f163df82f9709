"""Results on disk: a line for each explanation, so that a stopped job can go on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from videxplain.benchmark.cases import Chosen
from videxplain.errors import VidexplainError
from videxplain.files import file_stem, parse_json, read_record, write_json

SETTINGS = "settings.json"
BASELINE = "baseline"
"""The family of maps made without a network."""
BLIND = ("random", "centre", "frame differences", "blurred frame differences")
"""Baselines drawn without the masks of people and of the evidence: a method that does not beat them shows nothing."""


@dataclass(frozen=True)
class Row:
    """The measurements of one explanation.

    Attributes:
        model: The network as it was asked for.
        weights: Its weights, in words; for a network that a file of Python made, with the digests.
        method: The method, or the name of a map made without a network.
        family: Of the method.
        video: Name of the clip.
        label: The class that was explained.
        probability: Of that class.
        values: Measures by name; None for one that is not defined here.
        blank: Whether the map has no positive evidence at all.
        seconds: Of the explanation; and of one forward pass, measured beside it.
        forward_seconds: See there.
        memory_mib: Peak memory of the explanation; None if the system does not tell.
        refused: Why the method does not explain this network; empty if it does.
        sha256: Digest of the file that the network's weights came from; empty if there is none.
    """

    model: str
    weights: str
    method: str
    family: str
    video: str
    label: str
    probability: float
    values: Mapping[str, float | None]
    blank: bool = False
    seconds: float | None = None
    forward_seconds: float | None = None
    memory_mib: float | None = None
    refused: str = ""
    sha256: str = ""


def rows_path(out: Path, model: str) -> Path:
    """Where the rows of a model are."""
    return out / "rows" / f"{file_stem(model)}.jsonl"


def claim(out: Path, settings: Mapping[str, Any]) -> None:
    """Write the settings into the folder; raise if it holds results with other settings."""
    path = out / SETTINGS
    if path.is_file():
        held = read_record(path, "is not what a benchmark writes: choose another folder")
        for name, value in settings.items():
            if held.get(name) != value:
                raise VidexplainError(f"{out} holds results with {name} {held.get(name)}, not {value}: choose another")
        return
    write_json(path, settings)


def append(path: Path, row: Row) -> None:
    """Add a line; one that is cut off by a crash is left out when the file is read."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        cut = path.is_file() and path.read_bytes()[-1:] not in (b"", b"\n")
        with path.open("a", encoding="utf-8") as file:
            file.write(("\n" if cut else "") + json.dumps(asdict(row)) + "\n")
    except OSError as error:
        raise VidexplainError(f"cannot write {path}: {error.strerror or error}") from None


def read(path: Path) -> list[Row]:
    """The lines of a file, the last one of each explanation; none if there is no file."""
    if not path.is_file():
        return []
    last: dict[tuple[str, str], Row] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = Row(**parse_json(line))
        except (ValueError, TypeError):
            continue
        last[row.method, row.video] = row
    return list(last.values())


def rows_of(out: Path, model: str, chosen: Chosen, names: Sequence[str]) -> list[Row]:
    """The rows of a model in a folder, of methods and baselines in the order of ``names``, and of clips in theirs."""
    clips = {case.name: place for place, case in enumerate(chosen.cases)}
    order = {name: place for place, name in enumerate(names)}
    rows = [row for row in read(rows_path(out, model)) if row.video in clips and row.method in order]
    return sorted(rows, key=lambda row: (order[row.method], clips[row.video]))
