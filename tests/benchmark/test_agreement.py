"""The rank correlation of methods' maps."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from videxplain.benchmark.agreement import agreement, small_map, small_map_path


def keep(folder, method, video, heat):
    path = small_map_path(folder, "m", method, video)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, small_map(heat).numpy().astype(np.float16))


def test_small_maps_are_means_of_squares():
    heat = torch.arange(2 * 56 * 84, dtype=torch.float32).reshape(2, 56, 84)
    small = small_map(heat)
    assert small.shape == (2, 28, 28)
    means = heat.reshape(2, 28, 2, 28, 3).mean((2, 4))
    assert torch.allclose(small, means / means.max(), atol=1e-6)
    assert small_map(torch.full((1, 4, 4), -1e-9)).min() == -1  # float16 has no room for it
    assert small_map(torch.zeros(1, 4, 4)).shape == (1, 4, 4)


def test_it_is_scipys_correlation_averaged_over_clips(tmp_path):
    draw = torch.Generator().manual_seed(0)
    maps = {(m, v): torch.rand(3, 12, 12, generator=draw) for m in "ab" for v in ("x/1", "x/2")}
    maps["b", "x/1"] += maps["a", "x/1"]
    for (method, video), heat in maps.items():
        keep(tmp_path, method, video, heat)
    keep(tmp_path, "c", "x/2", maps["a", "x/2"])
    keep(tmp_path, "flat", "x/1", torch.ones(3, 12, 12))
    found = agreement(tmp_path, "m", ["a", "b", "c", "flat"], ["x/1", "x/2"])
    stored = {key: small_map(heat).numpy().astype(np.float16).ravel() for key, heat in maps.items()}
    expected = np.mean([spearmanr(stored["a", v], stored["b", v]).statistic for v in ("x/1", "x/2")])
    assert found.correlation[0, 1] == pytest.approx(expected, abs=1e-9)
    assert found.correlation[0, 2] == pytest.approx(1)
    assert found.clips.tolist()[0] == [2, 2, 1, 0]
    assert np.isnan(found.correlation[0, 3])
    assert np.allclose(found.correlation, found.correlation.T, equal_nan=True)
