import shutil

import cv2
import numpy as np
import pytest

from videxplain.data.fingerprint import fingerprint
from videxplain.data.stream import FileFrames
from videxplain.errors import VidexplainError


def test_a_copy_is_the_same_and_a_change_anywhere_in_it_is_not(tmp_path):
    path, other = tmp_path / "a.avi", tmp_path / "b.avi"
    path.write_bytes(bytes(300_000))
    shutil.copy(path, other)
    assert len(fingerprint(path)) == 32
    assert fingerprint(other) == fingerprint(path)
    for place in (0, 150_000, 299_999):
        data = bytearray(300_000)
        data[place] = 1
        other.write_bytes(data)
        assert fingerprint(other) != fingerprint(path)
    other.write_bytes(bytes(300_001))
    assert fingerprint(other) != fingerprint(path)
    with pytest.raises(VidexplainError, match=r"cannot read \S+c\.avi: No such file"):
        fingerprint(tmp_path / "c.avi")


def test_a_folder_of_images_that_has_changed(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    for i in range(5):
        cv2.imwrite(str(folder / f"{i}.bmp"), np.full((8, 8, 3), 10 * i, np.uint8))
    before = fingerprint(folder)
    assert FileFrames(folder).fingerprint == before
    cv2.imwrite(str(folder / "2.bmp"), np.full((8, 8, 3), 99, np.uint8))
    changed = fingerprint(folder)
    (folder / "4.bmp").rename(folder / "5.bmp")
    assert len({before, changed, fingerprint(folder)}) == 3
