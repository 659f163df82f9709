"""The report in words: figures and settings as the pages show them."""

from typing import Any

from videxplain.attribution.display_names import display_name
from videxplain.audit.result import Audit


def cards_of(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The figures of the first page: name, value and hint of each."""
    cards = [
        (
            "videos",
            f"{figures['videos']:,}",
            f"{figures['failed']:,} not explained" if figures["failed"] else "all explained",
        )
    ]
    if "accuracy" in figures:
        cards.append(("right", percent(figures["accuracy"], 1), "top-1 accuracy"))
        if figures["top5"] is not None:
            cards.append(("among the best five", percent(figures["top5"], 1), "top-5 accuracy"))
        cards.append(
            (
                "calibration error",
                percent(figures["calibration_error"], 1),
                "mean distance of probability and accuracy",
            )
        )
    if figures["unfamiliar"] is not None:
        share = percent(figures["unfamiliar"] / max(figures["explained"], 1))
        cards.append(("unlike what was learned", f"{figures['unfamiliar']:,}", f"{share} of the explained videos"))
    if figures["trust"] is not None:
        hint = (
            f"fall of the probability when the strongest tenth is hidden; a random tenth: {figures['trust_random']:.2f}"
        )
        cards.append(("trust", f"{figures['trust']:.2f}", hint))
    if figures["energy"] is not None:
        cards.append(
            ("energy in the evidence", percent(figures["energy"], 1), "share of the map on the known evidence")
        )
        cards.append(("pointing", percent(figures["pointing"]), "maximum within 15 pixels of the known evidence"))
    cards.append(("network time", f"{figures['seconds']:.0f} s", f"for {figures['frames']:,} frames"))
    return cards


def settings_in_words(audit: Audit) -> list[tuple[str, str]]:
    """The settings of the audit, a name and a value each."""
    settings = audit.settings
    known = audit.videos["unfamiliar"].notna().any()
    return [
        ("network", settings.model),
        ("weights", settings.weights_and_digest),
        (
            "method",
            display_name(settings.method)
            + (f" at {settings.layer}" if settings.layer else "")
            + (f", {settings.options}" if settings.options else ""),
        ),
        ("data", f"{settings.data}, split {settings.split}, {settings.subset}"),
        ("precision", settings.precision),
        *([] if known else [("known clips", "the weights do not say what the network has learned from")]),
    ]


def footer_of(audit: Audit, explained: int, shown: int) -> str:
    """One line for the foot of every page: the settings, and how many clips have no video.

    Args:
        audit: The audit.
        explained: Number of videos that were explained.
        shown: Number of these that have a video in the report.
    """
    settings = audit.settings
    left = "" if shown == explained else f" {explained - shown:,} of {explained:,} clips have no video here."
    named = f"{display_name(settings.method)} of {settings.model}"
    return f"{named}, weights: {settings.weights_named}; {settings.data}.{left}"


def percent(value: float | None, digits: int = 0) -> str:
    """A share in per cent; a dash if it is not known."""
    return "–" if value is None or value != value else f"{100 * value:.{digits}f} %"
