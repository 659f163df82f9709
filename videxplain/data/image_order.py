"""The order of the images in a folder: that of the numbers in their names, and none where these say several."""

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations, pairwise
from pathlib import Path

from videxplain.errors import VidexplainError

# A full stop between two numbers, if it is the only one: the point of a decimal fraction, or a mark between counters.
_POINT = re.compile(r"(?<![\d.])(\d+)\.(\d+)(?![\d.])")
_NUMBER = re.compile(r"\d+(?:\.\d+)*")


def in_order(folder: Path, images: Sequence[Path]) -> list[Path]:
    """Images in the order of the numbers in their names; names without numbers are in the order of the alphabet.

    Raises:
        VidexplainError: Images of several clips, such as colours and flow, an image that is no frame of the clip, a
            frame twice, or names that can be put in order in two ways.
    """
    _check_twice(folder, images)
    _check_kinds(folder, images)
    ordered = sorted(images, key=_natural)
    fractions = sorted(images, key=_as_fractions)
    if ordered == fractions:
        return ordered
    if (decimal := _are_fractions(images)) is None:
        one, other = next((a, b) for a, b in zip(ordered, fractions, strict=True) if a != b)
        raise VidexplainError(
            f"{folder} can be put in order in two ways: {one.name} or {other.name} comes first, as the point is one of "
            "a decimal fraction or not; give all numbers behind the point the same number of digits"
        )
    return fractions if decimal else ordered


def missing_numbers(images: Sequence[Path]) -> str:
    """What is to be said of images, in order, whose numbers leave some out; empty where they come at even steps."""
    found = [tuple(map(int, re.findall(r"\d+", path.stem))) for path in images]
    if len({re.sub(r"\d+", "*", path.stem.casefold()) for path in images}) > 1 or not all(found):
        return ""
    if len({numbers[:-1] for numbers in found}) > 1:  # the last number may begin again with each of the others
        return ""
    steps = [after[-1] - before[-1] for before, after in pairwise(found)]
    if len(set(steps)) < 2:
        return ""
    at = next(i for i, step in enumerate(steps) if step > min(steps))
    return f"has images missing, as their numbers show: after {images[at].name} comes {images[at + 1].name}"


def _check_twice(folder: Path, images: Sequence[Path]) -> None:
    stems: dict[str, str] = {}
    numbers: dict[tuple[str | int, ...], str] = {}
    for path in sorted(images):
        if (other := stems.setdefault(path.stem, path.name)) != path.name:
            raise VidexplainError(f"{folder} holds one frame twice, {other} and {path.name}: remove one of the two")
        name = tuple(_natural(path)[0])
        if not _POINT.search(path.stem) and (other := numbers.setdefault(name, path.name)) != path.name:
            raise VidexplainError(f"{folder} holds one number twice, {other} and {path.name}: remove one of the two")


def _check_kinds(folder: Path, images: Sequence[Path]) -> None:
    """Raise for names of several kinds, unless their numbers and the alphabet give the same order."""
    kinds: dict[str, set[tuple[int, ...]]] = {}
    for path in images:
        numbers = tuple(map(int, re.findall(r"\d+", path.stem)))
        kinds.setdefault(_NUMBER.sub("*", path.stem.casefold()), set()).add(numbers)
    bare = sorted(path.name for path in images if not re.search(r"\d", path.stem))
    if len(kinds) == 1 or len(bare) == len(images):
        return
    if bare:
        raise VidexplainError(f"{folder} holds numbered images, and {bare[0]} has no number: remove it, or number it")
    for one, other in combinations([name for name, found in sorted(kinds.items()) if len(found) > 1], 2):
        if len(kinds[one] & kinds[other]) > 1:
            raise VidexplainError(
                f"{folder} holds images of several clips ({one} and {other} have the same numbers): put each into a "
                "folder of its own"
            )
    first = [int(re.findall(r"\d+", path.stem)[0]) for path in sorted(images, key=_natural)]
    if any(after <= before for before, after in pairwise(first)):
        names = " and ".join(sorted(kinds)[:2])
        raise VidexplainError(
            f"{folder} holds images whose order is not known, as their names are of several kinds ({names}): give all "
            "of them one name with a number, and remove what is no frame"
        )


def _are_fractions(images: Sequence[Path]) -> bool | None:
    """Whether the numbers behind points are those of decimal fractions; None if nothing decides it.

    Fractions come at even steps or have zeros in front, such as 0.05 beside 0.1. Counters come one after the other, or
    end in zero, such as 1.10 beside 1.9; whoever writes fractions of different lengths leaves such a zero out.
    """
    found = [match.groups() for path in images if (match := _POINT.search(path.stem))]
    behind = [digits for _, digits in found]
    shortest, longest = min(map(len, behind)), max(map(len, behind))
    values = sorted(Decimal(re.findall(r"\d+(?:\.\d+)?", path.stem)[-1]) for path in images)
    steps = [after - before for before, after in pairwise(values)]
    even = len(steps) > 1 and min(steps) > 0 and max(steps) - min(steps) <= 2 * Decimal(10) ** -longest
    counters: dict[str, list[int]] = {}
    for whole, digits in found:
        counters.setdefault(whole, []).append(int(digits))
    in_a_row = all(max(some) - min(some) == len(set(some)) - 1 for some in counters.values())
    fractions = even or any(len(one) > shortest and one[0] == "0" for one in behind)
    counted = in_a_row or any(len(one) > 1 and one[-1] == "0" for one in behind)
    return None if fractions == counted else fractions


def _natural(path: Path) -> tuple[list[str | int], str]:
    # Splitting at numbers puts them at the odd places. The suffix is no part of it: 1 comes before 1.5.
    parts = re.split(r"(\d+)", path.stem)
    return [int(part) if i % 2 else part.casefold() for i, part in enumerate(parts)], path.name


def _as_fractions(path: Path) -> tuple[list[str | Decimal], str]:
    parts = re.split(r"(\d+(?:\.\d+)?)", path.stem) if _POINT.search(path.stem) else re.split(r"(\d+)", path.stem)
    return [Decimal(part) if i % 2 else part.casefold() for i, part in enumerate(parts)], path.name
