"""Relevance of an inner layer: its values, where they lie in the clip, and what is refused."""

import warnings

import pytest
import torch
from torch import Tensor, nn

import videxplain as vx
from tests.attribution import folded_networks as folded
from tests.attribution import zennit_reference as zennit
from tests.attribution.networks import Deep3D, Small3D, seeded, three_lrcns, video
from tests.attribution.references import close
from tests.oracles import relevance as literal
from tests.small_models import CONVOLUTIONAL, TRANSFORMERS, Transformer
from videxplain.attribution.api import MapWarning
from videxplain.attribution.relevance.layer_maps import WITHOUT_PLACE
from videxplain.errors import VidexplainError
from videxplain.explanation.sources import as_source
from videxplain.explanation.windows.plan import plan, window_inputs


def at_layer(network: nn.Module, x: Tensor, layer: str, target: object = 1, **options: object) -> Tensor:
    """``(N, T, h, w)`` at the layer's resolution."""
    return vx.attribute(network, x, method="lrp", layer=layer, target=target, enlarge=False, **options)


def without_biases(network: nn.Module) -> nn.Module:
    """A network that loses nothing to biases."""
    for name, values in network.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(values)
    return network


def test_before_the_mean_and_one_linear_layer_it_is_the_weighted_activation():
    network, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    kept = []
    network.relu2.register_forward_hook(lambda _, __, out: kept.append(out))
    with torch.no_grad():
        network(x)
    expected = torch.einsum("nkthw,k->nthw", kept[0], network.fc.weight[3].detach()) / (4 * 4 * 4)
    close(at_layer(network, x, "relu2", 3, epsilon=0.0), expected)


def test_without_biases_every_layer_and_the_input_hold_the_score():
    network, x = without_biases(seeded(Deep3D)), video(2, 3, 4, 8, 8)
    with torch.no_grad():
        score = network(x)[:, 1]
    options = {"composite": "epsilon", "epsilon": 0.0}
    for layer in ("conv1", "relu1", "pool"):
        close(at_layer(network, x, layer, **options).sum((1, 2, 3)), score)
    close(vx.attribute(network, x, method="lrp", target=1, **options).sum((1, 2, 3)), score)
    branches = [at_layer(network, x, layer, **options).sum((1, 2, 3)) for layer in ("relu2", "shortcut")]
    close(sum(branches), score)


@pytest.mark.parametrize("composite", zennit.COMPOSITES)
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("i3d", "layer3"),
        ("i3d", "layer2.0.conv2"),
        ("r3d", "layer2"),
        ("mc3", "layer1.0.conv1.0"),
        ("c3d", "pool3"),
    ],
)
def test_it_equals_what_zennit_records(name, layer, composite, tmp_path):
    build, shape = CONVOLUTIONAL[name]
    network, x = zennit.with_statistics(build(tmp_path)), video(2, 3, *shape).double()
    box = {"low": zennit.LOW, "high": zennit.HIGH} if composite == "epsilon-gamma-box" else {}
    (expected,) = zennit.layer_relevance(network, x, 2, zennit.COMPOSITES[composite](), layer)
    close(at_layer(network, x, layer, 2, composite=composite, **box), expected.sum(1))


@pytest.mark.parametrize("layer", ["trunk.layer1", "trunk.layer3", "trunk.maxpool"])
def test_frames_in_the_batch_equal_what_zennit_records(layer, tmp_path):
    build, shape = CONVOLUTIONAL["late_fusion"]
    network, x = zennit.with_statistics(build(tmp_path)), video(2, 3, *shape).double()
    (expected,) = zennit.layer_relevance(network, x, 2, zennit.COMPOSITES["epsilon-plus-flat"](), layer)
    close(at_layer(network, x, layer, 2), expected.sum(1).unflatten(0, (2, shape[0])))


def test_a_transformer_equals_the_equations():
    network, x = seeded(Transformer).double(), video(2, 3, 4, 24, 24).double()
    for layer, expected in literal.transformer(network, x, 1, "attn").items():
        close(at_layer(network, x, layer, epsilon=0.0), expected.sum(2).unflatten(1, (2, 3, 3)))


@pytest.mark.parametrize("layer", ["features.conv1", "features.relu:0", "features.relu:1", "features"])
def test_frames_in_a_loop_in_the_batch_or_as_one_clip_are_the_same(layer):
    x = video(2, 3, 4, 8, 10)
    maps = {name: at_layer(network, x, layer, [1, 3]) for name, network in three_lrcns().items()}
    close(maps["folded"], maps["stacked"])
    close(maps["loop"], maps["stacked"])


