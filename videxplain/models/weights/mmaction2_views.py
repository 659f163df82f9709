"""How mmaction2 prepares frames for the weights that it publishes."""

from collections.abc import Mapping

from videxplain.models.config import View

_SHORT_SIDE = View(256, (224, 224), corner="floor")

MMACTION2_VIEWS: Mapping[str, View] = {
    "i3d": _SHORT_SIDE,
    "non_local": _SHORT_SIDE,
    "late_fusion": _SHORT_SIDE,
    "c3d": View((128, 171), (112, 112), corner="floor"),
}
"""Architecture to the view of mmaction2's validation: Resize and CenterCrop with OpenCV."""
