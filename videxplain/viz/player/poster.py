"""The still picture that a page shows until a clip is loaded."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.files import replacing

_QUALITY = 85


def write_poster(path: Path, picture: NDArray[np.uint8], side: int) -> None:
    """Write a picture ``(H, W, 3)`` RGB as a JPEG file, its longer side at most ``side`` pixels."""
    share = min(1.0, side / max(picture.shape[:2]))
    height, width = (max(1, round(extent * share)) for extent in picture.shape[:2])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert done
    with replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())
