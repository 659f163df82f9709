"""UCF101-24's boxes, on files in the layout of ``pyannot.pkl``."""

import os
import pickle

import numpy as np
import pytest

from videxplain.data.datasets.ucf101_24 import read_boxes
from videxplain.errors import VidexplainError
from videxplain.metrics.localisation import energy, energy_in_time, iou, pointing

NAME = "Basketball/v_Basketball_g01_c01"


def tube(first, end, boxes, kind=np.uint8):
    return {"sf": first, "ef": end, "label": 0, "boxes": np.asfortranarray(np.array(boxes, kind))}


def video(frames, *tubes):
    return {"numf": np.uint8(frames), "label": 0, "annotations": list(tubes)}


@pytest.fixture
def write(tmp_path):
    def write(contents, name="pyannot.pkl"):
        path = tmp_path / name
        path.write_bytes(pickle.dumps(contents, protocol=3))
        return path

    return write


def test_boxes_are_read_as_they_were_written(write):
    boxes = [[200, 101, 100, 60], [201, 102, 100, 61]]
    contents = {np.str_(NAME): video(5, tube(1, 3, boxes), tube(4, 5, [[1, 1, 320, 240]], np.uint16))}
    found = read_boxes(write(contents))
    assert list(found) == ["v_Basketball_g01_c01"]
    one = found["v_Basketball_g01_c01"]
    assert one.frames == 5
    assert [t.start for t in one.tubes] == [1, 4]
    # The file counts pixels from 1.
    assert one.tubes[0].boxes.tolist() == [[199, 100, 100, 60], [200, 101, 100, 61]]
    assert one.tubes[1].boxes.tolist() == [[0, 0, 320, 240]]
    assert one.active.tolist() == [False, True, True, False, True]


def test_the_file_with_class_names_is_read_too(write):
    videos = {np.str_(NAME): video(2, tube(0, 1, [[3, 4, 5, 6]]))}
    plain = read_boxes(write(videos))
    named = read_boxes(write({"db": videos, "classes": ["Basketball"], "trainvideos": []}, "other.pkl"))
    assert plain.keys() == named.keys()
    assert (plain["v_Basketball_g01_c01"].masks() == named["v_Basketball_g01_c01"].masks()).all()


def test_masks_hold_exactly_the_pixels_in_the_boxes(write):
    # 250 + 60 does not fit into the uint8 of the file.
    path = write(
        {NAME: video(3, tube(1, 2, [[250, 101, 60, 40]]), tube(1, 3, [[11, 1, 2, 2], [319, 239, 2, 2]], np.uint16))}
    )
    masks = read_boxes(path)["v_Basketball_g01_c01"].masks()
    expected = np.zeros((3, 240, 320), bool)
    expected[1, 100:140, 249:309] = True
    expected[1, 0:2, 10:12] = True
    expected[2, 238:240, 318:320] = True
    assert (masks == expected).all()


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [((120, 160), (50, 70), (80, 110)), ((112, 112), (47, 65), (56, 77)), ((480, 640), (200, 280), (320, 440))],
)
def test_masks_of_another_size_are_the_box_scaled(write, size, rows, columns):
    # Rows 100 to 140 of 240 and columns 160 to 220 of 320. At 112: rows 46.67 to 65.33, columns 56 to 77; pixel 46,
    # whose middle is 46.5, lies outside, and so does 65.
    masks = read_boxes(write({NAME: video(1, tube(0, 1, [[161, 101, 60, 40]]))}))["v_Basketball_g01_c01"].masks(size)
    expected = np.zeros((1, *size), bool)
    expected[0, slice(*rows), slice(*columns)] = True
    assert (masks == expected).all()


def test_boxes_side_by_side_share_no_pixel_and_leave_none_out(write):
    # Both end where a pixel of the smaller masks has its middle: at row 101 and column 161.
    boxes = {
        "a": tube(0, 1, [[1, 1, 161, 240]], np.uint16),
        "b": tube(0, 1, [[162, 1, 159, 240]]),
        "c": tube(0, 1, [[1, 1, 320, 101]], np.uint16),
        "d": tube(0, 1, [[1, 102, 320, 139]], np.uint16),
    }
    found = read_boxes(write({name: video(1, one) for name, one in boxes.items()}))
    left, right, above, below = (found[name].masks((120, 160)) for name in boxes)
    assert (left != right).all()
    assert (above != below).all()
    assert (left.sum(), above.sum()) == (80 * 120, 50 * 160)


