"""Commands that draw what training and evaluating left behind."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videxplain.cli.console import print_files, problem
from videxplain.errors import VidexplainError

if TYPE_CHECKING:
    from videxplain.viz.curves import Curves

Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False)]
Folder = Annotated[Path, typer.Argument(help="A folder of runs that were evaluated.", show_default=False)]
Predicted = Annotated[
    Path, typer.Argument(metavar="PREDICTIONS", help="The predictions.csv of an evaluation.", show_default=False)
]
Picture = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", help="Ends in .png, .pdf or .svg.", show_default=False)
]
Texts = Annotated[
    list[Path],
    typer.Option("--out", "-o", metavar="FILE", help="Ends in .md or .tex; may be given twice.", show_default=False),
]
Title = Annotated[str, typer.Option(help="Headline.")]
Counts = Annotated[bool, typer.Option("--counts", help="Numbers of videos, not shares of the true class.")]

plot_app = typer.Typer(no_args_is_help=True, help="Draw curves, results and confusion matrices.")


@plot_app.command()
def curves(runs: Runs, out: Picture, title: Title = "") -> None:
    """Training loss and validation accuracy of several runs together."""
    from videxplain.viz.curves import curves_figure, read_curves
    from videxplain.viz.save import save_figure

    found = [read_curves(run) for run in runs]
    save_figure(curves_figure(_told_apart(found, runs), title=title), out)
    print_files([out])


@plot_app.command()
def table(folder: Folder, out: Texts) -> None:
    """What each network reached on each dataset, as Markdown or LaTeX."""
    from videxplain.files import replacing
    from videxplain.viz.tables import results_table

    for path in out:
        if path.suffix.lower() not in (".md", ".tex"):
            raise VidexplainError(f"cannot write a table as '{path.name}': the name must end in .md or .tex")
    results = results_table(folder)
    for reason in results.left_out:
        problem("left out", reason)
    for path in out:
        text = results.latex() if path.suffix.lower() == ".tex" else results.markdown()
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print_files(out)


@plot_app.command()
def confusion(predictions: Predicted, out: Picture, counts: Counts = False, title: Title = "") -> None:
    """Which classes are taken for which."""
    from videxplain.viz.confusion import confusion_figure, confusion_matrix, read_predictions
    from videxplain.viz.save import save_figure

    labels, true, predicted = read_predictions(predictions)
    matrix = confusion_matrix(true, predicted, len(labels))
    save_figure(confusion_figure(matrix, labels, normalise=not counts, title=title), out)
    print_files([out])


def _told_apart(found: "list[Curves]", runs: list[Path]) -> "list[Curves]":
    """Runs whose folders have the same name get the path as it was given."""
    names = [one.name for one in found]
    return [
        dataclasses.replace(one, name=str(run)) if names.count(one.name) > 1 else one
        for one, run in zip(found, runs, strict=True)
    ]
