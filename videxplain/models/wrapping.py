"""Any network as one that can be explained: what it expects is said once, in one line."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from videxplain.errors import VidexplainError, unknown
from videxplain.models.config import IMAGENET_MEAN, IMAGENET_STD, ModelConfig, TokenLayout

Prepare: TypeAlias = Callable[[Tensor], Any]
"""A batch ``(N, 3, T, H, W)``, normalised, to what a network takes: its only argument, or a dictionary of names."""

LAYOUTS = ("NCTHW", "NTCHW", "NTHWC", "NCHW")


class Wrapped(nn.Module):
    """A network behind the usual input and output: video ``(N, 3, T, H, W)`` to logits ``(N, K)``.

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
        """Logits ``(N, K)``."""
        given = self._prepare(x)
        return logits_of(self.module(**given) if isinstance(given, dict) else self.module(given), len(x))

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
        if target in ("", "module"):
            return self.module if target else self
        return self.module.get_submodule(target.removeprefix("module."))


def wrap(
    module: nn.Module,
    *,
    num_frames: int,
    size: int | tuple[int, int],
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    value_range: float = 1.0,
    colours: Literal["RGB", "BGR"] = "RGB",
    layout: Literal["NCTHW", "NTCHW", "NTHWC", "NCHW"] = "NCTHW",
    labels: Sequence[str] = (),
    sampling: Literal["consecutive", "uniform"] = "consecutive",
    frame_interval: int = 1,
    layer: str = "",
    tokens: TokenLayout | tuple[int, int, int] | None = None,
    name: str = "",
    weights: str = "those of the network as it was given",
) -> Wrapped:
    """A network of your own as one that ``explain`` takes.

    ``model = vx.wrap(network, num_frames=16, size=112, layout="NTCHW", mean=(0.45,) * 3, std=(0.225,) * 3)``

    Args:
        module: Takes one tensor; returns logits ``(N, K)``, a tuple that begins with them, or an object with
            ``.logits``. It is used as it is, not copied.
        num_frames: T.
        size: Height and width in pixels, or one number for both.
        mean: Of the channels in the order of ``colours``, for values from 0 to ``value_range``.
        std: Likewise.
        value_range: What a white pixel is before ``mean`` is subtracted: 1 or 255.
        colours: The order of the channels.
        layout: The order of the dimensions. ``"NCHW"`` is a network of images, which sees the frames as a batch and
            whose logits are averaged over them.
        labels: Names of the classes.
        sampling: ``"consecutive"`` for T neighbouring frames, ``"uniform"`` for T frames spread over the whole video.
        frame_interval: How many frames of the video it is from one of the T to the next.
        layer: Where Grad-CAM looks; empty for the last layer with extent in space.
        tokens: How the tokens of a transformer lie, where neither its patch embedding nor its layers say so: a grid of
            steps, rows and columns, or a :class:`TokenLayout`.
        name: What it is called in results; by default after its class.
        weights: Where its weights come from, in words; ``"none"`` says that they are random.

    Raises:
        VidexplainError: A layout or order that there is not, or a network that does not take such an input.
    """
    if layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
    if colours not in ("RGB", "BGR"):
        raise unknown("order of colours", colours, ("RGB", "BGR"))
    if num_frames < 1 or value_range <= 0 or len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise VidexplainError("num_frames and value_range are positive, and mean and std three numbers, std above zero")
    order = slice(None, None, 1 if colours == "RGB" else -1)
    means, stds = (tuple(float(value) / value_range for value in values[order]) for values in (tuple(mean), tuple(std)))
    height, width = (size, size) if isinstance(size, int) else size

    def prepare(x: Tensor) -> Tensor:
        x = x.flip(1) if colours == "BGR" else x
        if layout == "NCHW":
            return x.transpose(1, 2).flatten(0, 1)
        return x if layout == "NCTHW" else x.permute(*("NCTHW".index(letter) for letter in layout)).contiguous()

    config = ModelConfig(
        architecture=name or type(module).__name__,
        num_classes=len(labels) or 1,
        num_frames=num_frames,
        size=(height, width),
        sampling=sampling,
        default_layer=layer,
        first_layer="",
        labels=tuple(labels),
        mean=(means[0], means[1], means[2]),
        std=(stds[0], stds[1], stds[2]),
        frame_interval=frame_interval,
        weights=weights,
        tokens=TokenLayout(tokens) if isinstance(tokens, tuple) else tokens,
    )
    wrapped = Wrapped(module, config, prepare)
    if not labels:
        wrapped.config = config.replace(num_classes=_count_classes(wrapped))
    return wrapped


def logits_of(output: Any, samples: int) -> Tensor:
    """The logits ``(N, K)`` in what a network returns; those of single frames are averaged."""
    if hasattr(output, "logits"):
        output = output.logits
    elif isinstance(output, tuple | list) and output:
        output = output[0]
    if isinstance(output, Tensor) and output.ndim == 2 and samples and len(output) % samples == 0:
        return output.unflatten(0, (samples, -1)).mean(1) if len(output) > samples else output
    got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise VidexplainError(f"the model must return logits ({samples}, classes), and it returned {got}")


def _count_classes(model: Wrapped) -> int:
    """K, from one pass of an empty clip."""
    config, parameter = model.config, next(model.parameters(), None)
    training = [(m, m.training) for m in model.modules()]
    x = torch.zeros(1, 3, config.num_frames, *config.size, device=parameter.device if parameter is not None else "cpu")
    try:
        model.eval()
        with torch.no_grad():
            return int(model(x).shape[1])
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        reason = str(error).splitlines()[0][:150] if str(error) else type(error).__name__
        raise VidexplainError(f"{type(model.module).__name__} does not take such an input: {reason}") from None
    finally:
        for m, was in training:
            m.training = was
