"""An error is one line of moderate length, whatever names it holds."""

import pickle

import pytest

from videxplain.errors import VidexplainError, unknown


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("no such file: a.mp4", "no such file: a.mp4"),
        ("two\nlines\rand more", "two lines and more"),
        (f"no such file: {'z' * 255}.mp4", f"no such file: {'z' * 255}.mp4"),  # as long as a name can be
        (f"cannot read {'z' * 5000}.mp4: too long", f"cannot read {'z' * 134}...{'z' * 61}.mp4: too long"),
    ],
)
def test_a_message_is_a_line_of_moderate_length(message, said):
    assert str(VidexplainError(message)) == said
    assert str(pickle.loads(pickle.dumps(VidexplainError(message)))) == said


def test_many_long_words_are_shortened_together():
    said = str(VidexplainError("a name " * 5000 + "the end"))
    assert len(said) < 1300
    assert said.startswith("a name a name")
    assert said.endswith("the end")
    assert len(str(unknown("label", "x" * 10**5, ["walk", "run"]))) < 300
