"""The one exception that means: the caller can put this right."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 1200
"""Characters of a message. A name in it may be as long as whoever gave it liked."""
_LONG_WORD = re.compile(r"\S{400,}")


class VidexplainError(ValueError):
    """Something a user can get wrong; the message is one line that names it and what would work."""

    def __init__(self, message: object) -> None:
        # A name from a file may hold line breaks.
        line = " ".join(str(message).splitlines())
        super().__init__(_shortened(_LONG_WORD.sub(lambda found: _shortened(found[0], 200), line), _LONGEST))


def _shortened(text: str, length: int) -> str:
    """The text, or its beginning and its end where it is longer than ``length``."""
    end = length // 3
    return text if len(text) <= length else f"{text[: length - end]}...{text[-end:]}"


def unknown(kind: str, name: object, known: Iterable[str]) -> VidexplainError:
    """The error for a name that does not exist, with the nearest names that do.

    Args:
        kind: What the name was meant to be, in words: ``"model"``, ``"layer"``.
        name: What was given.
        known: All names that would have worked.
    """
    names = list(known)
    folded: dict[str, str] = {}
    for one in names:
        folded.setdefault(one.casefold(), one)
    near = [folded[one] for one in get_close_matches(str(name).casefold(), folded, n=3, cutoff=0.55)]
    if near:
        return VidexplainError(f"unknown {kind} '{name}'; did you mean {' or '.join(near)}?")
    shown = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
    return VidexplainError(f"unknown {kind} '{name}'; known: {shown or 'none'}")
