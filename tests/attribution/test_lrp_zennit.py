"""Relevance propagation against zennit, which computes the same rules on modules."""

import pytest

from tests.attribution import zennit_reference as zennit
from tests.attribution.networks import video
from tests.attribution.references import close
from tests.small_models import CONVOLUTIONAL
from videxplain.attribution.relevance.conservation import relevance


@pytest.mark.parametrize("composite", zennit.COMPOSITES)
@pytest.mark.parametrize("name", ["c3d", "i3d", "non_local", "late_fusion", "lrcn", "lrcn, mean", "r3d", "mc3"])
def test_composites_equal_zennit(name, composite, tmp_path):
    build, shape = CONVOLUTIONAL[name]
    network, x = zennit.with_statistics(build(tmp_path)), video(2, 3, *shape).double()
    box = {"low": zennit.LOW, "high": zennit.HIGH} if composite == "epsilon-gamma-box" else {}
    found = relevance(network, x, target=2, layers=(), composite=composite, **box)
    close(found.map, zennit.relevance(network, x, 2, zennit.COMPOSITES[composite]()))
