"""Relevance propagation through attention and recurrence, against the equations written out layer by layer."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.attribution.networks import seeded, video
from tests.attribution.references import close
from tests.device import placed
from tests.oracles import relevance as literal
from tests.small_models import Transformer
from videxplain.attribution.relevance.conservation import relevance


class OverTime(nn.Module):
    """The mean colour of each frame, an LSTM over the frames, and a linear layer on its last output or on all."""

    def __init__(self, bidirectional: bool = False, layers: int = 1, batch_first: bool = True) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 5, layers, batch_first=batch_first, bidirectional=bidirectional)
        self.fc = nn.Linear(5 * (1 + bidirectional), 4)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.mean((3, 4)).transpose(1, 2)
        if not self.lstm.batch_first:
            frames = frames.transpose(0, 1)
        out = self.lstm(frames)[0]
        return self.fc(out.mean(1 if self.lstm.batch_first else 0))


class Cells(nn.Module):
    """The same with a cell that is called once a frame."""

    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.cell, self.fc = kind(3, 5), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.mean((3, 4)).transpose(1, 2)
        state, total = None, 0
        for frame in frames.unbind(1):
            state = self.cell(frame, state)
            total = total + (state[0] if isinstance(state, tuple) else state)
        return self.fc(total / frames.shape[1])


@pytest.mark.parametrize("attention", ["attn", "cp"])
def test_a_transformer(attention):
    network, x = seeded(Transformer).double(), video(2, 3, 4, 24, 24).double()
    of_tokens = literal.transformer(network, x, 1, attention)["embed"]
    with torch.no_grad():
        expected = literal.patches(x, network.embed, of_tokens, flat=attention == "attn")
    composite = {"attn": "epsilon-plus-flat", "cp": "cp-lrp"}[attention]
    close(relevance(network, x, target=1, layers=(), composite=composite, epsilon=0.0).map, expected)


def by_hand(network: OverTime, x: Tensor, target: int) -> Tensor:
    """Relevance of each frame's mean colour for one sample, ``(T, 3)``."""
    frames, lstm = x.mean((3, 4))[0].T, network.lstm
    out = lstm(frames[None] if lstm.batch_first else frames[:, None])[0]
    out = out[0] if lstm.batch_first else out[:, 0]
    r = torch.zeros(4).to(x)
    r[target] = network(x)[0, target]
    r = literal.linear(out.mean(0), network.fc.weight, network.fc.bias, r)
    r = out / out.sum(0) * r
    for layer in reversed(range(lstm.num_layers)):
        below = frames if layer == 0 else _outputs(lstm, frames, layer)
        forwards = literal.lstm(below, lstm.all_weights[layer * (1 + lstm.bidirectional)], r[:, :5])
        if lstm.bidirectional:
            backwards = literal.lstm(below.flip(0), lstm.all_weights[2 * layer + 1], r[:, 5:].flip(0)).flip(0)
            forwards = forwards + backwards
        r = forwards
    return r


def _outputs(lstm: nn.LSTM, frames: Tensor, layers: int) -> Tensor:
    """What the first layers of an LSTM put out."""
    part = nn.LSTM(3, 5, layers, batch_first=True, bidirectional=lstm.bidirectional).to(frames)
    part.load_state_dict({name: lstm.state_dict()[name] for name in part.state_dict()})
    return part(frames[None])[0][0]


@pytest.mark.parametrize(
    "settings", [{}, {"bidirectional": True}, {"layers": 2, "bidirectional": True}, {"batch_first": False}]
)
def test_an_lstm(settings):
    network, x = seeded(lambda: OverTime(**settings)).double(), video(2, 3, 6, 2, 2).double()
    found = relevance(network, x, target=2, layers=(), epsilon=0.0)
    for n in range(2):
        with torch.no_grad():
            expected = by_hand(network, x[n : n + 1], 2)
        close(found.map[n].sum((2, 3)).T, expected)
    assert found.used["recurrent"] == 2


