"""What is asked of a video in an audit, and what is answered."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from videxplain.data.stream import FileFrames
from videxplain.explanation.frame_maps import FrameMaps
from videxplain.explanation.windows.plan import Plan
from videxplain.models.familiarity import ClipFamiliarity


@dataclass(frozen=True)
class Question:
    """A video to explain.

    Attributes:
        number: Its number in the data set.
        path: The file, or the folder of frames.
        truth: The network's index of its class, or None.
    """

    number: int
    path: Path
    truth: int | None = None


@dataclass
class Answer:
    """The prediction and the explanation of a video.

    Attributes:
        question: The video.
        error: Why the video could not be explained; the other attributes are then empty. None otherwise.
        source: The frames.
        whole: The windows.
        probabilities: ``(K,)``, averaged over windows.
        logits: ``(K,)``, averaged over windows.
        features: ``(F,)``, the input of the network's classifier, averaged over windows; empty if it is not known.
        maps: One map for each frame, ``"prediction"`` for the predicted class; and ``"truth"`` if the prediction is
            wrong.
        middle: The middle window ``(1, 3, T, H, W)``, as the network saw it.
        middle_map: ``(T, h, w)``, the map of the prediction in this window.
        familiarity: How far the clip is from the training clips; None if the weights do not say.
        seconds: Seconds in the network.
        windows: Passes of the network: the windows, and those that were run again.
    """

    question: Question
    error: str | None = None
    source: FileFrames | None = None
    whole: Plan | None = None
    probabilities: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    logits: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    features: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    maps: dict[str, FrameMaps] = field(default_factory=dict)
    middle: Tensor | None = None
    middle_map: NDArray[np.float32] | None = None
    familiarity: ClipFamiliarity | None = None
    seconds: float = 0.0
    windows: int = 0

    @property
    def prediction(self) -> int:
        """The index of the most probable class."""
        return int(self.probabilities.argmax())
