"""Which frames a figure shows, and in how many rows and columns."""

import re

import numpy as np
import pytest

from videxplain.errors import VidexplainError
from videxplain.viz.compared_maps import comparison_frames
from videxplain.viz.layout import Layout, frame_numbers, frames_at, peak_frames, peaks_of_several, spread_frames
from videxplain.viz.sheet import sheet_columns, sheet_frames
from videxplain.viz.style import style


@pytest.mark.parametrize(
    ("layout", "frames", "columns"),
    [
        (Layout(), [0, 6, 11, 17, 22, 28, 33, 39], 8),
        (Layout(rows=2, columns=3), [0, 8, 16, 23, 31, 39], 3),
        (Layout(columns=3), [0, 20, 39], 3),
        (Layout(at=(3, 10, 17)), [3, 10, 17], 3),
        (Layout(at=(17, 3)), [17, 3], 2),
        (Layout(at=range(10)), list(range(10)), 5),
        (Layout(at=range(10), rows=1), list(range(10)), 10),
        (Layout(at=range(6), columns=2), list(range(6)), 2),
    ],
)
def test_frames_and_columns_of_a_sheet(layout, frames, columns):
    assert sheet_frames(40, layout) == frames
    assert sheet_columns(len(frames), layout) == columns


def test_a_column_of_a_paper_has_four_frames():
    with style(width="column"):
        assert sheet_frames(40, Layout()) == [0, 13, 26, 39]
        assert comparison_frames(40, Layout()) == [0, 13, 26, 39]
    with style(width="page"):
        assert len(sheet_frames(40, Layout())) == 8


@pytest.mark.parametrize(("frames", "most", "expected"), [(1, 8, [0]), (3, 8, [0, 1, 2]), (9, 1, [4]), (9, 2, [0, 8])])
def test_frames_are_spread_evenly(frames, most, expected):
    assert spread_frames(frames, most) == expected


def test_frames_as_text():
    assert frame_numbers("3, 10,17") == (3, 10, 17)
    assert frames_at("3, 10,17") == (3, 10, 17)
    assert frames_at("peaks") == "peaks"


HILL = np.exp(-(((np.arange(48) - 17) / 6) ** 2))


@pytest.mark.parametrize(
    ("curve", "most", "expected"),
    [
        (HILL, 8, [8, 11, 14, 17, 20, 23, 26]),  # three apart; further away it is under a tenth of the peak
        (HILL, 3, [9, 17, 25]),
        (HILL, 1, [17]),
        (HILL - 5, 3, [9, 17, 25]),  # the range counts, not the sign
        (np.eye(48)[40] + 0.5 * np.eye(48)[5], 8, [5, 40]),
        (np.array([0.0, 9, 8, 0, 0, 0, 0, 3, 0, 0]), 2, [1, 7]),  # its neighbour is higher than 3, and too close
        (np.zeros(48), 4, spread_frames(48, 4)),
        (np.array([np.nan, 1, 2, np.nan]), 2, [2]),
        (np.array([3.0]), 8, [0]),
    ],
)
def test_peaks_are_the_highest_frames_with_a_distance(curve, most, expected):
    assert peak_frames(curve, most) == expected
    layout = Layout(at="peaks", columns=most)
    assert sheet_frames(len(curve), layout, curve) == expected
    assert comparison_frames(len(curve), layout, curve) == expected
    assert sheet_frames(len(curve), layout) == []  # there is no map yet


def test_curves_of_a_comparison_count_alike():
    weak, strong = np.array([0.0, 1e-3, 0, 0, 0, 0, 0, 0]), 100 * np.eye(8)[6]
    assert peak_frames(peaks_of_several([weak, strong, np.zeros(8)]), 4) == [1, 6]


@pytest.mark.parametrize("text", ["", "3,", "3;4", "-1", "1.5", "²", "1" * 20])
def test_text_that_names_no_frames(text):
    with pytest.raises(VidexplainError, match=r"^frames are numbers from 0 with commas between them, such as 3,10,17"):
        frame_numbers(text)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: sheet_frames(20, Layout(at=(3, 20))), "the clip has no frame 20; it has frames 0 to 19"),
        (
            lambda: sheet_frames(20, Layout(at=(1, 2, 3), rows=1, columns=2)),
            "3 frames do not fit in 1 x 2 (rows x columns)",
        ),
        (
            lambda: Layout(at="3,10"),
            "at is the numbers of frames, such as (3, 10, 17), or 'peaks', not '3,10'",
        ),
        (lambda: Layout(at=3), "at is the numbers of frames, such as (3, 10, 17), or 'peaks', not 3"),
        (lambda: Layout(rows="2"), "rows are from 1 to 100, not 2"),
        (lambda: Layout(columns=0), "columns are from 1 to 100, not 0"),
        (lambda: Layout(at=range(101)), "a figure has at most 100 frames, not 101"),
        (
            lambda: comparison_frames(20, Layout(rows=2)),
            "the rows of a comparison are what is compared: choose columns,",
        ),
    ],
)
def test_what_does_not_fit_gets_a_line(draw, message):
    with pytest.raises(VidexplainError, match="^" + re.escape(message)):
        draw()
