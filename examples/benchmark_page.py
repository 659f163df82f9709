"""Write what a benchmark found into docs/benchmark.md, between the two lines that name the folder.

    videxplain benchmark --videos 28 --slow-videos 10 --out docs/benchmark
    python examples/benchmark_page.py docs/benchmark docs/benchmark.md

The page holds a line ``<!-- results of benchmark -->`` and, further down, ``<!-- end of benchmark -->``, where
``benchmark`` is the name of the folder. What stands between them is written anew from ``benchmark.json``.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from videxplain.benchmark.measures import MEASURES
from videxplain.benchmark.overview import ARROWS
from videxplain.benchmark.ranking import RANKED
from videxplain.benchmark.rows import BLIND
from videxplain.errors import VidexplainError
from videxplain.files import read_record, replacing

QUESTIONS = {
    "deletion": "What does the network use? Hide it",
    "insertion": "What does the network use? Show it",
    "road": "What does the network use? Replace it by what is near",
    "energy": "Where is the evidence?",
    "energy_in_time": "When is the evidence?",
}
FAITHFUL = ("deletion", "insertion", "road")
_AGAIN = {"energy": ", where", "energy_in_time": ", when"}
SHOWN = 4
"""Methods that are named in a cell; more are counted."""


def section(content: Mapping[str, Any]) -> str:
    """The Markdown of one benchmark."""
    models = list(content["clips"])
    verdicts = {(one["model"], one["measure"]): one for one in content["verdicts"]}
    whole = "all" if len(models) > 1 else models[0]
    clips = ", ".join(f"{len(one['used'])} with `{name}`" for name, one in content["clips"].items())
    parts = [f"Clips: {clips}. {content['data'][0].upper()}{content['data'][1:]}."]
    questions = [_question(name, verdicts[whole, name], content) for name in RANKED if (whole, name) in verdicts]
    heads = ["question", "measure", "best of the methods that beat the baselines", "their mean", *BLIND]
    parts.append(_grid([heads, *questions]))
    networks = [row for model in models if (row := _network(model, verdicts))]
    if networks:
        parts.append("Ranks, the mean of those in deletion, insertion and ROAD:")
        parts.append(_grid([["network", "first", "second", "third", "`gradcam`", "of"], *networks]))
    if content["likeness"]:
        parts += ["Does the order of methods hold from network to network? Rank correlations:", _likeness(content)]
    return "\n\n".join(parts)


def _question(measure: str, verdict: Mapping[str, Any], content: Mapping[str, Any]) -> list[str]:
    means = _means(measure, content)
    sign = 1 if MEASURES[measure].better == "higher" else -1
    leaders = sorted(verdict["leaders"], key=lambda name: -sign * means[name])
    named = ", ".join(f"`{name}`" for name in leaders[:SHOWN])
    more = f" and {len(leaders) - SHOWN} more" if len(leaders) > SHOWN else ""
    numbers = ", ".join(f"{means[name]:.2f}" for name in leaders[:SHOWN])
    bars = [f"{means[name]:.2f}" if name in means else "–" for name in BLIND]
    title = f"{MEASURES[measure].title} {ARROWS[MEASURES[measure].better]}"
    return [QUESTIONS[measure], title, f"{named}{more}" or "none", numbers or "–", *bars]


def _means(measure: str, content: Mapping[str, Any]) -> dict[str, float]:
    """The mean of each method over its networks."""
    values: dict[str, list[float]] = {}
    for line in content["results"]:
        if measure in line["means"]:
            values.setdefault(line["method"], []).append(line["means"][measure]["value"])
    return {name: sum(own) / len(own) for name, own in values.items()}


def _network(model: str, verdicts: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[str]:
    tables = [verdicts[model, name]["ranks"] for name in FAITHFUL if (model, name) in verdicts]
    names = [name for name in tables[0] if all(name in table for table in tables)] if tables else []
    if not names:
        return []
    overall = {name: sum(table[name]["rank"] for table in tables) / len(tables) for name in names}
    first = sorted(names, key=overall.__getitem__)[:3]
    cells = [f"`{name}` {overall[name]:.1f}" for name in first] + ["–"] * (3 - len(first))
    grad = f"{overall['gradcam']:.1f}" if "gradcam" in overall else "–"
    return [f"`{model}`", *cells, grad, str(len(names))]


def _likeness(content: Mapping[str, Any]) -> str:
    measures = [name for name in RANKED if any(one["measure"] == name for one in content["likeness"])]
    pairs: dict[tuple[str, str], dict[str, str]] = {}
    for one in content["likeness"]:
        if not {one["first"], one["second"]} & set(content["clips"]):
            continue  # two networks of the benchmark that this one is compared with
        text = f"{one['correlation']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"
        pairs.setdefault((one["first"], one["second"]), {})[one["measure"]] = text
    rows = [[f"`{a}`, `{b}`", *(own.get(name, "–") for name in measures)] for (a, b), own in pairs.items()]
    heads = [f"{MEASURES[name].title}{_AGAIN.get(name, '')}" for name in measures]
    return _grid([["networks", *heads], *rows])


def _grid(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main() -> None:
    """Read the arguments, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of a benchmark")
    parser.add_argument("page", type=Path, help="the page, docs/benchmark.md")
    given = parser.parse_args()
    content = read_record(given.folder / "benchmark.json", "is not what a benchmark writes")
    text = given.page.read_text(encoding="utf-8")
    begin, end = (f"<!-- {word} {given.folder.resolve().name} -->" for word in ("results of", "end of"))
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise VidexplainError(f"{given.page} has no lines '{begin}' and '{end}'")
    with replacing(given.page) as temporary:
        temporary.write_text(f"{before}{begin}\n\n{section(content)}\n\n{end}{after}", encoding="utf-8")
    print(given.page)


if __name__ == "__main__":
    main()
