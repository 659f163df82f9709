"""Which frames of a video go through the network together, and how they get there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videxplain.data.sampling import covering_windows, interleaved_sets, window_interval
from videxplain.data.stream import FrameSource, consecutive_windows, interleaved_windows, read_ahead
from videxplain.data.transforms import to_model_input
from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig, whole_number


@dataclass(frozen=True)
class Plan:
    """Which frames go through the network together, and what each window contributes to the map of a frame.

    Attributes:
        windows: For each window the indices of its T frames. The last frame of a clip that is shorter than a window
            occurs several times, and so do the first and last frame of a clip that is padded.
        shares: For each window ``(T,)``; over all windows the shares of a frame add up to 1.
        interval: How many frames it is from one frame of a window to the next; 1 for uniform sets.
        consecutive: Whether windows are stretches of frames at even distance or sets spread over the video.
    """

    windows: list[NDArray[np.int64]]
    shares: list[NDArray[np.float32]]
    interval: int
    consecutive: bool


def plan(num_frames: int, config: ModelConfig, stride: int | None = None) -> Plan:
    """Lay windows over a video so that every frame is explained.

    Consecutive windows begin ``stride`` frames apart (default: half a window) and are blended by triangular weights, so
    that a window fades out while the next fades in; where a network sees every k-th frame, k windows side by side take
    the place of one. With ``config.pad_frames`` the windows reach beyond both ends of a clip that fills one, where its
    first and last frame are repeated; what they say there has no share. Uniform sets interleave and share nothing.
    :func:`short_clip_note` tells of clips that do not fill a window.

    Raises:
        VidexplainError: Fewer than half of the frames that the network sees, a stride that would leave gaps, or one for
            uniform sets, which have none.
    """
    length, interval, before = config.num_frames, 1, 0
    if config.sampling == "uniform":
        if stride is not None:
            raise VidexplainError(
                f"stride is for windows of neighbouring frames, and {config.architecture} sees frames spread over the "
                "whole clip: leave it out"
            )
        windows = interleaved_sets(num_frames, length)
        ramp = np.ones(length)
    else:
        interval = window_interval(num_frames, length, config.frame_interval)
        if num_frames >= length:
            before = config.pad_frames * interval
        step = max(1, length * interval // 2) if stride is None else whole_number("stride", stride)
        windows = covering_windows(num_frames + 2 * before, length, step, interval)
        ramp = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)).astype(float)
    ramps = [ramp * ((before <= window) & (window < before + num_frames)) for window in windows]
    windows = [np.clip(window - before, 0, num_frames - 1) for window in windows]
    total = np.zeros(num_frames)
    for window, weights in zip(windows, ramps, strict=True):
        np.add.at(total, window, weights)  # the last frame of a short clip occurs several times
    shares = [(weights / total[window]).astype(np.float32) for window, weights in zip(windows, ramps, strict=True)]
    return Plan(windows, shares, interval, config.sampling == "consecutive")


def short_clip_note(num_frames: int, config: ModelConfig) -> str:
    """What is done to a clip that does not fill a window: its last frame is repeated, or its frames are taken closer.

    Empty for a clip that fills one.
    """
    interval = config.frame_interval if config.sampling == "consecutive" else 1
    if num_frames >= config.num_frames * interval:
        return ""
    taken = window_interval(num_frames, config.num_frames, interval)
    if num_frames >= config.num_frames:
        return (
            f"the clip has {num_frames} frames and the network sees {config.num_frames} that are {interval} apart: "
            f"they are taken {taken} apart, so what moves looks slower to it"
        )
    have = "1 frame" if num_frames == 1 else f"{num_frames} frames"
    return f"the clip has {have} and the network sees {config.num_frames}: the last frame is repeated"


def window_inputs(
    source: FrameSource, whole: Plan, chosen: Sequence[int], config: ModelConfig, device: torch.device
) -> Iterator[Tensor]:
    """The windows whose numbers are ``chosen``, each ``(1, 3, T, h, w)`` on ``device``, read ahead in a thread."""
    windows = [whole.windows[i] for i in chosen]
    stream = consecutive_windows if whole.consecutive else interleaved_windows

    def prepare(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        return to_model_input(frame[None], size=config.size, mean=config.mean, std=config.std, view=config.view)

    for window in read_ahead(stream(source, windows, prepare)):
        yield torch.from_numpy(window)[None].to(device)
