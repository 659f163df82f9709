"""How long work tells how far it is."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with what is done and with what there is in all; None where that is not known."""

Bars: TypeAlias = Callable[[str], AbstractContextManager[Progress | None]]
"""For work of several stages: from the name of a stage to a context that gives the stage's ``Progress``."""
