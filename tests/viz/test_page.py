import os

from videxplain.viz.page import elide, one_line


def test_a_file_name_that_is_not_utf8_can_be_drawn():
    name = os.fsdecode(b"\xff\xe9 \xc3\xa9\n.mp4")
    assert one_line(name) == "?? é .mp4"
    assert elide(name, 9, 5) == "?? é .mp4"
