"""Pictures of confusion matrices, whose every colour, name and number is looked up again."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from videxplain.errors import VidexplainError
from videxplain.evaluation.confusion import most_confused, similarity_linkage
from videxplain.viz.colour import LIGHT
from videxplain.viz.confusion import RIGHT, SMALLEST_POINTS, WRONG, shades
from videxplain.viz.confusion import confusion_figure as draw

COUNTS = np.array([[6, 3, 1], [0, 4, 0], [2, 2, 0]])
NAMES = ["sit", "stand", "bow"]
LONG = ["RockClimbingIndoor", "HandstandPushups", "FieldHockeyPenalty", "YoYo", "BoxingPunchingBag", "TaiChi"]


def confusion_figure(matrix, labels, **options):
    return draw(matrix, labels, most_confused(matrix, labels, 10), **options)


def texts(figure):
    return [text.get_text() for text in figure.texts]


def cells(figure):
    """``(K, K, 3)`` colours: those of the diagonal's map, and of the other, over the colour of the page."""
    axes = figure.axes[0]
    right, wrong = (mesh.to_rgba(mesh.get_array(), bytes=True) for mesh in axes.collections)
    pixels = (
        np.broadcast_to(255 * np.array(to_rgb(axes.get_facecolor())), right[..., :3].shape).round().astype(np.uint8)
    )
    for mesh in (right, wrong):
        pixels = np.where(mesh[..., 3:] > 0, mesh[..., :3], pixels)
    return pixels


def numbers(figure):
    """Row and column to the text in that cell."""
    written = [(t.get_position(), t.get_text()) for t in figure.axes[0].texts if t.get_text()]
    return {(int(y), int(x)): text for (x, y), text in written}


def colour(colours, level):
    return list(colours(level, bytes=True)[:3])


def many(count):
    return [f"{LONG[i % len(LONG)]}{i}" for i in range(count)]


def boxes(figure):
    renderer = figure.canvas.get_renderer()
    return {text: text.get_window_extent(renderer) for text in figure.texts if text.get_text()}


def test_labels_and_matrix_must_fit():
    with pytest.raises(VidexplainError, match=r"2 labels need a matrix of as many rows and columns, not \(3, 3\)"):
        draw(COUNTS, NAMES[:2], [])


def test_cells_show_shares_of_the_true_class():
    figure = confusion_figure(COUNTS, NAMES)
    pixels = cells(figure)
    assert pixels.shape == (3, 3, 3)
    assert pixels[0, 0].tolist() == colour(shades(LIGHT, RIGHT), 0.6)
    assert pixels[1, 1].tolist() == colour(shades(LIGHT, RIGHT), 1.0)
    assert pixels[2, 2].tolist() == [255, 255, 255]
    assert pixels[0, 1].tolist() == colour(shades(LIGHT, WRONG), np.sqrt(0.3))
    assert pixels[2, 0].tolist() == colour(shades(LIGHT, WRONG), np.sqrt(0.5))
    assert pixels[1, 0].tolist() == [255, 255, 255]
    assert numbers(figure) == {(0, 0): "60", (0, 1): "30", (0, 2): "10", (1, 1): "100", (2, 0): "50", (2, 1): "50"}


