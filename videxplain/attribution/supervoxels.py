"""Supervoxels: a clip cut into parts in space and time, each of which is hidden or shown as a whole."""

from typing import Literal, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from videxplain.errors import VidexplainError, unknown

SupervoxelKind: TypeAlias = Literal["tubes", "slic", "boxes"]
KINDS: tuple[SupervoxelKind, ...] = ("tubes", "slic", "boxes")

_STEPS = 4
"""Supervoxels divide a clip into so many steps in time, or a few more where its frames cannot be divided evenly."""
_SLIC_VOXELS = 160_000
"""SLIC works on a clip of about so many voxels. A larger clip is made smaller, so that it takes about a second."""
_COMPACTNESS, _SIGMA = 15.0, 1.0
"""How much nearness counts against likeness of colour, and the blur before, in voxels."""
_SMALLEST_FLOW = 16
"""Optical flow needs pictures of at least so many pixels a side; smaller ones are enlarged for it."""


def supervoxels(clip: Tensor, kind: SupervoxelKind = "tubes", count: int = 64) -> Tensor:
    """The parts of a clip.

    Every kind begins with a grid of cells: about four steps in time, and as many rows and columns as make ``count``.

    Args:
        clip: ``(1, C, T, H, W)``, on any scale.
        kind: ``"boxes"``: the cells themselves. ``"tubes"``: the cells of the middle frame follow the optical flow
            (DIS; Kroeger et al., ECCV 2016) to the other frames, so that a part of a moving body stays one supervoxel
            in every step. ``"slic"``: cells with about the same colour (SLIC; Achanta et al., TPAMI 2012), which
            scikit-image computes in space and time together.
        count: How many. Tubes and boxes are never more; SLIC may give some more or fewer.

    Returns:
        For each voxel the number of its supervoxel, ``(T, H, W)``, whole numbers from 0 without gaps.

    Raises:
        VidexplainError: An unknown kind, or scikit-image is missing for ``"slic"``.
    """
    if kind not in KINDS:
        raise unknown("kind of supervoxels", kind, KINDS)
    extents = (clip.shape[2], clip.shape[3], clip.shape[4])
    grid = _grid(extents, count)
    if kind == "slic":
        labels = _slic(_picture(clip), grid)
    else:
        labels = _cells(extents, grid, _followed(_picture(clip)) if kind == "tubes" else None)
    _, dense = np.unique(labels, return_inverse=True)
    return torch.from_numpy(dense.reshape(extents).astype(np.int64)).to(clip.device)


def _grid(extents: tuple[int, int, int], count: int) -> tuple[int, int, int]:
    """Steps, rows and columns of at most ``count`` cells, about as wide as high."""
    frames, height, width = extents
    steps = min(-(-frames // max(1, frames // _STEPS)), count)
    cells = count // steps
    rows = min(max(1, int((cells * height / width) ** 0.5)), height, cells)
    return steps, rows, min(cells // rows, width)


def _picture(clip: Tensor) -> NDArray[np.float32]:
    """The clip as ``(T, H, W, C)`` in [0, 1], from its darkest to its brightest value."""
    values = clip[0].detach().float().movedim(0, -1).cpu()
    low, high = float(values.min()), float(values.max())
    return np.ascontiguousarray(((values - low) / ((high - low) or 1.0)).numpy())


def _cells(
    extents: tuple[int, int, int], grid: tuple[int, int, int], places: NDArray[np.float32] | None
) -> NDArray[np.int64]:
    """The cell of each voxel; ``places`` ``(T, H, W, 2)`` says at which x and y its surface is in the middle frame."""
    frames, height, width = extents
    steps, rows, columns = grid
    t, y, x = np.indices(extents)
    if places is not None:
        x = np.clip(np.rint(places[..., 0]), 0, width - 1).astype(np.int64)
        y = np.clip(np.rint(places[..., 1]), 0, height - 1).astype(np.int64)
    cells = (t * steps // frames * rows + y * rows // height) * columns + x * columns // width
    return np.asarray(cells, np.int64)


def _followed(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each pixel of each frame, the x and y that it has in the middle frame, ``(T, H, W, 2)``.

    Frame by frame: a pixel moves by the flow from its frame to the next one nearer to the middle, and then as the place
    does at which it arrives.
    """
    import cv2

    frames, height, width = picture.shape[:3]
    scale = max(1.0, _SMALLEST_FLOW / min(height, width))
    size = (round(width * scale), round(height * scale))
    grey = [cv2.resize((255 * frame.mean(-1)).round().astype(np.uint8), size) for frame in picture]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    y, x = np.indices((height, width), np.float32)
    middle = frames // 2
    places = np.empty((frames, height, width, 2), np.float32)
    places[middle] = np.stack([x, y], -1)
    for step in (1, -1):
        for frame in range(middle + step, frames if step > 0 else -1, step):
            found = flow.calc(grey[frame], grey[frame - step], np.zeros((*grey[frame].shape, 2), np.float32))
            moved = cv2.resize(found, (width, height)) / scale
            places[frame] = cv2.remap(
                places[frame - step], x + moved[..., 0], y + moved[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
            )
    return places


def _slic(picture: NDArray[np.float32], grid: tuple[int, int, int]) -> NDArray[np.int64]:
    """SLIC over space and time.

    It begins with cells that are cubes of voxels. So each frame is repeated until a cell of the grid is as long as it
    is wide.
    """
    try:
        from skimage.segmentation import slic
    except ImportError:
        raise VidexplainError(
            "supervoxels of the kind slic need scikit-image: pip install 'videxplain[slic]', or take tubes or boxes"
        ) from None
    frames, height, width, channels = picture.shape
    steps, rows, columns = grid
    side = (height / rows * width / columns) ** 0.5
    repeats = max(1.0, side / (frames / steps))
    shrink = min(1.0, (_SLIC_VOXELS / (frames * repeats * height * width)) ** (1 / 3))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    small = F.interpolate(torch.from_numpy(picture).movedim(-1, 1), size=size, mode="area").movedim(1, -1).numpy()
    long = np.repeat(small, max(1, round(repeats * shrink)), axis=0)
    labels = slic(
        long,
        n_segments=steps * rows * columns,
        compactness=_COMPACTNESS,
        sigma=_SIGMA,
        channel_axis=-1,
        convert2lab=channels == 3,
        start_label=0,
    )
    of_frames = labels[len(long) // frames // 2 :: len(long) // frames]
    large = F.interpolate(torch.from_numpy(of_frames).double()[:, None], size=(height, width), mode="nearest-exact")
    return large[:, 0].numpy().astype(np.int64)
