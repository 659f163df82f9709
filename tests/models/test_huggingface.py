"""Video classifiers of transformers: its own answers, settings and labels, and nothing fetched, run or made up."""

import json
import pickle
import sys

import numpy as np
import pytest
import torch

import videxplain as vx
from tests.small_models import HUGGINGFACE, huggingface_folder
from videxplain.data.clip import Clip
from videxplain.data.transforms import to_model_input
from videxplain.errors import VidexplainError

transformers = pytest.importorskip("transformers")

LABELS = {0: "juggling", 1: "yawning", 2: "zumba", 3: "archery", 4: "kissing"}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
NETWORKS = {
    "videomae": transformers.VideoMAEForVideoClassification,
    "timesformer": transformers.TimesformerForVideoClassification,
    "vivit": transformers.VivitForVideoClassification,
    "vjepa2": transformers.VJEPA2ForVideoClassification,
}
PROCESSORS = {
    "videomae": [
        transformers.VideoMAEImageProcessor(do_resize=False, do_center_crop=False, **IMAGENET),
        transformers.VideoMAEImageProcessor(do_resize=False, do_center_crop=False, do_normalize=False),
    ],
    "timesformer": [
        transformers.VideoMAEImageProcessor(
            do_resize=False, do_center_crop=False, image_mean=[0.45] * 3, image_std=[0.225] * 3
        ),
    ],
    "vivit": [
        transformers.VivitImageProcessor(do_resize=False, do_center_crop=False),
        transformers.VivitImageProcessor(do_resize=False, do_center_crop=False, offset=False, rescale_factor=1 / 255),
        transformers.VivitImageProcessor(do_resize=False, do_center_crop=False, do_rescale=False, offset=False),
    ],
    "vjepa2": [transformers.VJEPA2VideoProcessor(crop_size=24, do_resize=False, do_center_crop=False)],
}
CASES = [(name, i) for name, processors in PROCESSORS.items() for i in range(len(processors))]


def saved(name, folder, processor=0, **changes):
    """A small network with its processor, as ``save_pretrained`` writes them, and the two in memory."""
    huggingface_folder(name, folder, **changes)
    config = transformers.AutoConfig.from_pretrained(folder)
    config.id2label, config.label2id = LABELS, {label: k for k, label in LABELS.items()}
    torch.manual_seed(1)
    network = NETWORKS[name](config).eval()
    network.save_pretrained(folder)
    processing = PROCESSORS[name][processor]
    processing.save_pretrained(folder)
    return network, processing


@pytest.mark.parametrize(("name", "processor"), CASES)
def test_logits_are_those_of_its_own_pipeline(name, processor, tmp_path):
    network, processing = saved(name, tmp_path, processor)
    model = vx.load_model(f"hf:{tmp_path}")
    frames = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 3), np.uint8)
    with torch.no_grad():
        expected = network(**processing(list(frames), return_tensors="pt")).logits
        config = model.config
        x = torch.from_numpy(to_model_input(frames, size=config.size, mean=config.mean, std=config.std))[None]
        found = model(x)
    assert expected.std() > 0.01
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert not model.training


def test_names_that_transformers_gives_are_those_of_its_own_pipeline(tmp_path):
    network, _ = saved("videomae", tmp_path)
    network.config.id2label = {k: f"LABEL_{k}" for k in range(5)}
    network.save_pretrained(tmp_path)
    config = vx.load_model(f"hf:{tmp_path}").config
    assert config.labels == ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3", "LABEL_4")
    named = vx.load_model(f"hf:{tmp_path}", labels=tuple("abcde")).config
    assert named.labels == tuple("abcde")


@pytest.mark.parametrize(
    ("name", "interval", "grid", "prefix", "order"),
    [
        ("videomae", 4, (2, 3, 3), 0, "thw"),
        ("timesformer", 32, (4, 3, 3), 1, "hwt"),
        ("vivit", 2, (2, 3, 3), 1, "thw"),
        ("vjepa2", 2, (2, 3, 3), 0, "thw"),
    ],
)
def test_what_its_configuration_says(name, interval, grid, prefix, order, tmp_path):
    saved(name, tmp_path)
    config = vx.load_model(f"hf:{tmp_path}").config
    assert config.labels == tuple(LABELS.values())
    assert (config.num_classes, config.num_frames, config.size) == (5, 4, (24, 24))
    assert config.frame_interval == interval
    assert config.tokens == vx.TokenLayout(grid, prefix, order)
    assert config.weights == f"those of the folder {tmp_path.name}"
    changed = vx.load_model(f"hf:{tmp_path}", frame_interval=1, labels=tuple("abcde"), mean=(0.5,) * 3).config
    assert (changed.frame_interval, changed.labels, changed.mean) == (1, tuple("abcde"), (0.5,) * 3)


