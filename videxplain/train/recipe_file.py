"""Recipes as YAML files, and the changes of a command line."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from videxplain.errors import VidexplainError, unknown
from videxplain.train.recipe import DataSource, Recipe


def read_recipe(path: Path, changes: Sequence[str] = (), roots: Sequence[str | Path] = ()) -> Recipe:
    """Read a recipe from a file.

    Args:
        path: The file.
        changes: ``key=value`` each, the value as in YAML. ``options.width=16`` changes a key of ``options``.
        roots: Folders of the datasets, instead of those in the file.

    Raises:
        VidexplainError: There is no such file, it is not YAML, or a key or a value is not valid.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VidexplainError(f"cannot read recipe {path}: {error.strerror or error}") from None
    except RecursionError:
        raise VidexplainError(f"{path} is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:  # also numbers of thousands of digits, and no text at all
        raise VidexplainError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise VidexplainError(f"{path} is no recipe: lines of 'key: value' are needed")
    if roots and len(_listed(content.get("data") or [])) != len(roots):
        content.pop("describes", None)  # words about other datasets
    for change in changes:
        _apply(content, change)
    if roots:
        content["data"] = _with_roots(content.get("data"), roots)
    try:
        return recipe_from(content)
    except VidexplainError as error:
        raise VidexplainError(f"{path}: {error}") from None


def recipe_from(content: Mapping[str, Any]) -> Recipe:
    """A recipe from plain values, as :meth:`Recipe.as_dict` gives them.

    Raises:
        VidexplainError: A key is unknown or missing, or a value is not valid.
    """
    types = {entry.name: entry.type for entry in fields(Recipe)}
    for name in content:
        if name not in types:
            raise unknown("key", name, types)
    for name in ("model", "data"):
        if not content.get(name):
            raise VidexplainError(f"{name} is missing" + ("; name the dataset with --data" if name == "data" else ""))
    values = dict(content)
    values["data"] = tuple(_source(entry) for entry in _listed(values["data"]))
    if "logger" in values:
        values["logger"] = tuple(_listed(values["logger"]))
    if not isinstance(values.setdefault("options", {}), dict):
        raise VidexplainError("options are 'name: value' each")
    for name, value in values.items():
        values[name] = _checked(name, value, types[name])
    return Recipe(**values)


def _checked(name: str, value: Any, kind: Any) -> Any:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    if kind not in names:
        return value
    if kind is float and isinstance(value, int | str) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):  # YAML takes 1e-4 for text, because it lacks the point
            return float(value)
    if type(value) is not kind:
        raise VidexplainError(f"{name} is {names[kind]}, not {_short(value)}")
    return value


def _short(value: Any) -> str:
    try:
        return repr(value)[:60]
    except ValueError:  # whole numbers of thousands of digits have no text
        return "a number of thousands of digits"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _source(entry: Any) -> DataSource:
    if isinstance(entry, DataSource):
        return entry
    if isinstance(entry, str):
        return DataSource(entry)
    names = [name.name for name in fields(DataSource)]
    if not isinstance(entry, dict) or "root" not in entry:
        raise VidexplainError("data is a folder, or has root, kind and split, or is a list of two such")
    for name in entry:
        if name not in names:
            raise unknown("key of data", name, names)
    if not isinstance(entry["root"], str) or not isinstance(entry.get("kind", ""), str):
        raise VidexplainError("root and kind of data are text")
    if type(entry.get("split", 1)) is not int:
        raise VidexplainError(f"split of data is 1, 2 or 3, not {entry['split']!r}")
    return DataSource(**entry)


def _with_roots(data: Any, roots: Sequence[str | Path]) -> list[dict[str, Any]]:
    """The datasets of a recipe in other folders. Their kinds and splits stay if there are equally many."""
    entries = [entry if isinstance(entry, dict) else {} for entry in _listed(data)] if data else []
    if len(entries) != len(roots):
        entries = [{} for _ in roots]
    return [entry | {"root": str(root)} for entry, root in zip(entries, roots, strict=True)]


def _apply(content: dict[str, Any], change: str) -> None:
    import yaml

    key, equals, text = change.partition("=")
    if not equals or not key:
        raise VidexplainError(f"--set is KEY=VALUE, such as epochs=10 or options.width=16, not '{change}'")
    *outer, last = key.strip().split(".")
    for name in outer:
        inner = content.setdefault(name, {})
        if isinstance(inner, str) and name == "data":
            inner = content[name] = {"root": inner}
        if not isinstance(inner, dict):
            raise VidexplainError(f"--set {key}: {name} has no keys of its own here")
        content = inner
    try:
        content[last] = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise VidexplainError(f"--set {key}: '{text}' is not a YAML value") from None
