"""The benchmark's results as Markdown, CSV, JSON and pictures."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from videxplain.benchmark.cases import Chosen
from videxplain.benchmark.measures import MEASURES
from videxplain.benchmark.rows import Row
from videxplain.benchmark.run import TOO_DEAR
from videxplain.benchmark.summary import Line, Mean, best, is_method, summarise
from videxplain.files import file_stem, replacing, write_json
from videxplain.viz.save import save_figure
from videxplain.viz.side_by_side import side_by_side

GROUPS: Mapping[str, str] = {
    "faithfulness": "Faithfulness: does the network use what the map shows?",
    "where": "Where: does the map lie on what carries the action?",
    "when": "When: do its frames lie in the action?",
    "dependence": "Does it depend on the network, and does it hold still?",
    "cost": "What it costs",
}
MISSING = "–"
OVERVIEW = ("deletion", "insertion", "road", "energy", "energy_in_time", "head_randomised", "all_randomised")
"""Columns of the table over all networks."""
_AGAIN = {"energy": " where", "energy_in_time": " when"}
_ARROWS = {"higher": "↑", "lower": "↓"}
_PICTURE_DPI = 80
"""Pages with all methods are long."""


def write(out: Path, rows: Sequence[Row], chosen: Mapping[str, Chosen], settings: Mapping[str, Any]) -> list[Path]:
    """Write all files of the results.

    Args:
        out: A folder that is there, in which ``maps/`` holds the maps of each network's first clip.
        rows: The explanations.
        chosen: The clips of each network.
        settings: What was done, for the heads of tables.

    Returns:
        The files.
    """
    lines = summarise(rows)
    written = [_csv(out / "benchmark.csv", rows), _json(out / "benchmark.json", lines, chosen, settings)]
    with replacing(out / "benchmark.md") as temporary:
        temporary.write_text(markdown(lines, chosen, settings), encoding="utf-8")
    written.append(out / "benchmark.md")
    for model, found in chosen.items():
        path = out / f"benchmark-{file_stem(model)}.png"
        if drawn := _pictures(out, model, found, [line for line in lines if line.model == model]):
            save_figure(drawn, path, dpi=_PICTURE_DPI)
            written.append(path)
    return written


def markdown(lines: Sequence[Line], chosen: Mapping[str, Chosen], settings: Mapping[str, Any]) -> str:
    """All tables, a section for each network."""
    parts = [
        "# Tables",
        f"Videos: {settings['data']}. Means over clips, with 95 % intervals from resampled clips in brackets; in each "
        "column the best method, and those whose interval holds its mean, are bold. Arrows say which way is better. "
        "Maps in italics are made by no network: a method has to be better than they are.",
    ]
    if len(chosen) > 1:
        parts += ["## All networks", _overview(lines)]
    for model, found in chosen.items():
        own = [line for line in lines if line.model == model]
        left_out = found.seen - len(found.cases)
        parts.append(f"## {model}")
        parts.append(
            f"Weights: {own[0].weights}. {len(found.cases)} clips"
            + (f"; {left_out} more were left out because the network gets them wrong." if left_out else ".")
        )
        for group, title in GROUPS.items():
            if table := _table(own, group):
                parts += [f"### {title}", table]
        if refused := [line for line in own if line.refused and not line.means]:
            parts.append("Not for this network:")
            parts.append("\n".join(f"- `{line.method}`: {line.refused}" for line in refused))
        parts.append(f"![the methods on one clip](benchmark-{file_stem(model)}.png)")
    return "\n\n".join(parts) + "\n"


def _overview(lines: Sequence[Line]) -> str:
    """One row a method: means over the networks that it explains."""
    measures = [MEASURES[name] for name in OVERVIEW if any(name in line.means for line in lines)]
    rows = [["", *(f"{m.title}{_AGAIN.get(m.name, '')} {_ARROWS[m.better]}" for m in measures), "networks"]]
    values: dict[str, list[float | None]] = {}
    counts: dict[str, int] = {}
    for name in dict.fromkeys(line.method for line in lines):
        own = [line for line in lines if line.method == name and line.means]
        if own:
            counts[name] = len(own)
            values[name] = [_over_networks(own, m.name) for m in measures]
    baselines = {line.method for line in lines if not is_method(line)}
    for name, numbers in values.items():
        cells = [f"*{name}*" if name in baselines else f"`{name}`"]
        for place, (m, number) in enumerate(zip(measures, numbers, strict=True)):
            others = [one[place] for other, one in values.items() if other not in baselines]
            known = [other for other in others if other is not None]
            top = (max(known) if m.better == "higher" else min(known)) if known else None
            text = MISSING if number is None else f"{number:.2f}"
            cells.append(f"**{text}**" if number is not None and number == top and name not in baselines else text)
        rows.append([*cells, str(counts[name])])
    return (
        _grid(rows)
        + "\n\nMeans of the networks' means; the best is bold. Intervals stand in the tables of each network."
    )


def _over_networks(lines: Sequence[Line], measure: str) -> float | None:
    found = [line.means[measure].value for line in lines if measure in line.means]
    return float(np.mean(found)) if found else None


def _table(lines: Sequence[Line], group: str) -> str:
    if group == "cost":
        return _costs([line for line in lines if is_method(line) and line.means])
    measures = [m for m in (MEASURES[name] for name in MEASURES) if m.group == group]
    measures = [m for m in measures if any(m.name in line.means for line in lines)]
    if not measures:
        return ""
    rows = [["", *(f"{m.title} {_ARROWS[m.better]}" for m in measures)]]
    for line in lines:
        if not line.means:
            continue
        cells = [f"`{line.method}`" if is_method(line) else f"*{line.method}*"]
        for m in measures:
            top = best(lines, m)
            cells.append(_cell(line.means.get(m.name), top if is_method(line) else None))
        rows.append(cells)
    dear = f" (– for what takes more than {TOO_DEAR} forward passes)" if group == "dependence" else ""
    notes = [f"{m.title}: {m.summary}" + (f" ({m.clips} clips)" if m.clips else "") for m in measures]
    return _grid(rows) + "\n\n" + "; ".join(notes) + dear + "."


def _costs(lines: Sequence[Line]) -> str:
    rows = [["", "forward passes", "seconds", "memory, MiB", "blank maps"]]
    for line in lines:
        passes, seconds, memory = (line.means.get(name) for name in ("passes", "seconds", "memory_mib"))
        rows.append(
            [
                f"`{line.method}`",
                f"{passes.value:.1f}" if passes else MISSING,
                f"{seconds.value:.3g}" if seconds else MISSING,
                f"{memory.value:.0f}" if memory else MISSING,
                f"{100 * line.blank:.0f} %",
            ]
        )
    return _grid(rows) + (
        "\n\nMedians over clips: the time of one explanation, also as a multiple of one forward pass beside it, and "
        "the peak of memory beyond what was held before."
    )


def _cell(value: Mean | None, top: float | None) -> str:
    if value is None:
        return MISSING
    text = f"{value.value:.2f} [{value.low:.2f}, {value.high:.2f}]"
    return f"**{text}**" if top is not None and value.low <= top <= value.high else text


def _grid(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _csv(path: Path, rows: Sequence[Row]) -> Path:
    facts = ["model", "weights", "method", "family", "video", "label", "probability"]
    costs = ["blank", "seconds", "forward_seconds", "memory_mib", "refused"]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*facts, *MEASURES, *costs])
        for row in rows:
            plain = asdict(row)
            measured = [row.values.get(name) for name in MEASURES]
            writer.writerow([*(plain[name] for name in facts), *measured, *(plain[name] for name in costs)])
    return path


def _json(path: Path, lines: Sequence[Line], chosen: Mapping[str, Chosen], settings: Mapping[str, Any]) -> Path:
    clips = {name: {"used": [case.name for case in one.cases], "seen": one.seen} for name, one in chosen.items()}
    content = {
        **settings,
        "clips": clips,
        "results": [asdict(line) for line in lines],
    }
    write_json(path, content)
    return path


def _pictures(out: Path, model: str, found: Chosen, lines: Sequence[Line]) -> Any:
    case = found.cases[0]
    maps = {}
    for line in lines:
        path = out / "maps" / f"{file_stem(model)}-{file_stem(line.method)}.npy"
        if path.is_file():
            maps[line.method] = np.load(path, allow_pickle=False).astype(np.float32)
    if not maps:
        return None
    title = f"{case.name}: {model}, '{case.label}' {100 * case.probability:.0f} %"
    return side_by_side(case.frames, maps, title, f"weights: {lines[0].weights}")