@pytest.mark.parametrize(
    ("name", "frames", "interval"),
    [
        ("videomae", 16, 4),
        ("timesformer", 8, 32),
        ("timesformer", 16, 16),
        ("timesformer", 96, 4),
        ("vivit", 32, 2),
        ("vjepa2", 16, 4),
        ("vjepa2", 32, 2),
        ("vjepa2", 64, 2),
    ],
)
def test_frames_are_as_far_apart_as_for_published_checkpoints(name, frames, interval, tmp_path):
    """V-JEPA 2 and TimeSformer: frame_step and SAMPLING_RATE of the configurations in their authors' repositories."""
    key = "frames_per_clip" if name == "vjepa2" else "num_frames"
    huggingface_folder(name, tmp_path, **{key: frames})
    assert vx.load_model(f"hf:{tmp_path}", weights="none").config.frame_interval == interval


def test_without_a_processor_colours_are_those_of_imagenet(tmp_path):
    huggingface_folder("videomae", tmp_path)
    config = vx.load_model(f"hf:{tmp_path}", weights="none").config
    assert config.mean == tuple(IMAGENET["image_mean"])
    assert config.std == tuple(IMAGENET["image_std"])


def test_vivit_brings_colours_to_both_sides_of_zero_unless_told_otherwise(tmp_path):
    huggingface_folder("vivit", tmp_path)
    file = tmp_path / "preprocessor_config.json"
    for settings, mean, std in [
        ({"image_processor_type": "VivitImageProcessor"}, 0.75, 0.25),
        ({"image_processor_type": "VivitImageProcessor", "do_normalize": False}, 0.5, 0.5),
        ({"offset": True, "rescale_factor": 1 / 127.5, "image_mean": [0] * 3, "image_std": [1] * 3}, 0.5, 0.5),
        ({"offset": False, "rescale_factor": 1 / 255, "image_mean": [0.2] * 3, "image_std": [0.1] * 3}, 0.2, 0.1),
    ]:
        file.write_text(json.dumps(settings))
        config = vx.load_model(f"hf:{tmp_path}", weights="none").config
        assert config.mean == pytest.approx((mean,) * 3)
        assert config.std == pytest.approx((std,) * 3)


def test_random_weights_are_always_the_same_and_are_called_random(tmp_path):
    huggingface_folder("vivit", tmp_path)
    state = torch.get_rng_state()
    first, second = (vx.load_model(f"hf:{tmp_path}", weights="none") for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert not first.config.trained
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", HUGGINGFACE)
def test_a_whole_video_is_explained(name, tmp_path):
    saved(name, tmp_path)
    model = vx.load_model(f"hf:{tmp_path}", frame_interval=2)
    frames = np.random.default_rng(0).integers(0, 256, (17, 40, 60, 3), np.uint8)
    for method in ("gradcam", "activations", "attention-rollout", "attention-gradient-rollout"):
        found = vx.explain(model, Clip(frames, 25), method)
        assert found.heatmap.shape == (17, 40, 60)
        assert found.has_evidence
        assert {label for label, _ in found.predictions} == set(LABELS.values())
        if method == "gradcam":
            assert found.origin.layer == model.config.default_layer
        elif method.startswith("attention"):
            assert found.origin.layer == "all layers"
    with pytest.raises(VidexplainError, match="calls no ReLU"):
        vx.explain(model, Clip(frames, 25), "guided-backprop")


@pytest.mark.parametrize("name", HUGGINGFACE)
def test_how_attention_is_computed_does_not_matter(name, tmp_path):
    """The fused kernel and attention written out lead to the same gradients at the tokens and the same attention."""
    saved(name, tmp_path)
    model, x = vx.load_model(f"hf:{tmp_path}"), torch.rand(1, 3, 4, 24, 24)
    found = {}
    for kind in ("sdpa", "eager"):
        if name != "timesformer":  # which always writes it out
            model.module.set_attn_implementation(kind)
        found[kind] = [
            vx.attribute(model, x, method=method, target=0)
            for method in ("hirescam", "attention-rollout", "attention-gradient-rollout")
        ]
    for fused, written in zip(found["sdpa"], found["eager"], strict=True):
        torch.testing.assert_close(fused, written, rtol=1e-4, atol=1e-6)


def test_a_name_that_cannot_be_reached_says_what_to_fetch_and_where_to_put_it(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(VidexplainError) as error:
        vx.load_model("hf:nobody/nothing-at-all")
    assert "\n" not in str(error.value)
    for word in (
        "nobody/nothing-at-all",
        "config.json",
        "preprocessor_config.json",
        "model.safetensors",
        "hf:./folder",
    ):
        assert word in str(error.value)


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(VidexplainError, match=r"hf: needs transformers: pip install 'videxplain\[hf\]'"):
        vx.load_model("hf:./folder")


def test_a_folder_without_weights_is_refused(tmp_path):
    huggingface_folder("videomae", tmp_path)
    with pytest.raises(VidexplainError, match=f"cannot read hf:{tmp_path}: .*model.safetensors"):
        vx.load_model(f"hf:{tmp_path}")


def test_a_folder_without_a_configuration_is_refused(tmp_path):
    with pytest.raises(VidexplainError, match=f"cannot read hf:{tmp_path}: ") as error:
        vx.load_model(f"hf:{tmp_path}")
    assert "\n" not in str(error.value)


def test_a_network_without_its_classifier_is_refused(tmp_path):
    """transformers would make one up at random."""
    huggingface_folder("videomae", tmp_path)
    config = transformers.AutoConfig.from_pretrained(tmp_path)
    transformers.VideoMAEModel(config).save_pretrained(tmp_path)
    with pytest.raises(VidexplainError, match=r"lacks \d weights \(classifier.bias, .*\): it is no trained classifier"):
        vx.load_model(f"hf:{tmp_path}")


def test_another_kind_of_network_is_refused(tmp_path):
    transformers.BertConfig(num_hidden_layers=1).save_pretrained(tmp_path)
    with pytest.raises(VidexplainError, match="is a bert; video networks are taken of: videomae, timesformer, vivit"):
        vx.load_model(f"hf:{tmp_path}")


def test_code_of_a_checkpoint_is_not_run(tmp_path):
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}})
    )
    with pytest.raises(VidexplainError, match="cannot read hf:") as error:
        vx.load_model(f"hf:{tmp_path}")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_that_executes_is_not_executed(tmp_path):
    class Harm:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    huggingface_folder("videomae", tmp_path)
    with (tmp_path / "pytorch_model.bin").open("wb") as file:
        pickle.dump({"classifier.weight": Harm()}, file, protocol=2)
    with pytest.raises(VidexplainError, match=r"cannot read hf:.*: its weights hold more than numbers"):
        vx.load_model(f"hf:{tmp_path}")
    assert not (tmp_path / "ran").exists()