@pytest.mark.parametrize(
    "kind", [folded.TimeFirst, folded.FrameByFrame, folded.LastFrameFirst, folded.ClipByClip, folded.UnevenChunks]
)
def test_however_frames_are_folded_each_has_its_own_relevance(kind):
    x = video(2, 3, 7, 8, 8)
    close(at_layer(seeded(kind), x, "cnn"), at_layer(seeded(folded.SampleFirst), x, "cnn"))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (folded.TwoCrops, "layer 'cnn': it sees 2 images of each frame"),
        (folded.OneMore, "layer 'cnn': .* its 7 images cannot be laid over 6 frames"),
        (folded.FirstHalf, "layer 'cnn': it sees frames 0, 1, 2 of 6"),
    ],
)
def test_images_that_are_not_the_frames_are_refused(kind, message):
    with pytest.raises(VidexplainError, match=message):
        at_layer(seeded(kind), video(1, 3, 6, 16, 16), "cnn")


def test_several_targets_are_those_of_single_passes():
    network, x = seeded(Deep3D), video(2, 3, 4, 8, 8)
    together = vx.attribute(network, x, method="lrp", layer="pool", targets=[0, 2, None], enlarge=False)
    for found, target in zip(together, (0, 2, None), strict=True):
        close(found, at_layer(network, x, "pool", target))


def test_tokens_without_a_place_are_left_out_and_a_note_says_so(tmp_path):
    network, x = TRANSFORMERS["timesformer"][0](tmp_path), video(1, 3, 4, 24, 24)
    layer = "timesformer.encoder.layer.0"
    with pytest.warns(MapWarning) as seen:
        found = at_layer(network, x, layer, 1)
    assert [str(one.message) for one in seen] == [WITHOUT_PLACE]
    assert found.shape == (1, 4, 3, 3)
    # The last block hands on nothing but its class token.
    with pytest.warns(MapWarning):
        assert not at_layer(network, x, "timesformer.encoder.layer.1", 1).any()
    assert found.abs().max() > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        at_layer(TRANSFORMERS["videomae"][0](tmp_path / "videomae"), x, "videomae.encoder.layer.0")


class Side(nn.Module):
    """A layer that the answer does not use, and one that sees no clip."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.beside, self.fc = nn.Conv3d(3, 4, 3, padding=1), nn.Conv3d(3, 4, 1), nn.Linear(4, 3)
        self.constant = nn.Conv3d(1, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        self.beside(x)
        scale = self.constant(torch.ones(1, 1, *x.shape[2:]).to(x))
        return self.fc((self.conv(x).relu() + scale).mean((2, 3, 4)))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("fc", r"layer 'fc' puts out \(1, 3\), which has no extent in space"),
        ("constant", "layer 'constant' puts out the same for every clip, so it holds no relevance"),
        ("conv+beside", "lrp looks at one layer; the cam methods fuse several"),
        ("conf", "unknown layer 'conf'; did you mean conv"),
        ("conv:1", "layer 'conv' is used once in a pass; there is no use 1"),
    ],
)
def test_a_layer_that_cannot_be_explained_is_refused_in_one_line(layer, message):
    with pytest.raises(VidexplainError, match=message) as error:
        at_layer(seeded(Side), video(1, 3, 4, 6, 6), layer)
    assert "\n" not in str(error.value)


def test_a_layer_that_the_score_does_not_use_holds_nothing():
    assert not at_layer(seeded(Side), video(1, 3, 4, 6, 6), "beside").any()


def test_a_layer_that_is_used_twice_is_refused_unless_the_use_is_named():
    with pytest.raises(VidexplainError, match=r"say which use is meant: 'features\.relu:0', 'features\.relu:1'"):
        at_layer(three_lrcns()["loop"], video(1, 3, 4, 8, 8), "features.relu")


def test_an_explanation_of_a_clip_names_its_layer_and_what_it_holds():
    model, clip = vx.load_model("late_fusion"), vx.read_clip("examples/clips/kicking.mp4")
    found = vx.explain(model, clip, "lrp", layer="trunk.layer4")
    assert found.origin.layer == "trunk.layer4"
    # What arrives is told of all windows together; the maps of frames lie between the frames that the network sees.
    whole = plan(clip.num_frames, model.config)
    inputs = window_inputs(as_source(clip), whole, range(len(whole.windows)), model.config, torch.device("cpu"))
    seen = sum(float(at_layer(model, x, "trunk.layer4", model.config.labels.index("Kick")).sum()) for x in inputs)
    assert found.conserved.arrived == pytest.approx(seen, rel=1e-4)
    assert vx.explain(model, clip, "lrp").origin.layer == "input"
    branch = vx.explain(model, clip, "lrp", layer="trunk.layer4.0.conv1")
    assert branch.conserved is None
