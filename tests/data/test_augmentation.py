"""Clips varied for training: what may happen to them, and that it happens to all frames alike."""

import colorsys
import pickle
import random
from collections import Counter

import numpy as np
import pytest

from videxplain.data.augmentation import AUGMENTATIONS, Augmentation
from videxplain.data.randaugment import RandAugment
from videxplain.data.transforms import to_model_input
from videxplain.errors import VidexplainError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
VARYING = [name for name in AUGMENTATIONS if name != "resize"]


@pytest.fixture
def frames():
    """Noise, so that nothing equals its mirror image."""
    return np.random.default_rng(0).integers(0, 256, (4, 24, 32, 3)).astype(np.uint8)


def seeded(number):
    return np.random.default_rng(number)


@pytest.mark.parametrize("size", [(24, 32), (12, 16), (48, 64), (48, 16), (12, 64), (7, 31)])
def test_resize_is_what_explaining_and_testing_use(frames, size):
    result = Augmentation("resize", size, MEAN, STD)(frames, seeded(0))
    np.testing.assert_array_equal(result, to_model_input(frames, size=size, mean=MEAN, std=STD))
    assert result.dtype == np.float32
    assert result.flags.c_contiguous


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_chance_comes_from_the_generator_alone(frames, name):
    augmentation, again = (Augmentation(name, (16, 16), MEAN, STD) for _ in range(2))
    first = [augmentation(frames, seeded(seed)) for seed in range(12)]
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    state, other = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    copied = pickle.loads(pickle.dumps(again))
    for seed in reversed(range(12)):
        np.testing.assert_array_equal(again(frames, seeded(seed)), first[seed])
        np.testing.assert_array_equal(copied(frames, seeded(seed)), first[seed])
    assert random.getstate() == state
    np.testing.assert_array_equal(np.random.get_state()[1], other)  # noqa: NPY002
    assert len({one.tobytes() for one in first}) >= (1 if name == "resize" else 5)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_equal_frames_stay_equal(frames, name):
    still = np.repeat(frames[:1], 3, axis=0)
    augmentation = Augmentation(name, (16, 20), MEAN, STD)
    for seed in range(40):
        result = augmentation(still, seeded(seed))
        assert result.shape == (3, 3, 16, 20)
        np.testing.assert_array_equal(result, np.repeat(result[:, :1], 3, axis=1))


# Frames that share a colour at the top and the bottom, and differ in what is between: black, grey, white.
def banded():
    clip = np.empty((3, 30, 30, 3), np.uint8)
    clip[:] = (180, 90, 60)
    for frame, value in zip(clip, (0, 120, 255), strict=True):
        frame[10:20] = value
    return clip


@pytest.mark.parametrize("name", ["flip", "randaugment"])
def test_a_colour_changes_alike_in_frames_that_differ_elsewhere(name):
    """Contrast and histograms are of the clip: measured frame by frame, they would make it flicker."""
    augmentation, clip = Augmentation(name, (30, 30), **PLAIN), banded()
    changed = 0
    for seed in range(60):
        result = augmentation(clip, seeded(seed))[:, :, :, 15] * 255
        corner = result[:, :, 4]  # above the middle band, also when it is turned by a few degrees
        np.testing.assert_allclose(corner, np.repeat(corner[:, :1], 3, axis=1), atol=0.01)
        changed += abs(corner[:, 0] - [180, 90, 60]).max() > 2
    assert changed > 15


