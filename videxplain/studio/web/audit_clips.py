"""The clips of an audit: which classes are confused, and the file of each clip."""

from collections import Counter
from collections.abc import AsyncIterator
from functools import cached_property
from pathlib import Path
from typing import Any

from videxplain.audit.result import Audit
from videxplain.errors import VidexplainError
from videxplain.studio.questions.addresses import OPTION, option_text
from videxplain.studio.questions.catalogue import FIRST, Offer, offers

MOST_SHOWN = 500
_CHUNK = 1 << 20


class AuditClips:
    """The table of an audit as its page shows it."""

    def __init__(self, folder: Path, weights: Path | None) -> None:
        """Open a finished audit.

        Args:
            folder: The folder of the audit.
            weights: The folder of weights that visitors may choose from, or None.

        Raises:
            VidexplainError: The folder holds no finished audit.
        """
        self._audit, self._weights = Audit.load(folder), weights

    @property
    def words(self) -> str:
        """The audit in one line."""
        settings = self._audit.settings
        return f"{settings.title}, {settings.videos:,} videos"

    @cached_property
    def _offer(self) -> Offer | None:
        """The audit's network, if the studio has it."""
        settings = self._audit.settings
        if settings.state_sha256:  # a network of a user's own; the file that it has read does not make it another
            return None
        wanted = settings.weights_sha256
        return next((one for one in offers(self._weights).values() if one.sha256 == wanted), None)

    @property
    def difference(self) -> str:
        """What an explanation in the studio has otherwise than the audit, in one line; empty if nothing."""
        settings = self._audit.settings
        if self._offer is None:
            return (
                f"The studio does not have the audit's network ({settings.model}): clips are explained with {FIRST}. "
                "Start it with --weights and the folder of the network's saved file."
            )
        set_by_hand = ", ".join(f"{name}={value}" for name, value in settings.expects.items())
        return f"The audit was made with --set {set_by_hand}, and the studio explains without." if set_by_hand else ""

    @property
    def question(self) -> dict[str, str]:
        """The fields of the address that explains a clip as the audit did."""
        settings = self._audit.settings
        if self._offer is None:
            return {"method": settings.method}
        asked = {"method": settings.method, "model": self._offer.id}
        view = {"view": settings.view} if settings.view != "model" else {}
        layer = {"layer": settings.layer} if settings.layer else {}
        options = {OPTION + name: option_text(value) for name, value in settings.options.items()}
        return {**asked, **view, **layer, **options}

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The clips that were explained: ``number, name, truth, prediction, probability, wrong``."""
        rows = []
        for number, row in enumerate(self._audit.videos.to_dict("records")):
            if isinstance(row["error"], str):
                continue
            truth = row["truth"] if isinstance(row["truth"], str) else ""
            rows.append(
                {
                    "number": number,
                    "name": str(row["name"]),
                    "truth": truth,
                    "prediction": str(row["prediction"]),
                    "probability": float(row["probability"]),
                    "wrong": bool(truth) and truth != row["prediction"],
                }
            )
        return sorted(rows, key=lambda one: (not one["wrong"], -one["probability"]))

    @cached_property
    def confused(self) -> list[tuple[str, str, int]]:
        """True class, predicted class and number of clips, the most frequent first."""
        counts = Counter((one["truth"], one["prediction"]) for one in self.rows if one["wrong"])
        return [(truth, prediction, count) for (truth, prediction), count in counts.most_common()]

    def chosen(self, truth: str, prediction: str) -> list[dict[str, Any]]:
        """The clips of a cell of the confusion matrix.

        Args:
            truth: The true class; empty for all.
            prediction: The predicted class; empty for all.
        """
        return [
            one
            for one in self.rows
            if (not truth or one["truth"] == truth) and (not prediction or one["prediction"] == prediction)
        ]

    def file(self, number: int) -> tuple[str, Path]:
        """Name and file of a clip.

        Raises:
            VidexplainError: There is no such clip, or no such file.
        """
        if number not in {one["number"] for one in self.rows}:
            raise VidexplainError(f"the audit has no clip {number}")
        path = self._audit.path(number)
        if not path.is_file():
            raise VidexplainError(f"clip {number} of the audit is not a file that is there: it cannot be opened here")
        return path.name, path


async def chunks_of(path: Path) -> AsyncIterator[bytes]:
    """The bytes of a file, piece by piece."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
