import pickle
import shutil
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.models.foreign import CLASSES, assert_same_logits, randomise, videos
from tests.oracles import c3d_pytorch, inception, mmaction2, pytorch_resnet3d
from videxplain.errors import VidexplainError
from videxplain.models.config import View
from videxplain.models.weights.config_json import CONFIG_KEY, config_to_json
from videxplain.models.weights.conversion import convert, recognise_layout
from videxplain.models.zoo import load_model, save_model
from videxplain.train.two_heads import ManyHeads


def without_counts(network: nn.Module) -> dict[str, torch.Tensor]:
    """A state as PyTorch before 0.4.1 wrote it, or Caffe2."""
    return {name: value for name, value in network.state_dict().items() if "num_batches_tracked" not in name}


def error(*args, **options) -> str:
    with pytest.raises(VidexplainError) as raised:
        load_model(*args, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(("depth", "name"), [(18, "resnet18"), (50, "resnet50")])
def test_torchvision_images(depth, name, tmp_path):
    from torchvision import models

    theirs = randomise(getattr(models, name)(num_classes=CLASSES))
    path = tmp_path / f"{name}.pth"
    torch.save(theirs.state_dict(), path)
    assert recognise_layout(theirs.state_dict()) == "torchvision"
    ours = load_model("late_fusion", path)
    assert (ours.config.num_classes, ours.config.options["depth"], ours.config.weights) == (CLASSES, depth, path.name)
    # A classifier that is linear gives the mean of the frames' logits.
    each_frame = lambda x: torch.stack([theirs(frame) for frame in x.unbind(2)]).mean(0)  # noqa: E731
    assert_same_logits(each_frame, ours, videos(2, 64))


def test_torchvision_fills_the_image_network_of_lrcn_and_what_is_missing_is_named(tmp_path):
    from torchvision import models

    theirs = randomise(models.resnet18(num_classes=CLASSES))
    found = convert(theirs.state_dict(), "lrcn")
    assert found.options == {"depth": 18, "width": 64}
    ours = load_model("lrcn", "none", depth=18)
    missing, unexpected = ours.load_state_dict(found.state, strict=False)
    assert {name.split(".")[0] for name in missing} == {"latent", "lstm", "fc"}
    assert unexpected == []
    theirs.fc = nn.Identity()
    frames = videos(1, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours.trunk(frames[:, :, 0]), theirs(frames[:, :, 0]), rtol=1e-4, atol=1e-4)

    path = tmp_path / "resnet18.pth"
    torch.save(models.resnet18(num_classes=CLASSES).state_dict(), path)
    said = error("lrcn", path)
    assert "do not fit lrcn: 8 missing (latent.fc.weight, latent.fc.bias, lstm.weight_ih_l0, ...)" in said
    assert error("i3d", path) == (
        f"weights '{path}': the weights are an image network of torchvision: they fit late_fusion or lrcn, not i3d"
    )


@pytest.mark.parametrize("blocks", [(3, 4, 6, 3), (1, 2, 2, 1)])
def test_mmaction2_i3d(blocks, tmp_path):
    theirs = randomise(mmaction2.i3d(8, CLASSES, blocks))
    path = tmp_path / "i3d.pth"
    torch.save({"meta": {"epoch": 3, "cfg": "model = dict()"}, "state_dict": theirs.state_dict()}, path)
    assert recognise_layout(theirs.state_dict()) == "mmaction2"
    ours = load_model("i3d", path)
    config = ours.config
    assert (config.num_classes, config.num_frames, config.frame_interval) == (CLASSES, 32, 2)
    assert (config.options["depth"], config.options["width"], config.options["time_strides"]) == (50, 8, (2, 2, 2))
    assert config.view == View(256, (224, 224), corner="floor")
    assert load_model("i3d", path, size=64).config.view is None
    assert config.options["blocks"] == (None if blocks == (3, 4, 6, 3) else blocks)
    assert_same_logits(theirs, ours, videos(16, 64))


@pytest.mark.parametrize("mode", ["embedded_gaussian", "gaussian", "dot_product"])
@pytest.mark.parametrize("said_by", ["name", "meta"])
def test_mmaction2_non_local(mode, said_by, tmp_path):
    theirs = randomise(mmaction2.i3d(8, CLASSES, (1, 2, 2, 1), mode))
    path = tmp_path / ("r50-nl-" + mode.replace("_", "-") + ".pth" if said_by == "name" else "nl.pth")
    cfg = f"non_local_cfg=dict(mode='{mode}')" if said_by == "meta" else ""
    torch.save({"meta": {"cfg": cfg}, "state_dict": theirs.state_dict()}, path)
    ours = load_model("non_local", path)
    assert ours.config.options["mode"] == mode
    assert_same_logits(theirs, ours, videos(16, 64))


def test_a_non_local_mode_that_nobody_says_is_not_guessed(tmp_path):
    theirs = randomise(mmaction2.i3d(8, CLASSES, (1, 2, 2, 1), "dot_product"))
    path = tmp_path / "nl.pth"
    torch.save(theirs.state_dict(), path)
    assert error("non_local", path) == f"weights '{path}' do not say which mode they have: give load_model mode=..."
    assert_same_logits(theirs, load_model("non_local", path, mode="dot_product"), videos(16, 64))


def test_mmaction2_tsn_is_late_fusion(tmp_path):
    theirs = randomise(mmaction2.tsn(8, CLASSES))
    path = tmp_path / "tsn.pth"
    torch.save({"state_dict": theirs.state_dict()}, path)
    ours = load_model("late_fusion", path)
    assert (ours.config.options["depth"], ours.config.options["width"]) == (50, 8)
    assert_same_logits(theirs, ours, videos(3, 64))
    assert "an image network of mmaction2: they fit late_fusion, not i3d" in error("i3d", path)


def test_mmaction2_c3d(tmp_path):
    theirs = randomise(mmaction2.c3d(4, CLASSES))
    path = tmp_path / "c3d.pth"
    torch.save({"state_dict": theirs.state_dict()}, path)
    ours = load_model("c3d", path)
    assert (ours.config.num_classes, ours.config.options["width"]) == (CLASSES, 4)
    assert ours.config.view == View((128, 171), (112, 112), corner="floor")
    assert [round(255 * value) for value in (*ours.config.mean, *ours.config.std)] == [104, 117, 128, 1, 1, 1]
    assert_same_logits(theirs, ours, videos(16, 112))


@pytest.fixture(scope="module")
def pytorchvideo():
    pytest.importorskip("pytorchvideo", reason="pip install videxplain[test]")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit.script and pkg_resources are on their way out
        from pytorchvideo.models import hub

        return hub


# Width 8, and a head for videos of 64 pixels.
PYTORCHVIDEO = {"stem_dim_out": 8, "head_pool_kernel_size": (4, 2, 2), "model_num_class": CLASSES}


@pytest.mark.parametrize("name", ["i3d_r50", "c2d_r50"])
def test_pytorchvideo(name, pytorchvideo, tmp_path):
    theirs = randomise(getattr(pytorchvideo, name)(**PYTORCHVIDEO))
    path = tmp_path / "I3D_8x8_R50.pyth"
    torch.save({"model_state": theirs.state_dict(), "epoch": 196}, path)
    assert recognise_layout(theirs.state_dict()) == "pytorchvideo"
    ours = load_model("i3d", path)
    config = ours.config
    assert (config.num_frames, config.frame_interval, config.mean, config.std) == (8, 8, (0.45,) * 3, (0.225,) * 3)
    assert (config.options["width"], config.options["time_strides"]) == (8, (1, 1, 2))
    assert_same_logits(theirs, ours, videos(8, 64))


def test_pytorchvideo_slow_sees_more_frames_than_i3d(pytorchvideo, tmp_path):
    path = tmp_path / "SLOW_8x8_R50.pyth"
    torch.save({"model_state": pytorchvideo.slow_r50(stem_dim_out=8).state_dict()}, path)
    said = error("i3d", path)
    # One of res4 in two, and two of res5 in three.
    assert "5 of another shape (layer3.1.conv1.weight (32, 128, 3, 1, 1) for (32, 128, 1, 1, 1)" in said
    assert "missing" not in said


@pytest.mark.parametrize("frames", [16, 32])
@pytest.mark.parametrize(
    ("project", "build"),
    [("pytorch-i3d", inception.pytorch_i3d), ("kinetics_i3d_pytorch", inception.kinetics_i3d_pytorch)],
)
def test_inception(project, build, frames, tmp_path):
    theirs = randomise(build(8, CLASSES), gain=2.5)
    path = tmp_path / "rgb_imagenet.pt"
    torch.save(without_counts(theirs), path)
    assert recognise_layout(theirs.state_dict()) == project
    ours = load_model("i3d_inception", path)
    assert (ours.config.num_classes, ours.config.options["width"]) == (CLASSES, 8)
    assert (ours.config.mean, ours.config.std) == ((0.5,) * 3, (0.5,) * 3)
    assert_same_logits(theirs, ours, videos(frames, 224))


def test_c3d_pytorch(tmp_path):
    theirs = randomise(c3d_pytorch.C3D(4, CLASSES))
    path = tmp_path / "c3d.pickle"
    # The published file is older than PyTorch's present format.
    torch.save(theirs.state_dict(), path, _use_new_zipfile_serialization=False)
    assert recognise_layout(theirs.state_dict()) == "c3d-pytorch"
    ours = load_model("c3d", path)
    assert (ours.config.num_classes, ours.config.options["width"], ours.config.options["batch_norm"]) == (7, 4, False)
    assert (ours.config.mean, ours.config.std) == ((0, 0, 0), (1 / 255,) * 3)
    assert_same_logits(theirs, ours, videos(16, 112))


@pytest.mark.parametrize("frames", [7, 16])
@pytest.mark.parametrize("name", ["i3d", "non_local"])
def test_pytorch_resnet3d(name, frames, tmp_path):
    theirs = randomise(pytorch_resnet3d.I3Res50(8, CLASSES, (1, 2, 2, 1), name == "non_local"))
    path = tmp_path / "i3d_r50_kinetics.pth"
    torch.save(without_counts(theirs), path)
    assert recognise_layout(without_counts(theirs)) == "pytorch-resnet3d"
    ours = load_model(name, path)
    config = ours.config
    assert (config.num_frames, config.frame_interval, config.mean, config.std) == (32, 2, (0.45,) * 3, (0.225,) * 3)
    assert config.options["caffe2"]
    assert ours.min_frames == 7
    assert_same_logits(theirs, ours, videos(frames, 64))
    # And kept as a file of ours.
    save_model(ours, tmp_path / "mine.safetensors")
    assert_same_logits(theirs, load_model(name, tmp_path / "mine.safetensors"), videos(frames, 64))


BUILT = {
    "late_fusion": {"depth": 18, "latent": 8},
    "lrcn": {"depth": 18, "latent": 8, "hidden": 6, "layers": 2, "bidirectional": True},
    "c3d": {"batch_norm": True, "size": (32, 48), "num_frames": 8},
    "i3d": {"blocks": (1, 2, 2, 1), "time_strides": (1, 1, 2)},
    "i3d_inception": {},
    "non_local": {"depth": 18, "mode": "dot_product", "time_strides": (1, 1, 1)},
}
SHAPELESS = {"c3d": ("size", "num_frames"), "i3d": ("time_strides",), "non_local": ("time_strides", "mode")}


def lightning(name: str, options: dict[str, object], path: Path) -> nn.Module:
    theirs = randomise(load_model(name, "none", num_classes=CLASSES, width=8, **options))
    state = {f"heads.network.{key}": value for key, value in theirs.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state, "optimizer_states": []}, path)
    return theirs


