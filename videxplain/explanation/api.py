"""Explain a whole clip with one call."""

import dataclasses
import warnings
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from videxplain.attribution.engine import Precision
from videxplain.attribution.registry import METHODS, list_methods
from videxplain.attribution.targets import Target
from videxplain.attribution.texts import with_texts
from videxplain.attribution.tokens import as_token_layout
from videxplain.data.shown import rate_note
from videxplain.data.stream import FrameSource
from videxplain.data.views import seen_box
from videxplain.device import device_of
from videxplain.explanation.familiarity import familiarity_notes
from videxplain.explanation.intervals import wide_note
from videxplain.explanation.origin import Origin, config_of, contrast_of, of_model
from videxplain.explanation.question import layer_name, question_of
from videxplain.explanation.result import CONSTANT_NOTE, NO_EVIDENCE_NOTE, Explanation
from videxplain.explanation.sources import ClipLike, as_source
from videxplain.explanation.windows.plan import plan, short_clip_note, window_inputs
from videxplain.explanation.windows.video import WindowSeen, attribute_video, predict_video
from videxplain.models.config import ModelConfig, TokenLayout
from videxplain.models.familiarity import ClipFamiliarity
from videxplain.progress import Progress

__all__ = ["as_source", "config_of", "explain", "explain_many", "list_methods", "predict"]

UNTRAINED_NOTE = "UNTRAINED network (random weights): this explanation means nothing"


class ShortClipWarning(UserWarning):
    """A clip is too short for the network: its last frame was repeated, or its frames were taken closer."""


