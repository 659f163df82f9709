"""The classes of public datasets, in the order in which public checkpoints number them."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from videxplain.errors import VidexplainError, unknown
from videxplain.files import parse_json

_TORCHVISION = {"imagenet": "ResNet50_Weights.IMAGENET1K_V1", "kinetics400": "R3D_18_Weights.KINETICS400_V1"}
_OWN = ("ucf101", "hmdb51")

DATASETS = (*_TORCHVISION, *_OWN)
"""What :func:`labels_of` knows."""


def labels_of(dataset: str) -> tuple[str, ...]:
    """One name for each class: 1000 of ``imagenet``, 400 of ``kinetics400``, 101 of ``ucf101``, 51 of ``hmdb51``.

    The first two are the categories that torchvision keeps with its weights.
    """
    if dataset in _TORCHVISION:
        from torchvision.models import get_weight

        return tuple(get_weight(_TORCHVISION[dataset]).meta["categories"])
    if dataset not in _OWN:
        raise unknown("dataset", dataset, DATASETS)
    return tuple(files(__name__).joinpath(f"{dataset}.txt").read_text(encoding="utf-8").splitlines())


def read_labels(text: str) -> tuple[str, ...]:
    """The classes that a file lists, or those of a public dataset, such as ``"Kinetics"`` or ``"UCF101"``.

    A file has one class a line, in the order in which the network numbers them; numbers before the names, as in
    ``classInd.txt`` of UCF101, are left out. A ``.json`` file has a list of names, an object from numbers to names, or
    one from names to numbers.

    Raises:
        VidexplainError: No such file and no such dataset, or a file that cannot be understood.
    """
    path = Path(text)
    try:
        if not path.is_file():
            return labels_of(_dataset_named(text))
        content = path.read_text(encoding="utf-8-sig")
        names = _names_in_json(parse_json(content)) if path.suffix.lower() == ".json" else _names_in_lines(content)
    except OSError as error:
        raise VidexplainError(f"cannot read labels '{text[:80]}': {error.strerror or error}") from None
    except VidexplainError:
        raise
    except (ValueError, RecursionError):
        raise VidexplainError(
            f"labels '{text}' are no list of classes: one name a line, or JSON with a list or with numbers and names"
        ) from None
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise VidexplainError(f"labels '{text}' name a class twice: {twice[0]}")
    return names


def _dataset_named(text: str) -> str:
    """The dataset that a name stands for, however it is spelled."""
    name = re.sub(r"[^a-z0-9]", "", text.casefold())
    found = [one for one in DATASETS if name in (one, one.rstrip("0123456789"))]
    if not found:
        raise VidexplainError(
            f"no file '{text}', and no dataset of this name: labels are a file with one class a line, a .json file, or "
            f"one of {', '.join(DATASETS)}"
        )
    return found[0]


def _names_in_lines(content: str) -> tuple[str, ...]:
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    numbered = [re.fullmatch(r"([0-9]+)[\s,:]+(.+)", line) for line in lines]
    found = [(int(match[1]), match[2]) for match in numbered if match]
    if lines and len(found) == len(lines):
        found.sort(key=lambda pair: pair[0])
        if [number - found[0][0] for number, _ in found] == list(range(len(lines))):
            return tuple(name for _, name in found)
    if not lines:
        raise ValueError("no lines")
    return tuple(lines)


def _names_in_json(content: Any) -> tuple[str, ...]:
    if isinstance(content, dict):
        numbered = all(isinstance(value, int) for value in content.values())
        if not numbered and not all(map(str.isdecimal, content)):  # numbers as texts, as Something-Something has them
            numbered = all(isinstance(value, str) and value.isdecimal() for value in content.values())
        by_number = {int(value if numbered else key): key if numbered else value for key, value in content.items()}
        if sorted(by_number) != list(range(len(content))):
            raise ValueError("the numbers have gaps")
        content = [by_number[number] for number in range(len(by_number))]
    if not isinstance(content, list) or not content or not all(isinstance(name, str) for name in content):
        raise ValueError("no names")
    return tuple(content)
