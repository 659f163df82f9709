"""The program: its commands, and how it ends."""

import copy
import os
import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from videxplain.cli.arguments.names import listed_methods
from videxplain.cli.arguments.once import given_once
from videxplain.cli.commands import (
    attention,
    audit,
    benchmark,
    compare,
    concepts,
    download,
    evaluate,
    explain,
    figure,
    layers,
    methods,
    models,
    plot,
    prepare,
    serve,
    split,
    synthesize,
    train,
)
from videxplain.cli.output.console import any_encoding, be_quiet, end_quiet, problem, say
from videxplain.errors import VidexplainError

WRONG_INPUT = 2

COMMANDS: dict[str, dict[str, Any]] = {
    "Explain a clip": {
        "explain": explain.explain,
        "compare": compare.compare,
        "figure": figure.figure,
        "attention": attention.attention,
        "split": split.split,
        "predict": explain.predict,
        "serve": serve.serve,
    },
    "Measure": {
        "evaluate": evaluate.evaluate,
        "benchmark": benchmark.benchmark,
        "audit": audit.audit_app,
        "concepts": concepts.concepts,
        "tcav": concepts.tcav,
    },
    "Data and training": {
        "synthesize": synthesize.synthesize,
        "prepare": prepare.prepare,
        "train": train.train,
        "plot": plot.plot_app,
    },
    "Catalogue": {
        "models": models.models,
        "methods": methods.methods,
        "layers": layers.layers,
        "download": download.download,
    },
}
"""The commands, by their headings in the help."""

_MADE = ("explain", "compare")
"""Commands whose options are those of all methods."""
_NEVER_QUIET = ("predict", "models", "methods", "layers")
"""Commands that do nothing but print."""


class Commands(TyperGroup):
    """The commands above, and a command for each method.

    The commands of methods, and the options of ``explain`` and ``compare``, are made from the table of methods.
    Importing this table takes seconds. So they are made only when one of them runs, not for help or completion.
    """

    _listing = _complete = False

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands. The help lists the methods separately."""
        names = super().list_commands(ctx)
        if self._listing:
            return names
        return [*names, *(one.name for one in listed_methods() if one.name not in names)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command called ``cmd_name``, or None."""
        if ctx.resilient_parsing and (command := _for_completion(cmd_name)):
            return command
        made = cmd_name in _MADE or cmd_name not in self.commands
        if made and not self._complete and not self._listing:
            self.commands.update(_method_commands())
            self._complete = True
        command = super().get_command(ctx, cmd_name)
        if command is not None and cmd_name not in _NEVER_QUIET:
            for one in (command, *getattr(command, "commands", {}).values()):
                if "quiet" not in {parameter.name for parameter in one.params}:
                    one.params.append(_quiet_option())
        for one in (command, *getattr(command, "commands", {}).values()):
            if one is not None:
                given_once(one)
                _hide_type_of_flags(one.get_params(ctx))
        return command

    def get_params(self, ctx: Any) -> list[Any]:
        """The program's own options."""
        params = super().get_params(ctx)
        _hide_type_of_flags(params)
        return params

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help of the program, with the list of commands."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False
        methods.name_methods()


def _print_version(asked: bool) -> None:
    """Print the version and stop."""
    if asked:
        from videxplain.version import __version__

        say(f"videxplain {__version__}")
        raise typer.Exit


app = typer.Typer(cls=Commands, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Ask a video network what it saw, where and when.

    To begin: videxplain gradcam --model i3d --clip video.mp4 --out out
    """


for heading, commands in COMMANDS.items():
    for name, command in commands.items():
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, rich_help_panel=heading)
        else:
            app.command(name, rich_help_panel=heading)(command)


def run() -> int:
    """Run the program and return its status. An error that the user can fix is one line, with status 2."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    with any_encoding():
        try:
            status = app(prog_name="videxplain", standalone_mode=False) or 0
            sys.stdout.flush()
            return status
        except VidexplainError as error:
            problem("error", error)
            return WRONG_INPUT
        except typer.Abort:
            raise KeyboardInterrupt from None
        except BrokenPipeError:
            # The reader of the output has closed it.
            _drop_output()
            return 0
        except OSError as error:
            # The disk or the system refuses. Libraries write files too, so this can come from anywhere.
            place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
            problem("error", f"{place}{error.strerror or error}")
            _drop_output()
            return WRONG_INPUT
        except Exception as error:
            if not hasattr(error, "format_message"):
                raise
            if said := _needless_layer(error) or error.format_message():  # empty where typer has shown the help
                problem("error", said)
            return WRONG_INPUT
        finally:
            end_quiet()


def _drop_output() -> None:
    """If standard output cannot be written, drop what is buffered. Python would try to write it again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _needless_layer(error: Any) -> str:
    """The message for ``--layer`` with a method that takes no layer; empty for any other error."""
    name = getattr(getattr(error, "ctx", None), "info_name", None)
    if getattr(error, "option_name", "") != "--layer" or name not in {one.name for one in listed_methods()}:
        return ""
    return f"{name} explains the input, so it takes no layer"


def _method_commands() -> dict[str, Any]:
    from videxplain.cli.commands.method_commands import method_commands

    return method_commands()


def _for_completion(name: str) -> Any:
    """A command with the options that all methods share, for completion; None for other commands."""
    from videxplain.cli.arguments.completion import METHOD, WITH_ANY_METHOD

    if name in WITH_ANY_METHOD:
        return WITH_ANY_METHOD[name]
    for one in listed_methods():
        if one.name == name:
            command = copy.copy(METHOD)
            command.name, command.help = name, one.summary
            return command
    return None


def _hide_type_of_flags(params: list[Any]) -> None:
    """Remove the ``<bool>`` that Typer 0.29 writes after a flag, because a flag takes no value."""
    for one in params:
        if getattr(one, "is_flag", False):
            one.metavar = ""


def _quiet_option() -> Any:
    """The option ``--quiet`` of all commands that do more than print."""

    def quiet(
        quiet: Annotated[
            bool,
            typer.Option(
                "--quiet",
                "-q",
                callback=lambda asked: be_quiet() if asked else None,
                expose_value=False,
                help="Print only errors, warnings and the names of written files.",
            ),
        ] = False,
    ) -> None:
        """Do nothing. Only the option of this command is used."""

    one = typer.Typer(add_completion=False)
    one.command()(quiet)
    return typer.main.get_command(one).params[0]


def _show_warning(message: Warning | str, category: type[Warning], *_: Any) -> None:
    """Print warnings of this package in one line. Warnings of libraries are for developers, and are hidden."""
    if category.__module__.startswith("videxplain."):
        problem("warning", message)