def explain(
    model: nn.Module,
    clip: ClipLike,
    method: str = "gradcam",
    *,
    target: Target | None = None,
    layer: str | nn.Module | None = None,
    token_grid: tuple[int, int, int] | TokenLayout | None = None,
    precision: Precision = "fp32",
    stride: int | None = None,
    progress: Progress | None = None,
    on_window: WindowSeen | None = None,
    **options: Any,
) -> Explanation:
    """Explain every frame of a clip for one target.

    A path is decoded as a stream, so that memory does not grow with the length of the video. Where several windows of
    the network cover a frame, their maps are blended. If the clip has fewer frames than the network sees, but at least
    half of them, the last frame is repeated, and a note of the explanation says so.

    Args:
        model: A network with a ``config``, as :func:`videxplain.load_model` gives.
        clip: A clip, frames ``(T, H, W, 3)`` uint8 RGB, a source of frames, or the path of a video or of a folder of
            numbered images.
        method: A name from :func:`videxplain.list_methods`.
        target: A class by index or label, a ``Contrast`` of two, a function of the logits, or None for the class
            predicted for the whole clip. Of a network that compares videos with texts also ``"text: a person falls"``:
            the text is added to its texts, if it is none of them.
        layer: Dotted name or the module itself, or None for the method's default.
        token_grid: The grid of a transformer's tokens, if neither its configuration nor a pass says it: steps, rows
            and columns, or a ``TokenLayout``.
        precision: ``"bf16"`` runs the part of the network before the layer in bfloat16.
        stride: Frames from one window of neighbouring frames to the next; None for half a window.
        progress: Called with the windows done and the windows in all.
        on_window: Called after each window with its frames ``(T,)``, their shares ``(T,)`` and the maps ``(T, h, w)``
            of the class that leads so far. The maps of the clip are the sum of share times map over all windows.
        **options: The options of the method, such as ``pooling="frame"``.

    Raises:
        VidexplainError: Anything that the caller can put right, in one line.
    """
    model = with_texts(model, (target,))
    config = config_of(model)
    entry = METHODS[method]
    source = as_source(clip)
    tokens = as_token_layout(token_grid)
    video = attribute_video(
        model,
        source,
        config,
        entry,
        target=target,
        layer=layer,
        tokens=tokens,
        precision=precision,
        stride=stride,
        progress=progress,
        on_window=on_window,
        **options,
    )
    explanation = Explanation(
        source=source,
        maps=video.maps,
        predictions=_ranked(video.probabilities, config),
        origin=Origin(
            method=method,
            layer=str(video.layer) if video.layer else "all layers" if entry.family == "attention" else "input",
            target=video.target,
            target_index=video.index,
            contrast=contrast_of(target, config) if video.target else None,
            precision=precision,
            stride=stride,
            token_grid=tokens.grid if tokens else None,
            windows=video.windows,
            options=options,
            question=question_of(
                source,
                config,
                method,
                target=target,
                layer=layer_name(model, layer),
                token_grid=tokens and dataclasses.astuple(tokens),
                precision=precision,
                stride=stride,
                options=options,
            ),
            **of_model(config),
        ),
        signed=entry.signed,
        notes=(
            *familiarity_notes(video.familiarity, source),
            *clip_notes(source, config),
            *filter(None, (entry.caution,)),
            *video.notes,
            *filter(None, (video.conserved.note if video.conserved else "",)),
        ),
        familiarity=video.familiarity,
        view_box=seen_box(source.size, config.view),
        half_widths=video.half_widths,
        conserved=video.conserved,
    )
    if entry.family == "attention" and (note := video.maps.even_note()):
        explanation = dataclasses.replace(explanation, notes=(*explanation.notes, note))
    if video.half_widths and (note := wide_note(video.maps, video.half_widths)):
        explanation = dataclasses.replace(explanation, notes=(*explanation.notes, note))
    if broken := video.maps.not_finite():
        words = f"the map holds NaN or infinite values in {broken} of {len(video.maps)} frames; they are drawn as zero"
        return dataclasses.replace(explanation, notes=(*explanation.notes, words))
    if explanation.has_evidence:
        return explanation
    note = CONSTANT_NOTE if entry.signed else NO_EVIDENCE_NOTE
    return dataclasses.replace(explanation, notes=(*explanation.notes, note))


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a network says of a clip.

    Attributes:
        classes: ``(label, probability)`` of every class, best first, averaged over the windows.
        familiarity: How far the clip is from those that the network has learned from; None if its weights do not say.
    """

    classes: list[tuple[str, float]]
    familiarity: ClipFamiliarity | None


class UnfamiliarClipWarning(UserWarning):
    """A clip is unlike anything that the network has learned from."""


def clip_notes(source: FrameSource, config: ModelConfig) -> tuple[str, ...]:
    """What has to be said with every answer about a clip: no training, not enough frames, a rate that is not known."""
    notes = ("" if config.trained else UNTRAINED_NOTE, short_clip_note(source.num_frames, config), rate_note(source))
    return tuple(note for note in notes if note)


def explain_many(
    model: nn.Module, clips: Iterable[ClipLike], method: str = "gradcam", **arguments: Any
) -> Iterator[Explanation]:
    """Explain clips one by one with one network; each explanation can be saved and dropped before the next is made.

    ::

        model = vx.load_model("i3d")
        for path, explanation in zip(paths, vx.explain_many(model, paths), strict=True):
            explanation.save(f"{path.stem}.json")

    Args:
        model: As for :func:`explain`.
        clips: Any number of clips, each as for :func:`explain`.
        method: As for :func:`explain`.
        **arguments: The other arguments of :func:`explain`, the same for every clip.

    Raises:
        VidexplainError: At once for the network or the method; for a clip, when its turn comes. The iterator can then
            be asked for the next one.
    """
    config_of(model)
    METHODS[method]
    # Unlike a generator, ``map`` goes on with the next clip after one that raises.
    return map(partial(explain, model, method=method, **arguments), clips)


def predict(
    model: nn.Module,
    clip: ClipLike,
    *,
    stride: int | None = None,
    progress: Progress | None = None,
) -> list[tuple[str, float]]:
    """The classes of a clip: ``(label, probability)`` of every class, best first, averaged over its windows.

    The windows and the arguments are those of :func:`explain`. A :class:`ShortClipWarning` tells of a clip whose last
    frame had to be repeated, or whose frames had to be taken closer to each other.
    """
    config, source = config_of(model), as_source(clip)
    if note := short_clip_note(source.num_frames, config):
        warnings.warn(note, ShortClipWarning, stacklevel=2)
    found = predict_source(model, source, stride=stride, progress=progress)
    if notes := familiarity_notes(found.familiarity, source):
        warnings.warn(notes[0], UnfamiliarClipWarning, stacklevel=2)
    return found.classes


def predict_source(
    model: nn.Module, source: FrameSource, *, stride: int | None = None, progress: Progress | None = None
) -> Prediction:
    """The classes of a clip, and whether the network can know it."""
    config = config_of(model)
    probabilities, familiarity = predict_video(model, source, config, stride=stride, progress=progress)
    return Prediction(_ranked(probabilities, config), familiarity)


def window_around(model: nn.Module, source: FrameSource, frame: int) -> tuple[torch.Tensor, NDArray[np.int64], int]:
    """The window with the largest share in a frame, ``(1, 3, T, h, w)``, its frames, and where in it the frame is."""
    config = config_of(model)
    whole = plan(source.num_frames, config)

    def share(window: int) -> float:
        at: NDArray[np.bool_] = whole.windows[window] == frame
        return float(whole.shares[window][at].sum())

    best = max(range(len(whole.windows)), key=share)
    device = device_of(model)
    (x,) = window_inputs(source, whole, [best], config, device)
    # Where a clip is padded, its first frame also stands before itself, without a share.
    own = (whole.windows[best] == frame) & (whole.shares[best] > 0)
    return x, whole.windows[best], int(np.flatnonzero(own)[0])


def _ranked(probabilities: NDArray[np.float32], config: ModelConfig) -> list[tuple[str, float]]:
    order = (-probabilities).argsort(kind="stable")
    return [(config.label(int(k)), float(probabilities[k])) for k in order]
