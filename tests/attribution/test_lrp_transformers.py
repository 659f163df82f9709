"""Relevance propagation through the video transformers of Hugging Face: what is conserved, and how attention runs."""

import pytest
import torch

from tests.attribution.networks import video
from tests.attribution.references import close
from tests.oracles import relevance_steps as steps
from tests.small_models import HUGGINGFACE, TRANSFORMERS
from videxplain.attribution.relevance.conservation import relevance

INNERMOST = {
    "videomae": "videomae.embeddings",
    "timesformer": "timesformer.embeddings",
    "vivit": "vivit.embeddings.patch_embeddings",
    "vjepa2": "vjepa2.encoder.embeddings.patch_embeddings.proj",
}
"""The layers behind which no constant joins, such as a position or a class token, which hold relevance of their own."""
JOINS = {"vjepa2": "pooler.cross_attention_layer.cross_attn"}
"""The query of the pooling is a constant that is added; up to there its share is."""


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Each small network once, without biases."""
    built = {}
    for name in HUGGINGFACE:
        built[name] = TRANSFORMERS[name][0](tmp_path_factory.mktemp(name))
        for parameter, values in built[name].named_parameters():
            if parameter.endswith("bias"):
                torch.nn.init.zeros_(values)
    return built


@pytest.mark.parametrize("name", HUGGINGFACE)
def test_without_biases_cp_lrp_loses_nothing(name, networks):
    found = relevance(networks[name], video(1, 3, 4, 24, 24), target=1, composite="cp-lrp")
    shares = {layer.name: float(layer.total / found.score) for layer in found.layers}
    names = list(shares)
    begin = names.index(JOINS[name]) if name in JOINS else 0
    kept = [shares[one] for one in names[begin : names.index(INNERMOST[name]) + 1]]
    assert len(kept) > 3
    assert kept == pytest.approx([shares[JOINS[name]] if name in JOINS else 1.0] * len(kept), abs=2e-3)


@pytest.mark.parametrize(("composite", "attention"), [("epsilon-plus-flat", "attn"), ("cp-lrp", "cp")])
@pytest.mark.parametrize("name", HUGGINGFACE)
def test_every_step_equals_its_equation(name, composite, attention, tmp_path):
    network, x = TRANSFORMERS[name][0](tmp_path).double(), video(2, 3, 4, 24, 24).double()
    steps.compute_attention_step_by_step(network)
    found = relevance(network, x, target=1, layers=(), composite=composite, epsilon=0.0)
    close(found.map, steps.relevance(network, x, 1, attention))


@pytest.mark.parametrize("composite", ["epsilon-plus-flat", "attn-lrp", "cp-lrp"])
@pytest.mark.parametrize("name", ["videomae", "vivit", "vjepa2"])  # TimeSformer has one way
def test_fused_attention_equals_attention_step_by_step(name, composite, networks):
    network, x = networks[name], video(2, 3, 4, 24, 24)
    (model,) = {m for m in network.modules() if hasattr(m, "set_attn_implementation") and hasattr(m, "classifier")}
    maps = {}
    try:
        for way in ("sdpa", "eager"):
            model.set_attn_implementation(way)
            found = relevance(network, x, target=1, layers=(), composite=composite)
            assert torch.isfinite(found.map).all()
            assert found.used["attention" if way == "sdpa" else "softmax"] > 0
            maps[way] = found.map
    finally:
        model.set_attn_implementation("sdpa")
    largest = float(maps["eager"].abs().max())
    torch.testing.assert_close(maps["sdpa"], maps["eager"], rtol=1e-3, atol=1e-4 * largest)


@pytest.mark.parametrize("name", HUGGINGFACE)
def test_attn_lrp_gives_the_flat_rule_to_patches_as_a_whole(name, networks):
    found = relevance(networks[name], video(1, 3, 4, 24, 24), target=1, layers=()).map
    patches = found[0, :, 0].unfold(1, 8, 8).unfold(2, 8, 8)
    assert float((patches - patches.mean((0, 3, 4), keepdim=True)).abs().max()) < 1e-6 * float(found.abs().max()) + 1e-9
