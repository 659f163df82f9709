"""Any network in one line: it gets its input as it wants it, its layers keep their names, and it is left alone."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import videxplain as vx
from videxplain.models.assumption import AssumptionWarning
from videxplain.models.wrapping import LAYOUTS

FRAMES = np.random.default_rng(0).integers(0, 256, (20, 24, 32, 3), np.uint8)
SHAPES = {"NCTHW": (1, 3, 8, 24, 32), "NTCHW": (1, 8, 3, 24, 32), "NTHWC": (1, 8, 24, 32, 3), "NCHW": (8, 3, 24, 32)}


class Probe(nn.Module):
    """Keeps what it is given and answers with three numbers."""

    def __init__(self, answer=lambda logits: logits) -> None:
        super().__init__()
        self.answer, given = answer, []
        # Not an attribute: what a pass leaves on a network is put back.
        self.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
        self.given = lambda: given[-1]

    def forward(self, x):
        return self.answer(torch.stack([x.flatten(1).mean(1), x.flatten(1).amax(1), x.flatten(1).amin(1)], 1))


class Small(nn.Module):
    """A 3D network with nested names, a parameter and a buffer of its own, and what evaluation changes."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv3d(3, 6, 3, padding=1)
        self.stages = nn.ModuleDict({"a": nn.Sequential(nn.BatchNorm3d(6), nn.ReLU()), "b": nn.Conv3d(6, 6, 3, 2, 1)})
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("offset", torch.zeros(1))
        self.drop, self.fc = nn.Dropout(0.5), nn.Linear(6, classes)

    def forward(self, x):
        x = self.stages["b"](self.stages["a"](self.stem(x))) * self.scale + self.offset
        return self.fc(self.drop(x.mean((2, 3, 4))))


def clip() -> vx.Clip:
    return vx.Clip(FRAMES, fps=25.0)


def error(module: nn.Module, **options) -> str:
    with pytest.raises(vx.VidexplainError) as raised:
        vx.wrap(module, **({"num_frames": 8, "size": (24, 32)} | options))
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_view_is_what_the_network_was_trained_on():
    """Frames of 24 x 32 whose middle 16 x 16 is grey: the crop shows nothing but grey, and the map ends there."""
    frames = FRAMES.copy()
    frames[:, 4:20, 8:24] = 128
    given = {"num_frames": 8, "size": 16, "mean": (0.5,) * 3, "std": (1,) * 3}
    seen = []
    for view in ("24:16", vx.View((24, 32), (16, 16)), "whole"):
        probe = Probe()
        vx.predict(vx.wrap(probe, view=view, **given), vx.Clip(frames, fps=25.0))
        seen.append(probe.given().abs().max())
    assert seen[0] == seen[1] == pytest.approx(128 / 255 - 0.5, abs=1e-6)
    assert seen[2] > 0.1
    network = vx.wrap(Small().eval(), num_frames=8, size=16, view="24:16")
    explained = vx.explain(network, vx.Clip(frames, fps=25.0), method="saliency", target=0)
    outside = np.ones((24, 32), bool)
    outside[4:20, 8:24] = False
    assert np.nan_to_num(explained.heatmap)[:, outside].max() == 0
    assert explained.seen == "the network saw the middle 16x16 of 32x24 pixels"


def test_a_view_that_does_not_fit_is_refused():
    assert error(Probe(), view="256:224") == "the view crops frames to 224x224, and size is 32x24 (width x height)"
    assert error(Probe(), view="model").startswith("view is whole or RESIZE:CROP, such as 256:224")
    assert error(Probe(), view="256").startswith("view is model, whole, or RESIZE:CROP in pixels")


