"""Things found by name: models, methods."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Generic, TypeVar

from videxplain.errors import VidexplainError, unknown

T = TypeVar("T")


class Registry(Generic[T]):
    """A table from names to things, filled by decorator. A name can be taken only once."""

    def __init__(self, kind: str, entries: str = "") -> None:
        """An empty table.

        Args:
            kind: What an entry is called in error messages.
            entries: The package that fills the table when it is imported. The first look-up imports it, so that the
                table is full whatever was imported before.
        """
        self._kind, self._package = kind, entries
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> T:
        """Enter ``entry`` under ``name``.

        Raises:
            VidexplainError: The name is taken.
        """
        if name in self._entries:
            raise VidexplainError(f"{self._kind} '{name}' is registered twice; choose another name")
        self._entries[name] = entry
        return entry

    def register(self, name: str) -> Callable[[T], T]:
        """The same as a decorator."""
        return lambda entry: self.add(name, entry)

    def fill(self) -> dict[str, T]:
        """The entries, after the package that makes them was imported."""
        if self._package:
            import_module(self._package)
        return self._entries

    def __getitem__(self, name: str) -> T:
        entries = self.fill()
        if name not in entries:
            raise unknown(self._kind, name, entries)
        return entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self.fill()

    def __iter__(self) -> Iterator[str]:
        return iter(self.fill())

    def __len__(self) -> int:
        return len(self.fill())
