"""X-CLIP: its own answers for any texts, targets that are texts, and maps against literal versions."""

import json

import numpy as np
import pytest
import torch

import videxplain as vx
from tests.attribution.networks import BrightSquares, video
from tests.device import here, placed
from tests.explanation.clips import planted
from tests.oracles.messages import relevance, rollout
from tests.small_models import xclip, xclip_folder
from videxplain.attribution.attention.read import ReadAttention
from videxplain.data.transforms import to_model_input
from videxplain.errors import VidexplainError
from videxplain.models.hubs.huggingface import load_huggingface

transformers = pytest.importorskip("transformers")

TEXTS = ("a person falls", "a person sits down", "the ball")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return xclip_folder(tmp_path_factory.mktemp("xclip"))


@pytest.fixture(scope="module")
def model(folder):
    return vx.load_model(f"hf:{folder}", device=here(), labels=TEXTS)


def own_logits(folder, x, texts):
    """What transformers says, texts and video in one call."""
    network = transformers.XCLIPModel.from_pretrained(folder).eval().to(here())
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        tokens = tokenizer(list(texts), padding=True, return_tensors="pt").to(here())
        return network(pixel_values=x.transpose(1, 2), **tokens).logits_per_video


@pytest.mark.parametrize("texts", [TEXTS, ("a ball", "the person waves a figure down"), ("a person kicks the ball",)])
def test_logits_are_those_of_transformers(folder, texts):
    x = video(3, 3, 4, 24, 24)
    with torch.no_grad():
        found = vx.load_model(f"hf:{folder}", device=here(), labels=texts)(x)
    expected = own_logits(folder, x, texts)
    assert expected.std() > 0.1 or len(texts) == 1
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_frames_are_prepared_as_by_its_processor(tmp_path):
    xclip_folder(tmp_path)
    processing = transformers.VideoMAEImageProcessor(
        do_resize=False, do_center_crop=False, image_mean=[0.48, 0.45, 0.41], image_std=[0.27, 0.26, 0.28]
    )
    processing.save_pretrained(tmp_path)
    model = vx.load_model(f"hf:{tmp_path}", device=here(), labels=TEXTS)
    frames = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 3), np.uint8)
    expected = own_logits(
        tmp_path, processing(list(frames), return_tensors="pt")["pixel_values"].to(here()).transpose(1, 2), TEXTS
    )
    config = model.config
    x = torch.from_numpy(to_model_input(frames, size=config.size, mean=config.mean, std=config.std))[None].to(here())
    with torch.no_grad():
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-5)


def test_what_its_configuration_says(model, folder):
    config = model.config
    assert (config.labels, config.output, config.sampling) == (TEXTS, "logits", "uniform")
    assert (config.num_frames, config.size) == (4, (24, 24))
    assert config.tokens == vx.TokenLayout((4, 3, 3), 1, messages=1)
    assert config.default_layer == "vision_model.encoder.layers.0"
    assert config.weights == f"those of the folder {folder.name}"
    assert len(config.weights_sha256) == 64


def test_texts_are_added_to_those_that_it_has(model):
    x = video(2, 3, 4, 24, 24)
    more = model.for_texts(["the figure waves", "the ball"])
    assert more.config.labels == (*TEXTS, "the figure waves")
    assert more.config.num_classes == 4
    assert model.for_texts(["the ball"]) is model
    assert more.module is model.module
    with torch.no_grad():
        torch.testing.assert_close(more(x)[:, :3], model(x), rtol=1e-5, atol=1e-5)


def test_a_text_is_a_target(model):
    clip = planted(8, 2, 5)
    found = vx.explain(model, clip, target="text: a person waves")
    assert found.origin.target == "a person waves"
    assert sorted(label for label, _ in found.predictions) == sorted((*TEXTS, "a person waves"))
    same = vx.explain(model.for_texts(["a person waves"]), clip, target=3)
    for a, b in zip(found.maps, same.maps, strict=True):
        np.testing.assert_array_equal(a, b)
    known = vx.explain(model, clip, target="text: The ball")
    assert known.origin.target_index == 2
    assert len(known.predictions) == 3


def test_a_text_against_others(model):
    x = video(1, 3, 4, 24, 24)
    contrast = vx.Contrast("text: a person waves", "text: the ball")
    both = vx.attribute(model, x, method="input-x-gradient", target=contrast)
    one, other = vx.attribute(model, x, method="input-x-gradient", targets=["text: a person waves", "text: the ball"])
    torch.testing.assert_close(both, one - other, rtol=1e-4, atol=1e-6)
    found = vx.explain(model, planted(8, 2, 5), target=contrast)
    assert found.origin.target == "a person waves rather than the ball"


def test_of_one_text_there_is_no_probability(folder):
    model = vx.load_model(f"hf:{folder}", device=here(), labels=["a person falls"])
    assert model.config.output == "regression"
    clip = planted(4, 1, 2)
    ((label, value),) = vx.predict(model, clip)
    config = model.config
    x = torch.from_numpy(to_model_input(clip.frames, size=config.size, mean=config.mean, std=config.std))[None]
    assert label == "a person falls"
    assert value == pytest.approx(float(own_logits(folder, placed(x), [label])), rel=1e-4)


