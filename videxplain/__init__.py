"""Ask a video network what it saw, where and when.

The public names are imported when they are first used, so that ``import videxplain`` is immediate.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from videxplain.version import __version__

if TYPE_CHECKING:
    from videxplain.attribution.api import attribute
    from videxplain.attribution.targets import Contrast
    from videxplain.data.clip import Clip, read_clip
    from videxplain.errors import VidexplainError
    from videxplain.explanation.api import explain, list_methods, predict
    from videxplain.explanation.attention import Attention, attention
    from videxplain.explanation.motion import Split, split
    from videxplain.explanation.panels import four_panel_figure
    from videxplain.explanation.result import Explanation
    from videxplain.models.config import ModelConfig, TokenLayout
    from videxplain.models.wrapping import wrap
    from videxplain.models.zoo import list_models, load_model, save_model

_HOMES = {
    "attribute": "attribution.api",
    "Contrast": "attribution.targets",
    "Clip": "data.clip",
    "read_clip": "data.clip",
    "VidexplainError": "errors",
    "explain": "explanation.api",
    "list_methods": "explanation.api",
    "predict": "explanation.api",
    "four_panel_figure": "explanation.panels",
    "Explanation": "explanation.result",
    "ModelConfig": "models.config",
    "list_models": "models.zoo",
    "load_model": "models.zoo",
    "save_model": "models.zoo",
    "TokenLayout": "models.config",
    "wrap": "models.wrapping",
    "Attention": "explanation.attention",
    "attention": "explanation.attention",
    "Split": "explanation.motion",
    "split": "explanation.motion",
}

__all__ = [
    "Attention",
    "Clip",
    "Contrast",
    "Explanation",
    "ModelConfig",
    "Split",
    "TokenLayout",
    "VidexplainError",
    "__version__",
    "attention",
    "attribute",
    "explain",
    "four_panel_figure",
    "list_methods",
    "list_models",
    "load_model",
    "predict",
    "read_clip",
    "save_model",
    "split",
    "wrap",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'videxplain' has no attribute '{name}'")
    value = getattr(import_module(f"videxplain.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
