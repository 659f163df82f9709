"""Layers by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from videxplain.errors import VidexplainError, unknown
from videxplain.exclusive import of_this_thread


@dataclass(frozen=True)
class LayerCall:
    """A layer by its dotted name and, if one pass uses it more than once, which use is meant.

    Written ``name`` or ``name:use``, the first use being 0.
    """

    name: str
    use: int | None = None

    def __str__(self) -> str:
        return self.name if self.use is None else f"{self.name}:{self.use}"


@dataclass(frozen=True)
class FusedLayers:
    """Several layers whose maps become one; written ``layer3+layer4``."""

    layers: tuple[LayerCall, ...]

    def __str__(self) -> str:
        return "+".join(map(str, self.layers))


def resolve(module: nn.Module, layer: str | nn.Module) -> LayerCall:
    """A layer of ``module`` by its dotted name (``"layer4"``, ``"blocks.2.relu:1"``), or the layer itself.

    A name that the network has counts as it is, such as that of a key of an ``nn.ModuleDict`` with a colon in it.

    Raises:
        VidexplainError: The network has no such layer.
    """
    # A layer may have several names; the first one is listed.
    names = {part: name for name, part in module.named_modules() if name}
    aliases = {name for name, _ in module.named_modules(remove_duplicate=False) if name}
    if isinstance(layer, nn.Module):
        if layer not in names:
            raise VidexplainError(f"the given layer, a {type(layer).__name__}, is not a part of the model")
        return LayerCall(names[layer])
    name, colon, use = (layer, "", "") if layer in aliases else layer.partition(":")
    if colon and not use.isdigit():
        raise VidexplainError(f"layer '{layer}': after the colon comes the number of the use, 0 for the first")
    if name not in aliases:
        raise unknown("layer", name, names.values())
    if isinstance(module.get_submodule(name), torch.jit.ScriptModule):
        raise VidexplainError(f"layer '{name}' is scripted or traced and cannot be looked into; name another layer")
    return LayerCall(name, int(use) if colon else None)


def named_layers(module: nn.Module, names: str) -> tuple[LayerCall, ...]:
    """Layers by their names with ``+`` between them; one where the network has a layer of the whole name.

    Raises:
        VidexplainError: The network has no such layer.
    """
    aliases = {name for name, _ in module.named_modules(remove_duplicate=False) if name}
    return tuple(resolve(module, name.strip()) for name in ([names] if names in aliases else names.split("+")))


def hook_output(module: nn.Module, layer: LayerCall, hook: Callable[..., Any]) -> Callable[[], None]:
    """Call ``hook`` with every output of a layer in this thread; what is returned removes it.

    It comes before the hooks of whoever wrote the network: they may keep the output for the rest of the network, which
    then has to be the one that the hook returns.
    """
    return module.get_submodule(layer.name).register_forward_hook(of_this_thread(hook), prepend=True).remove


def first_layer(module: nn.Module) -> LayerCall:
    """The configured first layer, or the first convolution in the order of the module tree."""
    config = getattr(module, "config", None)
    if config is not None and getattr(config, "first_layer", None):
        return resolve(module, config.first_layer)
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            return LayerCall(name)
    raise VidexplainError("the model has no convolution; name a layer")
