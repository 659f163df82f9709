"""The type of every network that can be explained: a module that says what it expects."""

from typing import Any

from torch import nn

from videxplain.models.config import ModelConfig
from videxplain.models.familiarity import Familiarity


class _SaysWhatItExpects(type):
    """``isinstance(network, VideoModel)`` asks for the ``config``: networks of other packages keep their own class."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if cls is VideoModel:
            return isinstance(instance, nn.Module) and isinstance(getattr(instance, "config", None), ModelConfig)
        return super().__instancecheck__(instance)


class VideoModel(nn.Module, metaclass=_SaysWhatItExpects):
    """A network from videos ``(N, 3, T, H, W)`` to its output ``(N, K)``, with its configuration.

    Any ``nn.Module`` that has a :class:`ModelConfig` as ``config`` counts as one.

    Attributes:
        config: What to feed the network and what its output means.
        familiarity: What clips the network has learned from, or None if its weights do not say.
    """

    config: ModelConfig
    familiarity: Familiarity | None = None
