"""How bytes, JSON and names are damaged; everything is drawn from a generator with a seed."""

import json
import random
from typing import Any

_EXTREMES = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\x01")
_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    2**63,
    -(2**63),
    10**21,
    10**400,
    0.5,
    1e308,
    -0.0,
    float("nan"),
    float("inf"),
    "",
    "x",
    "eval",
    "../../etc/passwd",
    "\x1b[2J\x07\n",
    "\ud800",
    "a" * 5000,
    [],
    [0],
    [1, 2, 3],
    [None],
    [[[]]],
    ["x"] * 40,
    {},
    {"a": 1},
    {"0": "x"},
)
DEEP = 5000
"""Levels of nesting beyond what Python's own recursion bears."""


def mutate_bytes(data: bytes, draw: random.Random, headers: int = 1024) -> bytes:
    """One to four mutations, half of them in the first ``headers`` bytes."""
    mutant = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        reach = len(mutant) if draw.random() < 0.5 else min(len(mutant), headers)
        at, length = draw.randrange(max(reach, 1)), draw.choice((1, 2, 4, 8, 64))
        kind = draw.choice(("flip", "extreme", "noise", "cut", "drop", "repeat"))
        if kind == "flip" and mutant:
            mutant[at] ^= 1 << draw.randrange(8)
        elif kind == "extreme":
            mutant[at : at + length] = draw.choice(_EXTREMES) * min(length, 8)
        elif kind == "noise":
            mutant[at : at + length] = draw.randbytes(length)
        elif kind == "cut":
            del mutant[draw.randrange(len(mutant)) + 1 if mutant else 0 :]
        elif kind == "drop":
            del mutant[at : at + length]
        else:
            mutant[at:at] = mutant[at : at + length]
    return bytes(mutant)


def mutate_value(value: Any, draw: random.Random) -> Any:
    """A copy of plain values, one of which, at any depth, is replaced, removed, renamed or repeated."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key = draw.choice(list(value))
        kind = draw.random()
        if kind < 0.08:
            return {name: entry for name, entry in value.items() if name != key}
        if kind < 0.14:
            return {draw.choice(("", "x", f"{key}x")) if name == key else name: entry for name, entry in value.items()}
        return {**value, key: mutate_value(value[key], draw)}
    if isinstance(value, list) and value and draw.random() < 0.6:
        at = draw.randrange(len(value))
        if draw.random() < 0.2:
            return draw.choice((value[:at], value + value, value[::-1]))
        return [*value[:at], mutate_value(value[at], draw), *value[at + 1 :]]
    if isinstance(value, int) and not isinstance(value, bool) and draw.random() < 0.4:
        return draw.choice((-value, value * 10**6, value + 1, value / 2 if abs(value) < 10**9 else 0, str(value), 0))
    return draw.choice(_VALUES)


def mutated_json(value: Any, draw: random.Random) -> bytes:
    """Mutated values as JSON, now and then nested without end or not quite JSON."""
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        value = mutate_value(value, draw)
    try:
        text = json.dumps(value)
    except ValueError:  # whole numbers of more digits than Python writes
        text = "1" * 9000
    chance = draw.random()
    if chance < 0.03:
        text = "[" * DEEP + "]" * DEEP
    elif chance < 0.06 and text.startswith("{"):
        text = text[:-1] + (", " if len(text) > 2 else "") + '"deep": ' + '{"a": ' * DEEP + "1" + "}" * DEEP + "}"
    elif chance < 0.09:
        text = text.replace("1", "1" * 6000, 1)
    data = text.encode("utf-8", "surrogatepass")
    return mutate_bytes(data, draw) if draw.random() < 0.1 else data
