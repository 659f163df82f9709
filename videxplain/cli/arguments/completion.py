"""Commands for the completion of the shell: the options that all methods share, without importing torch."""

from typing import Any

import typer

from videxplain.cli.arguments import options
from videxplain.cli.arguments.parameters import (
    COMPARED,
    INPUT,
    LAYER,
    REQUIRED,
    REST,
    REST_OF_COMPARED,
    SCORE,
    command_function,
)


def _nothing(texts: dict[str, str], given: dict[str, Any]) -> None:
    """Completion asks for names, and runs nothing."""


_SHARED = {**INPUT, **SCORE, **LAYER, **REST}
_program = typer.Typer(add_completion=False)
_program.command("method")(command_function(_SHARED, (), _nothing))
_program.command("explain")(command_function({"method": (options.Method, REQUIRED), **_SHARED}, (), _nothing))
_program.command("compare")(command_function({**COMPARED, **SCORE, **LAYER, **REST_OF_COMPARED}, (), _nothing))
_commands: dict[str, Any] = dict(typer.main.get_group(_program).commands)
METHOD = _commands["method"]
WITH_ANY_METHOD = {name: _commands[name] for name in ("explain", "compare")}
