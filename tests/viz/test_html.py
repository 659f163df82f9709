import re

from videxplain.viz.html import predictions_table


def test_table_escapes_and_formats():
    table = predictions_table([("<b>jump</b>", 0.8125), ("run", 0.0004)], "A & B", ["<i>UNTRAINED</i>"])
    assert "&lt;b&gt;jump&lt;/b&gt;" in table
    assert "A &amp; B" in table
    assert "&lt;i&gt;UNTRAINED&lt;/i&gt;" in table
    assert "<b>" not in table
    assert re.findall(r"([\d.]+) %", table) == ["81.2", "0.0"]
    assert re.findall(r'<div style="width:([\d.]+)%', table) == ["81.2", "0.0"]


def test_table_alone():
    table = predictions_table([("run", 1.0)])
    assert "<caption" not in table
    assert table.count("<tr>") == 1


def test_values_of_a_regression_are_no_shares():
    table = predictions_table([("speed", 3.25)], probabilities=False)
    assert ">3.25<" in table
    assert "%" not in table
