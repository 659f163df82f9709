"""Options that say what of a clip is explained, and how, are given once."""

from typing import Any

from videxplain.errors import VidexplainError

_WHAT = ("clip", "method", "target", "against", "layer", "frames")
"""Of others, such as the network or the format of files, the last value counts: a user may add his own to those of a
script, and every output names them."""


def given_once(command: Any) -> None:
    """Let a command refuse two values for one thing that it explains, of which the first would be lost."""
    if hasattr(command, "commands") or getattr(command, "_given_once", False):
        return
    parse_args = command.parse_args

    def parse(ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and args:
            _check(command, ctx, args)
        rest: list[str] = parse_args(ctx, args)
        return rest

    command.parse_args, command._given_once = parse, True


def _check(command: Any, ctx: Any, args: list[str]) -> None:
    single = [one for one in command.get_params(ctx) if _takes_one_value(one)]
    try:
        for one in single:
            one.multiple = True
        parser = command.make_parser(ctx)
    finally:
        for one in single:
            one.multiple = False
    given, _, _ = parser.parse_args(list(args))
    for one in single:
        values = list(dict.fromkeys(given.get(one.name) or ()))
        if len(values) > 1:
            raise VidexplainError(f"{one.opts[0]} takes one value, and it is given {' and '.join(map(repr, values))}")


def _takes_one_value(param: Any) -> bool:
    return param.param_type_name == "option" and param.name in _WHAT and not param.multiple
