"""Any network as one that can be explained: what it expects is said once, in one line."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

from videxplain.errors import VidexplainError, unknown
from videxplain.exclusive import of_this_thread
from videxplain.models.assumption import AssumptionWarning
from videxplain.models.config import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    ModelConfig,
    OutputKind,
    TokenLayout,
    View,
    names_of,
    sides_of,
    whole_number,
)
from videxplain.models.trial import check_module, known_output
from videxplain.models.video_model import VideoModel
from videxplain.models.views import parse_view

Prepare: TypeAlias = Callable[[Tensor], Any]
"""A batch ``(N, 3, T, H, W)``, normalised, to what a network takes: its only argument, or a dictionary of names."""

LAYOUTS = ("NCTHW", "NTCHW", "NTHWC", "NCHW")
COLOURS = ("RGB", "BGR")
SAMPLINGS = ("consecutive", "uniform")


class Wrapped(VideoModel):
    """A network behind the usual input and output: video ``(N, 3, T, H, W)`` to ``(N, K)``.

    Its layers keep their own names.

    Attributes:
        module: The network.
        config: What it expects and what its outputs mean.
    """

    def __init__(self, module: nn.Module, config: ModelConfig, prepare: Prepare) -> None:
        """Put ``prepare`` before ``module``, and take the logits out of what it returns."""
        super().__init__()
        self.module, self.config, self._prepare = module, config, prepare

    def forward(self, x: Tensor) -> Tensor:
        """The network's output ``(N, K)``."""
        given = self._prepare(x)
        output = self.module(**given) if isinstance(given, dict) else self.module(given)
        return logits_of(output, len(x), len(given) if isinstance(given, Tensor) else len(x))

    def named_modules(
        self, memo: set[nn.Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Module]]:
        """This, the network as ``module``, and its layers under their own names."""
        memo = set() if memo is None else memo
        if self not in memo:
            memo.add(self)
            yield prefix, self
        start = f"{prefix}." if prefix else ""
        for name, layer in self.module.named_modules(memo, "", remove_duplicate):
            yield start + (name or "module"), layer

    def get_submodule(self, target: str) -> nn.Module:
        """A layer by the name that :meth:`named_modules` gives it."""
        if not target:
            return self
        if target == "module" and not hasattr(self.module, target):  # others wrap networks too, and call them so
            return self.module
        if isinstance(self.module, torch.jit.ScriptModule):
            raise VidexplainError(
                f"{self.config.architecture} is scripted, so its layers cannot be seen: wrap the network it was made "
                "of, or take a method that needs no layer, such as saliency or rise"
            )
        return self.module.get_submodule(target)