@pytest.mark.parametrize(
    ("layer", "cell"), [(nn.LSTM, nn.LSTMCell), (nn.GRU, nn.GRUCell), (nn.RNN, nn.RNNCell)], ids=["lstm", "gru", "rnn"]
)
def test_a_cell_in_a_loop_equals_the_layer(layer, cell):
    whole, single = seeded(OverTime).double(), seeded(lambda: Cells(cell)).double()
    whole.lstm = placed(layer(3, 5, batch_first=True).double())
    single.fc.load_state_dict(whole.fc.state_dict())
    single.cell.load_state_dict({name: whole.lstm.state_dict()[f"{name}_l0"] for name in single.cell.state_dict()})
    x = video(2, 3, 6, 2, 2).double()
    found = relevance(whole, x, target=2, layers=(), epsilon=0.0)
    close(relevance(single, x, target=2, layers=(), epsilon=0.0).map, found.map)
    with torch.no_grad():
        torch.testing.assert_close(found.logits.double(), whole(x), rtol=1e-5, atol=1e-6)


def test_a_projected_lstm_keeps_its_answer():
    class Projected(OverTime):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.fc = nn.LSTM(3, 5, batch_first=True, proj_size=2), nn.Linear(2, 4)

    network, x = seeded(Projected), video(1, 3, 6, 2, 2)
    found = relevance(network, x, target=0, layers=())
    with torch.no_grad():
        torch.testing.assert_close(found.logits, network(x))
    assert found.map.abs().max() > 0


@pytest.mark.parametrize("composite", ["epsilon-plus-flat", "cp-lrp"])
def test_attention_is_the_same_however_it_is_computed(composite):
    class Attention(nn.Module):
        def __init__(self, attend) -> None:
            super().__init__()
            self.embed, self.qkv = nn.Conv3d(3, 8, (1, 4, 4), (1, 4, 4)), nn.Linear(8, 24)
            self.fc, self.attend = nn.Linear(8, 3), attend

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.embed(x).flatten(2).transpose(1, 2)
            q, k, v = self.qkv(tokens).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4)
            return self.fc((tokens + self.attend(q, k, v).transpose(1, 2).flatten(2)).mean(1))

    def einsum(q, k, v):
        return torch.einsum("nhqk,nhkd->nhqd", (torch.einsum("nhqd,nhkd->nhqk", q, k) / 2).softmax(-1), v)

    ways = {
        "fused": F.scaled_dot_product_attention,
        # No fused kernel takes values that are wider than the keys: PyTorch then multiplies matrices itself.
        "not fused": lambda q, k, v: F.scaled_dot_product_attention(q, k, torch.cat([v, v], -1))[..., :4],
        "@": lambda q, k, v: F.softmax(q @ k.mT * 0.5, dim=-1) @ v,
        "special": lambda q, k, v: torch.special.softmax(q @ k.mT * 0.5, -1) @ v,
        "softmin": lambda q, k, v: F.softmin(q @ k.mT * -0.5, dim=-1) @ v,
        "matmul": lambda q, k, v: torch.matmul(torch.softmax(torch.matmul(q, k.transpose(-1, -2)) / 2, -1), v),
        "bmm": lambda q, k, v: torch.bmm(
            torch.bmm(q.flatten(0, 1) / 2, k.flatten(0, 1).mT).softmax(-1), v.flatten(0, 1)
        ).unflatten(0, q.shape[:2]),
        "baddbmm": lambda q, k, v: torch.bmm(
            torch.baddbmm(q.new_zeros(1), q.flatten(0, 1), k.flatten(0, 1).mT, alpha=0.5).softmax(-1),
            v.flatten(0, 1),
        ).unflatten(0, q.shape[:2]),
        "einsum": einsum,
    }
    x = video(1, 3, 2, 8, 8)
    maps = {
        name: relevance(seeded(lambda way=way: Attention(way)), x, target=1, layers=(), composite=composite).map
        for name, way in ways.items()
    }
    for name, found in maps.items():
        torch.testing.assert_close(found, maps["fused"], rtol=1e-4, atol=1e-6, msg=name)
