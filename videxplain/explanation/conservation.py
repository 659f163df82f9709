"""How much of a score a method has divided among the pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

NEAR = (0.25, 2.0)
"""Between these shares of the score nothing is said beside the number itself."""


@dataclass(frozen=True)
class Conservation:
    """What there was to divide, and what has arrived; both summed over the windows of the video.

    Attributes:
        arrived: The sum of what the pixels got, or the places of the layer that is explained.
        begun: The score.
    """

    arrived: float
    begun: float

    @property
    def share(self) -> float | None:
        """What arrived, as a share of the score; None where that is zero."""
        return self.arrived / self.begun if self.begun else None

    @property
    def note(self) -> str:
        """One line if much was lost or added on the way; empty otherwise."""
        if self.share is not None and NEAR[0] <= self.share <= NEAR[1]:
            return ""
        share = "" if self.share is None else f", {self.share:.0%}"
        return (
            f"the map holds {self.arrived:.3g} of a score of {self.begun:.3g}{share}: biases and rules have taken or "
            "added the rest, so the map says where evidence lies and not how much of the score it is"
        )

    def record(self) -> dict[str, float | None]:
        """As plain values for JSON."""
        return {"arrived": self.arrived, "score": self.begun, "share": self.share}

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> Self | None:
        """The reverse of :meth:`record`; files of earlier versions and other methods have none."""
        return None if record is None else cls(float(record["arrived"]), float(record["score"]))
