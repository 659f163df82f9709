"""The data that the scripts of the report read: lists of clips, and charts."""

from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from videxplain.audit.report import charts
from videxplain.audit.report.gather import Gathered
from videxplain.audit.report.statistics import RELIANCE
from videxplain.audit.result import Audit


def list_data(audit: Audit, explained: NDArray[np.int64], odd: dict[int, float], shown: set[int]) -> dict[str, Any]:
    """The data of the lists, the matrix and the pages of clips: a list for each column.

    Args:
        audit: The audit.
        explained: Numbers of the videos that were explained.
        odd: How unlike its class each of them is, by number.
        shown: Numbers of the videos that have a video in the report.
    """
    table, index = audit.videos, {label: i for i, label in enumerate(audit.settings.labels)}
    part = table.iloc[explained]
    return {
        "labels": list(audit.settings.labels),
        "columns": {
            "name": part["name"].tolist(),
            "path": part["path"].tolist(),
            "where": [audit.settings.quoted(str(audit.path(int(i)))) for i in explained],
            "group": part["group"].tolist(),
            "truth": [index.get(truth, -1) if isinstance(truth, str) else -1 for truth in part["truth"]],
            "prediction": [index[one] for one in part["prediction"]],
            "probability": [round(float(p), 5) for p in part["probability"]],
            "trust": _rounded(part["trust"]),
            "random": _rounded(part["trust_random"]),
            "odd": [round(odd[int(i)], 3) for i in explained],
            "unfamiliar": [None if value is None else int(value) for value in part["unfamiliar"]],
            "media": [int(int(i) in shown) for i in explained],
        },
    }


def _rounded(values: Any) -> list[float | None]:
    return [None if value is None or value != value else round(float(value), 4) for value in values]


def chart_data(
    audit: Audit, figures: dict[str, Any], explained: NDArray[np.int64], gathered: Gathered, odd: dict[int, float]
) -> dict[str, Any]:
    """The charts by name, as Vega-Lite. A chart without data is left out."""
    made: dict[str, Any] = {}
    if "calibration" in figures:
        made["reliability"] = charts.reliability(figures["calibration"])
    if any(figures[name] is not None for name in RELIANCE):
        made["reliance"] = charts.reliance(audit.classes, RELIANCE)
    if len(explained) >= 3:
        from sklearn.decomposition import PCA

        points = PCA(2, random_state=0).fit_transform(np.sqrt(gathered.reduced))
        made["clusters"] = charts.cluster_map(
            [
                {
                    "x": round(float(x), 4),
                    "y": round(float(y), 4),
                    "label": str(audit.videos["prediction"].iloc[i]),
                    "name": str(audit.videos["path"].iloc[i]),
                    "odd": max(0.0, round(odd[int(i)], 2)),
                    "href": "clip.html#" + urlencode({"name": audit.videos["name"].iloc[i]}),
                }
                for i, (x, y) in zip(explained, points, strict=True)
            ]
        )
    return made
