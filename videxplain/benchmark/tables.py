"""The benchmark's results as Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from videxplain.benchmark.agreement import Agreement
from videxplain.benchmark.cases import Chosen
from videxplain.benchmark.judgement import FEWEST, Judgements
from videxplain.benchmark.measures import MEASURES
from videxplain.benchmark.overview import ARROWS, MISSING, Overview, overview
from videxplain.benchmark.ranking import RANKED, Likeness
from videxplain.benchmark.rows import BLIND
from videxplain.benchmark.run import TOO_DEAR
from videxplain.benchmark.significance import LEVEL
from videxplain.benchmark.summary import Line, Mean, is_method

GROUPS: Mapping[str, str] = {
    "faithfulness": "Faithfulness: does the network use what the map shows?",
    "where": "Where: does the map lie on what carries the action?",
    "when": "When: do its frames lie in the action?",
    "dependence": "Does the map depend on the network, and does it hold still?",
    "cost": "What it costs",
}
_OVERALL = ("deletion", "insertion", "road")
_AGAIN = {"energy": "where", "energy_in_time": "when"}


def markdown(
    lines: Sequence[Line],
    chosen: Mapping[str, Chosen],
    settings: Mapping[str, Any],
    judged: Judgements,
    agreements: Mapping[str, Agreement] | None = None,
    likenesses: Sequence[Likeness] = (),
    pictures: Mapping[str, Path] | None = None,
) -> str:
    """All tables, a section for each network.

    Args:
        lines: The means.
        chosen: The clips of each network.
        settings: What was done.
        judged: What tests and ranks say.
        agreements: How alike the maps of methods are, by network.
        likenesses: How alike networks rank the methods.
        pictures: The file with the maps of all methods on one clip, by network, beside the tables.
    """
    parts = [
        "# Tables",
        f"Videos: {settings['data']}. The numbers are means over clips; brackets hold 95 % intervals from resampled "
        "clips. Arrows say which way is better. Maps in italics are made without a network.",
        f"A method is bold in a column if two tests say so. It beats each of these maps: {', '.join(BLIND)}. And it is "
        "not told from the best method that beats them. The tests are Wilcoxon's signed-rank tests over the clips, "
        f"exact and two-sided, with Holm's correction for all methods (and for all pairs of them), at {LEVEL:g}. With "
        f"fewer than {FEWEST} clips no test can tell anything, so nothing is bold.",
    ]
    if len(chosen) > 1:
        parts += ["## All networks", _overview(overview(lines, judged))]
    if likenesses:
        parts += ["## Does the order of methods hold from network to network?", _likenesses(likenesses)]
    for model, clips in chosen.items():
        parts += _network(model, clips, [line for line in lines if line.model == model], judged)
        if agreements and model in agreements and (table := _agreement(agreements[model])):
            parts += ["### Do the methods agree?", table]
        if pictures and model in pictures:
            parts.append(f"![the methods on one clip]({pictures[model].name})")
    return "\n\n".join(parts) + "\n"


def _network(model: str, clips: Chosen, own: Sequence[Line], judged: Judgements) -> list[str]:
    left_out = clips.seen - len(clips.cases)
    wrong = f"; {left_out} more were left out because the network gets them wrong." if left_out else "."
    parts = [f"## {model}", f"Weights: {own[0].weights}. {len(clips.cases)} clips{wrong}"]
    if table := _ranks(model, judged):
        parts += ["### Ranks", table]
    for group, title in GROUPS.items():
        if table := _table(model, own, group, judged):
            parts += [f"### {title}", table]
    if refused := [line for line in own if line.refused and not line.means]:
        parts.append("Not for this network:")
        parts.append("\n".join(f"- `{line.method}`: {line.refused}" for line in refused))
    return parts


def _overview(table: Overview) -> str:
    rows = [["", *table.heads, "networks"]]
    for line in table.rows:
        name = f"`{line.name}`" if line.method else f"*{line.name}*"
        cells = [f"**{cell.text}**" if cell.bold else cell.text for cell in line.cells]
        rows.append([name, *cells, str(line.networks)])
    return (
        _grid(rows)
        + "\n\nMeans of the networks' means. The tests take each clip of each network as one pair. Intervals stand in "
        "the tables of each network."
    )


def _ranks(model: str, judged: Judgements) -> str:
    measures = [MEASURES[name] for name in RANKED if judged[model, name].ranks]
    names = list(dict.fromkeys(name for m in measures for name in judged[model, m.name].ranks))
    if not names:
        return ""
    overall = {}
    for name in names:
        own = [judged[model, key].ranks.get(name) for key in _OVERALL]
        overall[name] = float(np.mean([one.rank for one in own if one is not None])) if any(own) else np.inf
    heads = [f"{m.title}{' ' + _AGAIN[m.name] if m.name in _AGAIN else ''}" for m in measures]
    rows = [["", "mean of the first three", *heads, "of", "clips"]]
    for name in sorted(names, key=overall.__getitem__):
        places = [judged[model, m.name].ranks.get(name) for m in measures]
        cells = [MISSING if one is None else str(one) for one in places]
        first = next(one for one in places if one is not None)
        mean = f"{overall[name]:.1f}" if np.isfinite(overall[name]) else MISSING
        rows.append([f"`{name}`", mean, *cells, str(first.of), str(first.clips)])
    return _grid(rows) + (
        "\n\nThe place of each method by its mean, 1 the best, with 95 % intervals from resampled clips. A method is "
        "ranked on the clips that it was measured on, among the methods that have these clips too."
    )


def _table(model: str, lines: Sequence[Line], group: str, judged: Judgements) -> str:
    if group == "cost":
        return _costs([line for line in lines if is_method(line) and line.means])
    measures = [m for m in (MEASURES[name] for name in MEASURES) if m.group == group]
    measures = [m for m in measures if any(m.name in line.means for line in lines)]
    if not measures:
        return ""
    rows = [["", *(f"{m.title} {ARROWS[m.better]}" for m in measures)]]
    for line in lines:
        if line.means:
            name = f"`{line.method}`" if is_method(line) else f"*{line.method}*"
            cells = [_cell(line.means.get(m.name), line.method in judged[model, m.name].leaders) for m in measures]
            rows.append([name, *cells])
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


def _agreement(found: Agreement) -> str:
    """For each method the one that is most like it, and how like the baselines its maps are."""
    blind = [name for name in BLIND if name in found.methods and name != "random"]
    rows = [["", "most like", *(f"like {name}" for name in blind)]]
    others = [place for place, name in enumerate(found.methods) if name not in BLIND]
    for place in others:
        rivals = [one for one in others if one != place and np.isfinite(found.correlation[place, one])]
        if rivals:
            nearest = max(rivals, key=lambda one: found.correlation[place, one])
            alike = f"`{found.methods[nearest]}` {found.correlation[place, nearest]:.2f}"
            cells = [f"{found.correlation[place, found.methods.index(name)]:.2f}" for name in blind]
            rows.append([f"`{found.methods[place]}`", alike, *cells])
    if len(rows) == 1:
        return ""
    return _grid(rows) + (
        "\n\nSpearman's rank correlation of two maps of one clip, at 28 rows and columns at most; the mean over clips. "
        "benchmark.json holds it for all pairs."
    )


def _likenesses(found: Sequence[Likeness]) -> str:
    measures = [MEASURES[name] for name in RANKED if any(one.measure == name for one in found)]
    by_pair: dict[tuple[str, str], dict[str, Likeness]] = {}
    for one in found:
        by_pair.setdefault((one.first, one.second), {})[one.measure] = one
    rows = [["", *(f"{m.title}{' ' + _AGAIN[m.name] if m.name in _AGAIN else ''}" for m in measures), "methods"]]
    for (first, second), own in by_pair.items():
        cells = [_interval(own.get(m.name)) for m in measures]
        rows.append([f"{first}, {second}", *cells, str(max(one.methods for one in own.values()))])
    return _grid(rows) + (
        "\n\nSpearman's rank correlation of the methods' means on two networks: 1 is the same order, 0 none in common. "
        "95 % intervals from resampled clips of both."
    )


def _interval(one: Likeness | None) -> str:
    return MISSING if one is None else f"{one.correlation:.2f} [{one.low:.2f}, {one.high:.2f}]"


def _cell(mean: Mean | None, bold: bool) -> str:
    if mean is None:
        return MISSING
    text = f"{mean.value:.2f} [{mean.low:.2f}, {mean.high:.2f}]"
    return f"**{text}**" if bold else text


def _grid(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
