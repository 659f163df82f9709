import matplotlib
import numpy as np
import pytest

from videxplain.errors import VidexplainError
from videxplain.viz.colour import cover, lut, rgb


def test_lut_is_the_colour_map_sampled_at_256_values():
    grey = lut("gray")
    assert grey.dtype == np.uint8
    np.testing.assert_allclose(grey, np.arange(256)[:, None].repeat(3, axis=1), atol=1)
    np.testing.assert_array_equal(lut("inferno")[200], matplotlib.colormaps["inferno"](200, bytes=True)[:3])


def test_lut_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        lut("inferno")[0] = 1


def test_default_map_grows_lighter_all_the_way():
    luminance = lut() @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > -0.5).all()
    assert luminance[-1] - luminance[0] > 200


def test_unknown_map_names_the_nearest():
    with pytest.raises(VidexplainError, match=r"unknown colour map 'infernoo'; did you mean .*inferno"):
        lut("infernoo")


def test_cover_is_zero_without_evidence_and_opacity_at_the_limit():
    alpha = cover(0.6)
    assert alpha[0] == 0
    assert alpha[-1] == pytest.approx(0.6)
    assert alpha[51] == pytest.approx(0.6 * (1 - 0.8**2))
    assert (np.diff(alpha) > 0).all()


def test_rgb():
    assert rgb("#e8702a") == (0xE8, 0x70, 0x2A)
