"""One style for all pictures, and figures of the size that a paper asks for."""

import re
import threading

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tests.viz.documents import pdf_page, pdf_sizes, pdf_streams, svg_size, svg_texts
from tests.viz.layout import LONG, UNTRAINED, assert_nothing_is_cut_or_overlaps, texts
from videxplain.errors import VidexplainError
from videxplain.viz.colour import DARK, lut
from videxplain.viz.compared_maps import ComparedMaps, comparison_figure, comparison_frames
from videxplain.viz.confusion import confusion_figure
from videxplain.viz.curves import CurveGroup, Curves, Line, curves_figure
from videxplain.viz.explore import classes_figure, formats_figure, lengths_figure, samples_figure
from videxplain.viz.layout import Layout
from videxplain.viz.motion_and_appearance import two_part_sheet
from videxplain.viz.overlay import overlay
from videxplain.viz.panels import four_panels
from videxplain.viz.save import save_figure
from videxplain.viz.sheet import contact_sheet, sheet_frames
from videxplain.viz.style import Style, current_style, inches, set_style, style

FRAMES = 40
TITLE, SUBTITLE = "kicking.mp4: gradcam of i3d at layer4", "weights: of the test"


def pictures(indices):
    return np.random.default_rng(0).integers(0, 256, (len(indices), 24, 32, 3), np.uint8)


def small_maps(indices):
    return list(np.random.default_rng(1).random((len(indices), 3, 4)))


def sheet(layout=Layout(), **options):  # noqa: B008
    indices = sheet_frames(FRAMES, layout)
    settings = {
        "limit": 0.5,
        "target": "jump",
        "predictions": [("jump", 0.75), ("a much longer name of a class", 0.25), ("run", 0.0)],
        "temporal": np.sin(np.arange(FRAMES) / 5),
        "fps": 10.0,
        "title": TITLE,
        "subtitle": SUBTITLE,
        "layout": layout,
    }
    return contact_sheet(pictures(indices), small_maps(indices), indices, **settings | options)


def comparison(layout=Layout(), names=("gradcam", "guided-backprop", "rise"), **options):  # noqa: B008
    indices = comparison_frames(FRAMES, layout)
    rows = [
        ComparedMaps(name, small_maps(indices), (0.0, 0.25 * (place + 1)), np.cos(np.arange(FRAMES) / 9) + 1)
        for place, name in enumerate(names)
    ]
    settings = {"shared": False, "fps": 10.0, "title": TITLE, "subtitle": SUBTITLE, "layout": layout}
    return comparison_figure(pictures(indices), indices, rows, **settings | options)


def panels(layout=Layout(), rows=2):  # noqa: B008
    random = np.random.default_rng(2)
    maps = random.random((rows, 5, 5)), random.normal(size=(rows, 3, 4)), random.normal(size=(rows, 20, 20, 3))
    labels = [f"frame {row}" for row in range(rows)]
    return four_panels(pictures(range(rows)), *maps, limit=1.0, labels=labels, title=TITLE, layout=layout)


def parts(layout=Layout()):  # noqa: B008
    indices = sheet_frames(FRAMES, layout)
    temporal = np.linspace(0, 1, FRAMES), np.linspace(1, 0, FRAMES)
    settings = {"limit": 1.0, "share": 0.4, "fps": 10.0, "title": TITLE, "layout": layout}
    return two_part_sheet(pictures(indices), small_maps(indices), small_maps(indices), indices, temporal, **settings)


def curves():
    line = Line(np.arange(1, 9), np.linspace(2, 0.5, 8))
    runs = [Curves(f"run {number}", line, {"": Line(np.arange(1, 9), np.linspace(0.1, 0.9, 8))}) for number in range(3)]
    return curves_figure([CurveGroup(run.name, [run]) for run in runs], title="Three runs")


def confusion():
    matrix = np.random.default_rng(3).integers(1, 9, (6, 6))
    names = ["sit", "stand", "bow", "a long name of a class", "walk", "run"]
    return confusion_figure(matrix, names, [("sit", "stand", 3, 0.3)], title="Six classes")


