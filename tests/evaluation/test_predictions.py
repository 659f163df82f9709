"""``predictions.csv``: what is written is read again, and other files are refused."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from videxplain.data.datasets.types import Video
from videxplain.errors import VidexplainError
from videxplain.evaluation.predictions import read_predictions, write_predictions

HEADER = "video,group,label,predicted,sit,stand\n"


def test_predictions_are_read(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(HEADER + 'a b.avi,g01,sit,stand,0.2,0.8\n"c,d.avi",g02,stand,stand,0,1\n', encoding="utf-8")
    for place in (path, tmp_path):
        said = read_predictions(place)
        assert said.labels == ("sit", "stand")
        assert (said.truth.tolist(), said.predicted.tolist()) == ([0, 1], [1, 1])
        assert [(str(video.path), video.group) for video in said.videos] == [("a b.avi", "g01"), ("c,d.avi", "g02")]
        np.testing.assert_array_equal(said.probabilities, np.array([[0.2, 0.8], [0, 1]], np.float32))


def test_what_is_written_is_read_digit_for_digit(tmp_path):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(7), 20).astype(np.float32)
    videos = [Video(Path(f"/data/Kick/v_{i}.avi"), i % 7, f"g{i % 3}") for i in range(20)]
    write_predictions(tmp_path / "predictions.csv", videos, list("abcdefg"), probabilities)
    said = read_predictions(tmp_path)
    np.testing.assert_array_equal(said.probabilities, probabilities)
    assert said.predicted.tolist() == probabilities.argmax(1).tolist()
    assert said.truth.tolist() == [i % 7 for i in range(20)]
    assert [str(video.path) for video in said.videos[:2]] == ["Kick/v_0.avi", "Kick/v_1.avi"]


def test_a_file_name_that_is_not_utf_8_is_written_with_escapes(tmp_path):
    video = Video(Path(os.fsdecode(b"/data/Kick/\xe9.avi")), 0, "g")
    write_predictions(tmp_path / "predictions.csv", [video], ["Kick"], np.ones((1, 1), np.float32))
    assert [str(one.path) for one in read_predictions(tmp_path).videos] == ["Kick/\\udce9.avi"]


def test_files_without_probabilities_still_say_what_was_predicted(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(HEADER + "a,g,sit,stand\n")
    said = read_predictions(path)
    assert (said.predicted.tolist(), said.probabilities) == ([1], None)


def test_the_folder_of_a_run_leads_to_its_evaluations(tmp_path):
    folder = tmp_path / "evaluation/ucf101-test"
    folder.mkdir(parents=True)
    (folder / "predictions.csv").write_text(HEADER)
    with pytest.raises(VidexplainError, match=rf"has no predictions.csv, .*; did you mean {re.escape(str(folder))}\?"):
        read_predictions(tmp_path)
    with pytest.raises(VidexplainError, match=r"has no predictions.csv, which 'videxplain evaluate' writes$"):
        read_predictions(tmp_path / "evaluation")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "needs the columns video, group, label, predicted, and then one for each class"),
        ("video,label\na,b\n", "needs the columns video, group, label, predicted, and then"),
        ("video,group,label,predicted\na,g,b,b\n", "needs the columns .* and then one for each class"),
        (HEADER, "has no predictions"),
        (HEADER + "a,g,sit,stan,0,1\n", r"row 2: unknown class 'stan'; did you mean stand or sit\?"),
        (HEADER + "a,g,sit,sit,1,0\nb,g\n", "row 3 is cut short"),
        (HEADER + "a,g,sit,sit,much,0\n", "the columns of the classes hold numbers only"),
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
