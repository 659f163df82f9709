"""How a network is built, read off the shapes of its weights."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from videxplain.errors import VidexplainError
from videxplain.models.networks.blocks import DEPTHS, BasicBlock, Bottleneck

_MATRIX = 2
_CLASSIFIER = {"c3d": "fc8.weight", "i3d_inception": "logits.conv3d.weight"}
_FIRST = {
    "late_fusion": "trunk.conv1.weight",
    "lrcn": "trunk.conv1.weight",
    "c3d": "conv1a.weight",
    "i3d_inception": "Conv3d_1a_7x7.conv3d.weight",
}


def options_of(state: Mapping[str, Tensor], architecture: str) -> dict[str, Any]:
    """The options that follow from names and shapes, under the names of this package.

    What an incomplete state does not say is left out, as are options that change no shape: strides, dropout, and which
    of the two embedded non-local modes it is.
    """
    options: dict[str, Any] = {}
    _measure(options, "num_classes", state, _CLASSIFIER.get(architecture, "fc.weight"))
    _measure(options, "width", state, _FIRST.get(architecture, "conv1.weight"))
    if architecture in ("late_fusion", "lrcn"):
        options |= _residual(state, "trunk.")
        if "blocks" in options:
            counts = ", ".join(map(str, options["blocks"]))
            raise VidexplainError(f"no image network has stages of {counts} blocks: depths are {_depths()}")
        _measure(options, "latent", state, "latent.fc.weight")
    elif architecture in ("i3d", "non_local"):
        options |= _residual(state, "")
    if architecture == "lrcn" and "lstm.weight_hh_l0" in state and state["lstm.weight_hh_l0"].ndim == _MATRIX:
        options["hidden"] = state["lstm.weight_hh_l0"].shape[1]
        options["layers"] = sum(bool(re.fullmatch(r"lstm\.weight_hh_l\d+", name)) for name in state)
        options["bidirectional"] = "lstm.weight_hh_l0_reverse" in state
    if architecture == "c3d":
        options["batch_norm"] = "bn1a.weight" in state
    if architecture == "non_local" and not any(".theta." in name for name in state):
        options["mode"] = "gaussian"
    return options


def _measure(options: dict[str, Any], option: str, state: Mapping[str, Tensor], name: str) -> None:
    if name in state and state[name].ndim:
        options[option] = state[name].shape[0]


def _residual(state: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    """The depth, and the blocks of the four stages where they are not the usual ones of any depth."""
    counts = [0, 0, 0, 0]
    for name in state:
        if place := re.match(rf"{re.escape(prefix)}layer([1-4])\.(\d+)\.", name):
            layer = int(place[1]) - 1
            counts[layer] = max(counts[layer], int(place[2]) + 1)
    if not all(counts):
        return {}
    block = Bottleneck if f"{prefix}layer1.0.conv3.weight" in state else BasicBlock
    kin = [depth for depth, (kind, _) in DEPTHS.items() if kind is block]
    usual = [depth for depth in kin if DEPTHS[depth][1] == tuple(counts)]
    return {"depth": usual[0]} if usual else {"depth": kin[0], "blocks": tuple(counts)}


def _depths() -> str:
    return ", ".join(map(str, DEPTHS))