def test_cells_show_counts_when_asked():
    figure = confusion_figure(COUNTS, NAMES, normalise=False)
    assert numbers(figure) == {(0, 0): "6", (0, 1): "3", (0, 2): "1", (1, 1): "4", (2, 0): "2", (2, 1): "2"}
    # The darkest colour is the largest count, 6.
    assert cells(figure)[0, 0].tolist() == colour(shades(LIGHT, RIGHT), 1.0)
    assert cells(figure)[1, 1].tolist() == colour(shades(LIGHT, RIGHT), 4 / 6)
    assert cells(figure)[2, 1].tolist() == colour(shades(LIGHT, WRONG), np.sqrt(2 / 6))
    assert {"right, number of videos", "taken for another class, number of videos"} <= set(texts(figure))
    keys = [[label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes[1:]]
    assert keys == [["0", "3", "6"], ["0", "2", "6"]]


def test_what_is_rare_is_not_called_nothing():
    matrix = np.array([[999, 1], [0, 10]])
    assert numbers(confusion_figure(matrix, ["a", "b"])) == {(0, 0): "100", (0, 1): "<1", (1, 1): "100"}


def test_numbers_can_be_read_on_their_colour():
    figure = confusion_figure(COUNTS, NAMES)
    shade = {tuple(int(place) for place in t.get_position())[::-1]: t.get_color() for t in figure.axes[0].texts}
    assert to_rgb(shade[1, 1]) == (1, 1, 1)
    assert max(to_rgb(shade[0, 2])) < 0.3


def test_a_class_without_videos_is_grey_and_said():
    matrix = np.array([[3, 1, 0], [0, 0, 0], [0, 0, 4]])
    figure = confusion_figure(matrix, NAMES)
    assert (cells(figure)[1] == (255 * np.array(to_rgb(LIGHT.rule))).round()).all()
    # Right are 7 of 8; the classes with videos have 3/4 and 4/4.
    assert "8 videos of 3 classes; 1 without videos (grey); right: 87.5 %, mean of the classes 87.5 %" in texts(figure)
    uneven = np.array([[1, 1], [0, 8]])
    said = "10 videos of 2 classes; right: 90.0 %, mean of the classes 75.0 %"
    assert said in texts(confusion_figure(uneven, NAMES[:2]))
    assert "no videos" in texts(confusion_figure(np.zeros((3, 3), int), NAMES))


def test_mistakes_are_listed():
    listed = texts(confusion_figure(COUNTS, NAMES, title="A title"))
    assert listed[0] == "A title"
    rows = listed[listed.index("most confused") + 1 :]
    assert rows == [
        *("3", "30 %", "sit → stand", "2", "50 %", "bow → sit"),
        *("2", "50 %", "bow → stand", "1", "10 %", "sit → bow"),
    ]
    assert texts(confusion_figure(np.eye(3, dtype=int), NAMES))[-1] == "no mistakes"


@pytest.mark.parametrize(("count", "sides", "step"), [(1, 1, 1), (14, 1, 1), (51, 1, 1), (101, 2, 1), (400, 2, 3)])
def test_names_can_be_read_whatever_their_number(count, sides, step):
    labels = many(count)
    matrix = 5 * np.eye(count, dtype=int) + (np.arange(count)[:, None] == (np.arange(count) + 1) % max(count, 2))
    figure = confusion_figure(matrix, labels, title="title")
    extents = boxes(figure)
    grid = figure.axes[0].get_window_extent()
    pitch = grid.height / count
    found = {"left": [], "right": [], "top": [], "bottom": []}
    for text, box in extents.items():
        if text.get_text() not in labels:
            continue
        assert text.get_fontsize() >= SMALLEST_POINTS
        across, down = (box.x0 + box.x1) / 2 - grid.x0, grid.y1 - (box.y0 + box.y1) / 2
        if box.x1 <= grid.x0 or box.x0 >= grid.x1:
            side, place = "left" if box.x1 <= grid.x0 else "right", down
        else:
            side, place = "top" if box.y0 >= grid.y1 else "bottom", across
        number = labels.index(text.get_text())
        # The middle of the name is the middle of its row or column, but for what letters hang below the line.
        assert place == pytest.approx((number + 0.5) * pitch, abs=0.35 * text.get_fontsize() / 72 * figure.dpi)
        found[side].append(number)
    named = list(range(0, count, step))
    assert sorted(found["left"]) == sorted(found["bottom"]) == named[::sides]
    assert sorted(found["right"]) == sorted(found["top"]) == (named[1::2] if sides == 2 else [])
    assert any(f"(one in {step} is named)" in text for text in texts(figure)) == (step > 1)
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in extents.values())
    assert all(box.y0 >= 0 and box.y1 <= figure.bbox.y1 for box in extents.values())
    every = list(extents.items())
    overlapping = [
        (a.get_text(), b.get_text()) for i, (a, x) in enumerate(every) for b, y in every[:i] if x.overlaps(y)
    ]
    assert not overlapping


@pytest.mark.parametrize(("count", "fit"), [(14, True), (51, True), (101, False)])
def test_numbers_are_written_where_they_fit(count, fit):
    matrix = np.full((count, count), 0) + 30 * np.eye(count, dtype=int)
    matrix[0, -1] = 10
    figure = confusion_figure(matrix, many(count))
    written = numbers(figure)
    assert len(written) == (count + 1 if fit else 0)
    if fit:
        assert (written[0, 0], written[0, count - 1], written[1, 1]) == ("75", "25", "100")
        cell = figure.axes[0].get_window_extent().width / count
        renderer = figure.canvas.get_renderer()
        assert all(text.get_window_extent(renderer).width < cell for text in figure.axes[0].texts if text.get_text())


def test_long_and_odd_names_stand_as_they_are_or_are_cut():
    figure = confusion_figure(np.eye(2, dtype=int), ["a $very$ long_name " * 10, "$x_1$ & y"])
    assert texts(figure).count("$x_1$ & y") == 2
    assert any("…" in text for text in texts(figure))
    boxes(figure)  # drawing would fail on half a formula


@pytest.mark.parametrize("count", [14, 101])
def test_the_order_of_a_tree_moves_rows_columns_and_names_alike(count):
    labels = many(count)
    matrix = 8 * np.eye(count, dtype=int)
    far = [(i, (i + count // 2) % count) for i in range(0, count // 2, 2)]
    for i, j in far:
        matrix[i, j] = 2
    figure = confusion_figure(matrix, labels, linkage=similarity_linkage(matrix))
    plain = confusion_figure(matrix, labels)
    rows = sorted(
        (t for t in figure.texts if t.get_text() in labels and not t.get_rotation()), key=lambda t: -t.get_position()[1]
    )
    order = [labels.index(t.get_text()) for t in rows]
    assert sorted(order) == list(range(count))
    np.testing.assert_array_equal(cells(figure), cells(plain)[np.ix_(order, order)])
    assert all(abs(order.index(i) - order.index(j)) == 1 for i, j in far)
    # The tree stands over the columns, inside the page, and on nobody's name.
    tree = figure.axes[-1].get_window_extent()
    grid = figure.axes[0].get_window_extent()
    assert (tree.x0, tree.x1) == pytest.approx((grid.x0, grid.x1))
    assert tree.y1 <= figure.bbox.y1
    assert not any(box.overlaps(tree) for box in boxes(figure).values())