@pytest.mark.parametrize("name", VARYING)
def test_a_place_moves_alike_in_frames_of_different_colours(name):
    clip = np.zeros((3, 24, 32, 3), np.uint8)
    for frame, colour in zip(clip, ((255, 30, 30), (30, 255, 30), (30, 30, 255)), strict=True):
        frame[3:14, 4:17] = colour
    augmentation = Augmentation(name, (24, 32), **PLAIN)
    moved = 0
    for seed in range(60):
        result = augmentation(clip, seeded(seed)).max(axis=0)
        low, high = (f(result, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
        if ((high - low) < 0.2).any():
            continue  # cropped to the inside or the outside of the marked place
        where = result > (low + high) / 2
        # At the edges half a pixel can fall on either side, because the colours differ in what they round to.
        assert (where != where[0]).mean() < 0.02
        moved += (where[0] != (clip[0, ..., 0] > 128)).mean() > 0.05
    assert moved > 10


def outcome(result, frames):
    """Which flips give ``result``, or None where the colours have changed."""
    for sideways in (False, True):
        for upside_down in (False, True):
            turned = frames[:, :: -1 if upside_down else 1, :: -1 if sideways else 1]
            if np.array_equal(result, to_model_input(turned, size=frames.shape[1:3], mean=MEAN, std=STD)):
                return sideways, upside_down
    return None


def test_flips_and_jitter_come_to_half_of_the_clips_each_independently(frames):
    augmentation = Augmentation("flip", (24, 32), MEAN, STD)
    found = Counter(outcome(augmentation(frames, seeded(seed)), frames) for seed in range(800))
    assert found.pop(None) / 800 == pytest.approx(0.5, abs=0.06)
    # Of the other half, a quarter each: no flip, either, both.
    assert len(found) == 4
    for count in found.values():
        assert count / 800 == pytest.approx(0.125, abs=0.04)


@pytest.mark.parametrize(("horizontal", "vertical"), [(True, False), (False, True), (False, False)])
def test_a_flip_can_be_left_out(frames, horizontal, vertical):
    augmentation = Augmentation("flip", (24, 32), MEAN, STD, horizontal_flip=horizontal, vertical_flip=vertical)
    found = {outcome(augmentation(frames, seeded(seed)), frames) for seed in range(100)} - {None}
    assert found == {(h, v) for h in {False, horizontal} for v in {False, vertical}}


def test_jitter_keeps_within_a_fifth():
    augmentation = Augmentation("flip", (8, 8), **PLAIN)
    clip = np.full((2, 8, 8, 3), (160, 80, 40), np.uint8)
    hue, saturation, value = colorsys.rgb_to_hsv(160 / 255, 80 / 255, 40 / 255)
    found = np.array([colorsys.rgb_to_hsv(*augmentation(clip, seeded(s))[:, 0, 0, 0]) for s in range(300)])
    shift = (found[:, 0] - hue + 0.5) % 1 - 0.5
    assert 0.17 < abs(shift).max() <= 0.21
    # Brightness and contrast (around the mean of one colour, which is its grey value) both act on what is brightest.
    brightness = found[:, 2] / value
    assert 0.6 < brightness.min() < 0.85
    assert 1.15 < brightness.max() < 1.45
    change = found[:, 1] / saturation
    assert 0.6 < change.min() < 0.9
    assert 1.1 < change.max() < 1.45


def test_crops_have_8_to_100_percent_of_the_area_and_sides_up_to_4_to_3():
    rows, columns = np.mgrid[:120, :160]
    clip = np.stack([rows, columns, np.full_like(rows, 77)], -1).astype(np.uint8)[None]
    augmentation = Augmentation("crop", (60, 80), **PLAIN)
    areas, shapes = [], []
    for seed in range(300):
        rows, columns, marker = augmentation(clip, seeded(seed))[:, 0] * 255
        if not np.allclose(marker, 77):
            continue  # the colours were changed, so that they do not say where they are from
        height, width = (np.ptp(x.mean(axis=axis)) for x, axis in ((rows, 1), (columns, 0)))
        height, width = height * 60 / 59, width * 80 / 79  # from first to last pixel centre, to the edges
        areas.append(height * width / (120 * 160))
        shapes.append(width / height)
    assert len(areas) > 100
    assert 0.06 < min(areas) < 0.2
    assert 0.85 < max(areas) < 1.02
    assert 0.7 < min(shapes) < 0.85
    assert 1.2 < max(shapes) < 1.4


def test_an_unknown_augmentation_is_refused():
    with pytest.raises(VidexplainError, match="unknown augmentation 'flips'; did you mean flip"):
        Augmentation("flips", (8, 8), MEAN, STD)


COLOUR = np.full((2, 20, 40, 3), (200, 100, 50), np.uint8)
GREY = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
MARK = np.zeros((2, 100, 200, 3), np.uint8)
MARK[:, 45:56, 95:106] = 255
HALVES = np.full((2, 20, 40, 3), 50, np.uint8)
HALVES[:, 10:] = 150


def centre(frames):
    """Row and column of the middle of what is bright."""
    assert (frames[0] == frames[1]).all()
    where = np.argwhere((frames[0] > 200).all(-1))
    return where.mean(axis=0) - [50, 100]


# Each operation at 9 of 30 steps, in each direction: what it does, computed by hand.
COLOURS = {
    "identity": [(200, 100, 50)],
    "brightness": [(254, 127, 63), (146, 73, 36)],  # x 1.27 and x 0.73
    "contrast": [tuple(GREY + f * (c - GREY) for c in (200, 100, 50)) for f in (1.27, 0.73)],
    "colour": [tuple(GREY + f * (c - GREY) for c in (200, 100, 50)) for f in (1.27, 0.73)],  # one colour: the same
    "posterise": [(200, 100, 50)],  # 7 bits: even numbers stay
    "solarise": [(55, 100, 50)],  # from 0.7 x 255 = 178.5 on, 255 - x
}


@pytest.mark.parametrize("name", COLOURS)
def test_a_colour_operation_goes_as_far_as_9_of_30_steps(name):
    results = [operation(COLOUR) for operation in RandAugment().operations[name]]
    assert len(results) == len(COLOURS[name])
    for result, expected in zip(results, COLOURS[name], strict=True):
        np.testing.assert_allclose(result, np.broadcast_to(np.array(expected), COLOUR.shape), atol=1.6)


def test_posterising_to_seven_bits_drops_the_last():
    (operation,) = RandAugment().operations["posterise"]
    assert (operation(COLOUR + 1) == COLOUR).all()


@pytest.mark.parametrize(("name", "expected"), [("autocontrast", (0, 255)), ("equalise", (0, 255))])
def test_histograms_are_stretched_over_the_clip(name, expected):
    (operation,) = RandAugment().operations[name]
    result = operation(HALVES)
    assert (result[0, 0, 0].tolist(), result[0, -1, 0].tolist()) == ([expected[0]] * 3, [expected[1]] * 3)
    # A frame of the darker half alone is stretched with the others, not by itself.
    mixed = HALVES.copy()
    mixed[1] = 50
    assert (operation(mixed)[1] == expected[0]).all()


@pytest.mark.parametrize(
    ("name", "moves"),
    [
        ("translate x", [(0, 27), (0, -27)]),  # 0.135 x 200 columns
        ("translate y", [(13.5, 0), (-13.5, 0)]),  # 0.135 x 100 rows
        ("rotate", [(0, 0), (0, 0)]),
    ],
)
def test_translation_goes_as_far_as_9_of_30_steps(name, moves):
    for operation, expected in zip(RandAugment().operations[name], moves, strict=True):
        np.testing.assert_allclose(centre(operation(MARK)), expected, atol=1)


@pytest.mark.parametrize(
    ("name", "angle"),
    # A line along the columns, 80 pixels long: shear by 0.09, turning by 9 degrees; the other shear leaves it level.
    [("shear y", np.degrees(np.arctan(0.09))), ("rotate", 9.0), ("shear x", 0.0)],
)
def test_shear_and_rotation_go_as_far_as_9_of_30_steps(name, angle):
    line = np.zeros((2, 100, 200, 3), np.uint8)
    line[:, 49:52, 60:141] = 255
    slopes = []
    for operation in RandAugment().operations[name]:
        rows, columns = np.nonzero(operation(line)[0, ..., 0] > 128)
        slopes.append(np.degrees(np.arctan(np.polyfit(columns, rows, 1)[0])))
    np.testing.assert_allclose(sorted(slopes), [-angle, angle], atol=0.3)


def test_shear_x_moves_rows_apart_by_nine_hundredths():
    column = np.zeros((2, 100, 200, 3), np.uint8)
    column[:, 10:90, 99:102] = 255
    slopes = []
    for operation in RandAugment().operations["shear x"]:
        rows, columns = np.nonzero(operation(column)[0, ..., 0] > 128)
        slopes.append(np.polyfit(rows, columns, 1)[0])
    np.testing.assert_allclose(sorted(slopes), [-0.09, 0.09], atol=0.005)


def test_sharpness_goes_both_ways(frames):
    sharper, softer = (operation(frames) for operation in RandAugment().operations["sharpness"])
    # The steepness between neighbours, against that of the frames.
    steep = [np.abs(np.diff(x.astype(float), axis=2)).mean() for x in (softer, frames, sharper)]
    assert steep[0] < 0.9 * steep[1] < 0.9 * 0.95 * steep[2]


def test_two_operations_are_drawn_evenly(frames):
    randaugment = RandAugment()
    assert len(randaugment.operations) == 14
    seen = Counter()
    for name in randaugment.operations:

        def note(frames, name=name):
            seen[name] += 1
            return frames

        randaugment.operations[name] = (note,)
    for seed in range(1400):
        randaugment(frames, seeded(seed))
    assert sum(seen.values()) == 2800
    assert all(count == pytest.approx(200, abs=60) for count in seen.values())
