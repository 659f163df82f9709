"""Things found by name: models, methods."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from videxplain.errors import unknown

T = TypeVar("T")


class Registry(Generic[T]):
    """A table from names to things, filled by decorator; a name can be taken only once."""

    def __init__(self, kind: str) -> None:
        """``kind`` is what an entry is called in error messages."""
        self._kind = kind
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> T:
        """Enter ``entry`` under ``name``; raises ``ValueError`` when the name is taken."""
        if name in self._entries:
            raise ValueError(f"{self._kind} '{name}' is registered twice")
        self._entries[name] = entry
        return entry

    def register(self, name: str) -> Callable[[T], T]:
        """The same as a decorator."""
        return lambda entry: self.add(name, entry)

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except KeyError:
            raise unknown(self._kind, name, self._entries) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
