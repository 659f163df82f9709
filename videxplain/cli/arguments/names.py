"""Names of methods and models for help and completion, without importing torch."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import videxplain

FAMILIES = {
    "cam": "class activation maps",
    "gradient": "gradients",
    "relevance": "relevance, propagated layer by layer",
    "perturbation": "perturbations, which hide parts of the clip",
    "attention": "attention of transformers",
    "activation": "responses of a layer",
}
"""The families in the order of lists, with their words."""

_IMPLIED = {"cam_method": "cam"}
"""Decorators that imply a family. The name of every decorator that enters a method ends in "method"."""


@dataclass(frozen=True)
class ListedMethod:
    """A method as lists show it.

    Attributes:
        name: The name on the command line.
        family: One of :data:`FAMILIES`.
        summary: One line.
    """

    name: str
    family: str
    summary: str


@cache
def listed_methods() -> tuple[ListedMethod, ...]:
    """The methods of this package, family by family.

    The table of methods imports torch, which takes seconds. So the decorators are read in the source files instead;
    a test compares the two. Methods that are registered from outside are not in this list.
    """
    folder = Path(videxplain.__file__).parent / "attribution" / "methods"
    found = [one for name in _files(folder) for one in _read(folder / f"{name}.py")]
    return tuple(sorted(found, key=lambda one: list(FAMILIES).index(one.family)))


def complete_method(incomplete: str) -> list[tuple[str, str]]:
    """The methods whose name begins with what was typed, for the shell."""
    return [(one.name, one.summary) for one in listed_methods() if one.name.startswith(incomplete)]


def complete_model(incomplete: str) -> list[tuple[str, str]]:
    """The models whose name begins with what was typed, for the shell. After a package's colon, its models."""
    from videxplain.models.architectures import ARCHITECTURES
    from videxplain.models.hubs.sources import SOURCES

    prefix, colon, _ = incomplete.partition(":")
    if colon:
        names = [(f"{prefix}:{name}", "") for name in SOURCES[prefix].names] if prefix in SOURCES else []
    else:
        names = [(name, ARCHITECTURES[name].summary) for name in ARCHITECTURES]
        names += [(f"{name}:", source.summary) for name, source in SOURCES.items()]
    return [(name, summary) for name, summary in names if name.startswith(incomplete)]


def _files(folder: Path) -> list[str]:
    """The modules of methods in their order: the tuple ``FILES`` of the package."""
    for node in ast.parse((folder / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FILES":
            return list(ast.literal_eval(node.value))
    return []


def _read(path: Path) -> Iterator[ListedMethod]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        for call in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
            if isinstance(call, ast.Call) and (decorator := ast.unparse(call.func)).endswith("method"):
                given = {
                    key.arg: key.value.value
                    for key in call.keywords
                    if key.arg in ("family", "summary") and isinstance(key.value, ast.Constant)
                }
                family = given.get("family", _IMPLIED.get(decorator, ""))
                yield ListedMethod(ast.literal_eval(call.args[0]), str(family), str(given.get("summary", "")))
