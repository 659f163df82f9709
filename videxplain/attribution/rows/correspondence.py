"""Which rows of a layer's output are which sample and which moment of the clip.

A layer of a network of images is given frames folded into the batch, samples or frames outermost, or one frame a call,
or a few; it may be used several times in a pass. Which is the case cannot be told from shapes. So it is found out: the
frames of the clip are changed, and the rows that change with a frame show it
(:mod:`videxplain.attribution.rows.probing`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from videxplain.attribution.rows.order_in_time import frames_in_words, lay_out_rows
from videxplain.attribution.rows.probing import SMALLEST_CHANGE, Probe, Row, Run
from videxplain.errors import VidexplainError

Place: TypeAlias = tuple[int, int]
"""Number of the call and number of the row in it."""

_STRIP = 8
"""How much of the picture a network may leave out at a border, one part in so many, such as a remainder of patches."""
_STRONG = 10.0
"""So much stronger are the changes where weak ones changed nothing."""
_MOST_CALLS = 128
"""Of more calls only simple divisions into uses are tried."""


@dataclass(frozen=True)
class Use:
    """One look of a layer at the clip.

    Attributes:
        steps: For each sample the rows that are its moments, in order of time.
        wrong: Why its output cannot be laid over the picture; empty where it can.
    """

    steps: tuple[tuple[Place, ...], ...]
    wrong: str = ""

    @property
    def calls(self) -> frozenset[int]:
        """Numbers of the calls that belong to it."""
        return frozenset(call for rows in self.steps for call, _ in rows)


@dataclass(frozen=True)
class Correspondence:
    """All looks of a layer at the clip, in the order of the pass.

    Steps are taken to lie evenly over the clip, each in the middle of its share of the frames, as those of a layer with
    a stride in time do. A network that sees every second frame so has half as many steps as frames.
    """

    uses: tuple[Use, ...]
    calls: int

    def gather(self, outputs: Sequence[Tensor], use: int) -> Tensor:
        """The outputs of all calls, each ``(rows, C, h, w)`` or ``(rows, C, t, h, w)``, as ``(N, C, T, h, w)``."""
        rows = [output if output.ndim == 5 else output[:, :, None] for output in outputs]
        sizes = {(*rows[call].shape[1:2], *rows[call].shape[3:]) for call in self.uses[use].calls}
        if len(sizes) > 1:
            raise VidexplainError(
                f"the layer's outputs for one clip have several sizes, {sorted(sizes)}; name another layer"
            )
        return torch.stack(
            [torch.cat([rows[call][row] for call, row in steps], dim=1) for steps in self.uses[use].steps]
        )


@dataclass(frozen=True)
class _Border:
    """How rows change with two opposite borders of the picture: for each call ``(rows, places along the axis)``."""

    names: tuple[str, str]
    first: list[Tensor]
    last: list[Tensor]


def as_it_is(samples: int) -> Correspondence:
    """That of a layer that puts out ``(N, C, T, h, w)`` in one call."""
    return Correspondence((Use(tuple(((0, n),) for n in range(samples))),), 1)


def find_correspondence(run: Run, x: Tensor, name: str) -> Correspondence:
    """Find out which rows of a layer belong to which sample and moment, by passes of changed clips.

    Args:
        run: A pass of ``(N, C, T, H, W)`` that gives the outputs of the layer's calls.
        x: A batch of the shape in question.
        name: The layer, for messages.

    Raises:
        VidexplainError: Rows that are no moments of the clip, each seen once; the message says what was seen.
    """
    probe = Probe(run, x, name)
    if len(probe.shapes) == 1 and len(probe.shapes[0]) == 5 and probe.shapes[0][0] == len(x):
        return as_it_is(len(x))
    if all(whole_calls(probe, len(x), x.shape[2])):
        whole = [tuple(((call, n),) for n in range(len(x))) for call in range(len(probe.shapes))]
        return Correspondence(_checked(probe, run, whole, x, name), len(probe.shapes))
    probe, rows = rows_seen(probe, run, x, name)
    found = looks(rows, probe.shapes, x, name)
    return Correspondence(_checked(probe, run, found, x, name), len(probe.shapes))


def rows_seen(probe: Probe, run: Run, x: Tensor, name: str) -> tuple[Probe, list[Row]]:
    """What all rows depend on, and the probe that has shown it: a stronger one if ``probe`` changes not all of them."""
    rows = probe.rows()
    if any(row.sample < 0 for row in rows):  # or nothing of the other clip has opened a rectifier
        probe = Probe(run, x, name, strength=_STRONG)
        rows = probe.rows()
    return probe, rows


def looks(rows: list[Row], shapes: Sequence[torch.Size], x: Tensor, name: str) -> list[tuple[tuple[Place, ...], ...]]:
    """The looks of a layer at the clip, in the order of the pass: for each sample the rows that are its moments.

    Args:
        rows: What the rows of all its calls depend on.
        shapes: The shapes of its calls.
        x: The batch.
        name: The layer, for messages.

    Raises:
        VidexplainError: As :func:`find_correspondence`.
    """
    blind = {call for call in range(len(shapes)) if all(row.sample < 0 for row in rows if row.call == call)}
    seen = [row for row in rows if row.call not in blind]
    if not seen:
        raise VidexplainError(f"layer '{name}': its output does not depend on the clip; name another layer")
    if unseen := sum(row.sample < 0 for row in seen):
        raise VidexplainError(
            f"layer '{name}': {unseen} of its {len(seen)} images show nothing of the clip, such as frames that the "
            "network adds, so its output cannot be laid over the frames; name another layer"
        )
    steps = [shape[2] if len(shape) == 5 else 1 for shape in shapes]
    found = _divide(seen, steps, len(x), x.shape[2])
    if found is None:
        raise VidexplainError(f"layer '{name}': {_what_was_seen(seen, x.shape[2])}")
    return found


def whole_calls(probe: Probe, samples: int, frames: int) -> list[bool]:
    """For each call whether it is a use in a network of clips: ``(N, C, t, h, w)``, dependent on both halves of a clip.

    So the many passes are spared that tell apart rows which depend on all frames.
    """
    whole = [frames > 1 and len(shape) == 5 and shape[0] == samples for shape in probe.shapes]
    first = torch.arange(frames, device=probe.device) < frames // 2
    for half in (first, ~first):
        if any(whole):
            changes = probe.changes(half.view(1, 1, frames, 1, 1))
            sees = [bool((change > SMALLEST_CHANGE).all()) for change in changes]
            whole = [one and other for one, other in zip(whole, sees, strict=True)]
    return whole


def _checked(
    probe: Probe, run: Run, found: Sequence[tuple[tuple[Place, ...], ...]], x: Tensor, name: str
) -> tuple[Use, ...]:
    """The uses, each with what keeps it from being laid over the picture."""
    borders = _borders(probe, x)
    wrong = [_not_whole(borders, one) for one in found]
    if any(wrong):
        borders = _borders(Probe(run, x, name, strength=_STRONG), x)
        wrong = [_not_whole(borders, one) for one in found]
    return tuple(Use(one, why) for one, why in zip(found, wrong, strict=True))


def _divide(rows: list[Row], steps: list[int], samples: int, frames: int) -> list[tuple[tuple[Place, ...], ...]] | None:
    """The rows of all calls as the fewest complete looks at the clip; None where there is no such division."""
    calls = sorted({row.call for row in rows})
    by_call = {call: [row for row in rows if row.call == call] for call in calls}

    def look(chosen: Sequence[int]) -> tuple[tuple[Place, ...], ...] | None:
        found = []
        for n in range(samples):
            own = [row for call in chosen for row in by_call[call] if row.sample == n]
            laid = lay_out_rows(own, [steps[row.call] for row in own], frames)
            if laid is None:
                return None
            found.append(tuple((row.call, row.row) for row in laid))
        return tuple(found) if len({len(one) for one in found}) == 1 else None

    tried = [_in_segments(calls, look), *(_in_turns(calls, k, look) for k in range(2, len(calls)))]
    possible = [one for one in tried if one is not None and _all_see_the_same(one, rows)]
    return min(possible, key=len, default=None)


Look: TypeAlias = Callable[[Sequence[int]], tuple[tuple[Place, ...], ...] | None]


def _in_segments(calls: list[int], look: Look) -> list[tuple[tuple[Place, ...], ...]] | None:
    """The calls cut into the fewest stretches that are each a complete look; one after the other in the pass."""
    if (whole := look(calls)) is not None:
        return [whole]
    if len(calls) > _MOST_CALLS:
        return None
    best: list[list[tuple[tuple[Place, ...], ...]] | None] = [[]] + [None] * len(calls)
    for end in range(1, len(calls) + 1):
        for start in range(end):
            before = best[start]
            if before is None or (best[end] is not None and len(best[end] or []) <= len(before) + 1):
                continue
            if (found := look(calls[start:end])) is not None:
                best[end] = [*before, found]
    return best[-1]


def _in_turns(calls: list[int], uses: int, look: Look) -> list[tuple[tuple[Place, ...], ...]] | None:
    """The calls as looks that take turns, as in a loop over frames that uses a layer several times a frame."""
    if len(calls) % uses:
        return None
    found = [look(calls[use::uses]) for use in range(uses)]
    return None if any(one is None for one in found) else [one for one in found if one is not None]


def _all_see_the_same(uses: Sequence[tuple[tuple[Place, ...], ...]], rows: list[Row]) -> bool:
    """Whether the frames of any two uses are the same, or one's are among the other's."""
    frames = {(row.call, row.row): row.frames for row in rows}
    covered = [frozenset().union(*(frames[place] for place in use[0])) for use in uses]
    return all(a <= b or b <= a for a in covered for b in covered)


def _borders(probe: Probe, x: Tensor) -> list[_Border]:
    """How all rows change with the picture's borders: left and right, top and bottom."""
    found = []
    for dimension, names in ((-1, ("left", "right")), (-2, ("top", "bottom"))):
        extent = x.shape[dimension]
        strip = -(-extent // _STRIP)
        if extent < 2 * strip:
            continue
        numbers = torch.arange(extent, device=x.device)
        profiles = []
        for where in (numbers < strip, numbers >= extent - strip):
            pictures = probe.pictures(where if dimension == -1 else where[:, None])
            profiles.append([picture.mean(-2 if dimension == -1 else -1) for picture in pictures])
        found.append(_Border(names, profiles[0], profiles[1]))
    return found


def _not_whole(borders: Sequence[_Border], use: tuple[tuple[Place, ...], ...]) -> str:
    """Why a use is no look at the whole picture, the right way round; empty where it is one."""
    places = [place for rows in use for place in rows]
    for border in borders:
        centres = []
        for name, profiles in zip(border.names, (border.first, border.last), strict=True):
            along = torch.stack([profiles[call][row] for call, row in places])
            if not bool((along > SMALLEST_CHANGE / 10).any()):
                return f"it does not see the {name} border of the picture, such as a crop"
            profile = along.mean(0)
            shares = torch.linspace(0, 1, len(profile), device=profile.device)
            centres.append(float((profile * shares).sum() / profile.sum()))
        if centres[0] > centres[1] + 0.1:
            return f"it sees the picture mirrored, {border.names[0]} for {border.names[1]}"
    return ""


def _what_was_seen(rows: list[Row], frames: int) -> str:
    """In words, why rows are not moments of the clip."""
    first = [row for row in rows if row.sample == rows[0].sample]
    if any(len(row.frames) > 1 for row in first):
        return (
            f"its {len(first)} images of a clip depend on several frames each, and which of them is which moment "
            "cannot be told; name another layer"
        )
    counts = Counter(next(iter(row.frames)) for row in first)
    often, seldom = max(counts.values()), min(counts.values())
    if often == seldom > 1:
        return (
            f"it sees {often} images of each frame, such as crops, and a map has one place for them; "
            "give the network one of them, or name a layer behind which they are one"
        )
    if often > 1:
        twice = next(t for t, count in counts.items() if count == often)
        return (
            f"it sees frame {twice} {often} times and frame {next(t for t in counts if counts[t] == seldom)} "
            f"{seldom} time{'s' if seldom > 1 else ''}, so its {len(first)} images cannot be laid over {frames} "
            "frames; name another layer"
        )
    if len(counts) == 1:
        return f"it sees frame {next(iter(counts))} of {frames} alone; give the network a clip of that frame"
    return (
        f"it sees frames {frames_in_words(sorted(counts))} of {frames}, which are not spread evenly over the clip; "
        "give the network these frames alone"
    )
