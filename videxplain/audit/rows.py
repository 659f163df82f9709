"""The row of a video in the table of an audit."""

from dataclasses import dataclass, field

from videxplain.runs.rows import RunRow


@dataclass(frozen=True)
class VideoRow(RunRow):
    """The figures of one video. ``docs/audit.md`` explains every column.

    Attributes:
        correct: Whether the prediction is the truth; None without a truth.
        truth_probability: The probability of the truth.
        probabilities: ``(K,)``, the probability of every class, averaged over the windows of the video.
        logits: ``(K,)``, the logit of every class, averaged over the windows of the video.
        curve: ``(T,)``, how much each frame contributed to the prediction.
        scale: The raw value that gets the brightest colour.
        first: As in :class:`videxplain.audit.map_figures.MapFigures`, and so are the seven that follow.
        last: See there.
        time_share: See there.
        x: See there.
        y: See there.
        spread: See there.
        middle: See there.
        border: See there.
        concentration: See there.
        trust: How far the probability of the prediction falls when the strongest tenth of the map is hidden.
        trust_random: The same for a random tenth.
        shuffled: Whether the prediction of the middle window stays when its frames are shuffled.
        reversed: The same when they run backwards.
        frozen: The same when all are the middle frame.
        motion: Share of Grad-CAM's evidence in the middle window that vanishes when the clip stands still.
        energy: Share of the map's energy in the known evidence, if the data set has masks or boxes.
        pointing: Whether the map's maximum lies in the known evidence or within 15 pixels of it; of several equal
            maxima the share that do.
        unfamiliar: Whether the clip is unlike anything that the network was trained on; None if its weights do not
            say.
        feature_distance: Distance of its features from those of known clips, as a share of the one that at least 99 %
            of known clips do not reach.
        features: The network's pooled features, averaged over windows, for clusters.
        seconds: Seconds that the network took.
    """

    correct: bool | None = None
    truth_probability: float | None = None
    probabilities: list[float] = field(default_factory=list)
    logits: list[float] = field(default_factory=list)
    curve: list[float] = field(default_factory=list)
    scale: float | None = None
    first: int | None = None
    last: int | None = None
    time_share: float | None = None
    x: float | None = None
    y: float | None = None
    spread: float | None = None
    middle: float | None = None
    border: float | None = None
    concentration: float | None = None
    trust: float | None = None
    trust_random: float | None = None
    shuffled: bool | None = None
    reversed: bool | None = None
    frozen: bool | None = None
    motion: float | None = None
    energy: float | None = None
    pointing: float | None = None
    unfamiliar: bool | None = None
    feature_distance: float | None = None
    features: list[float] = field(default_factory=list)
    seconds: float | None = None
