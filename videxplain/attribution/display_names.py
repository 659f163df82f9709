"""What pictures call the methods: the names that papers use. Commands, tables and files keep the short names."""

DISPLAY_NAMES = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "xgradcam": "XGrad-CAM",
    "layercam": "LayerCAM",
    "scorecam": "Score-CAM",
    "ablationcam": "Ablation-CAM",
    "eigencam": "Eigen-CAM",
    "fem": "FEM",
    "cam": "CAM",
    "motion": "Motion",
    "appearance": "Appearance",
    "smoothgrad": "SmoothGrad",
    "integrated-gradients": "Integrated Gradients",
    "gradient-shap": "Gradient SHAP",
    "deeplift": "DeepLIFT",
    "saliency": "Saliency",
    "input-x-gradient": "Input x Gradient",
    "guided-backprop": "Guided Backpropagation",
    "deconvolution": "Deconvolution",
    "guided-gradcam": "Guided Grad-CAM",
    "selective-relevance": "Selective Relevance",
    "lrp": "LRP",
    "extremal-perturbation": "Extremal Perturbation",
    "occlusion": "Occlusion",
    "frame-occlusion": "Frame Occlusion",
    "rise": "RISE",
    "lime": "LIME",
    "kernel-shap": "Kernel SHAP",
    "temporal-mask": "Temporal Mask",
    "attention-rollout": "Attention Rollout",
    "attention-gradient-rollout": "Gradient Attention Rollout",
    "activations": "Activations",
}
"""The name of each method of this package in pictures and captions."""


def display_name(method: str) -> str:
    """What pictures call a method; its own name for one that was registered from outside of this package."""
    return DISPLAY_NAMES.get(method, method)
