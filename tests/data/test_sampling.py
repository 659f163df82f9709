import numpy as np
import pytest

from videxplain.data.sampling import (
    covering_windows,
    interleaved_sets,
    random_segments,
    random_window,
    spread_windows,
    uniform_indices,
)
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
    ("num_frames", "interval", "windows"),
    [
        # Stretches of 8 frames begin at 0, 4 and 5; two windows lie in each.
        (13, 2, [[0, 2, 4, 6], [1, 3, 5, 7], [4, 6, 8, 10], [5, 7, 9, 11], [5, 7, 9, 11], [6, 8, 10, 12]]),
        (12, 3, [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]),
        (11, 3, [[0, 2, 4, 6], [1, 3, 5, 7], [3, 5, 7, 9], [4, 6, 8, 10]]),  # too short for 3, long enough for 2
        (7, 5, [[0, 1, 2, 3], [3, 4, 5, 6]]),
    ],
)
def test_covering_windows_with_an_interval_interleave(num_frames, interval, windows):
    assert [w.tolist() for w in covering_windows(num_frames, 4, 4, interval)] == windows


@pytest.mark.parametrize("num_frames", range(16, 130, 3))
@pytest.mark.parametrize("interval", [2, 3, 4])
@pytest.mark.parametrize("stride", [1, 5, 16])
def test_covering_windows_with_an_interval_leave_no_frame_out_and_are_in_order(num_frames, interval, stride):
    windows = covering_windows(num_frames, 16, stride, interval)
    assert sorted(set(np.concatenate(windows).tolist())) == list(range(num_frames))
    firsts, lasts = [int(w[0]) for w in windows], [int(w[-1]) for w in windows]
    assert firsts == sorted(firsts)
    assert lasts == sorted(lasts)


@pytest.mark.parametrize(
    ("num_frames", "starts", "interval"),
    [
        (48, [0, 4, 8, 12, 17], 2),  # 31 frames from first to last, 17 / 4 = 4.25 apart
        (155, [0, 31, 62, 93, 124], 2),
        (31, [0, 3, 7, 11, 15], 1),
    ],
)
def test_five_windows_with_an_interval_are_spread_from_the_first_frame_to_the_last(num_frames, starts, interval):
    windows = spread_windows(num_frames, 16, interval=2)
    assert [w.tolist() for w in windows] == [list(range(s, s + 16 * interval, interval)) for s in starts]


def test_a_frame_of_each_segment_is_drawn_and_every_frame_is_as_likely():
    rng = np.random.default_rng(0)
    drawn = np.stack([random_segments(11, 3, rng) for _ in range(3000)])
    # Segments of 3, 4 and 4 frames.
    for column, segment in zip(drawn.T, (range(3), range(3, 7), range(7, 11)), strict=True):
        frames, counts = np.unique(column, return_counts=True)
        assert frames.tolist() == list(segment)
        expected = 3000 / len(segment)
        assert ((counts - expected) ** 2 / expected).sum() < 16.3  # the 0.1 % quantile for 3 degrees of freedom
    assert random_segments(5, 5, rng).tolist() == [0, 1, 2, 3, 4]
    assert random_segments(3, 5, rng).tolist() == [0, 1, 2, 2, 2]


def test_a_random_window_with_an_interval_begins_anywhere():
    rng = np.random.default_rng(0)
    windows = [random_window(48, 16, rng, 2) for _ in range(2000)]
    assert all((np.diff(window) == 2).all() and len(window) == 16 for window in windows)
    assert {int(window[0]) for window in windows} == set(range(18))


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


@pytest.mark.parametrize("sample", [lambda: covering_windows(3, 16, 8), lambda: interleaved_sets(3, 16)])
def test_too_few_frames_are_counted_in_the_error(sample):
    with pytest.raises(VidexplainError, match=r"has 3 frames, and the model needs at least 8 of the 16 that it sees$"):
        sample()


@pytest.mark.parametrize("num_frames", [8, 12, 15])
@pytest.mark.parametrize("sample", [lambda count: covering_windows(count, 16, 8, 4), lambda n: interleaved_sets(n, 16)])
def test_a_clip_of_at_least_half_a_window_is_filled_with_its_last_frame(num_frames, sample):
    (window,) = sample(num_frames)
    assert window.tolist() == [*range(num_frames), *[num_frames - 1] * (16 - num_frames)]


