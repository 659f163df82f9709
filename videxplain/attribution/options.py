"""The options of a method, each declared once. Checks, the command line and forms are made from the declarations."""

import math
import operator
import re
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from videxplain.errors import VidexplainError, unknown

_LIMIT = 2**63
"""Whole numbers stay below this, as those of torch and of most libraries do."""
MOST_PASSES = 1_000_000
"""The most passes that an option may ask for: they already take days, and more would not fit into memory."""


@dataclass(frozen=True)
class Option:
    """A keyword argument of a method.

    Attributes:
        name: The name of the argument.
        type: ``int``, ``float``, ``str``, or a tuple of numbers: ``tuple[int, int, int]``, ``tuple[float, ...]``.
        default: The default of the argument. None means that the method decides, and None may then be given.
        help: One line that says what the option does.
        choices: All values that a ``str`` can have; empty for any.
        minimum: The smallest value that is allowed, or None. It holds for each number of a tuple.
        maximum: The largest value that is allowed, or None. It holds for each number of a tuple.
        metavar: What help texts show for the value; None for the choices or the type.
    """

    name: str
    type: Any
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    metavar: str | None = None

    def check(self, value: Any) -> None:
        """Raise ``VidexplainError`` for a value that the method cannot use."""
        if value is None and self.default is None:
            return
        if self.choices:
            if value not in self.choices:
                raise unknown(self.name, value, self.choices)
        elif not self._fits(value):
            raise self._refused(value)

    def parse(self, text: str) -> Any:
        """The value of ``text`` from a command line or a form. The numbers of a tuple are separated by commas.

        Raises:
            VidexplainError: The text is no value, or one that the method cannot use.
        """
        kind = self._element
        try:
            value = tuple(kind(part) for part in text.split(",")) if self.is_tuple else kind(text)
        except ValueError:
            raise self._refused(text) from None
        self.check(value)
        return value

    @property
    def is_tuple(self) -> bool:
        """Whether a value is a tuple of numbers."""
        return get_origin(self.type) is tuple

    @property
    def placeholder(self) -> str:
        """What a help text shows for the value."""
        if self.metavar or self.choices:
            return self.metavar or "|".join(self.choices)
        return {int: "NUMBER", float: "NUMBER"}.get(self._element, "TEXT")

    @property
    def _element(self) -> Any:
        return get_args(self.type)[0] if self.is_tuple else self.type

    @property
    def _length(self) -> int | None:
        """How many numbers a tuple has; None for any number of them but none."""
        return None if Ellipsis in get_args(self.type) else len(get_args(self.type))

    def _fits(self, value: Any) -> bool:
        if not self.is_tuple:
            return self._element_fits(value)
        if isinstance(value, str) or not hasattr(value, "__len__"):
            return False
        length = len(value) if self._length is None else self._length
        return len(value) == length > 0 and all(self._element_fits(one) for one in value)

    def _element_fits(self, value: Any) -> bool:
        kind = self._element
        if kind is str:
            return isinstance(value, str)
        try:
            number = operator.index(value) if kind is int else float(value)
        except (TypeError, ValueError, OverflowError):
            return False
        too_small = self.minimum is not None and number < self.minimum
        too_large = (self.maximum is not None and number > self.maximum) or (kind is int and abs(number) >= _LIMIT)
        return not isinstance(value, bool | str) and not too_small and not too_large and math.isfinite(number)

    def _refused(self, value: Any) -> VidexplainError:
        digits = len(str(value)) if self._element is int and re.fullmatch(r"-?[0-9]{19,}", str(value)) else 0
        given = f"a number of {digits} digits" if digits else repr(value)
        return VidexplainError(f"{self.name} is {self._in_words()}, not {given}")

    def _in_words(self) -> str:
        """What would work, for a message."""
        noun = {int: "whole number", float: "number"}.get(self._element, "text")
        limits = (self.minimum, self.maximum)
        if None not in limits:
            limit = f" from {limits[0]} to {limits[1]}"
        else:
            limit = next(
                (f", {word} {n}" for word, n in zip(("at least", "at most"), limits, strict=True) if n is not None), ""
            )
        if not self.is_tuple:
            return f"a {noun}{limit}"
        several = f"{noun}s" if self._length is None else f"{self._length} {noun}s"
        order = f" ({self.metavar})" if self.metavar and self._length else ""
        return f"{several}{order}{limit.replace(', at', ', each at')}"
