"""Who may import whom (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

import videxplain

PACKAGE = Path(videxplain.__file__).parent
FORBIDDEN = {
    "viz": (
        "torch",
        "videxplain.models",
        "videxplain.attribution",
        "videxplain.data",
        "videxplain.train",
        "videxplain.cli",
    ),
    "data": (
        "torch",
        "videxplain.models",
        "videxplain.attribution",
        "videxplain.viz",
        "videxplain.train",
        "videxplain.cli",
    ),
    "models": ("videxplain.attribution", "videxplain.viz", "videxplain.data", "videxplain.train", "videxplain.cli"),
    "attribution": ("videxplain.viz", "videxplain.train", "videxplain.cli", "videxplain.models"),
    "metrics": (
        "videxplain.models",
        "videxplain.attribution",
        "videxplain.data",
        "videxplain.viz",
        "videxplain.train",
        "videxplain.benchmark",
        "videxplain.cli",
    ),
}
ALLOWED = {"attribution": ("videxplain.models.config",)}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


@pytest.mark.parametrize("part", FORBIDDEN)
def test_a_part_imports_nothing_it_must_not_know(part):
    modules = sorted((PACKAGE / part).glob("*.py"))
    assert len(modules) > 1
    broken = {
        f"{module.name} imports {name}"
        for module in modules
        for name in imported(module)
        if within(name, FORBIDDEN[part]) and not within(name, ALLOWED.get(part, ()))
    }
    assert not broken


def test_nothing_but_the_entry_imports_the_command_line():
    users = {p for p in PACKAGE.rglob("*.py") if any(within(n, ("videxplain.cli",)) for n in imported(p))}
    assert {p.relative_to(PACKAGE).parts[0] for p in users} <= {"cli", "__main__.py"}


def test_no_module_takes_the_place_of_a_public_name():
    # Importing videxplain.explain would make vx.explain the module.
    modules = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not modules & set(videxplain.__all__)
