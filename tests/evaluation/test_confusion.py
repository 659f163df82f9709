"""Confusion matrices: counts, mistakes and neighbours that a hand can work out."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import leaves_list

from videxplain.errors import VidexplainError
from videxplain.evaluation.confusion import confusion_matrix, most_confused, similarity_linkage

COUNTS = np.array([[6, 3, 1], [0, 4, 0], [2, 2, 0]])
NAMES = ["sit", "stand", "bow"]


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


def test_classes_that_are_taken_for_each_other_become_neighbours():
    # 0 and 3 are confused most (half and half), then 1 and 4 (a quarter), 2 with nothing.
    matrix = np.diag([2, 6, 8, 2, 8])
    matrix[0, 3] = matrix[3, 0] = 2
    matrix[1, 4] = 2
    tree = similarity_linkage(matrix)
    # Mean shares (1/2 + 1/2) / 2 and (1/4 + 0) / 2, at 1 minus their roots; all others at 1.
    assert tree[:, 2] == pytest.approx([1 - np.sqrt(0.5), 1 - np.sqrt(0.125), 1, 1])
    order = leaves_list(tree).tolist()
    assert abs(order.index(0) - order.index(3)) == abs(order.index(1) - order.index(4)) == 1
    with pytest.raises(VidexplainError, match="two classes or more"):
        similarity_linkage(np.eye(1, dtype=int))