@pytest.mark.parametrize("name", BUILT)
def test_checkpoints_of_training_without_a_configuration(name, tmp_path):
    path = tmp_path / "best.ckpt"
    theirs = lightning(name, BUILT[name], path)
    told = {option: BUILT[name][option] for option in SHAPELESS.get(name, ())}
    ours = load_model(name, path, **told)
    assert ours.config.replace(weights="none") == theirs.config
    frames = theirs.config.num_frames
    x = torch.randn(1, 3, frames, *BUILT[name].get("size", (64, 64)), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        assert torch.equal(theirs(x), ours(x))


@pytest.mark.parametrize("name", ["i3d", "non_local"])
def test_strides_that_a_checkpoint_of_training_does_not_say_are_not_guessed(name, tmp_path):
    path = tmp_path / "best.ckpt"
    lightning(name, BUILT[name], path)
    assert "do not say which time_strides they have" in error(name, path)


def test_checkpoints_of_training_with_a_configuration(tmp_path):
    path = tmp_path / "best.ckpt"
    theirs = lightning("non_local", BUILT["non_local"], path)
    config = theirs.config.replace(labels=tuple("abcdefg"), weights="trained on UCF101", frame_interval=3)
    content = torch.load(path, weights_only=True)
    torch.save({**content, CONFIG_KEY: [config_to_json(config)]}, path)
    ours = load_model("non_local", path)
    assert ours.config == config
    assert "are of 'non_local', not of 'i3d'" in error("i3d", path)
    assert_same_logits(theirs, ours, videos(8, 64))
    torch.save({**content, CONFIG_KEY: ["{}"]}, path)
    assert "describe a network that this version cannot read" in error("non_local", path)


def test_checkpoints_of_training_on_two_datasets_are_refused(tmp_path):
    network = load_model("i3d", "none", num_classes=CLASSES, width=4, blocks=(1, 1, 1, 1))
    heads = ManyHeads(network, [network.config, network.config.replace(num_classes=3)])
    path = tmp_path / "best.ckpt"
    torch.save({"state_dict": {f"heads.{name}": value for name, value in heads.state_dict().items()}}, path)
    assert "has a classifier for each of 2 datasets" in error("i3d", path)


def test_what_other_projects_keep_beside_the_weights_is_neither_needed_nor_run(tmp_path, monkeypatch):
    ran = tmp_path / "ran"

    class HistoryBuffer:
        """As mmengine's: an array, and functions of its own class."""

        def __init__(self):
            self.history, self.statistics = np.zeros(3), {"mean": HistoryBuffer.mean}

        def mean(self):
            pass

    class Attack:
        def __reduce__(self):
            return (shutil.copyfile, (__file__, str(ran)))

    module = types.ModuleType("elsewhere")
    module.HistoryBuffer = HistoryBuffer
    for part, name in ((HistoryBuffer, "HistoryBuffer"), (HistoryBuffer.mean, "HistoryBuffer.mean")):
        part.__module__, part.__qualname__ = "elsewhere", name
    path = tmp_path / "epoch_100.pth"
    theirs = randomise(mmaction2.i3d(8, CLASSES, (1, 2, 2, 1)))
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "elsewhere", module)
        content = {"state_dict": theirs.state_dict(), "message_hub": HistoryBuffer(), "hooks": [Attack()]}
        torch.save(content, path)
        torch.save(HistoryBuffer(), tmp_path / "whole.pth")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)
    assert_same_logits(theirs, load_model("i3d", path), videos(16, 64))
    assert not ran.exists()
    assert "elsewhere" not in sys.modules
    assert error("i3d", tmp_path / "whole.pth").endswith("in the place of tensors it holds elsewhere.HistoryBuffer")


