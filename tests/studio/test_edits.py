"""Changes of a clip, pixel by pixel."""

import numpy as np
import pytest

from videxplain.data.clip import Clip
from videxplain.data.stream import ClipFrames
from videxplain.errors import VidexplainError
from videxplain.studio.intake.signatures import is_video_container
from videxplain.studio.questions.edit import Edit
from videxplain.studio.worker.changed_frames import edited
from videxplain.studio.worker.hide import without_strongest

MEAN = (0.5, 0.25, 0.0)


def source(count=6, height=8, width=10):
    frames = np.zeros((count, height, width, 3), np.uint8)
    frames[...] = 10 * np.arange(count, dtype=np.uint8)[:, None, None, None]
    frames[:, ::2] += 100
    return ClipFrames(Clip(frames))


def changed(*edits, of=None):
    return np.stack(list(edited(of or source(), edits, MEAN).frames()))


def test_hide_fills_the_box_with_the_mean_colour():
    got = changed(Edit("hide", 1, 2, (0.5, 0.0, 1.0, 0.5)))
    before = np.stack(list(source().frames()))
    assert (got[1:3, :4, 5:] == [128, 64, 0]).all()
    outside = np.ones(got.shape[:3], bool)
    outside[1:3, :4, 5:] = False
    assert (got[outside] == before[outside]).all()


def test_freeze_holds_what_was_there_before():
    got, before = changed(Edit("freeze", 2, 4)), np.stack(list(source().frames()))
    assert (got[2:5] == before[1]).all()
    assert (got[5] == before[5]).all()
    assert (changed(Edit("freeze", 0, 1))[:2] == before[2]).all()


def test_blur_keeps_the_mean_and_takes_the_stripes():
    got = changed(Edit("blur", 0, 0))
    assert got[0].std() < 20
    assert got[0].mean() == pytest.approx(np.stack(list(source().frames()))[0].mean(), abs=12)


def test_cut_takes_frames_out_and_later_ones_move_up():
    left = edited(source(), [Edit("cut", 1, 3)], MEAN)
    assert left.num_frames == 3
    assert [int(frame[1, 0, 0]) for frame in left.frames()] == [0, 40, 50]
    assert [int(frame[1, 0, 0]) for frame in left.frames(1, 2)] == [40]


@pytest.mark.parametrize(("edit", "line"), [(Edit("cut", 0, 5), "nothing"), (Edit("hide", 0, 6), "no frame 6")])
def test_what_cannot_be_is_refused(edit, line):
    with pytest.raises(VidexplainError, match=line):
        edited(source(), [edit], MEAN)


def test_the_strongest_tenth_is_hidden_or_as_much_elsewhere():
    maps = np.zeros((10, 10, 10), np.float32)
    maps[4, :, :] = 1  # a tenth of all
    frames = ClipFrames(Clip(np.full((10, 10, 10, 3), 200, np.uint8)))
    hidden = np.stack(list(without_strongest(frames, maps, MEAN).frames()))
    assert (hidden[4] == [128, 64, 0]).all()
    assert (hidden[[0, 1, 2, 3, 5, 6, 7, 8, 9]] == 200).all()
    other = np.stack(list(without_strongest(frames, maps, MEAN, seed=0).frames()))
    assert (other[..., 0] == 128).sum() == 100
    assert (other[4] == 200).all()
    with pytest.raises(VidexplainError, match="same value everywhere"):
        without_strongest(frames, np.ones_like(maps), MEAN)


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"\x00\x00\x00\x20ftypisom", True),
        (b"\x1aE\xdf\xa3\x01\x00", True),
        (b"RIFF\x00\x00\x00\x00AVI LIST", True),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", False),
        (b"G" + bytes(187) + b"G" + bytes(187), True),
        (b"#EXTM3U\nfile:///etc/passwd\n", False),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", False),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", False),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"PK\x03\x04", False),
        (b"\x80\x04\x95", False),
    ],
)
def test_only_containers_of_video_are_let_in(head, known):
    assert is_video_container(head) == known
