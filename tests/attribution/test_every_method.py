"""What holds for every method in the table, those to come included."""

import numpy as np
import pytest
import torch

from tests.attribution.left_behind import CONTEXTS, in_use, state
from tests.attribution.networks import BrightSquares, Deep3D, Small3D, seeded, three_lrcns, video
from tests.attribution.quick import QUICK
from tests.device import same
from tests.explanation.clips import SIDE, corner, planted
from videxplain import list_methods
from videxplain.attribution.api import METHODS, attribute
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.passes import Pass
from videxplain.attribution.targets import score_function
from videxplain.errors import VidexplainError
from videxplain.explanation.api import explain
from videxplain.explanation.result import NO_EVIDENCE_NOTE

# Those that follow attention need a transformer: what holds for them is in test_rollout.py.
ANYWHERE = [name for name in METHODS if METHODS[name].family != "attention"]
SCORED = [name for name in ANYWHERE if METHODS[name].candidates]
# Deconvolution passes where nothing was active, and the network of the planted signal sees no movement.
ELSEWHERE = ("deconvolution", "motion", "selective-relevance")
LOCALISING = [name for name in METHODS if METHODS[name].family in ("cam", "gradient") and name not in ELSEWHERE]
NETWORKS = {
    "linear head": lambda: seeded(Small3D),
    "deep head": lambda: seeded(Deep3D),
    "2D in a loop": lambda: three_lrcns()["loop"],
    "2D folded": lambda: three_lrcns()["folded"],
}
LAYERS = {"deep head": "conv2", "2D in a loop": "features.conv2", "2D folded": "features.conv2"}


def equal(first, second):
    """Whether two explanations have the same maps."""
    return all(np.array_equal(a, b) for a, b in zip(first.maps, second.maps, strict=True))


def test_they_are_listed_family_by_family():
    names = list_methods()
    assert sorted(names) == sorted(METHODS)
    assert names[0] == "gradcam"
    families = [METHODS[name].family for name in names]
    assert families == sorted(families, key=families.index)


def explained(method, network, x, **arguments):
    """A map of a small network, or a skip where the method says that it is not for such a network."""
    if METHODS[method].layer:
        arguments.setdefault("layer", LAYERS.get(network))
    try:
        return attribute(NETWORKS[network](), x, method=method, **QUICK.get(method, {}), **arguments)
    except VidexplainError as error:
        if (method == "cam" and network != "linear head") or (method == "deeplift" and network.startswith("2D")):
            pytest.skip(str(error))
        raise


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("method", ANYWHERE)
def test_batches_equal_singles(method, network):
    x = video(3, 3, 4, 8, 8)
    whole = explained(method, network, x)
    assert whole.abs().max() > 0
    # What is a difference of two scores is as exact as they are.
    exact = 1e-7 if METHODS[method].family == "perturbation" else 0
    for n in range(3):
        single = explained(method, network, x[n : n + 1])[0]
        torch.testing.assert_close(whole[n], single, rtol=1e-4, atol=exact + 1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize("method", ANYWHERE)
def test_shape_is_that_of_the_input(method):
    maps = explained(method, "linear head", video(2, 3, 4, 8, 6))
    assert maps.shape == ((2, 3, 4, 8, 6) if METHODS[method].family == "gradient" else (2, 4, 8, 6))
    assert maps.dtype == torch.float32
    if METHODS[method].family == "cam":
        assert maps.min() >= 0


@pytest.mark.parametrize("method", SCORED)
def test_index_label_function_list_and_top_class_agree(method):
    module, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    module.config = BrightSquares(4, 8, "consecutive").config.replace(
        num_classes=5, labels=("run", "jump", "wave", "clap", "sit_down"), default_layer="relu2"
    )
    options = {"method": method, **QUICK.get(method, {})}
    by_index = attribute(module, x, target=2, **options)
    for target in ("wave", "2", lambda logits: logits[:, 2], [2, 2], ["wave", 2]):
        assert same(attribute(module, x, target=target, **options), by_index)
    with torch.no_grad():
        top = module(x).argmax(1).tolist()
    assert same(attribute(module, x, **options), attribute(module, x, target=top, **options))


@pytest.mark.parametrize("method", SCORED)
def test_several_targets_equal_one_after_the_other(method):
    module, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    options = {"method": method, **QUICK.get(method, {})}
    together = attribute(module, x, targets=[1, 3, None], **options)
    for maps, target in zip(together, (1, 3, None), strict=True):
        expected = attribute(module, x, target=target, **options)
        torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-6 * float(expected.abs().max()))
    assert not torch.allclose(together[0], together[1], rtol=1e-2, atol=0)


