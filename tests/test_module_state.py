"""What a network remembers is put back, however it is kept."""

from collections import deque
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import videxplain as vx
from videxplain.module_state import ModuleState


class Cache:
    """An object of the network's own that holds tensors."""

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.total, self.layers, self.passes = torch.zeros(3), [SimpleNamespace(values=torch.zeros(3))], 0


class Remembers(nn.Module):
    """Adds what ``write`` has kept of the passes before."""

    def __init__(self, write: str) -> None:
        super().__init__()
        self.fc, self.write = nn.Linear(4, 3), write
        self.register_buffer("past", torch.zeros(3))
        self.hidden: Tensor | None = None
        self.tensor = torch.zeros(3)
        self.pair = (torch.zeros(3), torch.zeros(3))
        self.memory: list[Tensor] = []
        self.queue: deque[Tensor] = deque([torch.zeros(3)], maxlen=2)
        self.table: dict[str, Any] = {"deep": [torch.zeros(3)]}
        self.cache, self.calls = Cache(), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        y = self.fc(x).sum(0)
        if self.write == "buffer in place":
            self.past += y
        elif self.write == "buffer past the version":
            self.past.data.add_(y)
        elif self.write == "another buffer":
            self.past = self.past + y
        elif self.write == "a new buffer":
            self.register_buffer("more", y)
        elif self.write == "attribute in place":
            self.tensor += y
        elif self.write == "another attribute":
            self.tensor = y
        elif self.write == "none at first":
            self.hidden = y
        elif self.write == "a pair":
            self.pair = (y, y)
        elif self.write == "an empty list":
            self.memory.append(y)
        elif self.write == "a queue":
            self.queue.append(y)
        elif self.write == "a dictionary":
            self.table["deep"][0] += y
            self.table["new"] = y
        elif self.write == "an object":
            self.cache.keys, self.cache.passes = y, self.cache.passes + 1
            self.cache.total += y
            self.cache.layers[0].values = y
        else:
            self.new = y
        return y


WAYS = [
    *("buffer in place", "buffer past the version", "another buffer", "a new buffer", "attribute in place"),
    *("another attribute", "none at first", "a pair", "an empty list", "a queue", "a dictionary", "a new attribute"),
    "an object",
]


def content(net: Remembers) -> dict[str, Any]:
    return {
        "buffers": {name: buffer.clone() for name, buffer in net.named_buffers()},
        "hidden": net.hidden,
        "tensor": net.tensor.clone(),
        "pair": torch.stack(net.pair),
        "memory": list(net.memory),
        "queue": torch.stack(list(net.queue)),
        "table": {name: torch.stack(value) for name, value in net.table.items() if isinstance(value, list)},
        "cache": (net.cache.keys, net.cache.total.clone(), net.cache.layers[0].values),
        "names": sorted(vars(net)),
        "keys": sorted(net.table),
    }


@pytest.mark.parametrize("write", WAYS)
def test_what_passes_write_is_put_back_after_each(write: str) -> None:
    net = nn.Sequential(Remembers(write)).eval()
    with torch.no_grad():
        before, objects = content(net[0]), (net[0].past, net[0].tensor, net[0].queue, net[0].table)
        state = ModuleState(list(net.modules()))
        for _ in range(3):
            net(torch.ones(2, 4))
            if write != "buffer past the version":
                assert str(content(net[0])) != str(before)
            state.restore()
            assert str(content(net[0])) == str(before)
    assert all(a is b for a, b in zip(objects, (net[0].past, net[0].tensor, net[0].queue, net[0].table), strict=True))
    assert net[0].calls == 3  # numbers are the network's own business


def test_a_network_that_keeps_nothing_is_not_written() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)).eval()
    versions = [buffer._version for buffer in net.buffers()]
    state = ModuleState(list(net.modules()))
    net(torch.ones(2, 3))
    state.restore()
    assert [buffer._version for buffer in net.buffers()] == versions


def test_tensors_of_inference_mode_are_put_back() -> None:
    with torch.inference_mode():
        net = Remembers("buffer in place").eval()
        state = ModuleState(list(net.modules()))
        net(torch.ones(2, 4))
    state.restore()
    assert torch.equal(net.past, torch.zeros(3))


class Counts(nn.Module):
    """Remembers in NumPy arrays: one alone, one in a dictionary, and one that cannot be written."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 2, 1)
        self.passes = np.zeros(2)
        self.table = {"last": np.array([[np.nan, 1.0]])}
        self.fixed = np.arange(3)
        self.fixed.flags.writeable = False

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        self.table["last"][0, 0] = float(x.detach().mean())
        return self.conv(x).mean((2, 3, 4)) * float(self.passes[0])


def test_arrays_of_numpy_are_put_back() -> None:
    net, x = Counts().eval(), torch.rand(1, 3, 4, 8, 8)
    passes, last = net.passes, net.table["last"]
    first = vx.attribute(net, x, method="saliency", target=0)
    assert torch.equal(vx.attribute(net, x, method="saliency", target=0), first)
    assert net.passes is passes
    assert passes.tolist() == [0, 0]
    assert net.table["last"] is last
    assert np.isnan(last[0, 0])
    assert last[0, 1] == 1
    # Every pass of a method that makes several begins anew.
    occlusion = vx.attribute(net, x, method="occlusion", target=0, box=(2, 4, 4))
    plain = Counts().eval()
    plain.load_state_dict(net.state_dict())
    plain.forward = lambda v: plain.conv(v).mean((2, 3, 4))
    torch.testing.assert_close(occlusion, vx.attribute(plain, x, method="occlusion", target=0, box=(2, 4, 4)))
