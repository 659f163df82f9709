"""The charts of the report, as Vega-Lite."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from videxplain.audit.report.charts import finished
from videxplain.viz.colour import NEGATIVE, POSITIVE

if TYPE_CHECKING:
    import pandas as pd

_GREY = "#6b7280"
_INTERVAL = "interval:N"
_KNOWN = "datum.known"
NO_INTERVAL = "none, too few videos"
REGION_COLOURS = {"limbs": POSITIVE, "bodies": "#7a5aa8", "background": NEGATIVE}


def heatmap(shares: "pd.DataFrame", column: str, title: str) -> dict[str, Any]:
    """A cell for each class and concept; a click opens the concept's page."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {
            "class": f"{row['label']} ({row['videos']})",
            "concept": int(row["concept"]),
            "value": float(row[column]),
            "interval": _ends(row[f"{column}_low"], row[f"{column}_high"]),
            "href": f"concept-{int(row['concept'])}.html",
        }
        for _, row in shares.iterrows()
    ]
    signed = min((row["value"] for row in rows), default=0) < 0
    # The scale is symmetric, so that equal absolute values have equally strong colours.
    most = max((abs(row["value"]) for row in rows), default=0.0)
    both = alt.Scale(scheme="purpleorange", domain=[-most, most])
    scale = both if signed else alt.Scale(scheme="oranges", domainMin=0)
    chart = (
        alt.Chart(alt.InlineData(rows))
        .mark_rect(stroke="white", strokeWidth=1)
        .encode(
            x=alt.X("concept:O", title="concept", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("class:N", title=None, sort=None, axis=alt.Axis(labelLimit=140)),
            color=alt.Color(
                "value:Q", title=title, scale=scale, legend=alt.Legend(orient="bottom", gradientLength=200)
            ),
            href="href:N",
            tooltip=["class:N", "concept:O", alt.Tooltip("value:Q", format=".3f"), _INTERVAL],
        )
        .properties(width=alt.Step(24), height=alt.Step(20))
    )
    return finished(chart)


def classes_of(shares: "pd.DataFrame", column: str, title: str) -> dict[str, Any]:
    """One concept's share of each class, with its interval."""
    return _points(
        [
            _with_interval(str(row["label"]), row[column], row[f"{column}_low"], row[f"{column}_high"])
            for _, row in shares.iterrows()
        ],
        title,
    )


def regions(matches: "pd.DataFrame") -> dict[str, Any]:
    """The excess of each concept for each known region, with its interval."""
    import altair as alt

    rows = [
        {
            **_with_interval(f"{int(row['concept'])}", row["excess"], row["low"], row["high"]),
            "region": row["region"],
        }
        for _, row in matches.iterrows()
    ]
    names = [str(name) for name in dict.fromkeys(row["name"] for row in rows)]
    order = [one for one in REGION_COLOURS if one in {row["region"] for row in rows}]
    colour = alt.Color(
        "region:N",
        title=None,
        scale=alt.Scale(domain=order, range=[REGION_COLOURS[one] for one in order]),
        legend=alt.Legend(orient="bottom"),
    )
    base = alt.Chart(alt.InlineData(rows)).encode(
        x=alt.X("name:N", title="concept", sort=names, axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("region:N", sort=order),
        color=colour,
    )
    bars = base.mark_bar().encode(
        y=alt.Y("value:Q", title="excess: correlation, less that by place alone", scale=_scale_of(rows)),
        tooltip=["name:N", "region:N", alt.Tooltip("value:Q", format=".3f"), _INTERVAL],
    )
    errors = base.transform_filter(_KNOWN).mark_rule().encode(y="low:Q", y2="high:Q", color=alt.value(_GREY))
    return finished(alt.layer(bars, errors).properties(width=alt.Step(14), height=240))


def _with_interval(name: str, value: float, low: float | None, high: float | None) -> dict[str, Any]:
    """A point of a chart. Without an interval, both ends are the value, and ``known`` hides the line."""
    known = low is not None and low == low
    ends = {} if known else {"low": float(value), "high": float(value)}
    return {
        "name": name,
        "value": float(value),
        "low": low,
        "high": high,
        **ends,
        "known": known,
        "interval": _ends(low, high),
    }


def _ends(low: float | None, high: float | None) -> str:
    return NO_INTERVAL if low is None or low != low else f"{low:.3f} to {high:.3f}"


def _scale_of(rows: Sequence[dict[str, Any]]) -> Any:
    """A scale that holds zero and all intervals. Vega-Lite itself looks at one end of each only."""
    import altair as alt

    return alt.Scale(
        domain=[min(0.0, *(row["low"] for row in rows)), max(0.0, *(row["high"] for row in rows))], nice=True
    )


def _points(rows: Sequence[dict[str, Any]], title: str) -> dict[str, Any]:
    import altair as alt

    names = [row["name"] for row in rows]
    base = alt.Chart(alt.InlineData(list(rows))).encode(
        y=alt.Y("name:N", title=None, sort=names, axis=alt.Axis(labelLimit=140))
    )
    lines = (
        base.transform_filter(_KNOWN)
        .mark_rule(color=POSITIVE, strokeWidth=2)
        .encode(x=alt.X("low:Q", title=title, scale=_scale_of(rows)), x2="high:Q")
    )
    points = base.mark_point(filled=True, size=60, color=POSITIVE).encode(
        x=alt.X("value:Q", title=title),
        tooltip=["name:N", alt.Tooltip("value:Q", format=".3f"), _INTERVAL],
    )
    return finished(alt.layer(lines, points).properties(width=260, height=alt.Step(20)))
