import os
from itertools import pairwise

import pytest

from videxplain.viz.page import NOTE_POINTS, Header, Page, Paper, elide, one_line, text_height


def test_a_file_name_that_is_not_utf8_can_be_drawn():
    name = os.fsdecode(b"\xff\xe9 \xc3\xa9\n.mp4")
    assert one_line(name) == "?? é .mp4"
    assert elide(name, 9, 5) == "?? é .mp4"


@pytest.mark.parametrize("first", range(12))
def test_the_drawn_lines_of_a_header_end_before_the_margin(first):
    words = "Grad-CAM of torchvision:mc3_18, layer layer4.1.conv2, frames every second, illimitable wave windows"
    text = " ".join(" ".join([words] * 3).split(" ")[first:])
    paper = Paper.of(7.0)
    page = Page(paper, 4.0)
    Header(text, [text], paper, text).draw(page)
    page.figure.canvas.draw()
    renderer = page.figure.canvas.get_renderer()
    ends = [one.get_window_extent(renderer).x1 for one in page.figure.texts]
    assert len(ends) > 6
    assert max(ends) <= (paper.width - paper.margin) * paper.density + 1  # the box is rounded up to a pixel


def test_notes_stand_apart_and_inside_their_box():
    paper = Paper.of(5.0)
    page, note = Page(paper, 4.0), "A note that is so long that it takes two lines on this narrow page, at least two."
    header = Header("Title", [note, "", note], paper)
    header.draw(page)
    page.figure.canvas.draw()
    renderer = page.figure.canvas.get_renderer()
    extents = [one.get_window_extent(renderer) for one in page.figure.texts if "Title" not in one.get_text()]
    tops = sorted((one.y1 for one in extents), reverse=True)
    steps = [above - below for above, below in pairwise(tops)]
    assert len(steps) >= 3
    assert max(steps) > 1.25 * min(steps)
    box = max((page.height - header.bottom + 0.14) * paper.density, 0)
    assert min(one.y0 for one in extents) >= box


def test_commands_stand_with_their_note():
    paper = Paper.of(7.0)

    def box(notes):
        return Header("Title", notes, paper).bottom

    lines = ["Unknown.", "Use another:", "videxplain predict", "videxplain gradcam"]
    together, apart = box([*lines, "Another note."]), box([*("One.",) * 4, "Another note."])
    assert apart - together == pytest.approx(3 * (box(["One.", "Two."]) - box(["One."]) - text_height(NOTE_POINTS)))
