"""A plain Python function as a network that can be explained: a model behind an API, in ONNX, or in another library."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videxplain.errors import VidexplainError, unknown
from videxplain.models.config import ModelConfig, OutputKind, names_of, sides_of, whole_number
from videxplain.models.trial import known_output
from videxplain.models.video_model import VideoModel
from videxplain.models.wrapping import SAMPLINGS

Scores: TypeAlias = Callable[[NDArray[np.uint8]], Any]
"""Frames ``(T, H, W, 3)``, uint8 RGB, to K numbers; or several clips ``(n, T, H, W, 3)`` to ``(n, K)``."""


class FunctionModel(VideoModel):
    """A function behind the usual input and output: video ``(N, 3, T, H, W)`` to ``(N, K)``.

    It has no layers and no gradients. So only methods that run it on changed clips can explain it.

    Attributes:
        config: What it expects and what its outputs mean.
        only_called: True: methods that need layers or gradients are refused.
    """

    only_called = True

    def __init__(self, function: Scores, config: ModelConfig, batch: int) -> None:
        """Call ``function`` with at most ``batch`` clips; with 1 it gets each clip without a batch axis."""
        super().__init__()
        self.config, self._function, self._batch = config, function, batch
        self._classes: int | None = None  # of the first answer

    def forward(self, x: Tensor) -> Tensor:
        """The scores ``(N, K)``.

        Raises:
            VidexplainError: The function raises, or returns something other than K finite numbers for each clip.
        """
        clips = self._frames(x)
        parts = [self._scores(clips[i : i + self._batch]) for i in range(0, len(clips), self._batch)]
        self._classes = self._classes or parts[0].shape[1]
        if any(part.shape[1] != self._classes for part in parts):
            raise VidexplainError(f"{self._name} returned different numbers of scores for clips of one size")
        return torch.cat(parts).to(x.device)

    @property
    def _name(self) -> str:
        return self.config.architecture

    def _frames(self, x: Tensor) -> NDArray[np.uint8]:
        """Normalised video as the pictures that the function knows, ``(N, T, H, W, 3)``."""
        mean, std = (torch.tensor(values).view(3, 1, 1, 1) for values in (self.config.mean, self.config.std))
        values = 255 * (x.detach().float().cpu() * std + mean)
        return np.ascontiguousarray(values.round().clamp(0, 255).byte().permute(0, 2, 3, 4, 1).numpy())

    def _scores(self, clips: NDArray[np.uint8]) -> Tensor:
        try:
            output = self._function(clips[0] if self._batch == 1 else clips)
        # Whatever a function of others raises.
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            kind = type(error).__name__
            raise VidexplainError(f"{self._name} raised {kind}{f': {reason}' if reason else ''}") from error
        try:
            # Copied, because a function may return the same memory every time.
            given = torch.as_tensor(output).detach()
            kept = torch.complex64 if given.is_complex() else torch.float32
            values = given.to("cpu", kept, copy=True)
        except (TypeError, ValueError, RuntimeError):
            raise VidexplainError(
                f"{self._name} must return numbers, and it returned {type(output).__name__}"
            ) from None
        if values.is_complex():
            raise VidexplainError(f"{self._name} must return real numbers, and it returned complex ones")
        shape = tuple(values.shape)
        if self._batch == 1:
            fits = values.ndim <= 1 or (values.ndim == 2 and len(values) == 1)
            values = values.reshape(1, -1)
        else:
            fits = values.ndim in (1, 2) and len(values) == len(clips)
            values = values[:, None] if values.ndim == 1 else values
        if not fits or not values.numel():
            wanted = "one row of scores" if self._batch == 1 else f"{len(clips)} rows of scores, one for each clip"
            raise VidexplainError(f"{self._name} must return {wanted}, and it returned an array of shape {shape}")
        if not torch.isfinite(values).all():
            raise VidexplainError(f"{self._name} returned NaN or infinite scores")
        return values


def wrap_function(
    function: Scores,
    *,
    num_frames: int,
    size: int | tuple[int, int],
    batch: int = 1,
    labels: Sequence[str] = (),
    sampling: Literal["consecutive", "uniform"] = "consecutive",
    frame_interval: int = 1,
    name: str = "",
    weights: str = "as given",
    output: OutputKind | None = None,
) -> FunctionModel:
    """A plain Python function as a model that ``explain`` takes, with every method that needs no layer and no gradient.

    ``model = vx.wrap_function(scores, num_frames=16, size=112)`` explains ``scores(frames)``, whatever is behind it:
    an ONNX file, a service, another library. The methods are ``lime``, ``kernel-shap``, ``rise``, ``occlusion`` and
    ``frame-occlusion``. They call the function hundreds of times for each window of a video; a trial calls it once to
    four times before.

    Args:
        function: Takes frames ``(T, H, W, 3)``, a numpy array of uint8 in RGB, and returns K numbers: an array, a
            tensor or a list. With ``batch`` above 1 it takes ``(n, T, H, W, 3)`` and returns ``(n, K)``.
        num_frames: T.
        size: Height and width, or one number for both. Frames are resized to it.
        batch: How many clips the function takes at a time, n, at most. The last call may have fewer.
        labels: Names of the K classes; of a function with one number the name of its class, or that and the other one.
        sampling: ``"consecutive"`` for T neighbouring frames, ``"uniform"`` for T frames spread over the whole video.
        frame_interval: How many frames of the video it is from one of the T to the next.
        name: What it is called in results; by default the function's name.
        weights: Where its weights come from, in words.
        output: What the numbers are, as in :func:`videxplain.wrap`.

    Raises:
        VidexplainError: Something that cannot be called, numbers below one, or a function that raises or returns
            something other than K finite numbers.
    """
    if not callable(function):
        raise VidexplainError(f"wrap_function takes a function, not {type(function).__name__}")
    if isinstance(function, torch.nn.Module):
        raise VidexplainError(
            "wrap_function takes a plain function; for an nn.Module use vx.wrap, which shows its layers"
        )
    if sampling not in SAMPLINGS:
        raise unknown("sampling", sampling, SAMPLINGS)
    if output is not None and output not in get_args(OutputKind):
        raise unknown("output", output, get_args(OutputKind))
    height, width = sides_of(size)
    num_frames, frame_interval = whole_number("num_frames", num_frames), whole_number("frame_interval", frame_interval)
    batch = whole_number("batch", batch)
    if min(num_frames, height, width, frame_interval, batch) < 1:
        raise VidexplainError("num_frames, size, frame_interval and batch must be above zero")
    config = ModelConfig(
        architecture=name or getattr(function, "__name__", type(function).__name__),
        num_classes=1,  # until the trial
        num_frames=num_frames,
        size=(height, width),
        sampling=sampling,
        frame_interval=frame_interval,
        weights=weights,
    )
    model = FunctionModel(function, config, batch).eval()
    classes, kind = known_output(model, output)
    model.config = config.replace(num_classes=classes, labels=names_of(labels), output=kind)
    return model
