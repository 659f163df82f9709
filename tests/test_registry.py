import pytest

from videxplain.errors import VidexplainError, unknown
from videxplain.registry import Registry


def test_a_name_is_taken_once_and_kept_in_order():
    table: Registry[int] = Registry("number")
    table.add("two", 2)
    table.add("one", 1)
    with pytest.raises(ValueError, match="number 'two' is registered twice"):
        table.add("two", 3)
    assert list(table) == ["two", "one"]
    assert table["two"] == 2


def test_an_unknown_name_says_what_is_near():
    table: Registry[int] = Registry("model")
    for name in ("i3d", "c3d", "non_local"):
        table.add(name, 0)
    with pytest.raises(VidexplainError, match=r"^unknown model 'Non-Local'; did you mean non_local\?$"):
        table["Non-Local"]


def test_a_name_near_nothing_lists_what_there_is():
    error = unknown("model", "zzz", ["i3d", "c3d"])
    assert str(error) == "unknown model 'zzz'; known: i3d, c3d"
