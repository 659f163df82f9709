"""Names of classes from files and by the name of a dataset."""

import json

import pytest

from videxplain.errors import VidexplainError
from videxplain.models.weights.labels import labels_of, read_labels


@pytest.mark.parametrize(
    ("name", "content", "labels"),
    [
        ("a.txt", "Fight\nNo Fight\n", ("Fight", "No Fight")),
        ("a.txt", "\ufeffFight\r\n\r\n No Fight \r\n", ("Fight", "No Fight")),
        ("classInd.txt", "1 Fight\n2 No Fight\n", ("Fight", "No Fight")),
        ("a.csv", "0,Fight\n1,No Fight\n", ("Fight", "No Fight")),
        ("a.txt", "1 Fight\n3 No Fight\n", ("1 Fight", "3 No Fight")),
        ("a.txt", "2 No Fight\n1 Fight\n", ("Fight", "No Fight")),
        ("a.json", json.dumps({"No Fight": "1", "Fight": "0"}), ("Fight", "No Fight")),
        ("a.json", json.dumps({"0": "1", "1": "0"}), ("1", "0")),
        ("a.json", json.dumps(["Fight", "No Fight"]), ("Fight", "No Fight")),
        ("a.json", json.dumps({"1": "No Fight", "0": "Fight"}), ("Fight", "No Fight")),
        ("a.json", json.dumps({"No Fight": 1, "Fight": 0}), ("Fight", "No Fight")),
    ],
)
def test_files(tmp_path, name, content, labels):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    assert read_labels(str(path)) == labels


@pytest.mark.parametrize("name", ["kinetics400", "Kinetics", "Kinetics-400", "KINETICS 400"])
def test_datasets_by_name(name):
    assert read_labels(name) == labels_of("kinetics400")


def test_shorter_names_of_datasets():
    assert read_labels("UCF101") == read_labels("ucf") == labels_of("ucf101")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "", "no list of classes"),
        ("a.txt", "Run\nRun\n", "twice: Run"),
        ("a.json", "{", "no list of classes"),
        ("a.json", '{"0": "a", "2": "b"}', "no list of classes"),
        ("a.json", '[["a"]]', "no list of classes"),
    ],
)
def test_files_that_are_refused(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(VidexplainError, match=words):
        read_labels(str(path))


@pytest.mark.parametrize("name", ["", "Something", "missing.txt"])
def test_no_such_dataset(name):
    with pytest.raises(VidexplainError, match="no dataset of this name"):
        read_labels(name)