def test_damaged_weights_are_said_in_one_line(tmp_path):
    saved("videomae", tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(VidexplainError, match="cannot read hf:") as error:
        vx.load_model(f"hf:{tmp_path}")
    assert "\n" not in str(error.value)


def test_weights_of_another_size_are_said_in_one_line(tmp_path):
    saved("videomae", tmp_path)
    huggingface_folder("videomae", tmp_path, intermediate_size=48)
    said = r"hf:.*: 6 weights have another shape than config\.json says \(videomae.*0.*bias \(32,\) for \(48,\)\)"
    with pytest.raises(VidexplainError, match=said) as error:
        vx.load_model(f"hf:{tmp_path}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("family", ["videomae", "timesformer", "vivit", "vjepa2"])
def test_weights_of_more_layers_than_the_settings_say_are_refused(family, tmp_path):
    saved(family, tmp_path)
    vx.load_model(f"hf:{tmp_path}")
    huggingface_folder(family, tmp_path, num_hidden_layers=1)
    with pytest.raises(VidexplainError, match=r"weights of more layers than config\.json says \(.*\.1\.") as error:
        vx.load_model(f"hf:{tmp_path}")
    assert "\n" not in str(error.value)


def test_nothing_is_printed_and_transformers_is_left_as_talkative_as_it_was(tmp_path, capsys):
    from transformers.utils import logging

    saved("videomae", tmp_path)
    capsys.readouterr()
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    vx.load_model(f"hf:{tmp_path}")
    assert capsys.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_a_damaged_processor_is_said(tmp_path):
    huggingface_folder("videomae", tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(VidexplainError, match=r"cannot read .*preprocessor_config.json: "):
        vx.load_model(f"hf:{tmp_path}", weights="none")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "kinetics400"}, "weights of hf:.* are auto or none; name the folder of others instead"),
        ({"weights": "none", "num_frames": 8}, "unknown option of hf:.* 'num_frames'"),
        ({"weights": "none", "labels": ("a", "b")}, "2 labels for the 5 classes of hf:"),
    ],
)
def test_what_cannot_be_asked_for(arguments, message, tmp_path):
    huggingface_folder("videomae", tmp_path)
    with pytest.raises(VidexplainError, match=message):
        vx.load_model(f"hf:{tmp_path}", **arguments)


def test_an_input_that_is_no_square_is_refused(tmp_path):
    huggingface_folder("vivit", tmp_path, image_size=[24, 32])
    with pytest.raises(VidexplainError, match=r"a square input is needed, not \[24, 32\]"):
        vx.load_model(f"hf:{tmp_path}", weights="none")


def test_one_tubelet_of_timesformer_is_one_frame(tmp_path):
    """The joint kind of TimeSformer has the same tokens as the divided one."""
    huggingface_folder("timesformer", tmp_path, attention_type="joint_space_time")
    model = vx.load_model(f"hf:{tmp_path}", weights="none")
    x = torch.rand(1, 3, 4, 24, 24)
    assert vx.attribute(model, x, method="gradcam", enlarge=False).shape == (1, 4, 3, 3)
    assert vx.attribute(model, x, method="attention-rollout", enlarge=False).shape == (1, 4, 3, 3)
