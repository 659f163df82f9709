"""The layers of a network that ``layer=`` and ``--layer`` can name, with the shapes of their outputs."""

from typing import Any

import torch
from torch import nn

from videxplain.device import device_of
from videxplain.explanation.origin import config_of
from videxplain.untouched import untouched


def layer_list(network: nn.Module) -> list[dict[str, Any]]:
    """The layers of a network whose output has extent in space, in the order of ``named_modules``.

    Layers of tokens ``(N, L, D)`` are not among them.

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