def test_what_does_not_fit_is_named_under_our_names(tmp_path):
    state = mmaction2.i3d(8, CLASSES, (1, 2, 2, 1)).state_dict()
    del state["backbone.layer2.0.conv1.bn.bias"]
    state["backbone.layer1.0.conv1.conv.weight"] = torch.zeros(8, 8, 1, 1, 1)
    state["backbone.neck.weight"] = torch.zeros(1)
    path = tmp_path / "odd.pth"
    torch.save(state, path)
    assert error("i3d", path) == (
        f"weights '{path}' do not fit i3d: 1 of another shape (layer1.0.conv1.weight (8, 8, 1, 1, 1) for "
        "(8, 8, 3, 1, 1)); 1 missing (layer2.0.bn1.bias); 1 unexpected (neck.weight)"
    )


def test_weights_saved_by_data_parallel_are_known_too(tmp_path):
    theirs = randomise(mmaction2.i3d(8, CLASSES, (1, 2, 2, 1)))
    path = tmp_path / "parallel.pth"
    torch.save(nn.DataParallel(theirs).state_dict(), path)
    theirs.cpu()  # where there is a GPU, it was moved there
    assert_same_logits(theirs, load_model("i3d", path), videos(16, 64))


def test_options_of_the_call_come_before_those_of_the_layout(tmp_path):
    path = tmp_path / "i3d.pth"
    torch.save(mmaction2.i3d(8, CLASSES, (1, 2, 2, 1)).state_dict(), path)
    config = load_model("i3d", path, num_frames=16, labels=list("abcdefg")).config
    assert (config.num_frames, config.frame_interval, config.labels[0]) == (16, 2, "a")


