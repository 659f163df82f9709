"""Ask a video network what it saw, where and when.

Each public name is imported when it is first used, so that ``import videxplain`` is immediate.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from videxplain.version import __version__

if TYPE_CHECKING:
    from videxplain.attribution.api import attribute
    from videxplain.attribution.capture import Capture, capture
    from videxplain.attribution.layers import FusedLayers, LayerCall
    from videxplain.attribution.options import Option
    from videxplain.attribution.passes import Pass
    from videxplain.attribution.registry import Attribution, register_method
    from videxplain.attribution.relevance.conservation import LayerRelevance, Relevance, relevance
    from videxplain.attribution.targets import Contrast
    from videxplain.audit.api import run_audit
    from videxplain.audit.result import Audit
    from videxplain.concepts.api import find_concepts
    from videxplain.concepts.result import Concepts
    from videxplain.concepts.tcav import ConceptTest, tcav
    from videxplain.data.clip import Clip, read_clip
    from videxplain.data.datasets.open import open_dataset
    from videxplain.data.datasets.types import VideoDataset
    from videxplain.data.stream import FrameSource
    from videxplain.errors import VidexplainError
    from videxplain.evaluation.api import evaluate
    from videxplain.evaluation.evidence import EvidenceReport
    from videxplain.evaluation.result import Evaluation
    from videxplain.evaluation.runs import Division
    from videxplain.evaluation.setup import EvaluationSetup
    from videxplain.explanation.api import explain, explain_many, list_methods, predict
    from videxplain.explanation.attention import attention
    from videxplain.explanation.attention_result import Attention, Link
    from videxplain.explanation.comparing.compare import compare
    from videxplain.explanation.comparing.comparison import Comparison
    from videxplain.explanation.frame_maps import FrameMaps
    from videxplain.explanation.motion import MotionAndAppearance, motion_and_appearance
    from videxplain.explanation.motion import MotionAndAppearance as Split
    from videxplain.explanation.motion import motion_and_appearance as split
    from videxplain.explanation.origin import Origin
    from videxplain.explanation.panels import four_panel_figure
    from videxplain.explanation.result import Explanation
    from videxplain.models.architectures import register_model
    from videxplain.models.config import ModelConfig, TokenLayout, View
    from videxplain.models.functions import wrap_function
    from videxplain.models.recognise import Reading, Recognised, recognise
    from videxplain.models.video_model import VideoModel
    from videxplain.models.wrapping import wrap
    from videxplain.models.zoo import list_models, load_model, save_model
    from videxplain.viz.layout import Layout
    from videxplain.viz.style import set_style, style

_HOMES = {
    "attribution.api": ["attribute"],
    "attribution.capture": ["Capture", "capture"],
    "attribution.layers": ["FusedLayers", "LayerCall"],
    "attribution.options": ["Option"],
    "attribution.passes": ["Pass"],
    "attribution.registry": ["Attribution", "register_method"],
    "attribution.relevance.conservation": ["LayerRelevance", "Relevance", "relevance"],
    "attribution.targets": ["Contrast"],
    "audit.api": ["run_audit"],
    "audit.result": ["Audit"],
    "concepts.api": ["find_concepts"],
    "concepts.result": ["Concepts"],
    "concepts.tcav": ["ConceptTest", "tcav"],
    "data.clip": ["Clip", "read_clip"],
    "data.datasets.open": ["open_dataset"],
    "data.datasets.types": ["VideoDataset"],
    "data.stream": ["FrameSource"],
    "errors": ["VidexplainError"],
    "evaluation.api": ["evaluate"],
    "evaluation.evidence": ["EvidenceReport"],
    "evaluation.result": ["Evaluation"],
    "evaluation.runs": ["Division"],
    "evaluation.setup": ["EvaluationSetup"],
    "explanation.api": ["explain", "explain_many", "list_methods", "predict"],
    "explanation.attention": ["attention"],
    "explanation.attention_result": ["Attention", "Link"],
    "explanation.comparing.compare": ["compare"],
    "explanation.comparing.comparison": ["Comparison"],
    "explanation.frame_maps": ["FrameMaps"],
    "explanation.motion": ["MotionAndAppearance", "motion_and_appearance"],
    "explanation.origin": ["Origin"],
    "explanation.panels": ["four_panel_figure"],
    "explanation.result": ["Explanation"],
    "models.architectures": ["register_model"],
    "models.config": ["ModelConfig", "TokenLayout", "View"],
    "models.functions": ["wrap_function"],
    "models.recognise": ["Reading", "Recognised", "recognise"],
    "models.video_model": ["VideoModel"],
    "models.wrapping": ["wrap"],
    "models.zoo": ["list_models", "load_model", "save_model"],
    "viz.layout": ["Layout"],
    "viz.style": ["set_style", "style"],
}
"""Module to the public names that it defines."""

_OLD_NAMES = {"Split": "MotionAndAppearance", "split": "motion_and_appearance"}
"""Names of earlier versions that are still imported."""

_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Attention",
    "Attribution",
    "Audit",
    "Capture",
    "Clip",
    "Comparison",
    "ConceptTest",
    "Concepts",
    "Contrast",
    "Division",
    "Evaluation",
    "EvaluationSetup",
    "EvidenceReport",
    "Explanation",
    "FrameMaps",
    "FrameSource",
    "FusedLayers",
    "LayerCall",
    "LayerRelevance",
    "Layout",
    "Link",
    "ModelConfig",
    "MotionAndAppearance",
    "Option",
    "Origin",
    "Pass",
    "Reading",
    "Recognised",
    "Relevance",
    "Split",
    "TokenLayout",
    "VideoDataset",
    "VideoModel",
    "VidexplainError",
    "View",
    "__version__",
    "attention",
    "attribute",
    "capture",
    "compare",
    "evaluate",
    "explain",
    "explain_many",
    "find_concepts",
    "four_panel_figure",
    "list_methods",
    "list_models",
    "load_model",
    "motion_and_appearance",
    "open_dataset",
    "predict",
    "read_clip",
    "recognise",
    "register_method",
    "register_model",
    "relevance",
    "run_audit",
    "save_model",
    "set_style",
    "split",
    "style",
    "tcav",
    "wrap",
    "wrap_function",
]


def __getattr__(name: str) -> Any:
    wanted = _OLD_NAMES.get(name, name)
    if wanted not in _MODULES:
        raise AttributeError(f"module 'videxplain' has no attribute '{name}'")
    value = getattr(import_module(f"videxplain.{_MODULES[wanted]}"), wanted)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