@pytest.mark.parametrize("method", ANYWHERE)
def test_the_same_again(method):
    x = video(2, 3, 4, 8, 8)
    first = explained(method, "linear head", x)
    torch.manual_seed(99)
    assert same(explained(method, "linear head", x), first)


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("method", ANYWHERE)
def test_nothing_is_left_behind(method, context):
    module, x = in_use(), video(1, 3, 4, 6, 6)
    refused = method in ("cam", "deeplift")  # behind the linear layer of this network comes an LSTM
    with CONTEXTS[context]():
        before = state(module)
        try:
            maps = attribute(module, x, method=method, **QUICK.get(method, {}))
        except VidexplainError:
            assert refused
        else:
            assert not refused
            assert not maps.requires_grad
        assert state(module) == before
    module.trouble.raises = True
    before = state(module)
    with pytest.raises(VidexplainError, match="raised ZeroDivisionError in a pass: in the middle"):
        attribute(module, x, method=method, **QUICK.get(method, {}))
    assert state(module) == before


@pytest.mark.parametrize("context", ["no_grad", "inference_mode"])
@pytest.mark.parametrize("method", ANYWHERE)
def test_the_callers_grad_mode_does_not_matter(method, context):
    module, x = seeded(Small3D), video(2, 3, 4, 6, 6)
    expected = attribute(module, x, method=method, **QUICK.get(method, {}))
    with CONTEXTS[context]():
        inside = x.clone()  # in inference mode an inference tensor
        assert same(attribute(module, inside, method=method, **QUICK.get(method, {})), expected)


@pytest.mark.parametrize("method", ANYWHERE)
def test_an_input_that_requires_a_gradient_keeps_its_flags(method):
    x = video(1, 3, 4, 6, 6)
    expected = attribute(seeded(Small3D), x, method=method, **QUICK.get(method, {}))
    x.requires_grad_()
    found = attribute(seeded(Small3D), x, method=method, **QUICK.get(method, {}))
    assert same(found, expected)
    assert not found.requires_grad
    assert x.requires_grad
    assert x.grad is None


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
@pytest.mark.parametrize("method", ANYWHERE)
def test_input_that_is_not_finite_is_refused(method, wrong):
    x = video(1, 3, 4, 8, 8)
    x[0, 1, 2, 3, 4] = wrong
    with pytest.raises(VidexplainError, match="the input holds NaN or infinite values"):
        attribute(seeded(Small3D), x, method=method)


@pytest.mark.parametrize("sampling", ["consecutive", "uniform"])
@pytest.mark.parametrize("method", LOCALISING)
def test_a_planted_signal_is_found_in_a_whole_video(method, sampling):
    """Not by deconvolution: it goes back through ReLUs that were off, and so finds every pixel alike."""
    model = BrightSquares(8 if sampling == "consecutive" else 5, 32, sampling)
    found = explain(model, planted(30, 9, 20), method, **QUICK.get(method, {}))
    assert found.origin.target == ("class 1" if METHODS[method].candidates else "")
    heatmap, temporal = found.heatmap, found.temporal
    assert heatmap.shape == (30, 64, 64)
    assert np.flatnonzero(temporal > 0.01 * temporal.max()).tolist() == list(range(9, 21))
    for t in range(9, 21):
        y, x = corner(t)
        around = heatmap[t, max(0, y - 3) : y + SIDE + 3, max(0, x - 3) : x + SIDE + 3]
        assert around.sum() > 0.97 * heatmap[t].sum()


def test_deconvolution_finds_every_pixel_alike():
    found = explain(BrightSquares(8, 32, "consecutive"), planted(8, 2, 5), "deconvolution", target=1)
    inner = np.stack(list(found.maps))[:, 2:-2, 2:-2]
    np.testing.assert_allclose(inner, inner.max(), rtol=1e-5)


@pytest.mark.parametrize("method", ANYWHERE)
def test_the_class_is_that_of_the_whole_video(method):
    """Windows that show nothing favour class 0; over the whole video class 1 wins, and is explained everywhere."""
    clip, options = planted(30, 6, 29), QUICK.get(method, {})
    decided = explain(BrightSquares(8, 32, "consecutive"), clip, method, **options)
    assert decided.predictions[0][0] == "class 1"
    if METHODS[method].candidates:
        assert decided.origin.target_index == 1
        assert equal(decided, explain(BrightSquares(8, 32, "consecutive"), clip, method, target=1, **options))


@pytest.mark.parametrize("method", [name for name in SCORED if name != "scorecam"])
def test_no_gradient_is_said_and_not_drawn(method):
    model = BrightSquares(8, 32, "consecutive")
    with torch.no_grad():
        model.fc.weight.zero_()
    found = explain(model, planted(16, 3, 9), method, **QUICK.get(method, {}))
    assert not found.has_evidence
    assert NO_EVIDENCE_NOTE in found.notes


@pytest.mark.parametrize("method", SCORED)
def test_the_scores_are_chosen_once(method):
    """Whoever chooses adds up the logits of the windows of a video, and must see each window's once."""
    asked = []

    def choose(logits):
        asked.append(logits)
        return [score_function(1, 5)]

    module, x = seeded(Small3D), video(1, 3, 4, 6, 6)
    layer = LayerCall("relu2") if METHODS[method].layer else None
    found = METHODS[method].run(Pass(module, x, choose, layer), **QUICK.get(method, {}))
    assert len(asked) == 1
    assert same(found.logits, asked[0])
