"""Confusion matrices: counts by hand, and pictures whose every colour, name and number is looked up again."""

import re

import numpy as np
import pytest

from videxplain.errors import VidexplainError
from videxplain.viz.confusion import (
    NO_VIDEOS,
    RIGHT,
    SMALLEST_POINTS,
    WRONG,
    confusion_figure,
    confusion_matrix,
    most_confused,
    read_predictions,
)

COUNTS = np.array([[6, 3, 1], [0, 4, 0], [2, 2, 0]])
NAMES = ["sit", "stand", "bow"]
LONG = ["RockClimbingIndoor", "HandstandPushups", "FieldHockeyPenalty", "YoYo", "BoxingPunchingBag", "TaiChi"]


def texts(figure):
    return [text.get_text() for text in figure.texts]


def cells(figure):
    return np.asarray(figure.axes[0].images[0].get_array())


def numbers(figure):
    """Row and column to the text in that cell."""
    return {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in figure.axes[0].texts}


def colour(colours, level):
    return list(colours(level, bytes=True)[:3])


def many(count):
    return [f"{LONG[i % len(LONG)]}{i}" for i in range(count)]


def boxes(figure):
    renderer = figure.canvas.get_renderer()
    return {text: text.get_window_extent(renderer) for text in figure.texts if text.get_text()}


def test_rows_are_true_and_columns_predicted():
    matrix = confusion_matrix([0, 0, 0, 2, 2, 1], [0, 1, 1, 0, 2, 1], 4)
    assert matrix.tolist() == [[1, 2, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert matrix.dtype == np.int64
    assert confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("true", "predicted", "said"),
    [
        ([0, 3], [0, 0], "a true class is 3; with 3 classes 0 to 2 work"),
        ([0, 0], [0, -1], "a predicted class is -1; with 3 classes 0 to 2 work"),
        ([0, 1], [0], r"one prediction for each video is needed, not \(1,\) for \(2,\)"),
        ([[0]], [[0]], "one prediction for each video is needed"),
    ],
)
def test_classes_that_do_not_exist_are_refused(true, predicted, said):
    with pytest.raises(VidexplainError, match=said):
        confusion_matrix(true, predicted, 3)


def test_the_most_frequent_mistakes_come_first():
    # Two videos each: 'bow' for others is half of its four, so it comes first, in the order of classes.
    assert most_confused(COUNTS, NAMES) == [
        ("sit", "stand", 3, 0.3),
        ("bow", "sit", 2, 0.5),
        ("bow", "stand", 2, 0.5),
        ("sit", "bow", 1, 0.1),
    ]
    unlike = np.array([[8, 2, 0], [0, 5, 0], [2, 0, 2]])
    assert [pair[:2] for pair in most_confused(unlike, NAMES)] == [("bow", "sit"), ("sit", "stand")]
    assert most_confused(COUNTS, NAMES, 1) == [("sit", "stand", 3, 0.3)]
    assert most_confused(np.eye(3, dtype=int), NAMES) == []


def test_labels_and_matrix_must_fit():
    for draw in (confusion_figure, most_confused):
        with pytest.raises(VidexplainError, match=r"2 labels need a matrix of as many rows and columns, not \(3, 3\)"):
            draw(COUNTS, NAMES[:2])


def test_cells_show_shares_of_the_true_class():
    figure = confusion_figure(COUNTS, NAMES)
    pixels = cells(figure)
    assert pixels.shape == (3, 3, 3)
    assert pixels[0, 0].tolist() == colour(RIGHT, 0.6)
    assert pixels[1, 1].tolist() == colour(RIGHT, 1.0)
    assert pixels[2, 2].tolist() == [255, 255, 255]
    assert pixels[0, 1].tolist() == colour(WRONG, np.sqrt(0.3))
    assert pixels[2, 0].tolist() == colour(WRONG, np.sqrt(0.5))
    assert pixels[1, 0].tolist() == [255, 255, 255]
    assert numbers(figure) == {(0, 0): "60", (0, 1): "30", (0, 2): "10", (1, 1): "100", (2, 0): "50", (2, 1): "50"}


def test_cells_show_counts_when_asked():
    figure = confusion_figure(COUNTS, NAMES, normalise=False)
    assert numbers(figure) == {(0, 0): "6", (0, 1): "3", (0, 2): "1", (1, 1): "4", (2, 0): "2", (2, 1): "2"}
    # The darkest colour is the largest count, 6.
    assert cells(figure)[0, 0].tolist() == colour(RIGHT, 1.0)
    assert cells(figure)[1, 1].tolist() == colour(RIGHT, 4 / 6)
    assert cells(figure)[2, 1].tolist() == colour(WRONG, np.sqrt(2 / 6))
    said = texts(figure)
    assert said[said.index("right, number of videos") + 1 :][:3] == ["0", "3", "6"]
    assert said[said.index("taken for another class, number of videos") + 1 :][:3] == ["0", "2", "6"]


def test_what_is_rare_is_not_called_nothing():
    matrix = np.array([[999, 1], [0, 10]])
    assert numbers(confusion_figure(matrix, ["a", "b"])) == {(0, 0): "100", (0, 1): "<1", (1, 1): "100"}


def test_numbers_can_be_read_on_their_colour():
    figure = confusion_figure(COUNTS, NAMES)
    shade = {tuple(t.get_position())[::-1]: t.get_color() for t in figure.axes[0].texts}
    assert shade[1, 1] == "white"
    assert shade[0, 2] != "white"


def test_a_class_without_videos_is_grey_and_said():
    matrix = np.array([[3, 1, 0], [0, 0, 0], [0, 0, 4]])
    figure = confusion_figure(matrix, NAMES)
    assert (cells(figure)[1] == NO_VIDEOS).all()
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
        assert all(text.get_window_extent(renderer).width < cell for text in figure.axes[0].texts)


def test_long_and_odd_names_stand_as_they_are_or_are_cut():
    figure = confusion_figure(np.eye(2, dtype=int), ["a $very$ long_name " * 10, "$x_1$ & y"])
    assert texts(figure).count("$x_1$ & y") == 2
    assert any("…" in text for text in texts(figure))
    boxes(figure)  # drawing would fail on half a formula


HEADER = "video,group,label,predicted,sit,stand\n"


def test_predictions_are_read(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(HEADER + 'a b.avi,g01,sit,stand,0.2,0.8\n"c,d.avi",g02,stand,stand,0,1\n', encoding="utf-8")
    labels, true, predicted = read_predictions(path)
    assert labels == ("sit", "stand")
    assert (true.tolist(), predicted.tolist()) == ([0, 1], [1, 1])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "needs the columns video, group, label, predicted, and then one for each class"),
        ("video,label\na,b\n", "needs the columns video, group, label, predicted, and then"),
        ("video,group,label,predicted\na,g,b,b\n", "needs the columns .* and then one for each class"),
        (HEADER, "has no predictions"),
        (HEADER + "a,g,sit,stan,0,1\n", r"row 2: unknown class 'stan'; did you mean stand or sit\?"),
        (HEADER + "a,g,sit,sit,1,0\nb,g\n", "row 3 is cut short"),
        (b"\xff\xfe\x00\x81", "is not a CSV file"),
    ],
)
def test_other_files_are_refused(tmp_path, content, said):
    path = tmp_path / "predictions.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(VidexplainError, match=f"{re.escape(str(path))}:? ?{said}") as caught:
        read_predictions(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(VidexplainError, match=r"cannot read .*: No such file or directory"):
        read_predictions(tmp_path / "nowhere.csv")