def test_masks_are_what_localisation_takes(write):
    boxes = read_boxes(write({NAME: video(4, tube(2, 3, [[21, 11, 100, 50]]))}))["v_Basketball_g01_c01"]
    masks = boxes.masks()
    heat = masks.astype(np.float32)
    assert (energy(heat, masks), pointing(heat, masks), iou(heat, masks)) == (1, 1, 1)
    heat[0] = 0.5 * 50 * 100 / (240 * 320)  # half as much in a frame in which nobody acts
    assert energy(heat, masks) == pytest.approx(2 / 3, rel=1e-5)
    assert energy_in_time(heat, boxes.active) == pytest.approx(2 / 3, rel=1e-5)


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_would_run_code_does_not(write, tmp_path):
    path = write({NAME: Harmful(tmp_path / "made")})
    with pytest.raises(VidexplainError, match=r"'pyannot\.pkl' is not UCF101-24's .* asks for (posix|nt)\.mkdir$"):
        read_boxes(path)
    assert not (tmp_path / "made").exists()
    with path.open("rb") as file:  # the same bytes would have made it
        pickle.load(file)
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("kind", "named"),
    [(object, "arrays of type 'O8'"), (np.complex64, "arrays of type 'c8'"), ("V4", "arrays of type 'V4'")],
)
def test_arrays_of_anything_but_numbers_and_text_are_refused(write, kind, named):
    one = video(1, tube(0, 1, [[1, 1, 2, 2]]))
    one["annotations"][0]["boxes"] = np.zeros((1, 4), kind)
    with pytest.raises(VidexplainError, match=named):
        read_boxes(write({NAME: one}))


@pytest.mark.parametrize(
    "one",
    [
        video(2, tube(0, 3, [[1, 1, 2, 2]] * 3)),  # a frame more than the video has
        video(5, tube(0, 3, [[1, 1, 2, 2]] * 2)),  # a frame without a box
        video(5, tube(2, 2, np.zeros((0, 4)))),
        video(5, tube(0, 1, [[1, 1, 0, 2]])),
        video(5, tube(0, 1, [[1, 1, 2]])),
        {"numf": 3},
        "boxes",
    ],
)
def test_boxes_that_cannot_be_used_are_named(write, one):
    with pytest.raises(VidexplainError, match=f"^'pyannot.pkl' has no boxes for '{NAME}' that could be used$"):
        read_boxes(write({NAME: one}))


@pytest.mark.parametrize("contents", [{}, [1, 2], {"db": []}])
def test_a_pickle_of_something_else_is_said_to_hold_no_boxes(write, contents):
    with pytest.raises(VidexplainError, match=r"^'pyannot\.pkl' holds no boxes of videos$"):
        read_boxes(write(contents))


def test_one_wrong_byte_is_refused_or_read(write):
    path = write({np.str_(NAME): video(3, tube(0, 2, [[1, 1, 2, 2], [3, 4, 5, 6]]))})
    whole = path.read_bytes()
    rng, messages = np.random.default_rng(0), []
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([rng.integers(256)]) + whole[place + 1 :])
        try:
            read_boxes(path)
        except VidexplainError as error:
            messages.append(str(error))
    assert len(whole) / 3 < len(messages) < len(whole)
    assert not any("\n" in message for message in messages)


def test_damaged_and_missing_files_are_named(write, tmp_path):
    path = write({NAME: video(3, tube(0, 1, [[1, 1, 2, 2]]))})
    whole = path.read_bytes()
    for end in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:end])
        with pytest.raises(VidexplainError, match=r"is damaged|asks for"):
            read_boxes(path)
    with pytest.raises(VidexplainError, match=r"^cannot read 'none\.pkl': No such file"):
        read_boxes(tmp_path / "none.pkl")
