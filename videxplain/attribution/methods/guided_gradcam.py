"""Guided Grad-CAM: the pixels of guided backpropagation where Grad-CAM finds evidence."""

import torch.nn.functional as F

from videxplain.attribution.methods.gradcam import POOLING, Pooling, gradcam, weighted_map
from videxplain.attribution.methods.guided_backprop import guided_backprop
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method


@register_method(
    "guided-gradcam",
    family="gradient",
    summary="guided backpropagation where Grad-CAM finds evidence for the class",
    paper="Selvaraju et al., ICCV 2017",
    cost="2 forward passes and 1 backward pass",
    layer="last",
    candidates=1,
    options=(POOLING,),
    caution="guided-gradcam: the place depends on the class, the edges in it hardly do: compare it with gradcam",
)
def guided_gradcam(p: Pass, pooling: Pooling = "clip") -> Attribution:
    """Guided backpropagation times Grad-CAM enlarged to the size of the input (section 3.2).

    ``pooling`` is Grad-CAM's. A network that never calls a ReLU is refused.

    Returns:
        Signed values ``(M, N, C, T, H, W)``.
    """
    coarse = weighted_map(gradcam, p, pooling)
    fine = guided_backprop(p.at(None))
    where = F.interpolate(coarse.maps, size=tuple(p.x.shape[2:]), mode="trilinear", align_corners=False)
    return Attribution(coarse.logits, fine.maps * where[:, :, None], notes=(*fine.notes, *coarse.notes))
