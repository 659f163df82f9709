"""The benchmark's results as Markdown, CSV, JSON and pictures."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from videxplain.attribution.display_names import display_name
from videxplain.benchmark.agreement import Agreement, agreement
from videxplain.benchmark.cases import Chosen
from videxplain.benchmark.judgement import FEWEST, Judgements
from videxplain.benchmark.ranking import RANKED, Likeness, all_likenesses
from videxplain.benchmark.rows import BASELINE, BLIND, Row
from videxplain.benchmark.rows_csv import FILE, read_csv, write_csv
from videxplain.benchmark.summary import Line, summarise
from videxplain.benchmark.tables import markdown
from videxplain.explanation.frame_maps import FrameMaps
from videxplain.files import file_stem, replacing, write_json
from videxplain.viz.compared_maps import ComparedMaps, comparison_figure, comparison_frames
from videxplain.viz.layout import Layout
from videxplain.viz.save import save_jpeg

_PICTURE_DPI = 80
"""Pages with all methods are long."""


def write(
    out: Path,
    rows: Sequence[Row],
    chosen: Mapping[str, Chosen],
    settings: Mapping[str, Any],
    judged: Judgements,
    against: Path | None = None,
) -> list[Path]:
    """Write all files of the results.

    Args:
        out: A folder that is there, in which ``maps/`` holds the maps.
        rows: The explanations.
        chosen: The clips of each network.
        settings: What was done, for the heads of tables.
        judged: What tests and ranks say.
        against: The folder of another benchmark, with whose networks the order of methods is compared.

    Returns:
        The files.
    """
    lines = summarise(rows)
    agreements = {
        model: agreement(
            out,
            model,
            list(dict.fromkeys(row.method for row in rows if row.family != BASELINE or row.method in BLIND)),
            [case.name for case in clips.cases],
        )
        for model, clips in chosen.items()
    }
    likenesses = all_likenesses([*rows, *([] if against is None else _others(against, chosen))])
    written = [
        write_csv(out / FILE, rows),
        _pairs(out / "pairs.csv", judged),
        _json(out / "benchmark.json", lines, chosen, settings, judged, agreements, likenesses),
    ]
    pictures: dict[str, Path] = {}
    for model, clips in chosen.items():
        path = out / f"benchmark-{file_stem(model)}.jpg"
        if drawn := _pictures(out, model, clips, [line for line in lines if line.model == model]):
            save_jpeg(drawn, path, dpi=_PICTURE_DPI)
            pictures[model] = path
    with replacing(out / "benchmark.md") as temporary:
        text = markdown(lines, chosen, settings, judged, agreements, likenesses, pictures)
        temporary.write_text(text, encoding="utf-8")
    return [*written, out / "benchmark.md", *pictures.values()]


def _others(folder: Path, chosen: Mapping[str, Chosen]) -> list[Row]:
    """The rows of another benchmark; a network that is here too gets the folder's name."""
    return [
        replace(row, model=f"{row.model} ({folder.resolve().name})") if row.model in chosen else row
        for row in read_csv(folder)
    ]


def _pairs(path: Path, judged: Judgements) -> Path:
    """The comparisons by which methods are ranked: all pairs, and each with the baseline that is hardest to beat."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "measure", "first", "second", "clips", "difference", "p", "p_holm", "better"])
        for (model, measure), one in judged.items():
            if measure not in RANKED:
                continue
            for pair in (*one.beaten.values(), *one.pairs):
                if pair.clips >= FEWEST:
                    numbers = (f"{value:.4g}" for value in (pair.difference, pair.p, pair.corrected))
                    facts = [model or "all", measure, pair.first, pair.second, pair.clips]
                    writer.writerow([*facts, *numbers, pair.better])
    return path


def _json(
    path: Path,
    lines: Sequence[Line],
    chosen: Mapping[str, Chosen],
    settings: Mapping[str, Any],
    judged: Judgements,
    agreements: Mapping[str, Agreement],
    likenesses: Sequence[Likeness],
) -> Path:
    clips = {name: {"used": [case.name for case in one.cases], "seen": one.seen} for name, one in chosen.items()}
    verdicts = [
        {
            "model": model or "all",
            "measure": measure,
            "leaders": sorted(one.leaders),
            "ranks": {name: asdict(rank) for name, rank in one.ranks.items()},
            "against_baselines": {
                name: {"hardest": pair.second, "difference": pair.difference, "p_holm": pair.corrected}
                for name, pair in one.beaten.items()
            },
        }
        for (model, measure), one in judged.items()
        if one.beaten
    ]
    alike = {
        model: {
            "methods": found.methods,
            "correlation": [[None if np.isnan(v) else round(float(v), 4) for v in row] for row in found.correlation],
            "clips": found.clips.tolist(),
        }
        for model, found in agreements.items()
        if found.clips.any()
    }
    content = {
        **settings,
        "clips": clips,
        "results": [asdict(line) for line in lines],
        "verdicts": verdicts,
        "agreement": alike,
        "likeness": [asdict(one) for one in likenesses],
    }
    return write_json(path, content)


def _pictures(out: Path, model: str, clips: Chosen, lines: Sequence[Line]) -> Any:
    case = clips.cases[0]
    maps = {}
    for line in lines:
        path = out / "maps" / f"{file_stem(model)}-{file_stem(line.method)}.npy"
        if path.is_file():
            maps[line.method] = np.load(path, allow_pickle=False).astype(np.float32)
    if not maps:
        return None
    title = f"{case.name}: {model}, '{case.label}' {100 * case.probability:.0f} %"
    shown = comparison_frames(len(case.frames), Layout())
    rows = [
        ComparedMaps(display_name(name), list(values[shown]), FrameMaps.of(values).range(signed=False))
        for name, values in maps.items()
    ]
    subtitle = f"weights: {lines[0].weights}"
    return comparison_figure(case.frames[shown], shown, rows, shared=False, fps=None, title=title, subtitle=subtitle)
