"""A page of a report with as many videos and classes as large data sets have. The rows are made up."""

from pathlib import Path

import numpy as np

from videxplain.audit.report.pages import PAGES, Pages

VIDEOS, CLASSES = 13_000, 400


def write_many(folder: Path) -> Path:
    """Write the page with the matrix and the list into a folder; every 100th video is not known to the network."""
    draw = np.random.default_rng(0)
    truth = draw.integers(0, CLASSES, VIDEOS)
    prediction = np.where(draw.random(VIDEOS) < 0.7, truth, draw.integers(0, CLASSES, VIDEOS))
    columns = {
        "name": [f"clip-{i}" for i in range(VIDEOS)],
        "path": [f"videos/clip-{i}.mp4" for i in range(VIDEOS)],
        "where": [f"/data/videos/clip-{i}.mp4" for i in range(VIDEOS)],
        "group": [f"g{i % 900}" for i in range(VIDEOS)],
        "truth": truth.tolist(),
        "prediction": prediction.tolist(),
        "probability": draw.random(VIDEOS).round(4).tolist(),
        "trust": draw.random(VIDEOS).round(4).tolist(),
        "random": [0.0] * VIDEOS,
        "odd": draw.random(VIDEOS).round(3).tolist(),
        "media": [0] * VIDEOS,
        "unfamiliar": [int(i % 100 == 0) for i in range(VIDEOS)],
    }
    pages = Pages(folder, title="many", footer="", notes=(), pages=PAGES)
    pages.write("confusion", "clips.html", heading="Confusion matrix", matrix=True)
    labels = [f"class {k}" for k in range(CLASSES)]
    pages.write_assets({"labels": labels, "columns": columns, "title": "", "repeat": ["", ""]}, {})
    return folder / "confusion.html"
