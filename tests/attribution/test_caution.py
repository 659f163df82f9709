"""Methods whose pictures promise more than they hold say so, and it is true of the networks that come along.

Adebayo et al., NeurIPS 2018; Nie et al., ICML 2018.
"""

import pytest
import torch

from tests.attribution.networks import BrightSquares
from tests.explanation.clips import flat, planted
from videxplain.actionfigures import LABELS, render_clip
from videxplain.attribution.api import METHODS, attribute
from videxplain.attribution.registry import magnitude
from videxplain.data.sampling import spread_windows, uniform_indices
from videxplain.data.transforms import to_model_input
from videxplain.explanation.api import UNTRAINED_NOTE, explain
from videxplain.explanation.result import NO_EVIDENCE_NOTE
from videxplain.metrics.randomisation import layers_from_the_top, randomisation_test, similarity
from videxplain.models.zoo import load_model

CAUTIOUS = ("guided-backprop", "deconvolution", "guided-gradcam")


def test_these_methods_are_cautious_in_one_line_each():
    assert {name for name in METHODS if METHODS[name].caution} == set(CAUTIOUS)
    for name in CAUTIOUS:
        caution = METHODS[name].caution
        assert caution.startswith(name)
        # One line of the contact sheet, which breaks longer ones.
        assert len(caution) < 110


@pytest.mark.parametrize("name", CAUTIOUS)
def test_an_explanation_carries_the_caution_of_its_method(name):
    model, clip = BrightSquares(8, 32, "consecutive"), planted(8, 0, 7)
    caution = METHODS[name].caution
    found = explain(model, clip, name, target=1)
    assert found.notes == (caution,)
    assert found.summary()["notes"] == [caution]
    assert caution in found._repr_html_()
    model.config = model.config.replace(weights="none")
    assert explain(model, clip, name, target=1).notes == (UNTRAINED_NOTE, caution)
    nothing = explain(model, flat(8, 0, size=32), name, target=lambda logits: 0 * logits[:, 1])
    assert nothing.notes == (UNTRAINED_NOTE, caution, NO_EVIDENCE_NOTE)


@pytest.mark.parametrize("model", ["c3d", "late_fusion"])
def test_guided_backprop_hardly_depends_on_the_class_or_the_last_layer_and_gradcam_does(model):
    network, label = load_model(model), LABELS.index("Clap")
    x = one_window(network, render_clip("Clap", seed=[77, 3, 0], group_seed=[77, 0]).frames)

    def likeness(method):
        def explain_class(module, target=label):
            return magnitude(attribute(module, x, method=method, target=target))[0]

        others = (explain_class(network, (label + turn) % len(LABELS)) for turn in (5, 9))
        of_class = max(similarity(explain_class(network), other).absolute_spearman for other in others)
        head, *_ = randomisation_test(network, explain_class, layers=layers_from_the_top(network)[:1])
        return of_class, head.similarity.absolute_spearman

    guided = min(likeness("guided-backprop"))
    assert guided > 0.9
    # Saliency says little of the class either, but more of it.
    assert min(likeness("saliency")) < guided - 0.05
    assert max(likeness("gradcam")) < 0.75


def one_window(network, frames):
    """What the network sees of a video at once, ``(1, 3, T, H, W)``."""
    config = network.config
    if config.sampling == "uniform":
        chosen = uniform_indices(len(frames), config.num_frames)
    else:
        chosen = spread_windows(len(frames), config.num_frames, interval=config.frame_interval)[0]
    picture = to_model_input(frames[chosen], size=config.size, mean=config.mean, std=config.std)
    return torch.from_numpy(picture)[None]
