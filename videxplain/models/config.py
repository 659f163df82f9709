"""What a video classifier expects and what its outputs mean."""

import dataclasses
import math
import operator
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from videxplain.errors import VidexplainError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

OutputKind: TypeAlias = Literal["logits", "probabilities", "log_probabilities", "binary", "multilabel", "regression"]
Sampling: TypeAlias = Literal["consecutive", "uniform"]

LARGEST = 1_000_000
"""The largest number of classes, frames or pixels a side that makes sense; more is a damaged file or a slip."""


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
        messages: None for most networks. In X-CLIP each frame is a list of its own, and in its attention one more token
            stands behind the others: a message, which attention over frames makes of their first tokens. The number is
            that of the layers of attention over the first tokens of all frames at the end.
        read: What the answer is read from: the ``"first"`` token, the ``"mean"`` of those of the grid, or the mean of
            ``"all"`` in the list; None where it is not known. Attention rollout begins there. It measures what is not
            known, and in networks of known packages takes the first where one comes before the grid, and the mean
            otherwise.
    """

    grid: tuple[int, int, int] | None = None
    prefix: int | None = None
    order: Literal["thw", "hwt", "grid", "frames", "places"] = "thw"
    read: Literal["first", "mean", "all"] | None = None
    messages: int | None = None


@dataclass(frozen=True)
class View:
    """How the authors of published weights prepare a frame: they resize it, and crop its middle.

    :func:`videxplain.data.views.apply_view` does it, and :func:`videxplain.data.views.view_box` says which part of a
    frame is left.

    Attributes:
        resize: Height and width, whatever the shape of the frame; or one number for its shorter side, where the shape
            is kept.
        crop: Height and width of the crop in the middle, which is what the network takes.
        interpolation: Between pixels.
        antialias: Whether pixels that vanish are averaged when a frame shrinks.
        corner: Where a crop begins that cannot be exactly in the middle: the half pixel is rounded to the even side,
            as in torchvision, or cut off, as in transformers.
    """

    resize: int | tuple[int, int]
    crop: tuple[int, int]
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    antialias: bool = False
    corner: Literal["round", "floor"] = "round"

    @property
    def words(self) -> str:
        """In a line."""
        crop = f"the middle {self.crop[1]}x{self.crop[0]}"
        if isinstance(self.resize, tuple):
            return f"{crop} of frames resized to {self.resize[1]}x{self.resize[0]}"
        return f"{crop} of frames whose shorter side is resized to {self.resize}"


@dataclass(frozen=True)
class ModelConfig:
    """Everything beyond the weights that is needed to feed a classifier and to read its answer.

    Attributes:
        architecture: Name in the zoo, e.g. ``"i3d"``.
        num_classes: Length of the output, K.
        num_frames: Frames of one forward pass, T.
        size: Height and width of the input in pixels; without a view, frames are resized to it whole.
        sampling: ``"consecutive"`` for T neighbouring frames, ``"uniform"`` for T frames spread evenly
            over the whole video.
        frame_interval: How many frames of the video it is from one of the T frames to the next, where they are
            neighbours; a network that sees every second frame has 2. A video that is too short for it gives its
            frames more densely.
        default_layer: Dotted name of the layer that Grad-CAM explains unless told otherwise; empty for the last one
            with extent in space.
        first_layer: Dotted name of the first convolution, which ``activations`` shows unless told otherwise; empty for
            the first in the order of the module tree.
        labels: One name per class, each another, or empty. A network with one output for one class may have a second
            name, that of the complement.
        mean: Channel means (RGB, pixel values in [0, 1]) that are subtracted.
        std: Channel standard deviations that are divided by afterwards.
        weights: Where the weights come from, in words, such as ``"trained on UCF101, split 1"``, or the name of a file
            that does not say; ``"none"`` means random.
        options: Keyword arguments that rebuild the network (width, depth, ...).
        tokens: How a transformer's layers lie in space and time, where their output does not say; None where it does,
            and for convolutional networks.
        output: What the output is. ``"logits"``: a softmax gives probabilities. ``"probabilities"``: they are already;
            with K above 1 they need not add up to 1. ``"log_probabilities"``: their logarithms. ``"binary"``: one
            logit, whose sigmoid is the probability of class 0; the complement is outcome 1. ``"multilabel"``: a logit
            for each label, whose sigmoid is the probability of that label alone. ``"regression"``: values that are no
            probabilities. The score that methods explain is always the network's own output: the logit, the
            probability, its logarithm, or the value; minus it for a complement. A probability near 0 or 1 has small
            gradients, so a network without its final softmax or sigmoid is explained better.
        view: How the authors of the weights prepare a frame; None where frames are resized to ``size`` whole.
        pad_frames: How often the first and the last frame of a clip are repeated before and after it, counted in frames
            that the network sees. Networks that pad windows with zeros in time have extreme maps at both ends of a
            window; with padding these ends lie on repeated frames, whose maps are dropped.
        weights_file: Name of the file that the weights were read from, empty where there was none.
        weights_sha256: SHA-256 of that file.
        state_sha256: SHA-256 of the network's state if a file of Python has made it, as that file's digest says
            nothing of weights that it reads; empty for others.
    """

    architecture: str
    num_classes: int
    num_frames: int
    size: tuple[int, int]
    sampling: Sampling = "consecutive"
    default_layer: str = ""
    first_layer: str = ""
    labels: tuple[str, ...] = ()
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    frame_interval: int = 1
    weights: str = "none"
    options: dict[str, Any] = field(default_factory=dict)
    tokens: TokenLayout | None = None

    output: OutputKind = "logits"
    view: View | None = None
    pad_frames: int = 0
    # Where weights lie says nothing of the network: two that are equal stay equal.
    weights_file: str = field(default="", compare=False)
    weights_sha256: str = field(default="", compare=False)
    state_sha256: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse values of wrong types and ranges, which files of others may hold."""
        files = ("weights_file", "weights_sha256", "state_sha256")
        for name in ("architecture", "default_layer", "first_layer", "weights", *files):
            _check(isinstance(getattr(self, name), str), name, "text", getattr(self, name))
        for name in ("num_classes", "num_frames", "frame_interval"):
            _check(_is_count(getattr(self, name)), name, f"a number from 1 to {LARGEST}", getattr(self, name))
        sides = isinstance(self.size, tuple) and len(self.size) == 2 and all(map(_is_count, self.size))
        _check(sides, "size", "a height and a width in pixels", self.size)
        for name, kinds in (("sampling", get_args(Sampling)), ("output", get_args(OutputKind))):
            _check(getattr(self, name) in kinds, name, " or ".join(kinds), getattr(self, name))
        names = isinstance(self.labels, tuple) and all(isinstance(label, str) for label in self.labels)
        _check(names, "labels", "names", self.labels)
        if shared := label_of_several(self.labels):
            raise VidexplainError(f"labels have '{shared}' twice: give each class a name of its own")
        _check(_is_colour(self.mean), "mean", "three numbers", self.mean)
        _check(_is_colour(self.std) and min(self.std) > 0, "std", "three numbers above zero", self.std)
        _check(isinstance(self.options, dict), "options", "names with values", self.options)
        _check(self.tokens is None or isinstance(self.tokens, TokenLayout), "tokens", "a TokenLayout", self.tokens)
        _check(self.view is None or isinstance(self.view, View), "view", "a View", self.view)
        if self.view is not None and self.view.crop != self.size:
            raise VidexplainError(f"view crops frames to {self.view.crop}, and size is {self.size}")
        _check(
            isinstance(self.pad_frames, int)
            and not isinstance(self.pad_frames, bool)
            and 0 <= self.pad_frames <= LARGEST,
            "pad_frames",
            f"a number from 0 to {LARGEST}",
            self.pad_frames,
        )
        if self.pad_frames and self.sampling == "uniform":
            raise VidexplainError("pad_frames has no use for frames from all over the video")
        if self.output == "binary" and self.num_classes != 1:
            raise VidexplainError(f"output binary is one logit, and num_classes is {self.num_classes}; say multilabel")
        if self.labels and len(self.labels) != self.num_classes and not (self.has_complement and len(self.labels) == 2):
            raise VidexplainError(f"{len(self.labels)} labels for {self.num_classes} classes")

    @property
    def view_words(self) -> str:
        """What the network sees of a frame, in a line."""
        if self.view is not None:
            return self.view.words
        return f"whole frames resized to {self.size[1]}x{self.size[0]}"

    @property
    def has_complement(self) -> bool:
        """Whether the network has one output, for one class, so that what is left belongs to the other one."""
        return self.num_classes == 1 and self.output in ("binary", "probabilities")

    @property
    def num_outcomes(self) -> int:
        """How many outcomes a prediction lists: the classes, and the complement where there is one."""
        return 2 if self.has_complement else self.num_classes

    @property
    def outcome_labels(self) -> tuple[str, ...]:
        """A name for each outcome; empty where classes have no names, unless there is a complement."""
        if not self.has_complement or len(self.labels) == 2:
            return self.labels
        name = self.labels[0] if self.labels else "class 0"
        return name, f"not {name}"

    def label(self, index: int) -> str:
        """The name of an outcome, or ``"class <index>"`` where classes have no names."""
        return self.outcome_labels[index] if self.outcome_labels else f"class {index}"

    @property
    def lacks_names(self) -> bool:
        """Whether its outputs are of classes that have no names."""
        return self.output != "regression" and not self.outcome_labels

    @property
    def trained(self) -> bool:
        """Whether the weights were learned; an explanation of random ones means nothing."""
        return self.weights != "none"

    def replace(self, **changes: Any) -> "ModelConfig":
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)


