"""The benchmark's results as Markdown, CSV, JSON and pictures."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from videxplain.benchmark.cases import Chosen
from videxplain.benchmark.measures import MEASURES
from videxplain.benchmark.overview import ARROWS, MISSING, Overview, overview
from videxplain.benchmark.rows import Row
from videxplain.benchmark.run import TOO_DEAR
from videxplain.benchmark.summary import Line, Mean, beats_baselines, best, is_method, summarise
from videxplain.files import file_stem, replacing, write_json
from videxplain.viz.save import save_figure
from videxplain.viz.side_by_side import side_by_side

GROUPS: Mapping[str, str] = {
    "faithfulness": "Faithfulness: does the network use what the map shows?",
    "where": "Where: does the map lie on what carries the action?",
    "when": "When: do its frames lie in the action?",
    "dependence": "Does the map depend on the network, and does it hold still?",
    "cost": "What it costs",
}
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
    for model, clips in chosen.items():
        path = out / f"benchmark-{file_stem(model)}.png"
        if drawn := _pictures(out, model, clips, [line for line in lines if line.model == model]):
            save_figure(drawn, path, dpi=_PICTURE_DPI)
            written.append(path)
    return written


def markdown(lines: Sequence[Line], chosen: Mapping[str, Chosen], settings: Mapping[str, Any]) -> str:
    """All tables, a section for each network."""
    parts = [
        "# Tables",
        f"Videos: {settings['data']}. The numbers are means over clips; brackets hold 95 % intervals from resampled "
        "clips. Arrows say which way is better. Maps in italics are made without a network. In each column the best "
        "method is bold, and so are methods whose interval holds its mean, if they are better than the maps that are "
        "random, in the centre, or frame differences.",
    ]
    if len(chosen) > 1:
        parts += ["## All networks", _overview(overview(lines))]
    for model, clips in chosen.items():
        own = [line for line in lines if line.model == model]
        left_out = clips.seen - len(clips.cases)
        parts.append(f"## {model}")
        parts.append(
            f"Weights: {own[0].weights}. {len(clips.cases)} clips"
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


def _overview(table: Overview) -> str:
    rows = [["", *table.heads, "networks"]]
    for line in table.rows:
        name = f"`{line.name}`" if line.method else f"*{line.name}*"
        cells = [f"**{cell.text}**" if cell.bold else cell.text for cell in line.cells]
        rows.append([name, *cells, str(line.networks)])
    return (
        _grid(rows)
        + "\n\nMeans of the networks' means; the best is bold if it beats the baselines. Intervals stand in "
        "the tables of each network."
    )


def _table(lines: Sequence[Line], group: str) -> str:
    if group == "cost":
        return _costs([line for line in lines if is_method(line) and line.means])
    measures = [m for m in (MEASURES[name] for name in MEASURES) if m.group == group]
    measures = [m for m in measures if any(m.name in line.means for line in lines)]
    if not measures:
        return ""
    rows = [["", *(f"{m.title} {ARROWS[m.better]}" for m in measures)]]
    for line in lines:
        if not line.means:
            continue
        cells = [f"`{line.method}`" if is_method(line) else f"*{line.method}*"]
        for m in measures:
            mean, top = line.means.get(m.name), best(lines, m)
            bold = (
                mean is not None
                and top is not None
                and is_method(line)
                and mean.low <= top <= mean.high
                and beats_baselines(mean.value, lines, m)
            )
            cells.append(_cell(mean, bold))
        rows.append(cells)
    dear = f" (– for methods that take more than {TOO_DEAR} forward passes)" if group == "dependence" else ""
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


def _cell(mean: Mean | None, bold: bool) -> str:
    if mean is None:
        return MISSING
    text = f"{mean.value:.2f} [{mean.low:.2f}, {mean.high:.2f}]"
    return f"**{text}**" if bold else text


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
    return write_json(path, {**settings, "clips": clips, "results": [asdict(line) for line in lines]})


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
    return side_by_side(case.frames, maps, title, f"weights: {lines[0].weights}")
