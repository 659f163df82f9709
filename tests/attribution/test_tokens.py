"""Tokens stand where they are read: each way of laying them out, walked from the voxel to the token and back."""

import pytest
import torch
from torch import nn

import videxplain as vx
from tests.attribution.networks import Small3D, seeded, video
from tests.small_models import TRANSFORMERS, Transformer, huggingface
from videxplain.attribution.api import attribute
from videxplain.attribution.default_layer import default_layer
from videxplain.attribution.engine import trace
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.tokens import lay_out
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout


def build(name, folder):
    make, shape = TRANSFORMERS[name]
    return make(folder), shape


def silenced(module, *endings):
    """Without attention each token knows its own patch alone: the projections behind it are zero."""
    for name, layer in module.named_modules():
        if name.endswith(endings):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
    return module


def self_centred(module):
    """Windows in which each token attends to itself, through shifts and padding."""
    for m in module.modules():
        if hasattr(m, "relative_position_bias_table"):
            with torch.no_grad():
                m.relative_position_bias_table[m.relative_position_index[0, 0]] = 1e4
    return module


def lit(module, layer, shape, voxel):
    """The places ``(t, y, x)`` of a layer that change with one voxel of the input, and the grid."""
    x = video(2, 3, *shape)
    other = x.clone()
    other[1, :, voxel[0], voxel[1], voxel[2]] += 5
    maps = []
    for one in (x, other):
        with trace(module, one, [LayerCall(layer)]) as run:
            maps.append(run.activations(LayerCall(layer)))
    change = (maps[1] - maps[0]).abs().amax(1)
    assert change[0].max() == 0
    return [tuple(place) for place in change[1].nonzero().tolist()], tuple(change.shape[1:])


ATTENTION = ("attention.output.dense", "attention.o_proj", "attention.proj", "attn.project.0", "out_proj")
EXACT = [
    ("videomae", "videomae.embeddings", (2, 8, 8)),
    ("videomae", "videomae.encoder.layer.0", (2, 8, 8)),
    ("videomae", "videomae.encoder.layer.1", (2, 8, 8)),
    ("timesformer", "timesformer.embeddings.patch_embeddings.projection", (1, 8, 8)),
    ("timesformer", "timesformer.embeddings", (1, 8, 8)),
    ("timesformer", "timesformer.encoder.layer.0.temporal_layernorm", (1, 8, 8)),
    ("timesformer", "timesformer.encoder.layer.0.layernorm_before", (1, 8, 8)),
    ("timesformer", "timesformer.encoder.layer.0", (1, 8, 8)),
    ("timesformer", "timesformer.encoder.layer.1.layernorm_before", (1, 8, 8)),
    ("vivit", "vivit.embeddings", (2, 8, 8)),
    ("vivit", "vivit.layers.1.layernorm_before", (2, 8, 8)),
    ("vjepa2", "vjepa2.encoder.embeddings", (2, 8, 8)),
    ("vjepa2", "vjepa2.encoder.layer.1", (2, 8, 8)),
    ("swin3d", "patch_embed", (2, 4, 4)),
    ("swin3d", "features.0.0", (2, 4, 4)),
    ("swin3d", "features.0.1", (2, 4, 4)),
    ("swin3d", "features.1", (2, 8, 8)),
    ("swin3d", "features.2.1", (2, 8, 8)),
    ("swin3d", "norm", (2, 8, 8)),
    ("image transformer", "conv_proj", (1, 8, 8)),
    ("image transformer", "encoder.layers.encoder_layer_1.ln_1", (1, 8, 8)),
    ("plain transformer", "embed", (2, 8, 8)),
    ("plain transformer", "norm", (2, 8, 8)),
]


