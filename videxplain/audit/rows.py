"""The row of a video in the table of an audit."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class VideoRow:
    """The figures of one video. ``docs/audit.md`` explains every column.

    Attributes:
        video: Its number in the data set, from 0.
        path: Its path, relative to the data set's folder.
        name: The name of its page and its maps; no two videos have the same.
        group: Videos of one group come from one recording.
        truth: The label that the data set gives, or None.
        error: Why it could not be read or explained, or None. With an error, all columns after this one are empty.
        prediction: The class that the network finds most probable in the whole video.
        probability: Its probability.
        correct: Whether the prediction is the truth; None without a truth.
        truth_probability: The probability of the truth.
        probabilities: ``(K,)``, the probability of every class, averaged over the windows of the video.
        logits: ``(K,)``, the logit of every class, averaged over the windows of the video.
        frames: Frames of the video.
        filled: How often its last frame was repeated because the network sees more frames; 0 for most videos.
        fps: Frames a second.
        height: Of a frame, in pixels.
        width: Of a frame, in pixels.
        windows: Passes of the network: the windows, and those that were run again.
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
        feature_distance: Distance of its features from those of known clips, as a share of the one that 99 % of known
            clips do not reach.
        features: The network's pooled features, averaged over windows, for clusters.
        seconds: Seconds that the network took.
        fingerprint: Digest of the video's size and of parts of its bytes, which tells whether it has changed since.
    """

    video: int
    path: str
    name: str
    group: str = ""
    truth: str | None = None
    error: str | None = None
    prediction: str | None = None
    probability: float | None = None
    correct: bool | None = None
    truth_probability: float | None = None
    probabilities: list[float] = field(default_factory=list)
    logits: list[float] = field(default_factory=list)
    frames: int | None = None
    filled: int | None = None
    fps: float | None = None
    height: int | None = None
    width: int | None = None
    windows: int | None = None
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
    fingerprint: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Column to value."""
        return asdict(self)
