"""What the caller has switched on for the whole of torch does not change a map."""

import pytest
import torch

from tests.attribution.networks import Small3D, seeded, video
from tests.device import here, same
from videxplain.attribution.api import attribute
from videxplain.untouched import untouched

OPTIONS = {
    "lime": {"samples": 256},
    "kernel-shap": {"samples": 256},
    "rise": {"samples": 8},
    "extremal-perturbation": {"steps": 4},
    "temporal-mask": {"steps": 4},
    "occlusion": {"box": (2, 4, 4)},
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("method", OPTIONS)
def test_the_default_type_of_numbers(method, dtype):
    module, x = seeded(Small3D), video(1, 3, 8, 16, 16)
    expected = attribute(module, x, method=method, target=0, **OPTIONS[method])
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        found = attribute(module, x, method=method, target=0, **OPTIONS[method])
    finally:
        torch.set_default_dtype(before)
    assert expected.abs().max() > 0
    assert same(found, expected)


@pytest.mark.parametrize("method", ["gradcam", "scorecam", "ablationcam", "saliency", "selective-relevance", "lrp"])
def test_the_callers_autocast(method):
    module, x = seeded(Small3D), video(1, 3, 8, 16, 16)
    expected = attribute(module, x, method=method, target=0)
    with torch.autocast(here().type, dtype=torch.bfloat16):
        found = attribute(module, x, method=method, target=0)
        assert torch.is_autocast_enabled(here().type)
    assert expected.abs().max() > 0
    assert same(found, expected)


def test_a_network_that_casts_itself_goes_on_doing_so():
    module, x = seeded(Small3D), video(1, 3, 4, 6, 6)
    with torch.autocast(here().type, dtype=torch.bfloat16), untouched(module):
        plain = module(x)
        with torch.autocast(here().type, dtype=torch.bfloat16):
            short = module(x)
    assert plain.dtype == torch.float32
    assert short.dtype == torch.bfloat16
