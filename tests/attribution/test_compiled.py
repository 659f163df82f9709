"""A network that was compiled is explained as it was written."""

import pytest
import torch

from tests.attribution.networks import Small3D, seeded, video
from tests.device import same
from videxplain.attribution.api import attribute


@pytest.mark.parametrize("method", ["gradcam", "guided-backprop"])
def test_a_network_compiled_in_place_has_the_maps_of_the_network(method):
    x = video(1, 3, 4, 6, 6)
    expected = attribute(seeded(Small3D), x, method=method, target=0)
    compiled = seeded(Small3D)
    calls = []

    def backend(graph, _):
        calls.append(graph)
        return graph.forward

    compiled.compile(backend=backend)
    compiled(x)
    before = len(calls)
    assert before
    assert same(attribute(compiled, x, method=method, target=0), expected)
    assert len(calls) == before  # nothing was compiled anew for one call
    compiled(x.repeat(2, 1, 1, 1, 1))
    assert len(calls) > before  # and afterwards it is compiled again


@pytest.mark.filterwarnings("error")
def test_a_compiled_rectifier_is_guided_without_a_caution():
    x = video(1, 3, 4, 6, 6)
    compiled = torch.compile(seeded(Small3D), backend="eager")
    compiled(x)
    expected = attribute(seeded(Small3D), x, method="guided-backprop", target=0)
    assert same(attribute(compiled, x, method="guided-backprop", target=0), expected)