@pytest.mark.parametrize("colours", ["RGB", "BGR"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_network_gets_its_own_layout_range_and_order(layout, colours):
    """Means and deviations of each channel are its own, so that one that goes astray is seen."""
    mean, std = (100.0, 110.0, 120.0), (2.0, 4.0, 8.0)
    probe = Probe()
    model = vx.wrap(
        probe, num_frames=8, size=(24, 32), layout=layout, colours=colours, value_range=255, mean=mean, std=std
    )
    vx.predict(model, vx.Clip(FRAMES[:8], fps=25.0))
    expected = torch.from_numpy(FRAMES[:8]).float()  # (T, H, W, C), as the network's author would prepare it
    expected = (expected[..., ::1] if colours == "RGB" else expected.flip(-1)).sub(torch.tensor(mean))
    expected = expected.div(torch.tensor(std)).permute(3, 0, 1, 2)[None]
    if layout == "NCHW":
        expected = expected[0].transpose(0, 1)
    else:
        expected = expected.permute(*("NCTHW".index(letter) for letter in layout))
    assert probe.given().shape == SHAPES[layout]
    assert probe.given().is_contiguous()
    torch.testing.assert_close(probe.given(), expected, rtol=1e-5, atol=1e-4)


def test_by_default_it_gets_what_imagenet_networks_get():
    probe = Probe()
    model = vx.wrap(probe, num_frames=8, size=(24, 32))
    vx.predict(model, vx.Clip(np.full((8, 24, 32, 3), 255, np.uint8), fps=25.0))
    white = (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(probe.given()[0, :, 3, 5, 7], white)


@pytest.mark.parametrize(
    "answer",
    [
        lambda logits: logits,
        lambda logits: (logits, "features"),
        lambda logits: [logits],
        lambda logits: SimpleNamespace(logits=logits, hidden=None),
    ],
    ids=["tensor", "tuple", "list", "object"],
)
def test_logits_are_found_in_what_the_network_returns(answer):
    model = vx.wrap(Probe(answer), num_frames=8, size=(24, 32))
    assert model.config.num_classes == 3
    x = torch.randn(2, 3, 8, 24, 32)
    torch.testing.assert_close(
        model(x), torch.stack([x.flatten(1).mean(1), x.flatten(1).amax(1), x.flatten(1).amin(1)], 1)
    )


def test_of_several_logits_the_first_is_explained_and_that_is_said():
    network = Probe(lambda verbs: (verbs, -verbs.repeat(1, 2)))
    with pytest.warns(
        AssumptionWarning, match=r"^Probe returns 2 tensors that may be logits, and the first is explained"
    ):
        model = vx.wrap(network, num_frames=8, size=(24, 32))
    assert model.config.num_classes == 3
    assert not network._forward_hooks
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vx.wrap(Probe(lambda logits: (logits, logits[:, :1], logits[0], "features")), num_frames=8, size=(24, 32))


def test_answers_of_single_frames_are_averaged():
    model = vx.wrap(Probe(), num_frames=8, size=(24, 32), layout="NCHW")
    x = torch.randn(2, 3, 8, 24, 32)
    expected = torch.stack([x.mean((1, 3, 4)).mean(1), x.amax((1, 3, 4)).mean(1), x.amin((1, 3, 4)).mean(1)], 1)
    torch.testing.assert_close(model(x), expected)


def test_layers_keep_the_names_that_the_user_knows():
    network = Small()
    model = vx.wrap(network, num_frames=8, size=16, layer="stages.b")
    names = [name for name, _ in network.named_modules() if name]
    assert [name for name, _ in model.named_modules() if name not in ("", "module")] == names
    assert all(model.get_submodule(name) is network.get_submodule(name) for name in names)
    x = torch.randn(2, 3, 8, 16, 16)
    for layer in ("stem", "stages.a.0", "stages.b"):
        torch.testing.assert_close(
            vx.attribute(model, x, method="gradcam", target=1, layer=layer),
            vx.attribute(network, x, method="gradcam", target=1, layer=layer),
            rtol=0,
            atol=0,
        )
    with pytest.raises(vx.VidexplainError, match=r"unknown layer 'stage\.b'; did you mean stages\.b"):
        vx.attribute(model, x, method="gradcam", layer="stage.b")


def test_names_are_told_apart_where_the_network_has_a_module_too():
    parallel = nn.DataParallel(Small())
    model = vx.wrap(parallel, num_frames=8, size=16, layer="module.stages.b")
    assert model.get_submodule("module.stages.b") is parallel.module.stages["b"]
    x = torch.randn(1, 3, 8, 16, 16).to(next(parallel.parameters()))  # it moves to a GPU where there is one
    assert vx.attribute(model, x, method="gradcam", target=1).shape == (1, 8, 16, 16)


def test_without_a_layer_the_last_one_with_extent_is_taken():
    model = vx.wrap(Small(), num_frames=8, size=16)
    assert vx.explain(model, clip()).origin.layer == "stages.b"
    assert vx.explain(model, clip(), "activations").origin.layer == "stem"
    frames = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = vx.wrap(frames, num_frames=8, size=16, layout="NCHW", sampling="uniform")
    found = vx.explain(model, clip())
    assert found.origin.layer == "1"
    assert found.heatmap.shape == (20, 24, 32)


def test_a_transformers_tokens_are_laid_out_as_told():
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.norm, self.head = nn.Linear(3 * 2 * 8 * 8, 6), nn.LayerNorm(6), nn.Linear(6, 4)

        def forward(self, x):
            patches = x.unfold(2, 2, 2).unfold(3, 8, 8).unfold(4, 8, 8)  # (N, C, t, h, w, 2, 8, 8)
            patches = patches.permute(0, 2, 3, 4, 1, 5, 6, 7).flatten(4).flatten(1, 3)
            return self.head(self.norm(self.embed(patches)).mean(1))

    for tokens in ((4, 2, 3), [4, 2, 3], vx.TokenLayout((4, 2, 3), 0)):
        model = vx.wrap(Tokens(), num_frames=8, size=(16, 24), tokens=tokens, layer="norm")
        x = torch.zeros(1, 3, 8, 16, 24)
        x[:, :, 6:8, 8:16, 16:24] = torch.randn(3, 2, 8, 8)  # the last token alone differs from the others
        seen = vx.attribute(model, x, method="activations", layer="embed", enlarge=False)[0]
        assert seen.shape == (4, 2, 3)
        assert ((seen - seen[0, 0, 0]).abs() > 1e-4).nonzero().tolist() == [[3, 1, 2]]


def test_the_whole_video_path_and_what_it_says():
    network = Small(classes=3)
    model = vx.wrap(network, num_frames=8, size=16, labels=["a", "b", "c"], name="mine", frame_interval=2)
    found = vx.explain(model, clip(), target="b")
    assert found.heatmap.shape == (20, 24, 32)
    assert (found.origin.model, found.origin.weights, found.origin.target) == ("mine", "as given", "b")
    assert found.notes == ()
    assert vx.wrap(network, num_frames=8, size=16).config.architecture == "Small"
    untrained = vx.wrap(network, num_frames=8, size=16, weights="none")
    assert any("UNTRAINED" in note for note in vx.explain(untrained, clip()).notes)


def test_the_network_is_used_and_left_as_it_was():
    network = Small().train()
    network.stages["a"].eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    flags = [m.training for m in network.modules()]
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    model = vx.wrap(network, num_frames=8, size=16)
    assert torch.equal(torch.rand(2), expected)
    assert model.module is network
    vx.explain(model, clip())
    assert [m.training for m in network.modules()] == flags
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layout": "NTCWH"}, "unknown layout 'NTCWH'; did you mean NTCHW"),
        ({"colours": "GBR"}, "unknown order of colours 'GBR'; did you mean"),
        ({"sampling": "uniformly"}, "unknown sampling 'uniformly'; did you mean uniform?"),
        ({"layer": "stages.c"}, "unknown layer 'stages.c'; did you mean stages.b or stages.a or stages?"),
        ({"labels": ["a", "b"]}, "2 labels for 4 classes"),
        ({"mean": (0.5,)}, "mean is three numbers, one a channel, not 1"),
        ({"std": (0.2, 0.0, 0.2)}, "std must be above zero, not (0.2, 0.0, 0.2)"),
        (
            {"value_range": 255},
            "value_range 255 needs mean and std on that scale; (0, 0, 0) and (1, 1, 1) change nothing",
        ),
        ({"value_range": 255, "mean": (1, 2, 3)}, "value_range 255 needs mean and std"),
        (
            {"mean": (123.7, 116.3, 103.5), "std": (58.4, 57.1, 57.4)},
            "mean (123.7, 116.3, 103.5) is above value_range 1, which is white",
        ),
        ({"tokens": (4, 6)}, "tokens are steps, rows and columns, or a TokenLayout, not (4, 6)"),
        ({"num_frames": 0}, "num_frames, size, frame_interval and value_range must be above zero"),
        ({"layout": "NTHWC"}, "Small does not take such an input: "),
        ({"labels": ["a", "b", "a", "c"]}, "labels have 'a' twice: give each class a name of its own"),
        ({"labels": "abcd"}, "labels is a list of names, not the text 'abcd'"),
        ({"size": (24, 32, 3)}, "size is a height and a width in pixels, or one number for both, not '(24, 32, 3)'"),
        ({"size": "24"}, "size is a height and a width in pixels, or one number for both, not '24'"),
        (
            {"labels": {"a": 1, "b": 0, "c": 2, "d": 3}},
            "order of the classes, not a dict; of a dictionary from name to",
        ),
        ({"labels": {"a", "b", "c", "d"}}, "labels is a list of names in the order of the classes, not a set"),
        ({"mean": 0.5}, "mean is three numbers, one a channel, not 0.5"),
        ({"std": "abc"}, "std is three numbers, one a channel, not 'abc'"),
        ({"mean": (0.5,) * 3, "std": (58.4,) * 3}, "std (58.4, 58.4, 58.4) is far above value_range 1"),
        (
            {"value_range": 255, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
            "are of values from 0 to 1, and value_range is 255: give all on one scale",
        ),
        ({"num_frames": "8"}, "num_frames is a whole number, not '8'"),
    ],
)
def test_what_does_not_fit_is_said_at_once(options, said):
    assert said in error(Small(), **options)


def test_only_networks_are_wrapped():
    assert error(lambda x: x) == "wrap takes an nn.Module, not function"


def test_a_network_that_gives_no_logits_is_refused():
    features = nn.Conv3d(3, 4, 1)
    assert error(features) == "the model must return logits (1, classes), and it returned (1, 4, 8, 24, 32)"
    assert (
        error(Probe(lambda logits: {"score": logits}))
        == "the model must return logits (1, classes), and it returned dict"
    )
    assert error(Probe(lambda logits: logits.argmax(1))) == (
        "Probe returned int64, such as numbers of classes: return the logits instead"
    )


def test_rows_of_something_else_than_clips_and_frames_are_not_averaged():
    said = "the model must return logits (1, classes), and it returned (3, 1)"
    assert error(Probe(lambda logits: logits.t())) == said
    assert error(Probe(lambda logits: logits.t()), layout="NTCHW") == said


def test_a_wrapped_network_is_not_saved_as_if_it_could_be_loaded(tmp_path):
    with pytest.raises(vx.VidexplainError, match=r"save its \.module as its project does"):
        vx.save_model(vx.wrap(Small(), num_frames=8, size=16), tmp_path / "mine.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_network_without_weights_is_refused() -> None:
    with torch.device("meta"):
        network = nn.Sequential(nn.Conv3d(3, 2, 1), nn.AdaptiveAvgPool3d(1), nn.Flatten())
    with pytest.raises(vx.VidexplainError, match=r"Sequential has no weights yet, only their shapes \(0.weight\)"):
        vx.wrap(network, num_frames=4, size=16)