def wrap(
    module: nn.Module,
    *,
    num_frames: int,
    size: int | tuple[int, int],
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    value_range: float = 1.0,
    colours: Literal["RGB", "BGR"] = "RGB",
    layout: Literal["NCTHW", "NTCHW", "NTHWC", "NCHW"] = "NCTHW",
    labels: Sequence[str] = (),
    sampling: Literal["consecutive", "uniform"] = "consecutive",
    frame_interval: int = 1,
    layer: str = "",
    tokens: TokenLayout | Sequence[int] | None = None,
    view: str | View = "whole",
    name: str = "",
    weights: str = "as given",
    output: OutputKind | None = None,
) -> Wrapped:
    """Prepare any network for ``explain``: say what input it expects.

    ``model = vx.wrap(network, num_frames=16, size=112, layout="NTCHW", mean=(0.45,) * 3, std=(0.225,) * 3)``

    A trial clip goes through the network, so a wrong layout is reported at once. If the output is one number, or looks
    like probabilities, a few more clips follow.

    Args:
        module: Takes one tensor and returns ``(N, K)``, or ``(N,)`` for one class, a tuple or list that begins with it,
            or an object with ``.logits``. It is used as it is, not copied, and its layers keep their names.
        num_frames: The number of frames that the network sees at a time, T.
        size: Height and width in pixels, or one number for both.
        mean: Subtracted from the channels, in the order of ``colours``, for values from 0 to ``value_range``. The
            default is ImageNet's, if ``value_range`` is 1.
        std: The channels are then divided by it. The default is ImageNet's, if ``value_range`` is 1.
        value_range: The value of a white pixel before ``mean`` is subtracted: 1 or 255.
        colours: The order of the channels.
        layout: The order of the axes. ``"NCHW"`` is an image network, which sees the frames as a batch. If it returns
            logits for each frame, they are averaged.
        labels: Names of the classes. A network with one logit takes one name, or a second one for the complement.
        sampling: ``"consecutive"`` for T neighbouring frames, ``"uniform"`` for T frames spread over the whole video.
        frame_interval: The distance between two of the T frames, in frames of the video.
        layer: The default layer of Grad-CAM; empty for the last layer with extent in space.
        tokens: The token grid of a transformer, if it cannot be inferred: steps, rows and columns, or a
            :class:`TokenLayout`.
        view: How frames were prepared in training: ``"whole"`` for frames resized to ``size``, whatever their shape; or
            resized and cropped, such as ``"256:224"`` (shorter side, square), ``"128x171:112"`` (height x width), or a
            :class:`View`. The crop has the size of the input.
        name: The name of the model in results; by default that of its class.
        weights: Where the weights come from, in words; ``"none"`` means random.
        output: What the network returns, one of the kinds of :attr:`ModelConfig.output`. By default, probabilities and
            their logarithms are recognised, one number is taken as a logit, and everything else as logits. If anything
            other than plain logits is assumed, an ``AssumptionWarning`` says so. An ambiguous output is refused.
            ``"multilabel"`` cannot be recognised, so pass it.

    An ``AssumptionWarning`` also tells of a network that returns several tensors of logits, of which the first is
    explained.

    Raises:
        VidexplainError: No such layout, order of colours or layer, numbers that do not fit together, weights that are
            not finite, or a network that does not take this input or does not return ``(N, K)``.
    """
    if not isinstance(module, nn.Module):
        raise VidexplainError(f"wrap takes an nn.Module, not {type(module).__name__}")
    if layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
    if colours not in COLOURS:
        raise unknown("order of colours", colours, COLOURS)
    if sampling not in SAMPLINGS:
        raise unknown("sampling", sampling, SAMPLINGS)
    if output is not None and output not in get_args(OutputKind):
        raise unknown("output", output, get_args(OutputKind))
    height, width = sides_of(size)
    seen = _view_of(view, (height, width))
    num_frames, frame_interval = whole_number("num_frames", num_frames), whole_number("frame_interval", frame_interval)
    if min(num_frames, height, width, frame_interval) < 1 or value_range <= 0:
        raise VidexplainError("num_frames, size, frame_interval and value_range must be above zero")
    mean, std = _normalisation(mean, std, value_range)
    config = ModelConfig(
        architecture=name or type(module).__name__,
        num_classes=1,  # until the trial
        num_frames=num_frames,
        size=(height, width),
        sampling=sampling,
        default_layer=layer,
        first_layer="",
        mean=_in_rgb(mean, value_range, colours),
        std=_in_rgb(std, value_range, colours),
        frame_interval=frame_interval,
        weights=weights,
        tokens=_layout_of(tokens),
        view=seen,
    )
    check_module(module, config.architecture)
    order = "NTCHW" if layout == "NCHW" else layout
    axes = tuple("NCTHW".index(letter) for letter in order)

    def prepare(x: Tensor) -> Tensor:
        x = x.flip(1) if colours == "BGR" else x
        # Contiguous, for networks that look at it with another shape.
        x = x.permute(axes).contiguous()
        return x.flatten(0, 1) if layout == "NCHW" else x

    wrapped = Wrapped(module, config, prepare)
    layers = [known for known, _ in wrapped.named_modules(remove_duplicate=False) if known]
    if layer and layer not in layers and layer.partition(":")[0] not in layers:
        raise unknown("layer", layer, layers)
    with _logits_counted(module) as counted:
        classes, kind = known_output(wrapped, output)
    if max(counted, default=1) > 1:
        warnings.warn(
            f"{config.architecture} returns {max(counted)} tensors that may be logits, and the first is explained; for "
            "another, wrap a network that returns that one",
            AssumptionWarning,
            stacklevel=2,
        )
    wrapped.config = config.replace(num_classes=classes, labels=names_of(labels), output=kind)
    return wrapped


