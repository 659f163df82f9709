"""The networks that the worker keeps in memory, and their layers."""

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from videxplain.device import device_of, find_device
from videxplain.errors import VidexplainError
from videxplain.explanation.origin import config_of
from videxplain.models.zoo import load_model
from videxplain.studio.catalogue import offer_of
from videxplain.untouched import untouched

if TYPE_CHECKING:
    from videxplain.models.video_model import VideoModel

_HELD = 3


class Networks:
    """Keeps the networks that were used last."""

    def __init__(self, device: str, weights: Path | None) -> None:
        """Nothing is loaded yet.

        Args:
            device: Where they run.
            weights: The folder of weights that visitors may choose from, or None.
        """
        self._device, self._weights = find_device(device), weights
        self._held: OrderedDict[tuple[str, str], VideoModel] = OrderedDict()

    def get(self, id: str, sha256: str, view: str) -> "VideoModel":
        """A network on its device.

        Args:
            id: Its id in the question.
            sha256: The SHA-256 of its weights when the question was asked.
            view: How frames are shown to it, as for :func:`videxplain.load_model`.

        Raises:
            VidexplainError: The network is gone, or its file has changed since.
        """
        key = sha256, view
        if key not in self._held:
            offer = offer_of(id, self._weights)
            if offer.sha256 != sha256:
                raise VidexplainError(f"the weights of {id} have changed since this was asked: ask again")
            self._held[key] = load_model(offer.model, offer.weights, device=self._device, view=view)
        self._held.move_to_end(key)
        while len(self._held) > _HELD:
            self._held.popitem(last=False)
        return self._held[key]


def layer_tree(network: nn.Module) -> list[dict[str, Any]]:
    """The layers of a network whose output has extent in space, in the order of ``named_modules``.

    Returns:
        ``name, type, default`` and ``shape`` of each: the shape of the output in words.
    """
    config = config_of(network)
    x = torch.zeros(1, 3, config.num_frames, *config.size, device=device_of(network))
    shapes: dict[str, torch.Size] = {}
    hooks = []
    for name, module in network.named_modules():
        if name:

            def note(_: object, __: object, output: object, name: str = name) -> None:
                if isinstance(output, torch.Tensor) and output.ndim in (4, 5) and min(output.shape[-2:]) > 1:
                    shapes[name] = output.shape

            hooks.append(module.register_forward_hook(note))
    try:
        with untouched(network), torch.no_grad():
            network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return [
        {
            "name": name,
            "type": type(module).__name__,
            "shape": f"{shapes[name][1]} channels, " + " x ".join(map(str, shapes[name][2:])),
            "default": name == config.default_layer,
        }
        for name, module in network.named_modules()
        if name in shapes
    ]
