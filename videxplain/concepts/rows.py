"""The columns of the tables that a search for concepts writes. ``docs/concepts.md`` explains each."""

from dataclasses import dataclass, field

from videxplain.runs.rows import RunRow


@dataclass(frozen=True)
class VideoRow(RunRow):
    """One video. Lists have one value for each concept.

    Attributes:
        explained: The share of the squared activations that the concepts explain: 1 minus the squared error of the
            reconstruction over the squared activations.
        mean: Mean coefficient over all places and frames.
        peak: Largest coefficient.
        score: The network's output for the prediction in the middle window. All columns after this one are about this
            window.
        score_reconstructed: The score of the reconstruction, in which the concepts replace the layer's activations.
        score_without: The score of the reconstruction without the concept.
        window_probability: The probability of the prediction.
        probability_reconstructed: The probability of the prediction for the reconstruction.
        probability_without: The probability of the prediction for the reconstruction without the concept.
        prediction_reconstructed: The most probable class for the reconstruction.
        prediction_without: The most probable class for the reconstruction without the concept.
        sobol: Total index of the concept for the score; empty if no indices were measured.
        gradient_x_activation: The concept's part of the gradient times the activations, in the unit of the score.
        rest: The part of the gradient times the activations that no concept explains.
    """

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
        vector: ``(C,)``, what one unit of it adds to the activations of a place. Its length is 1 if the layer has no
            negative values.
        weight: Its share of the sum of all coefficients over the data set.
        scale: The coefficient that gets the brightest colour: the 95th percentile of the videos' peaks.
        x: Centre of its activity from left to right, as a share of the picture that the network saw.
        y: Centre from top to bottom.
        spread: Root mean square distance from the centre, in shares of the picture's sides.
        frames: Share of all frames in which it is active: above half of ``scale`` somewhere.
        leading: The predicted class in whose videos it is strongest on average.
        leading_share: The share of its activity that lies in videos of this class, with equal weight for each class.
        region: The region that it follows: ``"limbs"``, ``"bodies"``, ``"background"``, or None.
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
        videos: Number of videos with this prediction.
        groups: Number of groups that they come from. The bootstrap of the intervals draws groups.
        strength: Mean coefficient.
        sobol: Mean total index; None if no indices were measured.
        sobol_low: Lower end of its 95 % interval; None for fewer than five groups.
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
        region: ``"limbs"`` (the limbs that do the action, during the action), ``"bodies"`` (all other parts of bodies),
            or ``"background"``.
        share: The share of the concept's activity in the region.
        area: The share of the picture that the region takes in the same videos.
        correlation: Mean over videos of the correlation of the concept's map with the region, place by place.
        by_place: The same with the region of the video before it: the correlation that comes from the place alone.
        excess: Mean difference of the two.
        low: Lower end of its 95 % interval over groups; None for fewer than five groups.
        high: Upper end.
        videos: Number of videos.
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