DRAWN = {
    "sheet": sheet,
    "comparison": comparison,
    "one scale": lambda: comparison(shared=True),
    "panels": panels,
    "parts": parts,
    "curves": curves,
    "confusion": confusion,
    "samples": lambda: samples_figure(list(pictures(range(7))), list("abcdefg"), title="Samples"),
    "classes": lambda: classes_figure({"train": np.arange(1, 8)}, list("abcdefg"), title="Classes"),
    "lengths": lambda: lengths_figure(np.arange(1, 30) / 7, np.arange(1, 30), title="Lengths"),
    "formats": lambda: formats_figure([("320x240", 30), ("64x48", 3)], [("25", 30), ("30", 3)], title="Formats"),
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("width", ["column", "page"])
def test_no_figure_for_a_paper_cuts_a_word(name, width):
    with style(width=width):
        figure = DRAWN[name]()
    assert figure.get_figwidth() == pytest.approx({"column": 3.25, "page": 6.75}[width])
    assert_nothing_is_cut_or_overlaps(figure, dpi=300)


@pytest.mark.parametrize("size", [6, 8, 9.5])
def test_a_pdf_has_the_width_and_the_sizes_that_were_asked_for(size, tmp_path):
    with style(width="column", size=size):
        save_figure(comparison(), tmp_path / "a.pdf")
    assert pdf_page(tmp_path / "a.pdf")[0] == pytest.approx(3.25 * 72)
    sizes = pdf_sizes(tmp_path / "a.pdf")
    assert sorted(sizes) == pytest.approx([0.85 * size, size, 1.4 * size])
    assert b"/Type3" not in pdf_streams(tmp_path / "a.pdf")


def test_text_of_a_pdf_can_be_searched(tmp_path):
    with style(width="page"):
        save_figure(sheet(), tmp_path / "a.pdf")
    written = pdf_streams(tmp_path / "a.pdf")
    assert b"/FontFile2" in written  # TrueType
    assert written.count(b"/ToUnicode") >= 2  # of the normal and the bold face
    assert pdf_page(tmp_path / "a.pdf")[0] == pytest.approx(6.75 * 72)


@pytest.mark.parametrize(("width", "points"), [("column", 234), ("page", 486), ("8.5cm", 240.945), (4, 288)])
def test_text_of_an_svg_is_text_in_the_font_and_size(width, points, tmp_path):
    with style(width=width, size=9, font="STIXGeneral"):
        save_figure(sheet(), tmp_path / "a.svg")
    assert svg_size(tmp_path / "a.svg")[0] == pytest.approx(points, abs=0.01)
    written = svg_texts(tmp_path / "a.svg")
    assert written["predictions"] == (9.0, "STIXGeneral")
    (moment,) = (look for text, look in written.items() if text.endswith("0.00 s"))
    assert moment == (pytest.approx(7.65), "STIXGeneral")
    assert {family for _, family in written.values()} == {"STIXGeneral"}


def test_titles_and_captions_can_be_left_out(tmp_path):
    for titles, captions in ((True, True), (False, True), (True, False), (False, False)):
        save_figure(sheet(Layout(titles=titles, captions=captions), notes=(UNTRAINED,)), tmp_path / "a.svg")
        shown = set(svg_texts(tmp_path / "a.svg"))
        assert ({TITLE, SUBTITLE} <= shown) == titles
        assert ({"predictions", "frame 0, 0.00 s", "contribution of each frame"} <= shown) == captions
        # Warnings and the ends of the scale stay.
        assert {UNTRAINED, "0.5"} <= shown


@pytest.mark.parametrize("draw", [sheet, comparison, panels, parts])
def test_a_figure_without_words_is_lower(draw):
    heights = [draw(Layout(titles=titles, captions=titles)).get_figheight() for titles in (True, False)]
    assert heights[0] > heights[1] + 0.5


@pytest.mark.parametrize("width", [None, "column"])
@pytest.mark.parametrize("draw", [sheet, comparison, parts])
def test_charts_can_be_left_out_and_leave_no_gap(draw, width):
    with style(width=width):
        whole, without = draw(Layout()), draw(Layout(charts=False))
    assert_nothing_is_cut_or_overlaps(without, dpi=400)
    assert "time (s)" in {axes.get_xlabel() for axes in whole.axes}
    assert "time (s)" not in {axes.get_xlabel() for axes in without.axes}
    words, left = ({text.get_text() for text in texts(figure)} for figure in (whole, without))
    assert left < words or draw is parts  # The parts have no heading.
    assert not {"predictions", "contribution of each frame", "contribution of each frame (largest: 1)"} & left
    lowest = min(one.get_window_extent().y0 for one in (*texts(without), *without.axes))
    assert 0 <= lowest / without.dpi < (0.15 if width else 0.5)


def test_a_style_holds_inside_its_block_and_in_its_thread():
    seen = []
    with style(size=7, width=3):
        with style(dark=True):
            assert current_style() == Style(size=7.0, width=3.0, dark=True)
        thread = threading.Thread(target=lambda: seen.append(current_style()))
        thread.start()
        thread.join()
    with pytest.raises(RuntimeError), style(size=7):
        raise RuntimeError
    assert seen == [Style()]
    assert current_style() == Style()


def test_a_style_can_be_set_for_good_and_undone():
    try:
        set_style(size=12, colormap="viridis")
        with style(dark=True):
            assert current_style() == Style(size=12.0, colormap="viridis", dark=True)
        set_style(dark=True)
        assert current_style() == Style(dark=True)
    finally:
        set_style()
    assert current_style() == Style()


def test_the_colour_map_is_that_of_the_style():
    frame, values = np.zeros((4, 6, 3), np.uint8), np.ones((4, 6), np.float32)
    with style(colormap="viridis"):
        assert (overlay(frame, values, 1.0) == overlay(frame, values, 1.0, colormap="viridis")).all()
        bar = [axes.images[0].get_array() for axes in sheet().axes if axes.images][-1]
    assert (bar[0] == lut("viridis")).all()
    assert (overlay(frame, values, 1.0) == overlay(frame, values, 1.0, colormap="inferno")).all()


@pytest.mark.parametrize("name", DRAWN)
def test_a_dark_page_has_light_text(name):
    with style(dark=True):
        figure = DRAWN[name]()
    assert to_hex(figure.get_facecolor()) == DARK.paper
    colours = {to_hex(text.get_color()) for text in figure.texts}
    assert colours <= {DARK.ink, DARK.muted, DARK.warning}


@pytest.mark.parametrize("text", ["8.5cm", "85mm", "85 mm"])
def test_a_width_in_centimetres(text):
    assert inches(text) == pytest.approx(8.5 / 2.54)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": "broad"}, "a width is column, page, or inches or centimetres such as 3.25in or 8.5cm, not 'broad'"),
        ({"width": 100}, "a width is from 1 to 60 inches, not '100'"),
        ({"width": "nan"}, "a width is column, page"),
        ({"width": -3}, "a width is column, page"),
        ({"size": 2}, "the size of text is from 4 to 40 points, not 2"),
        ({"size": float("nan")}, "the size of text is from 4 to 40 points, not nan"),
        ({"size": 12, "width": "3in"}, "text of 12 points needs a width of at least 4.00 inches, not 3.00"),
        ({"font": "DejaVu Snas"}, "unknown font 'DejaVu Snas'; did you mean DejaVu Sans"),
        ({"colormap": "infreno"}, "unknown colour map 'infreno'; did you mean inferno"),
    ],
)
def test_what_cannot_be_used_gets_a_line(options, message):
    with pytest.raises(VidexplainError, match="^" + re.escape(message)), style(**options):
        pytest.fail("the block ran")
    assert current_style() == Style()


def test_long_names_are_shortened_on_every_page():
    for width in ("column", "page", None):
        with style(width=width):
            assert_nothing_is_cut_or_overlaps(comparison(names=(LONG, f"{LONG} {LONG}")), dpi=300)
