"""One bright square that moves, and hand-set networks that answer to it: every method finds where it is, and when."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import videxplain as vx
from tests.attribution.networks import BrightSquares
from tests.attribution.quick import QUICK
from videxplain.attribution.api import METHODS
from videxplain.data.clip import Clip
from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig, TokenLayout

FRAMES, SIDE, PATCH = 8, 32, 8
PLACES = {2: (1, 0), 3: (1, 0), 4: (2, 3), 5: (2, 3)}
"""In which frames the square is there, and in which patch of 4x4: it moves once, and is gone before the end."""
BIG = 2 * PATCH
"""A patch of the clip, which is twice as large as what the networks see."""


def clip():
    frames = np.full((FRAMES, 2 * SIDE, 2 * SIDE, 3), 40, np.uint8)
    for t, (y, x) in PLACES.items():
        frames[t, y * BIG : (y + 1) * BIG, x * BIG : (x + 1) * BIG] = 255
    return Clip(frames)


def config(name, layer, tokens=None):
    return ModelConfig(
        name,
        num_classes=3,
        num_frames=FRAMES,
        size=(SIDE, SIDE),
        sampling="consecutive",
        default_layer=layer,
        first_layer="embed",
        mean=(0, 0, 0),
        std=(1, 1, 1),
        weights="set by hand",
        tokens=tokens,
    )


def brightness(convolution):
    """Sets a convolution to how far the mean of what it sees is above mid-grey, twice."""
    with torch.no_grad():
        convolution.weight.fill_(2 / convolution.weight[0].numel())
        convolution.bias.fill_(-1)
    return convolution


def answer(width):
    """Class 1 is the first feature; class 0 a constant below it as soon as there is a square."""
    head = nn.Linear(width, 3)
    with torch.no_grad():
        head.weight.zero_()[1, 0] = 100
        head.bias.copy_(torch.tensor([0.1, 0.0, -10.0]))
    return head


class BrightFrames(nn.Module):
    """A network of images on each frame, its features averaged over time."""

    def __init__(self):
        super().__init__()
        self.embed = brightness(nn.Conv2d(3, 1, 3, padding=1))
        self.relu = nn.ReLU()
        self.head = answer(1)
        self.config = config("frames", "relu")
        self.eval()

    def forward(self, x):
        features = self.relu(self.embed(x.transpose(1, 2).flatten(0, 1)))
        return self.head(features.unflatten(0, (len(x), -1)).mean((1, 3, 4)))


class BrightTokens(nn.Module):
    """Tubelets whose brightness a class token collects: it attends to those that are bright.

    A token has its brightness and whether it is the class token. The queries of the class token are constant and keys
    grow with brightness, so that nearly all weight is on bright tokens wherever there are any.
    """

    def __init__(self, divided):
        super().__init__()
        self.divided = divided
        self.embed = brightness(nn.Conv3d(3, 1, (2, PATCH, PATCH), stride=(2, PATCH, PATCH)))
        self.relu = nn.ReLU()
        self.tokens = nn.Identity()
        self.head = answer(2)
        layout = TokenLayout((FRAMES // 2, SIDE // PATCH, SIDE // PATCH), 1, "hwt" if divided else "thw")
        self.config = config("divided" if divided else "joint", "tokens", layout)
        self.eval()

    def attend(self, tokens, everywhere):
        """Tokens ``(B, L, 2)`` and what they attend to; all of them ask, or the class token alone."""
        asks = torch.ones_like(tokens[..., :1]) if everywhere else tokens[..., 1:]
        keys, values = 12 * tokens[..., :1], tokens * torch.tensor([1.0, 0.0])
        return F.scaled_dot_product_attention(asks[:, None], keys[:, None], values[:, None], scale=1.0)[:, 0]

    def forward(self, x):
        n = len(x)
        features = self.relu(self.embed(x))[:, 0]
        t, h, w = features.shape[1:]
        features = features.movedim(1, -1) if self.divided else features
        places = torch.stack([features.flatten(1), torch.zeros_like(features).flatten(1)], 2)
        first = torch.tensor([0.0, 1.0]).expand(n, 1, 2)
        tokens = self.tokens(torch.cat([first, places], 1))
        if not self.divided:
            return self.head((tokens + self.attend(tokens, everywhere=False))[:, 0])
        first, places = tokens[:, :1], tokens[:, 1:]
        by_place = places.reshape(n * h * w, t, 2)
        by_place = by_place + self.attend(by_place, everywhere=True) / 4
        by_frame = by_place.reshape(n, h * w, t, 2).transpose(1, 2).flatten(0, 1)
        by_frame = torch.cat([first.repeat_interleave(t, 0), by_frame], 1)
        return self.head((by_frame + self.attend(by_frame, everywhere=False))[:, 0].unflatten(0, (n, t)).mean(1))


NETWORKS = {
    "3D convolutions": lambda: BrightSquares(FRAMES, SIDE, "consecutive"),
    "a network of images": BrightFrames,
    "tokens": lambda: BrightTokens(divided=False),
    "tokens, divided attention": lambda: BrightTokens(divided=True),
}
EVIDENCE = [
    name
    for name in METHODS
    # What passes through where nothing was active, and what asks for movement, which these networks do not see.
    if METHODS[name].family != "activation" and name not in ("deconvolution", "motion", "selective-relevance")
]
REFUSED = {
    ("3D convolutions", "attention"): "is for transformers",
    ("a network of images", "attention"): "is for transformers",
    ("tokens", "cam"): "cam needs a network that ends in the average",
    ("tokens, divided attention", "cam"): "cam needs a network that ends in the average",
    ("tokens, divided attention", "deeplift"): "deeplift's parts add up to 79, and the score changes by 71.6",
}
ENOUGH = ("rise", "extremal-perturbation", "temporal-mask")
"""They draw by chance, or look for as little as is enough: their peak is in the square, not all of it in their map."""
WHOLE_FRAMES = ("frame-occlusion", "temporal-mask")
SETTINGS = {
    "occlusion": {"box": (2, 8, 8)},
    "rise": {"samples": 400},
    "lime": {"supervoxels": "boxes", "count": 64, "samples": 300},
    "kernel-shap": {"supervoxels": "boxes", "count": 64, "samples": 300},
    "extremal-perturbation": {},
    "temporal-mask": {},
}


@pytest.mark.parametrize("method", EVIDENCE)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_square_is_found(network, method):
    options = SETTINGS.get(method, QUICK.get(method, {}))
    if expected := REFUSED.get((network, "attention" if METHODS[method].family == "attention" else method)):
        with pytest.raises(VidexplainError, match=expected):
            vx.explain(NETWORKS[network](), clip(), method, **options)
        return
    target = {"target": 1} if METHODS[method].candidates else {}
    heat = vx.explain(NETWORKS[network](), clip(), method, **target, **options).heatmap
    present = np.isin(np.arange(FRAMES), list(PLACES))
    curve = heat.clip(0).mean((1, 2))
    if method in ENOUGH:
        assert curve[present].mean() > 1.2 * curve[~present].mean()
        when = [int(heat.reshape(FRAMES, -1).max(1).argmax())]
    else:
        assert curve[present].min() > curve[~present].max()
        when = list(PLACES)
    for t in when:
        assert present[t]
        if method in WHOLE_FRAMES:
            assert np.ptp(heat[t]) < 1e-6
        else:
            top, left = np.unravel_index(heat[t].argmax(), heat[t].shape)
            assert (top // BIG, left // BIG) == PLACES[t]


@pytest.mark.parametrize("network", ["tokens", "tokens, divided attention"])
def test_grad_cam_of_tokens_is_the_square_and_nothing_else(network):
    """At the grid of the tokens every one outside the square is zero, and the two in it are alike."""
    from videxplain.data.transforms import to_model_input

    model = NETWORKS[network]()
    x = to_model_input(clip().frames, size=(SIDE, SIDE), mean=(0, 0, 0), std=(1, 1, 1))
    found = vx.attribute(model, torch.from_numpy(x)[None], method="gradcam", target=1, enlarge=False)[0]
    assert found.shape == (4, 4, 4)
    places = {(t // 2, y, x) for t, (y, x) in PLACES.items()}
    assert {tuple(place) for place in (found > 1e-6 * found.max()).nonzero().tolist()} == places
    one, other = (found[place] for place in places)
    torch.testing.assert_close(one, other)
