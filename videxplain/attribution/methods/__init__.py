"""The methods, one file for each method or family. Importing this package enters them all into the table of methods."""

from importlib import import_module

from videxplain.attribution.registry import list_methods

__all__ = ["list_methods"]

FILES = (
    "gradcam",
    "score_cam",
    "ablation_cam",
    "eigencam",
    "fem",
    "cam",
    "motion_and_appearance",
    "smoothgrad",
    "integrated_gradients",
    "gradient_shap",
    "deeplift",
    "lrp",
    "saliency",
    "input_x_gradient",
    "guided_backprop",
    "deconvolution",
    "guided_gradcam",
    "selective_relevance",
    "extremal_perturbation",
    "occlusion",
    "frame_occlusion",
    "rise",
    "lime",
    "kernel_shap",
    "temporal_mask",
    "attention_rollout",
    "activations",
)
"""The files of methods. Within a family, ``list_methods`` and docs/methods.md keep this order."""

for _name in FILES:
    import_module(f"{__name__}.{_name}")
