"""The classes of public datasets, in the order in which public checkpoints number them."""

from importlib.resources import files

from videxplain.errors import unknown

_TORCHVISION = {"imagenet": "ResNet50_Weights.IMAGENET1K_V1", "kinetics400": "R3D_18_Weights.KINETICS400_V1"}
_OWN = ("ucf101", "hmdb51")

DATASETS = (*_TORCHVISION, *_OWN)
"""What :func:`labels_of` knows."""


def labels_of(dataset: str) -> tuple[str, ...]:
    """One name for each class: 1000 of ``imagenet``, 400 of ``kinetics400``, 101 of ``ucf101``, 51 of ``hmdb51``.

    The first two are the categories that torchvision keeps with its weights.
    """
    if dataset in _TORCHVISION:
        from torchvision.models import get_weight

        return tuple(get_weight(_TORCHVISION[dataset]).meta["categories"])
    if dataset not in _OWN:
        raise unknown("dataset", dataset, DATASETS)
    return tuple(files(__name__).joinpath(f"{dataset}.txt").read_text(encoding="utf-8").splitlines())
