"""What frames a network is shown: as its authors show them, whole, or as the caller says."""

import re
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError
from videxplain.models.config import LARGEST, View

if TYPE_CHECKING:
    from videxplain.models.video_model import VideoModel

_SIDES = re.compile(r"([0-9]{1,6})(?:x([0-9]{1,6}))?")


def parse_view(view: str | View) -> str | View:
    """What ``view`` of :func:`videxplain.load_model` means: ``"model"``, ``"whole"``, or a :class:`View`.

    ``"RESIZE:CROP"`` is a view in words, in pixels. ``"256:224"`` resizes the shorter side to 256 and crops the middle
    224x224. ``"128x171:112"`` resizes to a height of 128 and a width of 171, whatever the shape of the frame.

    Raises:
        VidexplainError: It is none of these.
    """
    if isinstance(view, View) or view in ("model", "whole"):
        return view
    resize, colon, crop = view.partition(":") if isinstance(view, str) else ("", "", "")
    first, second = _sides(resize), _sides(crop)
    if not colon or first is None or second is None:
        raise VidexplainError(
            f"view is model, whole, or RESIZE:CROP in pixels, such as 256:224 or 128x171:112 (height x width), not "
            f"'{view}'"
        )
    square = second if isinstance(second, tuple) else (second, second)
    return View(first, square)


def options_for(view: str | View, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a network that is shown ``view``: its input has the size of the crop.

    Raises:
        VidexplainError: ``options`` have another size.
    """
    if not isinstance(view, View):
        return options
    size = options.get("size")
    if size is not None and (tuple(size) if isinstance(size, list | tuple) else (size, size)) != view.crop:
        raise VidexplainError(f"the view crops frames to {view.crop[1]}x{view.crop[0]}: leave size out")
    return options | {"size": view.crop}


def shown(model: "VideoModel", view: str | View) -> "VideoModel":
    """The network, whose configuration says which view it gets."""
    wanted = model.config.view if view == "model" else None if view == "whole" else view
    if wanted != model.config.view:
        model.config = model.config.replace(view=wanted)
        model.familiarity = None  # other frames than in training have other features
    return model


def _sides(text: str) -> int | tuple[int, int] | None:
    """``"256"`` as a number, ``"128x171"`` as height and width; None for anything else."""
    match = _SIDES.fullmatch(text.strip())
    if match is None:
        return None
    sides = [int(side) for side in match.groups() if side is not None]
    if not all(1 <= side <= LARGEST for side in sides):
        return None
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])
