"""Commands as they are typed."""

import shlex

from videxplain.commands import command_line, python_call


def test_values_are_quoted_tuples_have_commas_and_none_is_left_out():
    line = command_line("rise", model="i3d", clip="a b's.avi", layer=None, box=(4, 16, 16), top_k=3)
    assert shlex.split(line) == [
        *("videxplain", "rise", "--model", "i3d", "--clip", "a b's.avi", "--box", "4,16,16", "--top-k", "3"),
    ]


def test_a_call_is_python():
    line = python_call("explain", "network", repr("a b's.avi"), layer="mixed.2", target=None, box=(4, 16, 16))
    assert line == """videxplain.explain(network, "a b's.avi", layer='mixed.2', box=(4, 16, 16))"""
