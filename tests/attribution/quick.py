"""Options with which every method is quick."""

QUICK = {
    "smoothgrad": {"samples": 4},
    "gradient-shap": {"samples": 4},
    "integrated-gradients": {"steps": 6},
    "rise": {"samples": 40},
    "lime": {"samples": 40, "count": 8},
    "kernel-shap": {"samples": 40, "count": 8},
    "extremal-perturbation": {"steps": 4, "areas": (0.2,)},
    "temporal-mask": {"steps": 5},
}
