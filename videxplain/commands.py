"""A command of this package as it is typed."""

import shlex


def command_line(command: str, **options: object) -> str:
    """``videxplain COMMAND --name value ...``, quoted for a shell.

    Args:
        command: The command, such as the name of a method.
        **options: By name, with ``_`` for ``-``. None is left out. The numbers of a tuple have commas between them.
    """
    words = ["videxplain", command]
    for name, value in options.items():
        if value is not None:
            text = ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)
