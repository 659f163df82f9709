"""Every method on every kind of network: a map, or one line that says why there is none."""

import pytest
import torch

from tests.attribution.every_network import EARLIER, LINEAR_HEAD, NETWORKS, options, refusal
from tests.attribution.left_behind import HOOKS
from tests.attribution.networks import video
from tests.device import same
from videxplain.attribution.api import METHODS, attribute
from videxplain.errors import VidexplainError

BLANK = {("lrcn", "ablationcam")}
"""No channel whose absence lowers the score."""
EITHER = {("mvit_v1", "fem"), ("mvit_v2", "fem")}
"""Blank where every rare channel has a negative mean, as the random weights decide; releases of torch draw others."""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Each network once."""
    networks = {}

    def build(name):
        if name not in networks:
            networks[name] = NETWORKS[name][0](tmp_path_factory.mktemp(name.replace(" ", "-")))
        return networks[name]

    return build


def hooks(network):
    return [len(getattr(m, kind)) for m in network.modules() for kind in HOOKS]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_map_or_one_line(network, method, built):
    module, shape = built(network), NETWORKS[network][1]
    before = hooks(module)
    arguments = options(network, method)
    if message := refusal(network, method):
        with pytest.raises(VidexplainError, match=message) as error:
            attribute(module, video(1, 3, *shape), **arguments)
        assert "\n" not in str(error.value)
    else:
        found = attribute(module, video(1, 3, *shape), **arguments)
        assert found.shape == ((1, 3, *shape) if METHODS[method].family == "gradient" else (1, *shape))
        assert found.dtype == torch.float32
        assert torch.isfinite(found).all()
        if (network, method) not in EITHER:
            assert (found.abs().max() > 0) == ((network, method) not in BLANK)
    assert hooks(module) == before
    assert torch._C._len_torch_function_stack() == 0


@pytest.mark.parametrize("network", NETWORKS)
def test_relevance_is_computed_in_float32_whatever_the_precision(network, built):
    x = video(1, 3, *NETWORKS[network][1])
    exact, short = (attribute(built(network), x, method="lrp", target=1, precision=p) for p in ("fp32", "bf16"))
    assert same(exact, short)


def test_what_is_expected_of_a_network_is_of_one_that_there_is():
    assert {*EARLIER, *LINEAR_HEAD, *(network for network, _ in BLANK | EITHER)} <= set(NETWORKS)
