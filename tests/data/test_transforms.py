import numpy as np
import pytest

from videxplain.data.transforms import to_model_input

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def test_values_are_scaled_shifted_and_divided_channel_by_channel():
    frames = np.empty((2, 4, 6, 3), np.uint8)
    frames[0], frames[1] = (255, 0, 51), (102, 204, 153)
    x = to_model_input(frames, size=(4, 6), mean=(0.5, 0.25, 0.2), std=(0.5, 0.25, 0.4))
    assert x.shape == (3, 2, 4, 6)
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    expected = [[(1 - 0.5) / 0.5, (0.4 - 0.5) / 0.5], [(0 - 0.25) / 0.25, (0.8 - 0.25) / 0.25], [0, (0.6 - 0.2) / 0.4]]
    np.testing.assert_allclose(x, np.broadcast_to(np.array(expected)[:, :, None, None], x.shape), atol=1e-6)


def test_shrinking_averages_areas():
    frames = np.random.default_rng(0).integers(0, 256, (3, 12, 20, 3)).astype(np.uint8)
    x = to_model_input(frames, size=(3, 5), **PLAIN) * 255
    areas = frames.reshape(3, 3, 4, 5, 4, 3).mean(axis=(2, 4)).transpose(3, 0, 1, 2)
    np.testing.assert_allclose(x, areas, atol=0.51)


def test_enlarging_interpolates_between_pixel_centres():
    frames = np.zeros((1, 1, 2, 3), np.uint8)
    frames[0, 0, 1] = 200
    x = to_model_input(frames, size=(1, 4), **PLAIN) * 255
    # centres of the four new pixels lie at -0.25, 0.25, 0.75 and 1.25 of the old ones
    np.testing.assert_allclose(x[:, 0, 0], np.tile([0, 50, 150, 200], (3, 1)), atol=0.51)


def test_a_frame_that_shrinks_in_one_direction_and_grows_in_the_other_is_not_aliased():
    frames = np.zeros((1, 64, 4, 3), np.uint8)
    frames[:, ::2] = 200  # stripes one pixel high: interpolating from 64 to 8 rows would hit single ones
    x = to_model_input(frames, size=(8, 8), **PLAIN) * 255
    np.testing.assert_allclose(x, np.full((3, 1, 8, 8), 100), atol=0.51)


@pytest.mark.parametrize(("height", "width"), [(5, 7), (224, 224), (31, 9)])
def test_the_whole_frame_is_kept_without_a_crop(height, width):
    frames = np.zeros((1, 20, 40, 3), np.uint8)
    frames[0, :10, :20], frames[0, 10:, 20:] = (255, 0, 0), (0, 0, 255)
    x = to_model_input(frames, size=(height, width), **PLAIN)
    assert x.shape == (3, 1, height, width)
    assert x[:, 0, 0, 0].tolist() == [1, 0, 0]
    assert x[:, 0, -1, -1].tolist() == [0, 0, 1]
    assert x[:, 0, 0, -1].tolist() == [0, 0, 0]
