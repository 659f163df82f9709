"""The layouts of other projects' checkpoints: by which names each is known, and what ours are for them.

Each was read in the project's own source. That the networks give the same logits is what
``tests/models/test_convert.py`` shows.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from videxplain.errors import VidexplainError
from videxplain.models.weights.mmaction2_views import MMACTION2_VIEWS

State = Mapping[str, Tensor]
Rules = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Layout:
    """How a project names the weights of networks that are ours too.

    Attributes:
        name: The project.
        what: Its weights in words, after "the weights are".
        recognises: Whether names and shapes are this project's.
        rename: From its state and the name of an architecture to our state.
        settings: For each architecture that its weights fit, the options that no shape tells: how the project builds
            it and what the project feeds it with.
        more: Options besides, from its state, the architecture and words of the file; None for what they do not say.
    """

    name: str
    what: str
    recognises: Callable[[State], bool]
    rename: Callable[[State, str], dict[str, Tensor]]
    settings: Mapping[str, Mapping[str, Any]]
    more: Callable[[State, str, str], dict[str, Any]] = field(default=lambda state, architecture, words: {})


def renamed(state: State, rules: Rules) -> dict[str, Tensor]:
    """Every name after all rules: regular expressions and what takes the place of their matches, in turn."""
    result = {}
    for name, value in state.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        result[name] = value
    return result


def _extent(state: State, name: str) -> int:
    """The number of dimensions of an entry, 0 where it is missing; 4 in an image network, 5 in a video network."""
    return state[name].ndim if name in state else 0


# torchvision: our ResNets have its names.


def _torchvision(state: State, architecture: str) -> dict[str, Tensor]:
    # The mean over frames and the classifier can change places, so that ImageNet's classifier serves Late Fusion.
    classifier = architecture == "late_fusion"
    kept = {name: value for name, value in state.items() if classifier or not name.startswith("fc.")}
    return renamed(kept, [(r"^(?!fc\.)", "trunk.")])


# mmaction2: every convolution is a ConvModule with conv and bn inside.

_MM_PARTS: Rules = [
    (r"\.downsample\.conv\.", ".downsample.0."),
    (r"\.downsample\.bn\.", ".downsample.1."),
    (r"^(layer\d)\.(\d+)\.non_local_block\.", r"\1.nl\2."),
    (r"\.conv_out\.conv\.", ".w_z."),
    (r"\.conv_out\.bn\.", ".bn_z."),
    # Sub-sampled ones are followed by their pooling in a Sequential.
    (r"\.(g|phi)\.0\.conv\.", r".\1."),
    (r"\.theta\.conv\.", ".theta."),
    (r"(^|\.)conv(\d[ab]?)\.conv\.", r"\1conv\2."),
    (r"(^|\.)conv(\d[ab]?)\.bn\.", r"\1bn\2."),
]


def _mmaction2(state: State, architecture: str) -> dict[str, Tensor]:
    images = _extent(state, "backbone.conv1.conv.weight") == 4
    if images != (architecture == "late_fusion"):
        kind, fitting = ("an image network", "late_fusion") if images else ("a video network", "c3d, i3d or non_local")
        raise VidexplainError(f"the weights are {kind} of mmaction2: they fit {fitting}, not {architecture}")
    head = "fc8." if architecture == "c3d" else "fc."
    trunk = "trunk." if images else ""
    # What is left of the preprocessing when a checkpoint was not published.
    kept = {name: value for name, value in state.items() if not name.startswith("data_preprocessor.")}
    return renamed(kept, [(r"^backbone\.", ""), *_MM_PARTS, (r"^(?!cls_head)", trunk), (r"^cls_head\.fc_cls\.", head)])


def _mmaction2_mode(state: State, architecture: str, words: str) -> dict[str, Any]:
    """Which of the two embedded modes, from the configuration that mmaction2 stores, or from the file's name."""
    if architecture != "non_local" or not any(".non_local_block.theta." in name for name in state):
        return {}
    found = set(re.findall(r"dot_product|embedded_gaussian", words.replace("-", "_")))
    return {"mode": found.pop() if len(found) == 1 else None}


# pytorch-i3d has our names of Inception, which are those of the paper's code; kinetics_i3d_pytorch has others.

