"""What a notebook shows below the player: predictions as an HTML table that needs no other file."""

from collections.abc import Sequence
from html import escape

from videxplain.viz.colour import LIGHT, POSITIVE


def predictions_table(
    predictions: Sequence[tuple[str, float]], title: str = "", notes: Sequence[str] = (), probabilities: bool = True
) -> str:
    """Predictions as a table with bars; notes stand above it as warnings.

    Args:
        predictions: ``(label, probability)``, best first.
        title: Caption of the table.
        notes: What the reader must not miss.
        probabilities: Whether the numbers are probabilities; the values of a regression have no bars.
    """
    warnings = "".join(
        f'<div style="color:{LIGHT.warning};font-weight:600;margin:2px 0">{escape(note)}</div>' for note in notes
    )
    style = "caption-side:top;text-align:left;font-weight:600;padding:2px 0"
    caption = f'<caption style="{style}">{escape(title)}</caption>' if title else ""
    rows = "".join(_row(label, number, probabilities) for label, number in predictions)
    table = f'<table style="border-collapse:collapse;margin:4px 0">{caption}<tbody>{rows}</tbody></table>'
    return f'<div style="font-family:sans-serif;font-size:13px">{warnings}{table}</div>'


def _row(label: str, number: float, probability: bool) -> str:
    filled = 100 * min(max(number, 0.0), 1.0)
    bar = (
        '<div style="width:140px;height:9px;background:rgba(128,128,128,.25)">'
        f'<div style="width:{filled:.1f}%;height:9px;background:{POSITIVE}"></div></div>'
    )
    return (
        f'<tr><td style="text-align:left;padding:1px 10px 1px 0">{escape(label)}</td>'
        f'<td style="padding:1px 8px 1px 0">{bar * probability}</td>'
        f'<td style="text-align:right;padding:1px 0;color:{LIGHT.muted};font-variant-numeric:tabular-nums">'
        f"{f'{100 * number:.1f} %' if probability else f'{number:.4g}'}</td></tr>"
    )
