"""Where one point of a clip looks, as a picture: arrows from it to what it takes most from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from videxplain.attribution.api import attribute
from videxplain.attribution.links import find_links
from videxplain.attribution.registry import magnitude
from videxplain.data.clip import Clip
from videxplain.data.stream import FrameSource
from videxplain.errors import VidexplainError
from videxplain.explanation.api import UNTRAINED_NOTE, as_source, config_of, window_around
from videxplain.files import write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg", "json")
EVEN_NOTE = "the point looks everywhere nearly alike: which links come out strongest says little"
_NEARLY = 1.5
"""The strongest link holds less than so many times the mean where a point looks everywhere nearly alike."""


@dataclass(frozen=True)
class Link:
    """One place that is looked at.

    Attributes:
        frame: The frame of the clip that stands for its time.
        x: Its centre in pixels of the clip, as is ``y``.
        y: See there.
        weight: How much is taken from it.
    """

    frame: int
    x: float
    y: float
    weight: float


@dataclass(frozen=True, eq=False)
class Attention:
    """Where one point looks.

    Attributes:
        name: Of the clip.
        model: Name of the network.
        weights_words: Where its weights came from.
        block: The block that was read.
        frame: Of the point.
        at: Its x and y in pixels.
        chosen: How the point was come by, in words.
        step: Which of the t steps it belongs to.
        weights: ``(t, h, w)``, what it takes from every place.
        shown: The frames that stand for the t steps; for the point's own step its own frame.
        frames: ``(t, H, W, 3)`` uint8 RGB, those frames.
        links: The strongest links, the strongest first.
        fps: Frames a second.
        notes: What a reader must not miss.
    """

    name: str
    model: str
    weights_words: str
    block: str
    frame: int
    at: tuple[float, float]
    chosen: str
    step: int
    weights: NDArray[np.float32]
    shown: tuple[int, ...]
    frames: NDArray[np.uint8]
    links: tuple[Link, ...]
    fps: float
    notes: tuple[str, ...] = ()

    @cached_property
    def share(self) -> float:
        """How much of everything that is taken the shown links hold, by size."""
        total = float(np.abs(self.weights).sum())
        return sum(abs(link.weight) for link in self.links) / total if total else 0.0

    @property
    def even(self) -> float:
        """The share that as many links would hold if the point looked everywhere alike."""
        return len(self.links) / self.weights.size

    @property
    def caption(self) -> str:
        """What the shown links hold, and what they would hold without any preference."""
        total = float(np.abs(self.weights).sum())
        first = abs(self.links[0].weight) / total if total else 0.0
        words = (
            f"the {len(self.links)} strongest of {self.weights.size} links hold {100 * self.share:.1f} % of all "
            f"weight, the first {100 * first:.1f} %; if the point looked everywhere alike, they would hold "
            f"{100 * self.even:.1f} % and {100 / self.weights.size:.1f} %"
        )
        return words + "; blue: taken away" if any(link.weight < 0 for link in self.links) else words

    def figure(self) -> "Figure":
        """The frames in a row, the point, and arrows to what it looks at."""
        from videxplain.viz.arrows import arrows_figure

        x, y = self.at
        links = [(self.shown.index(one.frame), one.x, one.y, one.weight) for one in self.links]
        return arrows_figure(
            self.frames,
            self.shown,
            (self.step, *self.at),
            links,
            weights=self.weights,
            fps=self.fps,
            title=f"{self.name}: where {self.model} looks from frame {self.frame}, ({x:.0f}, {y:.0f})",
            subtitle=f"{self.block}; point: {self.chosen}; weights: {self.weights_words}",
            caption=self.caption,
            notes=self.notes,
        )

    def summary(self) -> dict[str, Any]:
        """Everything but the pictures, ready for JSON."""
        return {
            "clip": self.name,
            "model": self.model,
            "weights": self.weights_words,
            "block": self.block,
            "frame": self.frame,
            "at": list(self.at),
            "chosen": self.chosen,
            "step": self.step,
            "grid": list(self.weights.shape),
            "frames": list(self.shown),
            "share": self.share,
            "even": self.even,
            "links": [vars(link) for link in self.links],
            "every_weight": self.weights.tolist(),
        }

    def save(self, path: str | Path) -> None:
        """Write ``.png``, ``.pdf``, ``.svg`` or ``.json``."""
        path = Path(path)
        if path.suffix.lower().lstrip(".") not in FORMATS:
            raise VidexplainError(f"cannot save attention as '{path.name}': the name must end in {', '.join(FORMATS)}")
        if path.suffix.lower() == ".json":
            write_json(path, self.summary())
            return
        from videxplain.viz.save import save_figure

        save_figure(self.figure(), path)

    def _repr_png_(self) -> bytes:
        from io import BytesIO

        buffer = BytesIO()
        self.figure().savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


def attention(
    model: nn.Module,
    clip: Clip | FrameSource | str | Path,
    *,
    frame: int | None = None,
    at: Sequence[float] | None = None,
    block: str | None = None,
    top: int = 20,
) -> Attention:
    """Where one point of a clip looks, in a network with non-local blocks or joint attention.

    Wang et al., Non-local Neural Networks, CVPR 2018, Figure 3, for any point.

    Args:
        model: Such as ``load_model("non_local")``, or a VideoMAE or ViViT of Hugging Face.
        clip: A clip, a source of frames, or the path of a video or of a folder of numbered images.
        frame: The frame of the point; None for the middle of the clip.
        at: Its x and y in pixels; None for where Grad-CAM has most in that frame, the centre if it has nothing there.
        block: Which non-local block, by name, or layer of attention, by number; None for the last.
        top: How many links are kept.

    Raises:
        VidexplainError: No such block, frame or point, or a network that has neither.
    """
    config, source = config_of(model), as_source(clip)
    frame = source.num_frames // 2 if frame is None else frame
    if not 0 <= frame < source.num_frames:
        raise VidexplainError(f"frame {frame} does not exist; the clip has frames 0 to {source.num_frames - 1}")
    height, width = source.size
    if at is not None and len(at) != 2:
        raise VidexplainError(f"at is the x and y of a point, not {tuple(at)}")
    if at is not None and not (0 <= at[0] < width and 0 <= at[1] < height):
        raise VidexplainError(f"the point {at[0]:g},{at[1]:g} lies outside of the picture, which is {width}x{height}")
    if top < 1:
        raise VidexplainError(f"top is a number of links, at least 1, not {top}")
    x, window, position = window_around(model, source, frame)
    if at is None:
        x_share, y_share, chosen = _strongest(model, x, position)
    else:
        x_share, y_share, chosen = at[0] / width, at[1] / height, "as given"
    found = find_links(model, x, ((position + 0.5) / len(window), y_share, x_share), block)
    steps, rows, columns = found.weights.shape
    middles = [int(window[int((step + 0.5) * len(window) / steps)]) for step in range(steps)]
    middles[found.query[0]] = frame
    shown = tuple(middles)
    weights = found.weights.numpy()
    links = []
    for flat in np.argsort(-np.abs(weights), axis=None, kind="stable")[:top]:
        step, row, column = np.unravel_index(flat, weights.shape)
        links.append(
            Link(
                shown[step],
                _centre(int(column), columns, found.grid[2]) * width,
                _centre(int(row), rows, found.grid[1]) * height,
                float(weights[step, row, column]),
            )
        )
    decoded = enumerate(source.frames(0, int(window[-1]) + 1))
    pictures = {index: picture for index, picture in decoded if index in shown}
    return Attention(
        name=source.path.name if source.path else "clip",
        model=config.architecture,
        weights_words=config.weights,
        block=found.block,
        frame=frame,
        at=(x_share * width, y_share * height),
        chosen=chosen,
        step=found.query[0],
        weights=weights,
        shown=shown,
        frames=np.stack([pictures[index] for index in shown]),
        links=tuple(links),
        fps=source.fps,
        notes=tuple(_notes(weights, config.trained)),
    )


def _notes(weights: NDArray[np.float32], trained: bool) -> Iterator[str]:
    if not trained:
        yield UNTRAINED_NOTE
    if np.abs(weights).max() <= _NEARLY * np.abs(weights).mean():
        yield EVEN_NOTE


def _centre(cell: int, cells: int, extent: int) -> float:
    """The middle of a cell as a share of the picture; cells hold two places each where there are half as many."""
    if cells == extent:
        return (cell + 0.5) / extent
    return (2 * cell + min(2 * cell + 2, extent)) / 2 / extent


def _strongest(model: nn.Module, x: torch.Tensor, position: int) -> tuple[float, float, str]:
    """Where Grad-CAM has most in one frame, as shares of width and height, and how that is to be called."""
    heat = magnitude(attribute(model, x, method="gradcam"))[0, position]
    if not heat.amax() > 0:
        return 0.5, 0.5, "the centre, as Grad-CAM has nothing in this frame"
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    return (column + 0.5) / heat.shape[1], (row + 0.5) / heat.shape[0], "where Grad-CAM has most in this frame"