_KI_PARTS: Rules = [
    (r"^conv3d_0c_1x1\.", "logits."),
    (r"^conv3d_", "Conv3d_"),
    (r"^mixed_", "Mixed_"),
    (r"\.batch3d\.", ".bn."),
    (r"\.branch_0\.", ".b0."),
    (r"\.branch_([12])\.0\.", r".b\1a."),
    (r"\.branch_([123])\.1\.", r".b\1b."),
]

# c3d-pytorch, whose first two layers have a letter less.

_C3D_PARTS: Rules = [(r"^conv([12])\.", r"conv\1a.")]

# pytorch-resnet3d: the networks of "Non-local Neural Networks" as its authors published them for Caffe2.

_CAFFE2_PARTS: Rules = [
    (r"^(layer\d)\.(\d+)\.nl\.", r"\1.nl\2."),
    (r"(\.nl\d+)\.out\.", r"\1.w_z."),
    (r"(\.nl\d+)\.bn\.", r"\1.bn_z."),
]


def _is_caffe2(state: State) -> bool:
    if any(".nl.theta." in name for name in state):
        return True
    # Without non-local blocks the names are ours, but Caffe2 counts no batches.
    counted = any(name.endswith(".num_batches_tracked") for name in state)
    return _extent(state, "conv1.weight") == 5 and "layer1.0.conv1.weight" in state and not counted


def _caffe2(state: State, architecture: str) -> dict[str, Tensor]:
    result = renamed(state, _CAFFE2_PARTS)
    for name in [name for name in result if name.endswith(".w_z.bias")]:
        # A constant before a normalisation is a shift of its mean.
        mean = name.replace("w_z.bias", "bn_z.running_mean")
        result[mean] = result[mean] - result.pop(name)
    for name, value in result.items():
        if ".theta." in name and value.ndim and len(value):
            # Their products are divided by the root of the number of inner channels, ours are not.
            result[name] = value * len(value) ** -0.5
    return result


# Checkpoints of this project's own training, which Lightning writes; classifiers for two datasets are called "each".


def _lightning(state: State, architecture: str) -> dict[str, Tensor]:
    if datasets := {found[1] for name in state if (found := re.search(r"\.each\.(\d+)\.", name))}:
        raise VidexplainError(
            f"the checkpoint has a classifier for each of {len(datasets)} datasets: "
            "take one of the files of weights that the run wrote when it ended"
        )
    return renamed(state, [(r"^heads\.network\.", "")])


def _lightning_unsaid(state: State, architecture: str, words: str) -> dict[str, Any]:
    unsaid = {"i3d": ("time_strides",), "non_local": ("time_strides", "mode")}.get(architecture, ())
    gaussian = not any(".theta." in name for name in state)
    return {option: None for option in unsaid if not (option == "mode" and gaussian)}


_CAFFE2 = {
    "num_frames": 32,
    "frame_interval": 2,
    "mean": (0.45,) * 3,
    "std": (0.225,) * 3,
    "time_strides": (2, 2, 2),
    "caffe2": True,
}
_MM_I3D = {"num_frames": 32, "frame_interval": 2, "time_strides": (2, 2, 2)}

# pytorchvideo: stem, stages and head are numbered; a pooling after the first stage has a number and no weights.

_PV_PARTS: Rules = [
    (r"^blocks\.0\.conv\.", "conv1."),
    (r"^blocks\.0\.norm\.", "bn1."),
    (r"^blocks\.\d+\.proj\.", "fc."),
    (r"\.branch1_conv\.", ".downsample.0."),
    (r"\.branch1_norm\.", ".downsample.1."),
    (r"\.branch2\.conv_a\.", ".conv1."),
    (r"\.branch2\.norm_a\.", ".bn1."),
    (r"\.branch2\.conv_b\.", ".conv2."),
    (r"\.branch2\.norm_b\.", ".bn2."),
    (r"\.branch2\.conv_c\.", ".conv3."),
    (r"\.branch2\.norm_c\.", ".bn3."),
]


def _stages(state: State) -> list[int]:
    """The numbers of pytorchvideo's four residual stages."""
    return sorted({int(found[1]) for name in state if (found := re.match(r"blocks\.(\d+)\.res_blocks\.", name))})


