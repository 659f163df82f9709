"""The methods, one file for each method or family; importing this package enters them all into the registry."""

from videxplain.attribution.methods import (
    activations,
    attention_rollout,
    cam,
    deeplift,
    eigencam,
    extremal_perturbation,
    gradcam,
    guided_gradcam,
    motion_and_appearance,
    occlusion,
    saliency,
    score_cam,
    smoothgrad,
    temporal_mask,
)

__all__ = [
    "activations",
    "attention_rollout",
    "cam",
    "deeplift",
    "eigencam",
    "extremal_perturbation",
    "gradcam",
    "guided_gradcam",
    "motion_and_appearance",
    "occlusion",
    "saliency",
    "score_cam",
    "smoothgrad",
    "temporal_mask",
]
