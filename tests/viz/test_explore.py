"""Pictures of what a dataset is like: every number in them is looked up again."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from videxplain.viz.colour import NEGATIVE, POSITIVE
from videxplain.viz.explore import classes_figure, formats_figure, lengths_figure, samples_figure
from videxplain.viz.style import SCREEN_DPI

NAMES = [f"HandstandPushup{i}" for i in range(101)]


def texts(figure):
    return [text.get_text() for text in figure.texts]


def bars(figure, colour):
    """Widths in inches of the boxes of one colour, from the top."""
    width, height = figure.get_size_inches()
    found = [a for a in figure.artists if isinstance(a, Rectangle) and to_hex(a.get_facecolor()) == colour]
    return [(a.get_x() * width, a.get_y() * height, a.get_width() * width) for a in found]


def inside(figure):
    """Whether all text lies on the page, and no two texts overlap."""
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.texts if text.get_text()]
    page = figure.bbox
    on_page = all(page.x0 <= b.x0 and b.x1 <= page.x1 and page.y0 <= b.y0 and b.y1 <= page.y1 for b in boxes)
    return on_page and not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("count", [1, 2, 12, 51, 101])
def test_every_class_has_its_frame_above_its_name(count):
    frames = [np.full((24, 32, 3), i, np.uint8) for i in range(count)]
    figure = samples_figure(frames, NAMES[:count], title="title")
    assert [axes.images[0].get_array()[50, 40, 0] for axes in figure.axes] == list(range(count))
    names = [t for t in figure.texts if t.get_text() != "title"]
    assert [t.get_text() for t in names] == NAMES[:count]
    for axes, text in zip(figure.axes, names, strict=True):
        box = axes.get_position()
        assert text.get_position()[0] == pytest.approx((box.x0 + box.x1) / 2)
        assert box.y0 - 0.03 < text.get_position()[1] < box.y0
    assert inside(figure)


def test_what_has_another_shape_lies_on_black():
    usual, wide, tall = (np.full((*size, 3), 200, np.uint8) for size in ((30, 40), (30, 80), (60, 40)))
    figure = samples_figure([usual, usual, wide, tall], NAMES[:4])
    pictures = [np.asarray(axes.images[0].get_array())[..., 0] for axes in figure.axes]
    height, width = pictures[0].shape
    assert height / width == pytest.approx(0.75, abs=0.01)
    assert (pictures[0] == 200).all()
    rows, columns = (pictures[2] == 200).any(axis=1), (pictures[3] == 200).any(axis=0)
    assert rows.mean() == pytest.approx(0.5, abs=0.01)
    assert np.flatnonzero(rows)[0] == pytest.approx(height / 4, abs=1)
    assert columns.mean() == pytest.approx(0.5, abs=0.01)
    assert (pictures[2][~rows] == 0).all()
    assert (pictures[3][:, ~columns] == 0).all()


def test_rounding_leaves_no_black_line():
    frames = [np.full((60, 107, 3), 200, np.uint8)] * 7
    for axes in samples_figure(frames, NAMES[:7]).axes:
        assert (np.asarray(axes.images[0].get_array()) == 200).all()


def test_a_class_without_videos_is_grey():
    figure = samples_figure([None, np.zeros((3, 4, 3), np.uint8)], NAMES[:2])
    assert np.unique(figure.axes[0].images[0].get_array()).tolist() == [0xEE]
    assert np.unique(samples_figure([None], ["a"]).axes[0].images[0].get_array()).tolist() == [0xEE]


def test_bars_are_as_long_as_classes_are_large():
    counts = {"train": np.array([10, 40, 5]), "test": np.array([10, 20, 0]), "unused": np.zeros(3, int)}
    figure = classes_figure(counts, ["a", "b", "c"], title="title")
    # The largest class first: b with 60, a with 20, c with 5.
    assert texts(figure) == ["title", "train", "test", "b", "60", "a", "20", "c", "5"]
    train, test = (bars(figure, colour)[1:] for colour in (NEGATIVE, POSITIVE))  # without the key
    scale = train[0][2] / 40
    assert [width for _, _, width in train] == pytest.approx([40 * scale, 10 * scale, 5 * scale])
    assert [width for _, _, width in test] == pytest.approx([20 * scale, 10 * scale, 0])
    for (left, _, width), (begin, _, _) in zip(train, test, strict=True):
        assert begin == pytest.approx(left + width)
    assert len({left for left, _, _ in train}) == 1


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (12, 1), (34, 1), (51, 2), (101, 3)])
def test_many_classes_stand_in_columns_and_all_names_can_be_read(count, columns):
    sizes = np.arange(count) * 7 + 1
    figure = classes_figure({"train": sizes}, NAMES[:count], title="title")
    lefts = [round(left, 4) for left, _, _ in bars(figure, NEGATIVE)[1:]]
    assert len(set(lefts)) == columns
    assert texts(figure)[2::2] == NAMES[:count][::-1]
    assert texts(figure)[3::2] == [f"{size:,}" for size in sizes[::-1]]
    assert inside(figure)
    right = figure.get_size_inches()[0]
    assert all(left + width < right for left, _, width in bars(figure, NEGATIVE))


def test_long_names_are_cut_short():
    figure = classes_figure({"train": np.array([3])}, ["a very long name " * 20])
    assert "…" in texts(figure)[1]
    assert inside(figure)


def test_lengths_are_counted_with_their_medians():
    seconds, frames = np.array([1.04, 1.2, 2.0, 4.0, 71.04]), np.array([26, 30, 50, 100, 1776])
    figure = lengths_figure(seconds, frames, title="title")
    assert texts(figure) == [
        "title",
        "median 2.0 seconds, from 1.0 to 71.0",
        "median 50 frames, from 26 to 1,776",
    ]
    for axes, values, unit in zip(figure.axes[1::2], (seconds, frames), ("seconds", "frames"), strict=True):
        assert axes.get_xlabel() == unit
        assert axes.get_ylabel() == "videos"
        assert sum(bar.get_height() for bar in axes.patches) == 5
        assert axes.patches[0].get_x() == pytest.approx(values.min())
    for boxes, axes, values in zip(figure.axes[::2], figure.axes[1::2], (seconds, frames), strict=True):
        assert boxes.get_xlim() == axes.get_xlim()
        drawn = [line.get_xdata().tolist() for line in boxes.lines]
        low, middle, high = np.percentile(values, (25, 50, 75))
        assert [middle, middle] in drawn
        # Whiskers go to the last video within 1.5 times the quartiles' distance; the longest one lies outside.
        assert [low, values.min()] in drawn
        assert [high, values[3]] in drawn
        assert [values.max()] in drawn


def test_videos_of_one_length_make_one_bar():
    figure = lengths_figure(np.full(7, 2.0), np.full(7, 50))
    assert [[bar.get_height() for bar in axes.patches] for axes in figure.axes[1::2]] == [[7], [7]]


def test_sizes_and_rates_are_shown_with_their_shares():
    figure = formats_figure([("320x240", 75), ("426x240", 25)], [("30", 100)], title="title")
    assert texts(figure) == [
        *("title", "width x height (pixels)", "320x240", "75 (75 %)", "426x240", "25 (25 %)"),
        *("frames per second", "30", "100 (100 %)"),
    ]
    first, second, third = (width for _, _, width in bars(figure, NEGATIVE))
    assert first == pytest.approx(3 * second)
    assert third > 0
    assert inside(figure)


def test_what_is_rare_is_put_together():
    sizes = [(f"{i}x240", 20 - i) for i in range(12)]
    shown = texts(formats_figure(sizes, [("25", 1)]))
    assert shown[1:15:2] == [name for name, _ in sizes[:7]]
    assert shown[15:17] == ["5 others", f"{13 + 12 + 11 + 10 + 9} (31.6 %)"]  # 55 of 174


@pytest.mark.parametrize(
    "draw",
    [
        lambda **options: samples_figure([np.zeros((3, 4, 3), np.uint8)], ["a"], **options),
        lambda **options: classes_figure({"train": np.array([3])}, ["a"], **options),
        lambda **options: lengths_figure(np.array([1.0]), np.array([25]), **options),
        lambda **options: formats_figure([("4x3", 1)], [("25", 1)], **options),
    ],
)
def test_a_note_cannot_be_missed(draw):
    plain, noted = draw(title="title"), draw(title="title", notes=["damaged, and not counted: 3"])
    assert "damaged, and not counted: 3" in texts(noted)
    assert noted.get_size_inches()[1] > plain.get_size_inches()[1]
    assert noted.dpi == SCREEN_DPI
