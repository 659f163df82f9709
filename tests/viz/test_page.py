import os

import pytest

from videxplain.viz.page import Header, Page, Paper, elide, one_line


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