# Maps


def attentions(model, x, traced=False):
    kept = []
    with ReadAttention(kept.append, traced):
        logits = model(x)
    return logits, kept


@pytest.mark.parametrize("layers", [1, 3])
def test_rollout_word_for_word(tmp_path, layers):
    xclip_folder(tmp_path, num_hidden_layers=layers, mit_num_hidden_layers=2)
    model, x = placed(load_huggingface(str(tmp_path), options={"labels": TEXTS})), video(2, 3, 4, 24, 24)
    with torch.no_grad():
        _, kept = attentions(model, x)
    found = vx.attribute(model, x, method="attention-rollout", enlarge=False)
    for n in range(2):
        expected = rollout([one.mean(1).cpu() for one in kept], layers, 2, n, 4, 9)
        torch.testing.assert_close(found[n].cpu(), expected.view(4, 3, 3), rtol=1e-4, atol=1e-6)
    assert found.std() > 1e-3


@pytest.mark.parametrize("target", [0, 2])
def test_rollout_with_gradients_word_for_word(model, target):
    x = video(2, 3, 4, 24, 24)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    logits, kept = attentions(model, x, traced=True)
    gradients = torch.autograd.grad(logits[:, target].sum(), kept, allow_unused=True)
    weighted = [
        (a * (torch.zeros_like(a) if g is None else g)).relu().mean(1).detach().cpu()
        for a, g in zip(kept, gradients, strict=True)
    ]
    found = vx.attribute(model, x, method="attention-gradient-rollout", target=target, enlarge=False)
    for n in range(2):
        expected = relevance(weighted, 2, 1, n, 4, 9)
        torch.testing.assert_close(found[n].cpu(), expected.view(4, 3, 3), rtol=1e-4, atol=1e-6)


def test_grad_cam_word_for_word(folder, model):
    """With texts and video in one call of transformers, and the gradient by plain autograd."""
    x = video(2, 3, 4, 24, 24)
    network = transformers.XCLIPModel.from_pretrained(folder).eval().to(here())
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(list(TEXTS), padding=True, return_tensors="pt").to(here())
    kept = []

    def keep(_, __, output):
        kept.append(output[0] if isinstance(output, tuple) else output)

    network.vision_model.encoder.layers[0].register_forward_hook(keep)
    score = network(pixel_values=x.transpose(1, 2), **tokens).logits_per_video[:, 1].sum()
    (gradient,) = torch.autograd.grad(score, kept[0])
    activations, gradient = (
        one.detach()[:, 1:].unflatten(0, (2, 4)).permute(0, 3, 1, 2) for one in (kept[0], gradient)
    )  # (N, D, T, places)
    expected = (gradient.mean((2, 3), keepdim=True) * activations).sum(1).relu().view(2, 4, 3, 3)
    found = vx.attribute(model, x, method="gradcam", target=1, enlarge=False)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert expected.max() > 0.01


# What is wrong


def test_texts_must_be_given(folder):
    with pytest.raises(VidexplainError, match=r"compares videos with texts, and has none: give labels=\[\.\.\.\]"):
        vx.load_model(f"hf:{folder}")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("text: the ball", "'text: the ball' is a target of networks that compare videos with texts, such as hf:.*; "),
        ("text:", "a target that begins with text: needs words"),
    ],
)
def test_a_text_for_a_network_with_classes_is_refused(target, said):
    with pytest.raises(VidexplainError, match=said):
        vx.explain(BrightSquares(8, 32, "consecutive"), planted(8, 2, 5), target=target)


def test_a_text_that_is_too_long_is_refused(model):
    with pytest.raises(VidexplainError, match=r"has 32 tokens, and hf:.* reads 12: shorten it"):
        model.for_texts(["a person falls " * 10])


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    xclip_folder(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    with pytest.raises(VidexplainError) as refusal:
        vx.load_model(f"hf:{tmp_path}", device=here(), labels=TEXTS)
    assert "\n" not in str(refusal.value)


def test_absurd_settings_of_a_part_are_refused(tmp_path):
    xclip_folder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["vision_config"]["hidden_size"] = 10**9
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(VidexplainError, match="hidden_size is a number from 1 to 65536"):
        vx.load_model(f"hf:{tmp_path}", device=here(), labels=TEXTS)


def test_random_weights_are_the_same_every_time(folder):
    one, two = (vx.load_model(f"hf:{folder}", device=here(), weights="none", labels=TEXTS) for _ in range(2))
    x = video(1, 3, 4, 24, 24)
    with torch.no_grad():
        assert torch.equal(one(x), two(x))
    assert not one.config.trained


def test_it_is_small_and_explained_like_all_networks(tmp_path):
    model = xclip(tmp_path)
    for method, options in (("rise", {"samples": 10}), ("lime", {"samples": 36, "count": 8}), ("saliency", {})):
        assert vx.attribute(model, video(1, 3, 4, 24, 24), method=method, target="text: a ball", **options).any()
