"""Commands that draw the results of training and evaluation."""

from pathlib import Path
from typing import Annotated

import typer

from videxplain.cli.arguments import options
from videxplain.cli.output.console import print_files, problem
from videxplain.errors import VidexplainError, unknown

ORDERS = ("index", "similarity")

Runs = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUN...",
        help="Folders of runs; those of one recipe with several seeds share a line.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="A folder of runs that were evaluated.", show_default=False)
]
Predicted = Annotated[
    Path,
    typer.Argument(
        metavar="EVALUATION", help="The folder of an evaluation, or its predictions.csv.", show_default=False
    ),
]
Picture = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", help="Ends in .png, .pdf or .svg.", show_default=False)
]
Texts = Annotated[
    list[Path],
    typer.Option("--out", "-o", metavar="FILE", help="Ends in .md or .tex; may be given twice.", show_default=False),
]
Title = Annotated[str, typer.Option(help="Headline.")]
Counts = Annotated[bool, typer.Option("--counts", help="Show numbers of videos, not shares of the true class.")]
Order = Annotated[
    str,
    typer.Option(
        metavar="index|similarity",
        help="Order of the classes: as the network numbers them, or confused classes side by side, with a tree.",
    ),
]

plot_app = typer.Typer(no_args_is_help=True, help="Draw curves, results and confusion matrices.")


@plot_app.command()
def curves(
    runs: Runs,
    out: Picture,
    title: Title = "",
    width: options.Width = None,
    font: options.Font = None,
    font_size: options.FontSize = None,
    dark: options.Dark = False,
) -> None:
    """Draw training loss and validation accuracy of several runs; for several seeds, the mean and the range."""
    from videxplain.cli.arguments.look import drawn_as
    from videxplain.evaluation.curves import read_curve_groups
    from videxplain.viz.curves import curves_figure
    from videxplain.viz.save import save_figure

    with drawn_as(width=width, font=font, font_size=font_size, dark=dark):
        save_figure(curves_figure(read_curve_groups(runs), title=title), out)
    print_files([out])


@plot_app.command()
def table(folder: Folder, out: Texts) -> None:
    """Write the accuracy of each network on each data set as a table in Markdown or LaTeX."""
    from videxplain.evaluation.table import results_table
    from videxplain.evaluation.table_text import as_latex, as_markdown
    from videxplain.files import replacing

    for path in out:
        if path.suffix.lower() not in (".md", ".tex"):
            raise VidexplainError(f"cannot write a table as '{path.name}': the name must end in .md or .tex")
    results = results_table(folder)
    for reason in results.left_out:
        problem("left out", reason)
    for path in out:
        text = as_latex(results) if path.suffix.lower() == ".tex" else as_markdown(results)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print_files(out)


@plot_app.command()
def confusion(
    predictions: Predicted,
    out: Picture,
    order: Order = "index",
    counts: Counts = False,
    title: Title = "",
    width: options.Width = None,
    font: options.Font = None,
    font_size: options.FontSize = None,
    dark: options.Dark = False,
) -> None:
    """Draw a confusion matrix."""
    from videxplain.cli.arguments.look import drawn_as
    from videxplain.evaluation.confusion import confusion_matrix, most_confused, similarity_linkage
    from videxplain.evaluation.predictions import read_predictions
    from videxplain.viz.confusion import confusion_figure
    from videxplain.viz.save import save_figure

    if order not in ORDERS:
        raise unknown("order", order, ORDERS)
    said = read_predictions(predictions)
    matrix = confusion_matrix(said.truth, said.predicted, len(said.labels))
    with drawn_as(width=width, font=font, font_size=font_size, dark=dark):
        figure = confusion_figure(
            matrix,
            said.labels,
            most_confused(matrix, said.labels),
            normalise=not counts,
            linkage=similarity_linkage(matrix) if order == "similarity" else None,
            title=title,
        )
        save_figure(figure, out)
    print_files([out])