@contextmanager
def _logits_counted(module: nn.Module) -> Iterator[list[int]]:
    """How many tensors of the shape of logits, with several classes, the first pass of a network returns."""
    counted: list[int] = []

    def count(_: nn.Module, given: Any, output: Any) -> None:
        several = output if isinstance(output, tuple | list) and not hasattr(output, "logits") else ()
        rows = [len(one) for one in several if isinstance(one, Tensor) and one.ndim == 2 and one.shape[1] > 1]
        if not counted:
            counted.append(sum(row == rows[0] for row in rows))

    if isinstance(module, torch.jit.ScriptModule):  # it takes no hooks of Python
        yield counted
        return
    hook = module.register_forward_hook(of_this_thread(count))
    try:
        yield counted
    finally:
        hook.remove()


def logits_of(output: Any, samples: int, given: int) -> Tensor:
    """The output ``(N, K)`` in what a network returns; those of single frames are averaged.

    Args:
        output: What it returned.
        samples: N.
        given: How many clips or frames it was given.
    """
    if hasattr(output, "logits"):
        output = output.logits
    elif isinstance(output, tuple | list) and output:
        output = output[0]
    if isinstance(output, Tensor) and output.ndim == 1 and len(output) in (samples, given):
        output = output.unsqueeze(1)
    if isinstance(output, Tensor) and output.ndim == 2 and len(output) in (samples, given):
        return output.unflatten(0, (samples, -1)).mean(1) if len(output) > samples else output
    got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise VidexplainError(f"the model must return logits ({samples}, classes), and it returned {got}")


def _view_of(view: str | View, size: tuple[int, int]) -> View | None:
    """The view that was asked for; None for whole frames. It has to crop frames to ``size``."""
    seen = parse_view(view)
    if seen == "model":
        raise VidexplainError(
            "view is whole or RESIZE:CROP, such as 256:224: only named models have a view of their own"
        )
    if not isinstance(seen, View):
        return None
    if seen.crop != size:
        raise VidexplainError(
            f"the view crops frames to {seen.crop[1]}x{seen.crop[0]}, and size is {size[1]}x{size[0]} (width x height)"
        )
    return seen


def _normalisation(
    mean: Sequence[float] | None, std: Sequence[float] | None, value_range: float
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation of the three channels, which have to be on the scale of ``value_range``."""
    if value_range != 1 and (mean is None or std is None):
        raise VidexplainError(
            f"value_range {value_range:g} needs mean and std on that scale; (0, 0, 0) and (1, 1, 1) change nothing"
        )
    mean = _three("mean", IMAGENET_MEAN if mean is None else mean)
    std = _three("std", IMAGENET_STD if std is None else std)
    if max(mean) > value_range:
        raise VidexplainError(f"mean {mean} is above value_range {value_range:g}, which is white")
    if min(std) <= 0:
        raise VidexplainError(f"std must be above zero, not {std}")
    if max(std) > 2 * value_range:
        raise VidexplainError(
            f"std {std} is far above value_range {value_range:g}, so that black and white look alike: give both on one "
            "scale"
        )
    if value_range > 1 and min(mean) > 0 and max(*mean, *std) < 1:
        raise VidexplainError(
            f"mean {mean} and std {std} are of values from 0 to 1, and value_range is {value_range:g}: give all on one "
            "scale"
        )
    return mean, std


def _three(what: str, values: Any) -> tuple[float, float, float]:
    """The numbers of three channels."""
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        raise VidexplainError(f"{what} is three numbers, one a channel, not {values!r}") from None
    if len(numbers) != 3:
        raise VidexplainError(f"{what} is three numbers, one a channel, not {len(numbers)}")
    return numbers[0], numbers[1], numbers[2]


def _in_rgb(values: Sequence[float], value_range: float, colours: str) -> tuple[float, float, float]:
    """Three numbers of channels in the order RGB, for values in [0, 1]."""
    first, second, third = (float(value) / value_range for value in values)
    return (third, second, first) if colours == "BGR" else (first, second, third)


def _layout_of(tokens: TokenLayout | Sequence[int] | None) -> TokenLayout | None:
    """What ``tokens`` says; three numbers are a grid."""
    if tokens is None or isinstance(tokens, TokenLayout):
        return tokens
    if len(tokens) != 3 or min(tokens) < 1:
        raise VidexplainError(f"tokens are steps, rows and columns, or a TokenLayout, not {tuple(tokens)}")
    steps, rows, columns = tokens
    return TokenLayout((steps, rows, columns))
