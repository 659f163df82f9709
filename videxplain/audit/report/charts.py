"""The charts of the report, as Vega-Lite."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from videxplain.viz.colour import LIGHT, NEGATIVE, POSITIVE

if TYPE_CHECKING:
    import pandas as pd

_WIDTH, _HEIGHT = 420, 260
_PERCENT_AXIS = {"labelExpr": "round(100 * datum.value) + ' %'", "values": [0, 0.25, 0.5, 0.75, 1]}


def script() -> str:
    """The JavaScript that draws the charts: Vega, Vega-Lite and Vega-Embed in one file."""
    import vl_convert

    bundle: Any = vl_convert.javascript_bundle

    return f"(function () {{\n{bundle()}\n}})();\n"


def reliability(bins: Sequence[Sequence[float]]) -> dict[str, Any]:
    """The share that is right against the predicted probability, with the diagonal of perfect calibration."""
    import altair as alt

    rows = [
        {"predicted": mean, "right": share, "videos": count, "from": low, "to": low + 0.1}
        for low, count, mean, share in bins
    ]
    axes: dict[str, Any] = {"scale": alt.Scale(domain=[0, 1]), "axis": _PERCENT_AXIS}
    line = (
        alt.Chart(alt.InlineData([{"predicted": 0, "right": 0}, {"predicted": 1, "right": 1}]))
        .mark_line(color=LIGHT.muted, strokeDash=[4, 4])
        .encode(x=alt.X("predicted:Q", **axes), y=alt.Y("right:Q", **axes))
    )
    points = (
        alt.Chart(alt.InlineData(rows))
        .mark_line(color=POSITIVE, point=alt.OverlayMarkDef(color=POSITIVE, size=70))
        .encode(
            x=alt.X("predicted:Q", title="predicted probability", **axes),
            y=alt.Y("right:Q", title="share that is right", **axes),
            tooltip=[alt.Tooltip("videos:Q"), alt.Tooltip("right:Q", format=".1%")],
        )
    )
    return finished(alt.layer(line, points).properties(width=_WIDTH, height=_HEIGHT))


def reliance(table: "pd.DataFrame", names: Sequence[str]) -> dict[str, Any]:
    """For each class, the share of predictions that stay when the order of the frames is destroyed."""
    import altair as alt

    rows = [
        {"class": row["label"], "frames": name, "stays": float(row[name])}
        for _, row in table.iterrows()
        for name in names
        if row[name] is not None and row[name] == row[name]
    ]
    chart = (
        alt.Chart(alt.InlineData(rows))
        .mark_point(filled=True, size=70)
        .encode(
            x=alt.X(
                "stays:Q",
                title="share of predictions that stay",
                scale=alt.Scale(domain=[0, 1]),
                axis=_PERCENT_AXIS,
            ),
            y=alt.Y("class:N", title=None, sort=None, axis=alt.Axis(labelLimit=160)),
            color=alt.Color(
                "frames:N", scale=alt.Scale(domain=list(names), range=[POSITIVE, NEGATIVE, "#7a5aa8"]), title="frames"
            ),
            shape=alt.Shape("frames:N", scale=alt.Scale(domain=list(names))),
            tooltip=["class:N", "frames:N", alt.Tooltip("stays:Q", format=".0%")],
        )
    )
    return finished(chart.properties(width=_WIDTH, height=alt.Step(18)))


def cluster_map(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Explanations as points: similar explanations lie near each other. A click opens the clip's page.

    Args:
        rows: ``x, y, label, name, odd, href`` of each video.
    """
    import altair as alt

    # Colours that repeat would show two classes as one.
    few = len({row["label"] for row in rows}) <= 10
    chart = (
        alt.Chart(alt.InlineData(list(rows)))
        .mark_circle(opacity=0.75)
        .encode(
            x=alt.X("x:Q", axis=None),
            y=alt.Y("y:Q", axis=None),
            color=alt.Color(
                "label:N",
                title="prediction",
                scale=alt.Scale(scheme="tableau10" if few else "tableau20"),
                legend=alt.Legend(columns=2, symbolLimit=40),
            ),
            size=alt.Size("odd:Q", title="unlike its class", scale=alt.Scale(range=[20, 260])),
            href="href:N",
            tooltip=["name:N", "label:N", alt.Tooltip("odd:Q", format=".1f")],
        )
    )
    return finished(chart.properties(width=620, height=420))


def finished(chart: Any) -> dict[str, Any]:
    """A chart as Vega-Lite, in the look of all reports."""
    spec: dict[str, Any] = (
        chart.configure(background="transparent", font="system-ui, sans-serif")
        .configure_view(strokeOpacity=0)
        .to_dict()
    )
    return spec
