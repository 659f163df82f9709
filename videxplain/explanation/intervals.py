"""How exact the values of a map are: what a method's 95 % intervals say, in words and numbers."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from videxplain.explanation.frame_maps import FrameMaps, UnsavedMaps

LEVEL = 0.95
"""The probability with which a value lies in its interval."""

_ENOUGH = 0.5
"""Where a smaller share of the evidence is above chance, every output says so."""

Maps: TypeAlias = FrameMaps | UnsavedMaps


def clear_share(maps: FrameMaps, half_widths: FrameMaps) -> float:
    """How much of the evidence is above chance, in [0, 1]: where the interval is above zero. 0 without evidence."""
    clear = total = 0.0
    for values, half_width in zip(maps, half_widths, strict=True):
        evidence = np.nan_to_num(values).clip(0)
        total += float(evidence.sum(dtype=np.float64))
        clear += float(evidence[values > half_width].sum(dtype=np.float64))
    return clear / total if total > 0 else 0.0


def is_exact(half_widths: FrameMaps) -> bool:
    """Whether every version of the clip was run, so that nothing is left to chance."""
    return not any(half_width.any() for half_width in half_widths)


def interval_words(maps: FrameMaps, half_widths: FrameMaps) -> str:
    """The highest value with its interval, and how much of the evidence is above chance."""
    if is_exact(half_widths):
        return "the values are exact: every version of the clip was run"
    high, around = -np.inf, 0.0
    for values, half_width in zip(maps, half_widths, strict=True):
        best = int(np.nan_to_num(values, nan=-np.inf).argmax())
        if values.flat[best] > high:
            high, around = float(values.flat[best]), float(half_width.flat[best])
    return f"95 % intervals: the highest value is {high:.3g} ± {around:.2g}, {_clear_words(maps, half_widths)}"


def wide_note(maps: FrameMaps, half_widths: FrameMaps) -> str:
    """That most of the evidence may be chance, and what to do; empty where it is not."""
    if is_exact(half_widths) or clear_share(maps, half_widths) >= _ENOUGH:
        return ""
    return f"the values are not exact: {_clear_words(maps, half_widths)}; give more samples, or fewer supervoxels"


def _clear_words(maps: FrameMaps, half_widths: FrameMaps) -> str:
    return f"{100 * clear_share(maps, half_widths):.0f} % of the evidence is above chance"


def interval_record(half_widths: Maps | None, words: str) -> dict[str, Any] | None:
    """The intervals for JSON: their level, the mean half-width of each frame, the widest, and all in words."""
    if half_widths is None:
        return None
    return {
        "level": LEVEL,
        "temporal": half_widths.temporal().tolist(),
        "widest": half_widths.range(signed=False)[1],
        "words": words,
    }


def restored(record: dict[str, Any] | None, saved: NDArray[np.float32] | None) -> Maps | None:
    """The intervals of a saved result; only their means are known of one that was saved as JSON."""
    if saved is not None:
        return FrameMaps.of(saved.astype(np.float32, copy=False))
    if record is None:
        return None
    return UnsavedMaps(np.array(record["temporal"], np.float32), (0.0, float(record["widest"])))
