"""Rollout follows tokens that move as attention says, and refuses every other network."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.attribution.networks import seeded, video
from tests.device import placed
from tests.oracles import rollout as oracle
from videxplain.attribution.api import attribute
from videxplain.attribution.attention.links import find_links
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout

GRID, WIDTH, HEADS = (2, 2, 3), 8, 2


def scores(q, k):
    return q @ k.transpose(-1, -2) / 2


def plain(net, q, k, v):
    a = scores(q, k).softmax(-1)
    return a @ v, a


def fused(net, q, k, v):
    return F.scaled_dot_product_attention(q, k, v, scale=0.5), scores(q, k).log_softmax(-1).exp()


def in_groups(net, q, k, v):
    a = scores(q[:, None], k[:, None]).softmax(-1)
    return (a @ v[:, None])[:, 0], a[:, 0]


def in_place(net, q, k, v):
    a = scores(q, k).softmax(-1).contiguous().mul_(1)
    return a @ v, a


def without_softmax(net, q, k, v):
    a = scores(q, k).log_softmax(-1).exp()
    return a @ v, a


def linear(net, q, k, v):
    a = (F.elu(q) + 1) @ (F.elu(k) + 1).transpose(-1, -2)
    a = a / a.sum(-1, keepdim=True)
    return a @ v, a


def heads_first(net, q, k, v):
    q, k, v = (part.transpose(0, 1) for part in (q, k, v))
    a = scores(q, k).softmax(-1)
    return (a @ v).transpose(0, 1), a.transpose(0, 1)


def head_by_head(net, q, k, v):
    a = torch.stack([scores(q[:, h], k[:, h]).softmax(-1) for h in range(HEADS)], 1)
    return a @ v, a


def difference(net, q, k, v):
    (q, other_q), (k, other_k) = q.chunk(2, -1), k.chunk(2, -1)
    a = scores(q, k).softmax(-1) - 0.5 * scores(other_q, other_k).softmax(-1)
    return a @ v, a


def talking_heads(net, q, k, v):
    a = torch.einsum("bhqk,hg->bgqk", scores(q, k).softmax(-1), net.mix)
    return a @ v, a


def largest_alone(net, q, k, v):
    a = scores(q, k).softmax(-1)
    a = a * (a >= a.topk(4, -1).values[..., -1:])
    return (a / a.sum(-1, keepdim=True)) @ v, a


def squared_in_place(net, q, k, v):
    a = scores(q, k).softmax(-1)
    a *= a
    return a @ v, a


def shown_and_not_used(net, q, k, v):
    scores(k, q).softmax(-1)
    return plain(net, q, k, v)


class Tokens(nn.Module):
    """2x2x3 tubelets in layers of attention; ``first`` says whether a token of no place comes first."""

    def __init__(self, attentions=(plain, plain), first=False, read=None, skip=True):
        super().__init__()
        self.embed = nn.Conv3d(3, WIDTH, (2, 4, 4), stride=(2, 4, 4))
        self.first = nn.Parameter(torch.randn(1, int(first), WIDTH))
        self.places = nn.Parameter(torch.randn(1, 12 + first, WIDTH))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in attentions)
        self.qkv = nn.ModuleList(nn.Linear(WIDTH, 3 * WIDTH) for _ in attentions)
        self.out = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in attentions)
        self.mix = nn.Parameter(torch.rand(HEADS, HEADS))
        self.score, self.gru = nn.Linear(WIDTH, 1), nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.head = nn.Linear(WIDTH, 4)
        self.attentions, self.skip = attentions, skip
        self.read = read or (lambda net, tokens: tokens[:, 0] if first else tokens.mean(1))

    def forward(self, x):
        tokens = self.embed(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.first.expand(len(x), -1, -1), tokens], 1) + self.places
        self.seen = []
        for attend, norm, qkv, out in zip(self.attentions, self.norms, self.qkv, self.out, strict=True):
            q, k, v = (part.unflatten(2, (HEADS, -1)).transpose(1, 2) for part in qkv(norm(tokens)).chunk(3, -1))
            moved, attention = attend(self, q, k, v)
            self.seen.append(attention.detach())
            moved = out(moved.transpose(1, 2).flatten(2))
            tokens = tokens + moved if self.skip else moved
        return self.head(self.read(self, tokens))


def explained(network, x, method="attention-rollout", **options):
    return attribute(network, x, method=method, target=1, enlarge=False, **options)


def expected(network, x, row):
    """Rollout written out, from what each token counts in the end."""
    network(x)
    maps = [torch.tensor(row) @ oracle.product([a[n].mean(0) for a in network.seen]) for n in range(len(x))]
    return placed(torch.stack(maps)[:, -12:].reshape(len(x), *GRID))


EVEN, FIRST = [1 / 12] * 12, [1.0] + [0.0] * 12
READS = {
    "the first of one more": (True, None, FIRST),
    "the mean": (False, None, EVEN),
    "the mean of places": (True, lambda net, tokens: tokens[:, 1:].mean(1), [0.0, *EVEN]),
    "the mean of all": (True, lambda net, tokens: tokens.mean(1), [1 / 13] * 13),
    "the first place": (False, lambda net, tokens: tokens[:, 0], [1.0] + [0.0] * 11),
}


@pytest.mark.parametrize("read", READS)
def test_what_is_read_is_measured(read):
    first, function, row = READS[read]
    network, x = seeded(lambda: Tokens(first=first, read=function)), video(2, 3, 4, 8, 12)
    torch.testing.assert_close(explained(network, x), expected(network, x, row))


@pytest.mark.parametrize("attend", [plain, fused, in_groups, in_place])
def test_attention_that_moves_the_tokens_is_followed(attend):
    network, x = seeded(lambda: Tokens((attend, plain))), video(2, 3, 4, 8, 12)
    torch.testing.assert_close(explained(network, x), expected(network, x, EVEN))


class Turned(nn.Module):
    """Puts time behind height and width."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x).permute(0, 1, 3, 4, 2)


