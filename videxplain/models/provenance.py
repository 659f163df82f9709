"""Which network it was: the digest of its state, and the words that every picture and report has for weights."""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

DIGITS = 12
"""Digits of a SHA-256 that are shown."""


def state_sha256_of(model: "nn.Module") -> str:
    """SHA-256 of the names and values of a network's state; empty for one without, such as a plain function."""
    import torch

    state = model.state_dict()
    if not state:
        return ""
    total = hashlib.sha256()
    for name, value in state.items():
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def digests_in_words(file_sha256: str, state_sha256: str) -> str:
    """The digests that are known, each with what it is of; empty if none is."""
    if not state_sha256:
        return f"SHA-256 {file_sha256[:DIGITS]}" if file_sha256 else ""
    state = f"{state_sha256[:DIGITS]} (network's state)"
    return f"SHA-256 {file_sha256[:DIGITS]} (file), {state}" if file_sha256 else f"SHA-256 {state}"


def provenance(weights: str, file: str, file_sha256: str, state_sha256: str = "") -> str:
    """The weights in words, with their file and the start of what names them for sure; empty for random weights that
    nothing names.

    Args:
        weights: The weights in words.
        file: Name of the file that they, or the network, come from; empty if there is none.
        file_sha256: SHA-256 of that file; empty if there is none.
        state_sha256: SHA-256 of the network's state; empty if it was not computed.
    """
    if weights == "none" and not state_sha256:
        return ""
    digests = digests_in_words(file_sha256, state_sha256)
    return f"weights: {', '.join(filter(None, (weights, file if file != weights else '', digests)))}"