@pytest.mark.parametrize(("num_frames", "length"), [(7, 16), (2, 5)])
def test_less_than_half_a_window_is_refused(num_frames, length):
    for sample in (lambda: covering_windows(num_frames, length, 2), lambda: interleaved_sets(num_frames, length)):
        with pytest.raises(VidexplainError, match=f"has {num_frames} frames, and the model needs at least"):
            sample()
    (window,) = interleaved_sets(3, 5)
    assert window.tolist() == [0, 1, 2, 2, 2]


def test_a_short_clip_is_sampled_as_evaluations_sample_it():
    for count in range(8, 16):
        (window,) = covering_windows(count, 16, 8, 2)
        assert window.tolist() == spread_windows(count, 16, 1, 2)[0].tolist()
        (frames,) = interleaved_sets(count, 16)
        assert frames.tolist() == uniform_indices(count, 16).tolist()


@pytest.mark.parametrize("stride", [0, -1, 17])
def test_a_stride_that_leaves_gaps_is_refused(stride):
    with pytest.raises(VidexplainError, match=rf"1 to 16, not {stride}"):
        covering_windows(40, 16, stride)


SHORT = {
    1: [0] * 16,
    3: [0, 1, *[2] * 14],
    15: [*range(15), 14],
}


@pytest.mark.parametrize("num_frames", SHORT)
def test_the_last_frame_of_a_short_video_repeats(num_frames):
    expected = SHORT[num_frames]
    assert uniform_indices(num_frames, 16).tolist() == expected
    assert random_window(num_frames, 16, np.random.default_rng(0)).tolist() == expected
    assert [window.tolist() for window in spread_windows(num_frames, 16)] == [expected] * 5


@pytest.mark.parametrize(
    ("num_frames", "starts"),
    [
        (80, [0, 16, 32, 48, 64]),  # exactly five windows
        (81, [0, 16, 32, 48, 65]),  # 65 / 4 = 16.25: floor of 0, 16.25, 32.5, 48.75, 65
        (116, [0, 25, 50, 75, 100]),
        (79, [0, 15, 31, 47, 63]),  # one frame short of it: they overlap
        (18, [0, 0, 1, 1, 2]),
        (16, [0, 0, 0, 0, 0]),
    ],
)
def test_five_windows_are_spread_from_the_first_frame_to_the_last(num_frames, starts):
    windows = spread_windows(num_frames, 16)
    assert [window.tolist() for window in windows] == [list(range(s, s + 16)) for s in starts]


@pytest.mark.parametrize("num_frames", range(16, 300))
def test_five_windows_overlap_only_where_the_video_is_too_short(num_frames):
    windows = spread_windows(num_frames, 16)
    seen = np.concatenate(windows)
    assert seen.min() == 0
    assert seen.max() == num_frames - 1
    assert (len(set(seen.tolist())) == 80) == (num_frames >= 80)


@pytest.mark.parametrize(("num_frames", "start"), [(40, 12), (41, 12), (5, 0)])
def test_a_single_window_lies_in_the_middle(num_frames, start):
    (window,) = spread_windows(num_frames, 16, 1)
    assert window[0] == start


def test_a_random_window_begins_anywhere_with_equal_chance():
    rng = np.random.default_rng(0)
    windows = [random_window(20, 16, rng) for _ in range(5000)]
    assert all((np.diff(window) == 1).all() and len(window) == 16 for window in windows)
    counts = np.bincount([window[0] for window in windows])
    assert len(counts) == 5
    np.testing.assert_allclose(counts / 5000, 0.2, atol=0.025)


@pytest.mark.parametrize(
    "sample",
    [
        lambda: uniform_indices(0, 5),
        lambda: random_window(0, 5, np.random.default_rng(0)),
        lambda: spread_windows(0, 5),
    ],
)
def test_a_video_without_frames_has_no_clips(sample):
    with pytest.raises(VidexplainError, match="without frames"):
        sample()