@pytest.mark.parametrize("first", [False, True])
def test_tokens_whose_moments_stand_together_are_not_laid_out_frame_by_frame(first):
    network, x = seeded(lambda: Tokens(first=first)), video(1, 3, 4, 8, 12)
    network.embed = Turned(network.embed)
    for method in ("attention-rollout", "attention-gradient-rollout"):
        with pytest.raises(VidexplainError, match=r"its list of tokens|lies along its axis|do not follow the clip"):
            explained(network, x, method)
    told = TokenLayout(GRID, int(first), "hwt")
    network(x)
    row = torch.tensor(FIRST if first else EVEN) @ oracle.product([a[0].mean(0) for a in network.seen])
    wanted = placed(row[-12:].reshape(1, 2, 3, 2).permute(0, 3, 1, 2))
    torch.testing.assert_close(explained(network, x, token_grid=told), wanted)


NOT_READ = {
    "a maximum": lambda net, tokens: tokens.amax(1),
    "the last": lambda net, tokens: tokens[:, -1],
    "the last frame": lambda net, tokens: tokens[:, -6:].mean(1),
    "what is alike": lambda net, tokens: torch.einsum("nld,nl->nd", tokens, net.score(tokens)[..., 0].softmax(1)),
    "the first and the mean": lambda net, tokens: tokens[:, 0] + tokens[:, 1:].mean(1),
    "a recurrence": lambda net, tokens: net.gru(tokens)[0][:, -1],
}


@pytest.mark.parametrize("read", NOT_READ)
@pytest.mark.parametrize("first", [False, True])
def test_what_is_read_otherwise_is_refused(read, first):
    with pytest.raises(VidexplainError, match="cannot follow the tokens of this network: the answer is read"):
        explained(seeded(lambda: Tokens(first=first, read=NOT_READ[read])), video(2, 3, 4, 8, 12))


OTHERWISE = "tokens change with others that they do not attend to"
NOT_ALL = "tokens do not change with all that they attend to"
CHANGED = "changes the probabilities of its attention"
REFUSED = {
    "no softmax behind": ((plain, without_softmax), OTHERWISE),
    "no softmax before": ((without_softmax, plain), OTHERWISE),
    "linear attention": ((plain, linear), OTHERWISE),
    "heads first": ((heads_first, heads_first), OTHERWISE),
    "head by head": ((head_by_head,), NOT_ALL),
    "difference": ((difference,), CHANGED),
    "not used": ((shown_and_not_used,), NOT_ALL),
    "talking heads": ((talking_heads,), CHANGED),
    "the largest": ((plain, largest_alone), CHANGED),
    "squared": ((squared_in_place,), CHANGED),
}


@pytest.mark.parametrize("method", ["attention-rollout", "attention-gradient-rollout"])
@pytest.mark.parametrize("kind", REFUSED)
def test_attention_that_is_not_all_that_moves_tokens_is_refused(kind, method):
    attentions, message = REFUSED[kind]
    with pytest.raises(VidexplainError, match=message) as error:
        explained(seeded(lambda: Tokens(attentions)), video(2, 3, 4, 8, 12), method)
    assert "\n" not in str(error.value)


class Around(nn.Module):
    """The answer to changed clips."""

    def __init__(self, *changes):
        super().__init__()
        self.inner, self.changes = Tokens(), changes

    def forward(self, x):
        return sum(self.inner(change(x)) for change in self.changes)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Around(lambda x: x.flip(-1)), "its places do not follow the clip along the width"),
        (lambda: Around(lambda x: x.flip(2)), "its places do not follow the clip along the time"),
        (lambda: Around(lambda x: x, lambda x: x.flip(-1)), "the answer is read from several lists"),
        (lambda: Around(lambda x: x, lambda x: x - x.roll(1, 2)), "the answer is read from several lists"),
        (lambda: Tokens(skip=False), "or no skip connection leads around one|no skip connection"),
        (lambda: Tokens(read=lambda net, tokens: net.gru(tokens)[0].mean(1)), OTHERWISE),
    ],
)
def test_clips_that_lie_otherwise_and_branches_are_refused(build, message):
    with pytest.raises(VidexplainError, match=message):
        explained(seeded(build), video(2, 3, 4, 8, 12))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Around(lambda x: x.flip(-1)), "its places do not follow the clip along the width"),
        (lambda: Around(lambda x: x.flip(2)), "its places do not follow the clip along the time"),
        (lambda: Tokens((plain, largest_alone)), CHANGED),
    ],
)
def test_links_of_attention_that_does_not_lie_over_the_clip_are_refused(build, message):
    with pytest.raises(
        VidexplainError, match=f"the attention of this network cannot be laid over the clip: .*{message}"
    ):
        find_links(seeded(build), video(1, 3, 4, 8, 12), (0.1, 0.1, 0.1))
