"""The address of a page: the query of an address holds its questions."""

from typing import Any
from urllib.parse import urlencode

from videxplain.attribution.registry import METHODS
from videxplain.studio.questions.catalogue import DEFAULT_METHOD, FIRST
from videxplain.studio.questions.question import Question

_FIELDS = ("model", "view", "method", "target", "against", "layer", "frames")
_DEFAULTS = {"model": FIRST, "view": "model", "method": DEFAULT_METHOD, "frames": ":"}
OPTION = "o."
"""What the names of a method's options begin with."""


def given_in(items: list[tuple[str, str]]) -> dict[str, Any]:
    """The fields of a question in the query of an address.

    Args:
        items: Names and values of the query.

    Returns:
        The fields as :func:`videxplain.studio.questions.asking.asked` takes them. Options that the method does not have
        are left out: they belong to the method that was chosen before.
    """
    given: dict[str, Any] = {name: value for name, value in items if name in _FIELDS}
    method = given.get("method") or DEFAULT_METHOD
    known = {option.name for option in METHODS[method].options} if method in METHODS else set()
    options = {name.removeprefix(OPTION): value for name, value in items if name.startswith(OPTION)}
    return {**given, "options": {name: value for name, value in options.items() if name in known}}


def query_of(question: Question, with_clip: bool = False) -> str:
    """A question as the query of an address, without the fields that have their default."""
    items = [("clip", question.clip)] if with_clip else []
    for name in _FIELDS:
        value = getattr(question, name)
        if value and value != _DEFAULTS.get(name):
            items.append((name, value))
    items += [(OPTION + name, option_text(value)) for name, value in question.options.items()]
    return urlencode(items)


def option_text(value: Any) -> str:
    """The value of an option as a form and an address have it."""
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def address_of(main: Question, besides: list[Question]) -> str:
    """The address of the page of a question, with other questions beside it."""
    beside = [("beside", query_of(one, with_clip=True)) for one in besides]
    query = "&".join(filter(None, (query_of(main), urlencode(beside))))
    return f"/clip/{main.clip}" + (f"?{query}" if query else "")
