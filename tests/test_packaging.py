"""The wheel holds everything: setup.cfg lists packages and their files by hand."""

import configparser
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"videxplain": ROOT / "videxplain", "videxplain.trained_models": ROOT / "trained_models"}


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def folders() -> dict[str, Path]:
    """Every package of the repository by its name."""
    inside = (path.parent for path in FOLDERS["videxplain"].rglob("__init__.py"))
    return FOLDERS | {".".join(path.relative_to(ROOT).parts): path for path in inside}


def test_every_package_is_listed(setup):
    assert setup["options"]["packages"].split() == sorted(folders())


def test_every_file_of_a_package_is_listed(setup):
    patterns = {
        name: [pattern.strip() for pattern in value.replace(",", "\n").split("\n") if pattern.strip()]
        for name, value in setup["options.package_data"].items()
    }
    for path in (path for folder in FOLDERS.values() for path in folder.rglob("*")):
        if path.is_dir() or "__pycache__" in path.parts or path.suffix == ".py":
            continue
        holders = [(name, folder) for name, folder in folders().items() if folder in path.parents]
        matched = any(
            fnmatch(path.relative_to(folder).as_posix(), pattern)
            for name, folder in holders
            for pattern in patterns.get(name, ())
        )
        assert matched or path.suffix == ".png", f"setup.cfg: package_data of {holders[-1][0]} has no {path.name}"
