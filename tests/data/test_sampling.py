import numpy as np
import pytest

from videxplain.data.sampling import covering_windows, interleaved_sets, uniform_indices
from videxplain.errors import VidexplainError


@pytest.mark.parametrize(
    ("num_frames", "length", "stride", "starts"),
    [
        (16, 16, 8, [0]),
        (17, 16, 8, [0, 1]),
        (24, 16, 8, [0, 8]),
        (25, 16, 8, [0, 8, 9]),
        (40, 16, 16, [0, 16, 24]),
        (5, 2, 1, [0, 1, 2, 3]),
        (3, 1, 1, [0, 1, 2]),
    ],
)
def test_covering_windows_start_every_stride_and_end_at_the_last_frame(num_frames, length, stride, starts):
    windows = covering_windows(num_frames, length, stride)
    assert [w.tolist() for w in windows] == [list(range(s, s + length)) for s in starts]


@pytest.mark.parametrize("num_frames", range(16, 60))
@pytest.mark.parametrize("stride", [1, 5, 8, 16])
def test_covering_windows_leave_no_frame_out(num_frames, stride):
    seen = np.concatenate(covering_windows(num_frames, 16, stride))
    assert sorted(set(seen.tolist())) == list(range(num_frames))


@pytest.mark.parametrize(
    ("num_frames", "length", "sets"),
    [
        (10, 5, [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]),
        (5, 5, [[0, 1, 2, 3, 4]]),
        # boundaries floor(7 j / 3) are 0, 2, 4, 7: segments of 2, 2 and 3 frames
        (7, 3, [[0, 2, 4], [1, 3, 5], [1, 3, 6]]),
        # boundaries floor(8 j / 5) are 0, 1, 3, 4, 6, 8
        (8, 5, [[0, 1, 3, 4, 6], [0, 2, 3, 5, 7]]),
    ],
)
def test_interleaved_sets_take_the_kth_frame_of_each_segment(num_frames, length, sets):
    assert [s.tolist() for s in interleaved_sets(num_frames, length)] == sets


@pytest.mark.parametrize("num_frames", range(5, 60))
def test_interleaved_sets_hold_every_frame_in_as_few_sets_as_can_be(num_frames):
    sets = interleaved_sets(num_frames, 5)
    assert sorted(set(np.concatenate(sets).tolist())) == list(range(num_frames))
    assert len(sets) == -(-num_frames // 5)
    assert all((np.diff(s) > 0).all() for s in sets)


@pytest.mark.parametrize(
    ("num_frames", "length", "indices"),
    [
        (10, 5, [1, 3, 5, 7, 9]),
        (15, 5, [1, 4, 7, 10, 13]),
        (164, 5, [16, 49, 82, 114, 147]),  # 164 / 5 = 32.8: floor of 16.4, 49.2, 82.0, 114.8, 147.6
        (5, 5, [0, 1, 2, 3, 4]),
        (9, 1, [4]),
    ],
)
def test_uniform_indices_are_the_middles_of_equal_segments(num_frames, length, indices):
    assert uniform_indices(num_frames, length).tolist() == indices


@pytest.mark.parametrize(
    "sample", [lambda: covering_windows(3, 16, 8), lambda: interleaved_sets(3, 16), lambda: uniform_indices(3, 16)]
)
def test_too_few_frames_are_counted_in_the_error(sample):
    with pytest.raises(VidexplainError, match=r"has 3 frames, and the model needs at least 16"):
        sample()


@pytest.mark.parametrize("stride", [0, -1, 17])
def test_a_stride_that_leaves_gaps_is_refused(stride):
    with pytest.raises(VidexplainError, match=rf"1 to 16, not {stride}"):
        covering_windows(40, 16, stride)
