"""The program: its commands, and how it ends."""

import os
import sys
import warnings
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from videxplain.cli import attention, benchmark, catalogue, evaluate, explain, plot, prepare, split, synthesize, train
from videxplain.cli.console import problem
from videxplain.errors import VidexplainError

WRONG_INPUT, INTERRUPTED = 2, 130


class Commands(TyperGroup):
    """The commands below, and one for each method.

    The commands of methods, and the options of ``explain``, are made from the table of methods. Importing it takes
    seconds, so they are made when one of them is asked for, and not for the list of commands.
    """

    _listing = _complete = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command called ``cmd_name``, or None."""
        if not self._complete and not self._listing and (cmd_name == "explain" or cmd_name not in self.commands):
            self.commands.update(_method_commands())
            self._complete = True
        return super().get_command(ctx, cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help of the program, with the list of commands."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


app = typer.Typer(
    cls=Commands, add_completion=False, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False
)


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=catalogue.version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Ask a video network what it saw, where and when.

    Every method that 'videxplain methods' lists is a command too: videxplain gradcam --model i3d --clip video.avi
    """


for command in (
    explain.explain,
    explain.figure,
    explain.predict,
    catalogue.models,
    catalogue.methods,
    synthesize.synthesize,
    prepare.prepare,
    train.train,
    evaluate.evaluate,
    benchmark.benchmark,
    attention.attention,
    split.split,
):
    app.command(command.__name__.replace("_", "-"))(command)
app.add_typer(plot.plot_app, name="plot")


def _method_commands() -> dict[str, Any]:
    from videxplain.cli.method_commands import method_commands

    return method_commands()


def main() -> NoReturn:
    """Run the program; what the user can put right ends it with one line and status 2."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    try:
        status = app(standalone_mode=False)
    except VidexplainError as error:
        problem("error", error)
        status = WRONG_INPUT
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone; what is still buffered has nowhere to go either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        if said := error.format_message():  # what typer says of options and commands; nothing where it shows the help
            problem("error", said)
        status = WRONG_INPUT
    sys.exit(status or 0)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any) -> None:
    """Our own warnings in one line; those of libraries are for their developers."""
    if category.__module__.startswith("videxplain."):
        problem("warning", message)