def test_names_of_ours_and_of_nobody_are_no_layout():
    assert recognise_layout(load_model("i3d", "none", width=4, blocks=(1, 1, 1, 1)).state_dict()) is None
    assert recognise_layout(load_model("late_fusion", "none", width=4, depth=18).state_dict()) is None
    assert recognise_layout({}) is None
    with pytest.raises(VidexplainError, match="those of no project known here"):
        convert({"a": torch.zeros(1)}, "i3d")


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (lambda: mmaction2.i3d(64, 400), 28_043_472),
        (lambda: mmaction2.i3d(64, 400, mode="gaussian"), 28_043_472 + 3_680_256),
        (lambda: mmaction2.i3d(64, 400, mode="dot_product"), 28_043_472 + 7_354_368),
        (lambda: mmaction2.tsn(64, 400), 23_508_032 + 819_600),
        (lambda: mmaction2.c3d(64, 101), 79_991_015 - 4_097 * (487 - 101)),
        (lambda: c3d_pytorch.C3D(64, 487), 79_991_015),
        (lambda: pytorch_resnet3d.I3Res50(64, 400), 28_043_472),
        # Their out has a bias: of 512 channels twice, of 1,024 three times.
        (lambda: pytorch_resnet3d.I3Res50(64, 400, non_local=True), 28_043_472 + 7_354_368 + 2 * 512 + 3 * 1024),
        (lambda: inception.pytorch_i3d(64, 400), 12_697_264),
        (lambda: inception.kinetics_i3d_pytorch(64, 400), 12_697_264),
    ],
)
def test_at_full_size_the_oracles_have_the_parameters_of_the_papers(build, parameters):
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in build().parameters()) == parameters
