"""Answers about a network that cost passes, kept for as long as the network stays as it was.

Somebody may change a network between two maps: another module in place of one, another stride, other weights, another
function that moves its input. What was measured before may then be wrong. So an answer is kept together with the
identity of the network (:mod:`videxplain.network_identity`), and is measured anew where that has changed. What lies
outside of the network, such as a global variable or a file that it reads, is not seen.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Generic, TypeAlias, TypeVar, cast
from weakref import WeakKeyDictionary

from torch import nn

from videxplain.exclusive import IN_USE
from videxplain.network_identity import Form, Identity, differing, form_of, identity_of

Question: TypeAlias = tuple[object, ...]
Answer = TypeVar("Answer")


class NetworkAnswers(Generic[Answer]):
    """Answers of one kind, such as whether a layer lies over the clip."""

    def of(self, module: nn.Module) -> dict[Question, Answer]:
        """The answers about a network by question, to be read and added to.

        The network is looked at once in the time for which a thread holds it (:func:`videxplain.exclusive.alone`).
        """
        answers = _record(module).answers.setdefault(cast("NetworkAnswers[object]", self), {})
        return cast("dict[Question, Answer]", answers)

    def ask(self, module: nn.Module, question: Question, measure: Callable[[], Answer]) -> Answer:
        """The answer to a question about a network, measured if it is not known."""
        with IN_USE.alone(module):
            answers = self.of(module)
            if question not in answers:
                answers[question] = measure()
            return answers[question]


def look_now(module: nn.Module) -> None:
    """Look at a network that this thread holds, before passes leave marks in it, or it is changed for a while.

    What is known of it stays known for as long as the thread holds it.
    """
    _record(module)


def look_again(module: nn.Module) -> None:
    """Look at a network anew when something is asked next: its owner may change it although this thread holds it."""
    if (record := _RECORDS.get(module)) is not None:
        record.turn = None


class _Record:
    """What is known of a network, its identity, and in whose turn that was looked at.

    Attributes:
        marks: Where passes leave marks themselves, such as a count of passes, so that a change there says nothing.
    """

    def __init__(self, identity: Identity, marks: set[tuple[str, str]]) -> None:
        self.identity, self.marks = identity, marks
        self.turn: ExitStack | None = None
        self.before = identity.form
        self.answers: dict[NetworkAnswers[object], dict[Question, object]] = {}

    def is_of(self, now: Identity) -> bool:
        """Whether a network with this identity is still the same, but for the marks of passes."""
        before = self.identity
        if now.values != before.values:
            return False
        return now.form == before.form or differing(now.form, before.form) <= self.marks


def _record(module: nn.Module) -> _Record:
    with IN_USE.alone(module):
        turn = IN_USE.turn(module)
        assert turn is not None
        record = _RECORDS.get(module)
        if record is not None and record.turn is turn:
            return record
        identity = identity_of(module)
        if record is None or not record.is_of(identity):
            record = _RECORDS[module] = _Record(identity, record.marks if record else set())
        record.turn = turn
        record.before = identity.form
        turn.callback(_end, module, record, identity.form)
        return record


def _end(module: nn.Module, record: _Record, before: Form) -> None:
    if record.turn is None or record.before is not before:  # it was to be looked at anew
        return
    record.turn = None
    after = form_of(module)
    if after != before:
        record.marks |= differing(before, after)


_RECORDS: WeakKeyDictionary[nn.Module, _Record] = WeakKeyDictionary()