@pytest.mark.parametrize(("name", "layer", "patch"), EXACT, ids=[f"{name} {layer}" for name, layer, _ in EXACT])
def test_a_voxel_lights_the_token_of_its_patch(name, layer, patch, tmp_path):
    """No two extents are alike in how they are divided, so that any exchange of dimensions would be seen."""
    module, shape = build(name, tmp_path)
    module = self_centred(module) if name == "swin3d" else silenced(module, *ATTENTION, "temporal_dense")
    for voxel in [(0, 0, 0), (3, 9, 17), (2, 23, 5), tuple(extent - 1 for extent in shape)]:
        expected = tuple(at // edge for at, edge in zip(voxel, patch, strict=True))
        found, grid = lit(module, layer, shape, voxel)
        assert found == [expected]
        assert grid == tuple(-(-extent // edge) for extent, edge in zip(shape, patch, strict=True))


@pytest.mark.parametrize("version", [1, 2])
def test_a_voxel_lights_the_pooled_tokens_around_it(version, tmp_path):
    """MViT's grid is that of its patches (2x8x8), and behind the second block that of every other one (2x4x4)."""
    module, shape = build(f"mvit_v{version}", tmp_path)
    silenced(module, *ATTENTION)
    for voxel in [(0, 2, 29), (3, 25, 10), (3, 6, 6)]:
        patches, grid = lit(module, "conv_proj", shape, voxel)
        assert grid == (2, 8, 8)
        assert 1 <= len(patches) <= 8
        for layer in ("blocks.0.norm1", "blocks.0", "blocks.1.norm1"):
            assert lit(module, layer, shape, voxel) == (patches, (2, 8, 8))
        coarse = {(t, y // 2, x // 2) for t, y, x in patches}
        wide = {(t, (y + 1) // 2, (x + 1) // 2) for t, y, x in patches}
        for layer in ("blocks.1", "blocks.2.norm1", "blocks.2"):
            places, grid = lit(module, layer, shape, voxel)
            assert grid == (2, 4, 4)
            assert places
            # The maximum is over 3x3 patches at every other one: one of them, or its neighbour.
            assert all(any(t == a and y - b in (0, 1) and x - c in (0, 1) for a, b, c in coarse) for t, y, x in places)
            assert {t for t, *_ in places} <= {t for t, *_ in coarse | wide}


@pytest.mark.parametrize(
    ("layout", "place"),
    [
        (TokenLayout((2, 3, 4), 0, "thw"), lambda t, y, x: (t * 3 + y) * 4 + x),
        (TokenLayout((2, 3, 4), 2, "thw"), lambda t, y, x: 2 + (t * 3 + y) * 4 + x),
        (TokenLayout((2, 3, 4), 1, "hwt"), lambda t, y, x: 1 + (y * 4 + x) * 2 + t),
    ],
)
def test_lists_of_tokens_literally(layout, place):
    values = video(2, 24 + layout.prefix, 5)
    laid = lay_out(values, layout)
    assert laid.shape == (2, 5, 2, 3, 4)
    for t in range(2):
        for y in range(3):
            for x in range(4):
                assert torch.equal(laid[:, :, t, y, x], values[:, place(t, y, x)])


def test_folded_tokens_literally():
    frames, places = video(4, 1 + 12, 5), video(24, 2, 5)
    laid = lay_out(frames, TokenLayout((2, 3, 4), 1, "frames"))
    assert laid.shape == (4, 5, 3, 4)
    by_place = lay_out(places, TokenLayout((2, 3, 4), 0, "places"))
    assert by_place.shape == (2, 5, 2, 3, 4)
    for y in range(3):
        for x in range(4):
            assert torch.equal(laid[:, :, y, x], frames[:, 1 + y * 4 + x])
            for n in range(2):
                assert torch.equal(by_place[n, :, :, y, x].T, places[n * 12 + y * 4 + x])


def test_gradients_stand_where_the_activations_do(tmp_path):
    """The gradient at each token of TimeSformer's list, put back by hand."""
    network, x = huggingface("timesformer", tmp_path), video(2, 3, 4, 24, 24)
    layer = LayerCall("timesformer.encoder.layer.0")
    with trace(network, x, [layer]) as run:
        found = next(run.gradients(run.logits[:, 2][None]))[layer]
    kept = []
    network.get_submodule(layer.name).register_forward_hook(lambda _, __, out: kept.append(out[0].requires_grad_()))
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    (expected,) = torch.autograd.grad(network(x)[:, 2].sum(), kept)
    assert expected.abs().max() > 0
    for t in range(4):
        for y in range(3):
            for c in range(3):
                token = expected[:, 1 + (y * 3 + c) * 4 + t]
                torch.testing.assert_close(found[:, :, t, y, c], token, rtol=1e-4, atol=1e-7)


LAYERS = {
    "videomae": "videomae.encoder.layer.1",
    "timesformer": "timesformer.encoder.layer.1.layernorm_before",
    "vivit": "vivit.layers.1.layernorm_before",
    "vjepa2": "pooler.cross_attention_layer.layer_norm1",
    "xclip": "vision_model.encoder.layers.0",
    "mvit_v1": "blocks.2.norm1",
    "mvit_v2": "blocks.2.norm1",
    "swin3d": "norm",
    "image transformer": "encoder.layers.encoder_layer_1.ln_1",
    "plain transformer": "norm",
}
FOUND = LAYERS | {"xclip": "prompts_visual_layernorm"}
"""What gradients find. X-CLIP's prompts read the patches of the last block, too, and change the texts a little.

Its loader names the block before, because the similarity itself reads class tokens alone.
"""


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_default_layer_is_the_last_on_which_the_answer_rests(name, tmp_path):
    """What is found by gradients is what the loaders say; behind it they are zero wherever there is a place."""
    module, shape = build(name, tmp_path)
    x = video(1, 3, *shape)
    assert str(default_layer(module, x)) == LAYERS[name]
    if config := getattr(module, "config", None):
        module.config = config.replace(default_layer="")
        assert str(default_layer(module, x)) == FOUND[name]
    assert attribute(module, x, method="hirescam").max() > 0


def test_default_layer_where_the_first_patch_is_read(tmp_path):
    """Of the last block only one place counts; before its attention all do."""
    network, x = huggingface("videomae", tmp_path, use_mean_pooling=False), video(1, 3, 4, 24, 24)
    last, before = "videomae.encoder.layer.1", "videomae.encoder.layer.1.layernorm_before"
    assert attribute(network, x, method="hirescam", layer=last, enlarge=False).nonzero().tolist() in (
        [],
        [[0, 0, 0, 0]],
    )
    assert str(default_layer(network, x)) == before
    network.config = network.config.replace(default_layer="")
    assert str(default_layer(network, x)) == before
    assert (attribute(network, x, method="hirescam", enlarge=False) > 0).sum() > 1


def test_behind_the_last_attention_only_the_class_token_is_read(tmp_path):
    network, x = huggingface("vivit", tmp_path), video(1, 3, 4, 24, 24)
    for layer in ("vivit.layers.1", "vivit.layers.1.layernorm_after", "vivit.layernorm"):
        assert attribute(network, x, method="hirescam", layer=layer).abs().max() == 0


class Silent(nn.Module):
    """A transformer whose patches are cut out by hand, so that nothing shows how its tokens lie."""

    def __init__(self, order="thw", prefix=0):
        super().__init__()
        self.order, self.prefix = order, prefix
        self.embed = nn.Linear(3 * 2 * 4 * 4, 8)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        patches = x.unfold(2, 2, 2).unfold(3, 4, 4).unfold(4, 4, 4)  # (N, C, t, h, w, 2, 4, 4)
        dims = (0, 2, 3, 4, 1, 5, 6, 7) if self.order == "thw" else (0, 3, 4, 2, 1, 5, 6, 7)
        tokens = self.embed(patches.permute(dims).flatten(4).flatten(1, 3))
        tokens = torch.cat([tokens.new_zeros(len(x), self.prefix, 8), tokens], 1)
        return self.head(self.norm(tokens).mean(1))


@pytest.mark.parametrize(
    ("order", "prefix", "token_grid"),
    [
        ("thw", 0, (2, 2, 3)),
        ("thw", 0, TokenLayout((2, 2, 3))),
        ("thw", 1, (2, 2, 3)),
        ("thw", 12, TokenLayout((2, 2, 3), 12)),
        ("hwt", 1, TokenLayout((2, 2, 3), 1, "hwt")),
    ],
)
def test_a_grid_that_is_given(order, prefix, token_grid):
    module, x = seeded(lambda: Silent(order, prefix)), video(2, 3, 4, 8, 12)
    plain = attribute(seeded(Silent), x, method="gradcam", token_grid=(2, 2, 3), enlarge=False, target=1)
    found = attribute(module, x, method="gradcam", token_grid=token_grid, enlarge=False, target=1)
    assert found.shape == (2, 2, 2, 3)
    assert found.max() > 0
    if not prefix:
        torch.testing.assert_close(found, plain)
    else:  # the mean is over more tokens, which the place does not depend on
        torch.testing.assert_close(found / found.max(), plain / plain.max(), rtol=1e-3, atol=1e-3)
    layout = token_grid if isinstance(token_grid, TokenLayout) else TokenLayout(token_grid)
    wrapped = vx.wrap(module, num_frames=4, size=(8, 12), tokens=layout)
    assert torch.equal(attribute(wrapped, x, method="gradcam", enlarge=False, target=1), found)


@pytest.mark.parametrize(
    ("module", "token_grid", "message"),
    [
        (Silent, None, r"12 tokens, and the network does not say how they lie: give token_grid"),
        (Silent, (3, 3, 3), r"12 tokens do not fill a grid of 3x3x3 = 27"),
        (Silent, TokenLayout((2, 2, 2), 1), r"12 tokens do not fill a grid of 2x2x2 = 8 after 1 of no place"),
        (lambda: Silent(prefix=9), (2, 2, 3), r"21 tokens do not fill a grid of 2x2x3 = 12"),
        (Silent, (2, 6), r"token_grid is \(steps, rows, columns\), not \(2, 6\)"),
        (Silent, (0, 2, 6), r"token_grid is \(steps, rows, columns\), not \(0, 2, 6\)"),
    ],
)
def test_tokens_that_fit_no_grid_are_refused_in_one_line(module, token_grid, message):
    with pytest.raises(VidexplainError, match=message) as error:
        attribute(seeded(module), video(1, 3, 4, 8, 12), method="gradcam", layer="norm", token_grid=token_grid)
    assert "\n" not in str(error.value)


class FramesInOneList(nn.Module):
    """Patches of single frames, which then stand in one list: in which order, nothing shows."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, stride=4)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        patches = self.embed(x.transpose(1, 2).flatten(0, 1)).flatten(2).transpose(1, 2)
        return self.head(self.norm(patches.unflatten(0, (len(x), -1)).flatten(1, 2)).mean(1))


def test_an_order_that_nothing_shows_is_asked_for():
    module, x = seeded(FramesInOneList), video(2, 3, 4, 8, 12)
    with pytest.raises(VidexplainError, match=r"24 tokens of 4 frames in one list, whose order the network does not"):
        attribute(module, x, method="gradcam", layer="norm")
    told = attribute(module, x, method="gradcam", layer="norm", token_grid=(4, 2, 3), enlarge=False)
    assert told.shape == (2, 4, 2, 3)
    assert told.max() > 0


class OneFrameACall(nn.Module):
    """An image transformer that is called for each frame by itself."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return torch.stack([self.network(frame) for frame in x.unbind(2)]).mean(0)


def test_one_frame_a_call_is_the_same_as_frames_in_the_batch(tmp_path):
    folded, x = build("image transformer", tmp_path)[0], video(2, 3, 4, 24, 24)
    loop = OneFrameACall(folded.module)
    layer = "encoder.layers.encoder_layer_1.ln_1"
    for method in ("gradcam", "ablationcam"):
        expected = attribute(folded, x, method=method, layer=layer, target=1)
        found = attribute(loop, x, method=method, layer=f"network.{layer}", target=1)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


EARLIER = {
    "videomae": "videomae.encoder.layer.0",
    "timesformer": "timesformer.encoder.layer.0",
    "vivit": "vivit.layers.0",
    "vjepa2": "vjepa2.encoder.layer.0",
    "xclip": "vision_model.pre_layernorm",
    "mvit_v1": "blocks.0",
    "mvit_v2": "blocks.0",
    "swin3d": "features.0.1",
    "image transformer": "encoder.layers.encoder_layer_0",
    "plain transformer": "block",
}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_layers_of_a_transformer_are_fused_and_enlarged(name, tmp_path):
    module, shape = build(name, tmp_path)
    found = attribute(module, video(2, 3, *shape), method="layercam", layer=f"{EARLIER[name]}+{LAYERS[name]}")
    assert found.shape == (2, *shape)
    assert found.max() > 0


def test_half_precision_reads_the_same_places(tmp_path):
    for name in ("timesformer", "mvit_v2", "swin3d"):
        (tmp_path / name).mkdir()
        module, shape = build(name, tmp_path / name)
        x = video(1, 3, *shape)
        single, half = (attribute(module, x, method="gradcam", target=1, precision=p) for p in ("fp32", "bf16"))
        assert single.max() > 0
        torch.testing.assert_close(half / half.max(), single / single.max(), rtol=0, atol=0.1)


class OwnRMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.weight


@pytest.mark.parametrize("norm", [nn.RMSNorm, OwnRMSNorm])
def test_a_network_that_normalises_tokens_by_their_mean_square_has_tokens(norm):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.norm = nn.Conv3d(3, 8, (1, 2, 2), (1, 2, 2)), norm(8)
            self.mix, self.fc = nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x):
            y = self.embed(x).flatten(2).transpose(1, 2)
            return self.fc((y + self.mix(self.norm(y)).relu()).mean(1))

    network, x = seeded(Network), video(1, 3, 4, 8, 8)
    options = {"method": "hirescam", "layer": "mix", "target": 1, "enlarge": False}
    found = attribute(network, x, **options)
    assert found.shape == (1, 4, 4, 4)
    assert found.max() > 0
    assert torch.equal(found, attribute(network, x, token_grid=(4, 4, 4), **options))
    assert str(default_layer(network, x)) == "norm"


def test_a_network_without_normalisation_of_tokens_has_none():
    """(N, T, H, W, C) is channels last where a layer normalisation says so, and not because the numbers fit."""
    x = video(1, 3, 4, 8, 8)
    assert attribute(seeded(Small3D), x, method="activations", layer="relu1", enlarge=False).shape == (1, 4, 8, 8)


def test_a_layer_that_returns_tokens_beside_something_else_hands_it_on():
    class Beside(Transformer):
        def __init__(self):
            super().__init__()
            self.block.register_forward_hook(lambda _, __, out: (out, "weights"))

        def forward(self, x):
            tokens, word = self.block(self.embed(x).flatten(2).transpose(1, 2))
            assert word == "weights"
            return self.head(self.norm(tokens).mean(1))

    module, x = seeded(Beside), video(1, 3, 4, 24, 24)
    options = {"method": "gradcam", "layer": "block", "target": 0}
    assert torch.equal(attribute(module, x, **options), attribute(seeded(Transformer), x, **options))


class TokensFirst(nn.Module):
    """``nn.Transformer`` keeps ``(tokens, N, D)`` unless told otherwise."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv3d(3, 16, (2, 8, 8), stride=(2, 8, 8))
        self.norm, self.block = nn.LayerNorm(16), nn.TransformerEncoderLayer(16, 2, 32)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.block(self.norm(self.embed(x).flatten(2).permute(2, 0, 1))).relu().mean(0))


@pytest.mark.parametrize("method", ["gradcam", "lrp"])
@pytest.mark.parametrize("layer", ["norm", "block"])
def test_as_many_clips_as_steps_are_not_taken_for_moments(method, layer):
    """Of four clips of four steps the list has the shape of ``(N h w, t, D)``, and the map was of other clips."""
    with pytest.raises(VidexplainError, match=r"seems to be \(tokens, clips, channels\)"):
        attribute(seeded(TokensFirst), video(4, 3, 8, 24, 24), method=method, layer=layer, target=1)
