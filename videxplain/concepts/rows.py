"""The columns of the tables that a search for concepts writes. ``docs/concepts.md`` explains each."""

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class VideoRow:
    """One video. Lists have one value for each concept.

    Attributes:
        video: Its number in the data set, from 0.
        path: Where it lies, relative to the data set's folder.
        name: What its files are called after; no two videos share one.
        group: Videos of one group come from one recording.
        truth: The label that the data set gives, or None.
        error: Why it could not be read, or None. All that follows is then empty.
        prediction: The class that the network finds most probable in the whole video.
        probability: Its probability.
        frames: Frames of the video.
        filled: How often its last frame was repeated because the network sees more frames; 0 for most videos.
        fps: Frames a second.
        height: Of a frame, in pixels.
        width: Of a frame, in pixels.
        windows: Windows of the video.
        explained: The share of the squared activations that the concepts explain: 1 minus the squared error of the
            reconstruction over the squared activations.
        mean: Mean coefficient over all places and frames.
        peak: Largest coefficient.
        score: The network's output for the prediction in the middle window. All that follows is of this window.
        score_reconstructed: The score when the layer's activations are the concepts alone.
        score_without: The score of the same without the concept.
        window_probability: The probability of the prediction.
        probability_reconstructed: As ``score_reconstructed``, for the probability.
        probability_without: As ``score_without``, for the probability.
        prediction_reconstructed: The most probable class then.
        prediction_without: The same without the concept.
        sobol: Total index of the concept for the score; empty where none were asked for.
        gradient_x_activation: The concept's part of the gradient times the activations, in the unit of the score.
        rest: The part of what the concepts do not explain.
    """

    video: int
    path: str
    name: str
    group: str = ""
    truth: str | None = None
    error: str | None = None
    prediction: str | None = None
    probability: float | None = None
    frames: int | None = None
    filled: int | None = None
    fps: float | None = None
    height: int | None = None
    width: int | None = None
    windows: int | None = None
    explained: float | None = None
    mean: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    score: float | None = None
    score_reconstructed: float | None = None
    score_without: list[float] = field(default_factory=list)
    window_probability: float | None = None
    probability_reconstructed: float | None = None
    probability_without: list[float] = field(default_factory=list)
    prediction_reconstructed: str | None = None
    prediction_without: list[str] = field(default_factory=list)
    sobol: list[float] = field(default_factory=list)
    gradient_x_activation: list[float] = field(default_factory=list)
    rest: float | None = None


@dataclass(frozen=True)
class TubeRow:
    """Where and when a concept is most active in one video: a connected part of its map.

    Attributes:
        concept: Number of the concept, from 0.
        video: Number of the video.
        name: Name of the video.
        strength: Sum of the coefficients in the tube, over the number of places of the whole video.
        peak: The largest of them.
        first: First frame of the tube.
        last: Last frame.
        left: Left edge of its box, as a share of the picture that the network saw.
        top: Top edge.
        right: Right edge.
        bottom: Bottom edge.
    """

    concept: int
    video: int
    name: str
    strength: float
    peak: float
    first: int
    last: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class ConceptRow:
    """One concept.

    Attributes:
        concept: Its number, from 0; the first explains most of the activations.
        vector: ``(C,)``, what one unit of it adds to the activations of a place; of length 1 where the layer has no
            negative values.
        weight: Its share of the sum of all coefficients over the data set.
        scale: The coefficient that gets the brightest colour: the 95th percentile of the videos' peaks.
        x: Centre of its activity from left to right, as a share of the picture that the network saw.
        y: Centre from top to bottom.
        spread: Root mean square distance from the centre, in shares of the picture's sides.
        frames: Share of all frames in which it is active: above half of ``scale`` somewhere.
        leading: The predicted class in whose videos it is strongest on average.
        leading_share: The share of its activity that lies in videos of this class, each class counted alike.
        region: What it follows: ``"limbs"``, ``"bodies"``, ``"background"``, or None.
        strongest: Names of the videos with its strongest tubes.
    """

    concept: int
    vector: list[float]
    weight: float
    scale: float
    x: float | None
    y: float | None
    spread: float | None
    frames: float
    leading: str | None
    leading_share: float | None
    region: str | None
    strongest: list[str]


@dataclass(frozen=True)
class ShareRow:
    """One concept's share of one class, over the videos for which the network predicts the class.

    Attributes:
        label: The class.
        concept: Number of the concept.
        videos: How many videos the network gives the class.
        groups: How many groups they come from; intervals are from drawing groups again.
        strength: Mean coefficient.
        sobol: Mean total index; None where none were asked for.
        sobol_low: Lower end of its 95 % interval; None where there are fewer than five groups.
        sobol_high: Upper end.
        gradient_x_activation: Mean signed share of gradient x activation.
        gradient_x_activation_low: Lower end of its 95 % interval.
        gradient_x_activation_high: Upper end.
        fall: How far the probability falls, on average, when the concept is left out of the reconstruction.
        fall_low: Lower end of its 95 % interval.
        fall_high: Upper end.
    """

    label: str
    concept: int
    videos: int
    groups: int
    strength: float
    sobol: float | None
    sobol_low: float | None
    sobol_high: float | None
    gradient_x_activation: float
    gradient_x_activation_low: float | None
    gradient_x_activation_high: float | None
    fall: float
    fall_low: float | None
    fall_high: float | None


@dataclass(frozen=True)
class MatchRow:
    """How one concept agrees with one region whose pixels are known.

    Attributes:
        concept: Number of the concept.
        region: ``"limbs"`` (what carries the action, while it goes on), ``"bodies"`` (the rest of everybody), or
            ``"background"``.
        share: The share of the concept's activity in the region.
        area: The share of the picture that the region takes in the same videos.
        correlation: Mean over videos of the correlation of the concept's map with the region, place by place.
        by_place: The same with the region of the video before it: what the place in the picture alone gives.
        excess: Mean difference of the two.
        low: Lower end of its 95 % interval over groups; None where there are fewer than five.
        high: Upper end.
        videos: Over how many videos.
    """

    concept: int
    region: str
    share: float
    area: float
    correlation: float
    by_place: float
    excess: float
    low: float | None
    high: float | None
    videos: int


def schema(kind: type) -> "pyarrow.Schema":
    """The columns of a table as Parquet has them."""
    import pyarrow as pa

    kinds: dict[Any, Any] = {
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
        list[float]: pa.list_(pa.float64()),
        list[str]: pa.list_(pa.string()),
    }
    known = {**kinds, **{one | None: stored for one, stored in kinds.items()}}
    hints = get_type_hints(kind)
    return pa.schema([pa.field(one.name, known[hints[one.name]]) for one in fields(kind)])
