"""Texts as targets, for networks that compare videos with texts: ``"text: a person falls"``."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from videxplain.attribution.targets import TEXT, Contrast
from videxplain.errors import VidexplainError


def texts_of(targets: Iterable[Any]) -> list[str]:
    """The texts among targets, each once, without ``text:``; targets may be contrasts and lists of targets.

    Raises:
        VidexplainError: A target is a text without words.
    """
    found: dict[str, None] = {}
    for target in targets:
        if isinstance(target, list | tuple):
            found |= dict.fromkeys(texts_of(target))
        elif isinstance(target, Contrast):
            found |= dict.fromkeys(texts_of((target.target, target.against)))
        elif isinstance(target, str) and target.strip().casefold().startswith(TEXT):
            text = target.strip()[len(TEXT) :].strip()
            if not text:
                raise VidexplainError("a target that begins with text: needs words, such as 'text: a person falls'")
            found[text] = None
    return list(found)


def with_texts(model: nn.Module, targets: Iterable[Any]) -> Any:
    """The network that also answers for the texts among the targets; the network itself where there are none.

    A network that compares videos with texts has a method ``for_texts(texts)``, which returns a network with these
    texts behind its own.

    Raises:
        VidexplainError: There are texts among the targets, and the network has classes.
    """
    texts = texts_of(targets)
    if not texts:
        return model
    for_texts: Any = getattr(model, "for_texts", None)
    if for_texts is None:
        config = getattr(model, "config", None)
        name = getattr(config, "architecture", type(model).__name__)
        raise VidexplainError(
            f"'text: {texts[0]}' is a target of networks that compare videos with texts, such as "
            f"hf:microsoft/xclip-base-patch32; {name} has classes: give one by name or index"
        )
    return for_texts(texts)