def label_of_several(labels: Any) -> str:
    """A label that is there more than once; empty where there is none, or where these are no names."""
    if not isinstance(labels, tuple) or not all(isinstance(label, str) for label in labels):
        return ""
    return next((label for label, count in Counter(labels).items() if count > 1), "")


def sides_of(size: Any) -> tuple[int, int]:
    """Height and width in pixels, given as both or as one number for both.

    Raises:
        VidexplainError: It is something else.
    """
    try:
        pair = tuple(size) if isinstance(size, list | tuple) else (size, size)
        height, width = (operator.index(side) for side in pair)
    except (TypeError, ValueError):
        _check(False, "size", "a height and a width in pixels, or one number for both", size)
        raise
    return height, width


def whole_number(name: str, value: Any) -> int:
    """The number, also where it is one of numpy.

    Raises:
        VidexplainError: It is something else.
    """
    try:
        return operator.index(value)
    except TypeError:
        _check(False, name, "a whole number", value)
        raise


def names_of(labels: Sequence[str]) -> tuple[str, ...]:
    """Names of classes.

    Raises:
        VidexplainError: A single text, whose letters would be taken for names, or names without an order of their own.
    """
    if isinstance(labels, str):
        raise VidexplainError(f"labels is a list of names, not the text '{labels}'")
    if isinstance(labels, Mapping | Set):
        of = (
            "; of a dictionary from name to index: sorted(labels, key=labels.get)"
            if isinstance(labels, Mapping)
            else ""
        )
        raise VidexplainError(
            f"labels is a list of names in the order of the classes, not a {type(labels).__name__}{of}"
        )
    return tuple(labels)


def _check(right: bool, name: str, wanted: str, value: object) -> None:
    if not right:
        raise VidexplainError(f"{name} is {wanted}, not {str(value)[:40]!r}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST


def _is_colour(values: object) -> bool:
    return (
        isinstance(values, tuple)
        and len(values) == 3
        and all(isinstance(value, int | float) and math.isfinite(value) for value in values)
    )