def _pytorchvideo(state: State, architecture: str) -> dict[str, Tensor]:
    stages = [(rf"^blocks\.{number}\.res_blocks\.", f"layer{i}.") for i, number in enumerate(_stages(state), start=1)]
    result = renamed(state, [*stages, *_PV_PARTS])
    # C2D's kernels see one frame; ours, longer and with zeros around theirs, do the same.
    return {name: _lengthened(value, _length(name)) for name, value in result.items()}


def _length(name: str) -> int:
    """How many frames a kernel of our I3D sees."""
    if name == "conv1.weight":
        return 5
    if block := re.fullmatch(r"layer(\d)\.(\d+)\.conv1\.weight", name):
        layer, place = map(int, block.groups())
        return 3 if layer == 1 or place % 2 == (layer == 4) else 1
    return 1


def _lengthened(kernel: Tensor, length: int) -> Tensor:
    """A kernel ``(O, I, t, h, w)`` of odd t as one of odd length with zeros at both ends; a longer one as it is."""
    if kernel.ndim != 5 or kernel.shape[2] >= length:
        return kernel
    margin = (length - kernel.shape[2]) // 2
    return F.pad(kernel, (0, 0, 0, 0, margin, margin))


def _pytorchvideo_strides(state: State, architecture: str, words: str) -> dict[str, Any]:
    pooled = _stages(state)[:2] == [1, 3]
    return {"time_strides": (1, 1, 2 if pooled else 1)}


LAYOUTS: list[Layout] = [
    Layout(
        "torchvision",
        "an image network of torchvision",
        lambda state: _extent(state, "conv1.weight") == 4 and "layer1.0.conv1.weight" in state,
        _torchvision,
        {"late_fusion": {}, "lrcn": {}},
    ),
    Layout(
        "mmaction2",
        "a network of mmaction2",
        lambda state: "cls_head.fc_cls.weight" in state and any(name.startswith("backbone.") for name in state),
        _mmaction2,
        {
            "i3d": _MM_I3D | {"view": MMACTION2_VIEWS["i3d"]},
            "non_local": _MM_I3D | {"view": MMACTION2_VIEWS["non_local"]},
            "late_fusion": {"view": MMACTION2_VIEWS["late_fusion"]},
            # Pixels of 0 to 255 without these means, and no division.
            "c3d": {
                "mean": (104 / 255, 117 / 255, 128 / 255),
                "std": (1 / 255,) * 3,
                "view": MMACTION2_VIEWS["c3d"],
            },
        },
        _mmaction2_mode,
    ),
    Layout(
        "pytorchvideo",
        "a network of pytorchvideo",
        lambda state: "blocks.0.conv.weight" in state and "blocks.1.res_blocks.0.branch1_conv.weight" in state,
        _pytorchvideo,
        {"i3d": {"num_frames": 8, "frame_interval": 8, "mean": (0.45,) * 3, "std": (0.225,) * 3}},
        _pytorchvideo_strides,
    ),
    Layout(
        "pytorch-i3d",
        "an Inception of pytorch-i3d",
        lambda state: "Conv3d_1a_7x7.conv3d.weight" in state,
        lambda state, architecture: dict(state),
        {"i3d_inception": {}},
    ),
    Layout(
        "kinetics_i3d_pytorch",
        "an Inception of kinetics_i3d_pytorch",
        lambda state: "conv3d_1a_7x7.conv3d.weight" in state,
        lambda state, architecture: renamed(state, _KI_PARTS),
        {"i3d_inception": {}},
    ),
    Layout(
        "c3d-pytorch",
        "a C3D of c3d-pytorch",
        lambda state: _extent(state, "conv1.weight") == 5 and "fc8.weight" in state,
        lambda state, architecture: renamed(state, _C3D_PARTS),
        # Pixels of 0 to 255 as they are.
        {"c3d": {"mean": (0.0,) * 3, "std": (1 / 255,) * 3}},
    ),
    Layout(
        "pytorch-resnet3d",
        "a network of pytorch-resnet3d",
        _is_caffe2,
        _caffe2,
        {"i3d": _CAFFE2, "non_local": _CAFFE2 | {"mode": "embedded_gaussian"}},
    ),
    Layout(
        "lightning",
        "a run of videxplain",
        lambda state: any(name.startswith("heads.network.") for name in state),
        _lightning,
        {name: {} for name in ("late_fusion", "lrcn", "c3d", "i3d", "i3d_inception", "non_local")},
        _lightning_unsaid,
    ),
]
