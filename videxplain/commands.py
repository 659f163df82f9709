"""A command of this package, or a call of it, as it is typed."""

import shlex
from collections.abc import Mapping


def command_line(command: str, expects: Mapping[str, object] | None = None, /, **options: object) -> str:
    """``videxplain COMMAND --name value ...``, quoted for a shell.

    Args:
        command: The command, such as the name of a method.
        expects: What a network expects, by name: a ``--set`` for each, after the options.
        **options: By name, with ``_`` for ``-``. None is left out. The numbers of a tuple have commas between them.
    """
    words = ["videxplain", command]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", _text(value)]
    for name, value in (expects or {}).items():
        words += ["--set", f"{name}={_text(value)}"]
    return shlex.join(words)


def python_call(function: str, *arguments: str, **options: object) -> str:
    """``videxplain.FUNCTION(argument, name=value, ...)``.

    Args:
        function: Its name.
        *arguments: As they are written in Python.
        **options: By name. None is left out.
    """
    named = [f"{name}={value!r}" for name, value in options.items() if value is not None]
    return f"videxplain.{function}({', '.join([*arguments, *named])})"


def _text(value: object) -> str:
    """A value as options take it."""
    values = value if isinstance(value, tuple | list) else [value]
    return ",".join(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
