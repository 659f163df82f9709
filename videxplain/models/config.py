"""What a video classifier expects and what its outputs mean."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class TokenLayout:
    """Where in the video the tokens of a transformer stand.

    A layer that puts out ``(N, L, D)`` has D channels at L tokens: ``prefix`` of them belong to no place, and the
    others fill the grid.

    Attributes:
        grid: Steps in time, rows and columns of the tokens; None where it changes from layer to layer and the pass
            itself shows it.
        prefix: How many tokens come before those of the grid, such as one class token; None for as many as there are
            more than the grid has places, which are one or a few.
        order: ``"thw"`` where the columns run fastest and time slowest; ``"hwt"`` where all moments of one place stand
            together, as in TimeSformer; ``"grid"`` where they are no list but ``(N, t, h, w, D)``. Divided attention
            folds a dimension into the batch: ``"frames"`` is ``(N t, prefix + h w, D)``, as in a network of images, and
            ``"places"`` is ``(N h w, t, D)``. Layers of these two shapes are recognised, so it need not be said.
        read: What the answer is read from: the ``"first"`` token, or the ``"mean"`` of those of the grid; None for the
            first where one comes before the grid, and the mean otherwise. Attention rollout begins there.
    """

    grid: tuple[int, int, int] | None = None
    prefix: int | None = None
    order: Literal["thw", "hwt", "grid", "frames", "places"] = "thw"
    read: Literal["first", "mean"] | None = None


@dataclass(frozen=True)
class ModelConfig:
    """Everything beyond the weights that is needed to feed a classifier and to read its answer.

    Attributes:
        architecture: Name in the zoo, e.g. ``"i3d"``.
        num_classes: Length of the logits, K.
        num_frames: Frames of one forward pass, T.
        size: Height and width of the input in pixels; frames are resized to it whole, not cropped.
        sampling: ``"consecutive"`` for T neighbouring frames, ``"uniform"`` for T frames spread evenly
            over the whole video.
        frame_interval: How many frames of the video it is from one of the T frames to the next, where they are
            neighbours; a network that sees every second frame has 2. A video that is too short for it gives its
            frames more densely.
        default_layer: Dotted name of the layer that Grad-CAM explains unless told otherwise; empty for the last one
            with extent in space.
        first_layer: Dotted name of the first convolution, which ``activations`` shows unless told otherwise; empty for
            the first in the order of the module tree.
        labels: One name per class, or empty.
        mean: Channel means (RGB, pixel values in [0, 1]) that are subtracted.
        std: Channel standard deviations that are divided by afterwards.
        weights: Where the weights come from, in words, such as ``"trained on UCF101, split 1"``, or the name of a file
            that does not say; ``"none"`` means random.
        options: Keyword arguments that rebuild the network (width, depth, ...).
        tokens: How a transformer's layers lie in space and time, where their output does not say; None where it does,
            and for convolutional networks.
    """

    architecture: str
    num_classes: int
    num_frames: int
    size: tuple[int, int]
    sampling: Literal["consecutive", "uniform"] = "consecutive"
    default_layer: str = ""
    first_layer: str = ""
    labels: tuple[str, ...] = ()
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    frame_interval: int = 1
    weights: str = "none"
    options: dict[str, Any] = field(default_factory=dict)
    tokens: TokenLayout | None = None

    def __post_init__(self) -> None:
        if self.labels and len(self.labels) != self.num_classes:
            raise ValueError(f"{len(self.labels)} labels for {self.num_classes} classes")

    def label(self, index: int) -> str:
        """The name of a class, or ``"class <index>"`` where classes have no names."""
        return self.labels[index] if self.labels else f"class {index}"

    @property
    def trained(self) -> bool:
        """Whether the weights were learned; an explanation of random ones means nothing."""
        return self.weights != "none"

    def replace(self, **changes: Any) -> "ModelConfig":
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)
