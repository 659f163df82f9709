"""Tokens without a place are left out of a map where they come first, and refused where they do not."""

import pytest
import torch
from torch import nn

from tests.attribution.networks import seeded, video
from videxplain.attribution.api import attribute
from videxplain.attribution.attention.links import find_links
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout


class Block(nn.Module):
    """Attention among all tokens, and what was there."""

    def __init__(self):
        super().__init__()
        self.norm, self.read = nn.LayerNorm(8), nn.Linear(8, 24)

    def forward(self, tokens):
        q, k, v = self.read(self.norm(tokens)).chunk(3, -1)
        return tokens + (q @ k.transpose(1, 2)).softmax(-1) @ v


class WithExtraTokens(nn.Module):
    """2x2x3 tubelets, parameters put among them at a place, and one block of attention."""

    def __init__(self, at, extra=1, of_clip=False):
        super().__init__()
        self.embed = nn.Conv3d(3, 8, (2, 4, 4), stride=(2, 4, 4))
        self.extra = nn.Parameter(torch.randn(1, extra, 8))
        self.block = Block()
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 4)
        self.at, self.of_clip = at, of_clip

    def forward(self, x):
        tokens = self.embed(x).flatten(2).transpose(1, 2)
        extra = self.extra.expand(len(x), -1, -1)
        if self.of_clip:
            extra = extra + tokens.mean(1, keepdim=True)
        tokens = torch.cat([tokens[:, : self.at], extra, tokens[:, self.at :]], 1)
        return self.head(self.norm(self.block(tokens)).mean(1))


METHODS = ["gradcam", "hirescam", "attention-rollout", "attention-gradient-rollout"]


def explained(module, method="gradcam", **options):
    layer = {} if "rollout" in method else {"layer": "block"}
    return attribute(module, video(2, 3, 4, 8, 12), method=method, enlarge=False, target=2, **layer, **options)


@pytest.mark.parametrize("extra", [1, 3])
@pytest.mark.parametrize("method", METHODS)
def test_tokens_in_front_are_left_out(method, extra):
    module = seeded(lambda: WithExtraTokens(0, extra))
    told = explained(module, method, token_grid=TokenLayout((2, 2, 3), extra))
    assert told.max() > 0
    assert torch.equal(explained(module, method), told)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("at", "extra", "where"), [(5, 1, "5"), (12, 1, "12"), (12, 2, "12, 13"), (1, 2, "1, 2")])
def test_tokens_behind_or_between_are_refused(method, at, extra, where):
    module = seeded(lambda: WithExtraTokens(at, extra))
    belongs = "belongs" if extra == 1 else "belong"
    with pytest.raises(
        VidexplainError, match=rf"of {12 + extra} tokens, number {where} \(from 0\) {belongs} to no place"
    ):
        explained(module, method)


def test_a_relevance_map_and_links_of_such_tokens_are_refused():
    module = seeded(lambda: WithExtraTokens(12))
    with pytest.raises(VidexplainError, match=r"number 12 \(from 0\) belongs to no place"):
        explained(module, "lrp")
    with pytest.raises(VidexplainError, match=r"number 12 \(from 0\) belongs to no place"):
        find_links(module, video(1, 3, 4, 8, 12), (0.5, 0.5, 0.5), "0")


def test_tokens_made_of_the_clip_have_to_be_told():
    module = seeded(lambda: WithExtraTokens(0, of_clip=True))
    with pytest.raises(VidexplainError, match=r"13 tokens for 12 places, .* give tokens=TokenLayout\(grid, prefix=1\)"):
        explained(module)
    assert explained(module, token_grid=TokenLayout((2, 2, 3), 1)).max() > 0
