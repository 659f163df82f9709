"""The table of results as Markdown and LaTeX."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from videxplain.evaluation.table import DATASETS, MODELS, PARTS, Cell, Results

ONE, TWO = "Training on the dataset itself", "Training on two datasets"
WORDS = ("Model", "Data processing", "Initialisation")
MISSING = "–"


def as_markdown(results: Results) -> str:
    """The table in Markdown.

    The best of each column is bold, among runs on one dataset and among those on two, if it beats always answering the
    most frequent class by more than chance.
    """
    heads = [_markdown(text) for text in (*WORDS, *_heads(results))]
    lines = [_pipes(heads), _pipes(["---"] * len(WORDS) + ["---:"] * len(results.columns))]
    for block in _blocks(results):
        if block.name:
            lines.append(_pipes([f"*{block.name}*"] + [""] * (len(heads) - 1)))
        for words, numbers in block.rows:
            shown = [f"**{text}**" if best else text for text, best in numbers]
            lines.append(_pipes([*map(_markdown, words), *shown]))
    return "\n".join(lines) + "\n"


def as_latex(results: Results) -> str:
    """The table as a LaTeX ``tabular`` that needs no package; bold as in :func:`as_markdown`."""
    heads = [_latex(text) for text in (*WORDS, *_heads(results))]
    lines = [f"\\begin{{tabular}}{{{'l' * len(WORDS)}{'r' * len(results.columns)}}}", "\\hline", _ampersands(heads)]
    for block in _blocks(results):
        lines.append("\\hline")
        if block.name:
            lines += [f"\\multicolumn{{{len(heads)}}}{{c}}{{{_latex(block.name)}}} \\\\", "\\hline"]
        for words, numbers in block.rows:
            shown = [f"\\textbf{{{text}}}" if best else text.replace(MISSING, "--") for text, best in numbers]
            lines.append(_ampersands([*map(_latex, words), *shown]))
    return "\n".join([*lines, "\\hline", "\\end{tabular}"]) + "\n"


class _Block(NamedTuple):
    """Rows under one headline."""

    name: str
    """Empty for a lone block of runs on one dataset."""
    rows: list[tuple[list[str], list[tuple[str, bool]]]]
    """The words of each row, and its numbers with whether they are bold."""


def _heads(results: Results) -> list[str]:
    """Titles of the columns with accuracies; the split is said for a dataset that has several in the table."""
    splits = {(column.dataset, column.split) for column in results.columns}
    several = {dataset for dataset, _ in splits if sum(dataset == other for other, _ in splits) > 1}
    return [
        f"{DATASETS.get(dataset, dataset)}{f' split {split}' if dataset in several else ''} {PARTS[part]}"
        + (f", {views} views" if views else "")
        for dataset, split, part, views in results.columns
    ]


def _blocks(results: Results) -> list[_Block]:
    columns = results.columns
    blocks = []
    for two_datasets, name in ((False, ONE), (True, TWO)):
        settings = [setting for setting in results.rows if setting.two_datasets == two_datasets]
        table = [[results.rows[setting].get(column) for column in columns] for setting in settings]
        best = [max(map(_rounded, cells)) for cells in zip(*table, strict=True)]
        rows = [
            (
                [MODELS.get(setting.model, setting.model), setting.data, setting.start],
                [_number(cell, most) for cell, most in zip(cells, best, strict=True)],
            )
            for setting, cells in zip(settings, table, strict=True)
        ]
        if rows:
            blocks.append(_Block(name, rows))
    return [_Block("", blocks[0].rows)] if [block.name for block in blocks] == [ONE] else blocks


def _rounded(cell: Cell | None) -> float:
    """As it is shown: accuracies that look equal are equally good."""
    return -math.inf if cell is None else round(100 * cell.accuracy, 2)


def _number(cell: Cell | None, best: float) -> tuple[str, bool]:
    """A percentage as it is shown, and whether it is bold."""
    if cell is None:
        return MISSING, False
    return f"{100 * cell.accuracy:.2f}", _rounded(cell) == best and cell.beats_majority


def _pipes(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ampersands(cells: Iterable[str]) -> str:
    return " & ".join(cells) + " \\\\"


def _markdown(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>|#" else letter for letter in text)


def _latex(text: str) -> str:
    words = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}"}
    words |= {">": "\\textgreater{}", "|": "\\textbar{}", MISSING: "--"}
    return "".join(words.get(letter, f"\\{letter}" if letter in "&%$#_{}" else letter) for letter in text)
