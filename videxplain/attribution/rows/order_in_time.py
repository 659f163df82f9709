"""The order in time of the rows of a layer, from the frames that each of them depends on."""

from collections.abc import Sequence
from itertools import pairwise

from videxplain.attribution.rows.probing import Row


def lay_out_rows(rows: list[Row], steps: Sequence[int], frames: int) -> list[Row] | None:
    """The rows of one sample in order of time; None where they are not one look at the clip.

    Args:
        rows: In the order of the pass.
        steps: How many time steps each row has.
        frames: T.
    """
    if not rows:
        return None
    if len(rows) == 1:
        return rows if _is_whole(rows[0].frames, frames) else None
    if max(steps) > 1:
        return _chunks(rows, steps, frames)
    own = [row.own_frame for row in rows]
    if None not in own:
        order = sorted(range(len(rows)), key=lambda i: own[i] or 0)
        return [rows[i] for i in order] if _even([float(own[i] or 0) for i in order], frames) else None
    for position in (_mean, lambda row: float(max(row.frames)), lambda row: float(min(row.frames))):
        found = [position(row) for row in rows]
        for forward in (1, -1):
            if _even(found[::forward], frames):
                return rows[::forward]
    centres = [_centre(row) for row in rows]
    for forward in (1, -1):
        if _rising(centres[::forward]) and abs(centres[-1] - centres[0]) >= (len(rows) - 1) * frames / len(rows) / 2:
            return rows[::forward]
    return None


def _mean(row: Row) -> float:
    return sum(row.frames) / len(row.frames)


def _centre(row: Row) -> float:
    """Where the influence on a row lies in time; the strongest counts most."""
    weights = [value**2 for value in row.influence]
    return sum(t * weight for t, weight in enumerate(weights)) / max(sum(weights), 1e-30)


def _rising(positions: Sequence[float]) -> bool:
    return all(before < after for before, after in pairwise(positions))


def _even(positions: Sequence[float], frames: int) -> bool:
    """Whether frames rise, and lie where steps spread over the clip do, to within half a step or a frame."""
    steps = len(positions)
    laid = [(step + 0.5) * frames / steps - 0.5 for step in range(steps)]
    near = max(1.0, frames / steps / 2)
    return _rising(positions) and all(
        abs(position - place) <= near for position, place in zip(positions, laid, strict=True)
    )


def is_spread_evenly(seen: Sequence[int], frames: int, steps: int) -> bool:
    """Whether frames that a layer sees stand for the clip: spread over it, or the one in the middle.

    A convolution whose stride is larger than its kernel skips the same number of frames again and again. Each of its
    steps sees frames in a row, so there are no more steps than such blocks of frames.

    Args:
        seen: Their numbers, in order.
        frames: Number of frames of the clip.
        steps: Number of moments of the layer's output.
    """
    if len(seen) == 1:
        return _is_whole(frozenset(seen), frames)
    return _even([float(t) for t in seen], frames) or _skips_evenly(seen, frames, steps)


def _skips_evenly(seen: Sequence[int], frames: int, steps: int) -> bool:
    """Whether frames come in blocks of one length with gaps of one length; the clip may cut the first and the last."""
    edges = [i for i in range(1, len(seen)) if seen[i] > seen[i - 1] + 1]
    blocks = [len(block) for block in (seen[i:j] for i, j in pairwise([0, *edges, len(seen)]))]
    gaps = {seen[i] - seen[i - 1] - 1 for i in edges}
    if len(gaps) != 1 or len(set(blocks[1:-1])) > 1 or max(blocks) > max(blocks[1:-1], default=frames):
        return False
    longest, gap = max(blocks), gaps.pop()
    if steps > len(blocks) or (len(edges) == 1 and gap > longest):
        return False
    return max(seen[0], frames - 1 - seen[-1]) < longest + gap


def frames_in_words(numbers: Sequence[int]) -> str:
    """Numbers of frames in a line, the middle of a long one left out."""
    shown = [str(number) for number in numbers]
    return ", ".join(shown if len(shown) <= 9 else [*shown[:7], "...", shown[-1]])


def _is_whole(seen: frozenset[int], frames: int) -> bool:
    """Whether what one row sees stands for the clip: frames from one half and the other, or the one in the middle."""
    if len(seen) == 1:
        return abs(next(iter(seen)) - (frames - 1) / 2) <= 0.5
    return max(seen) - min(seen) + 1 > frames / 2


def _chunks(rows: list[Row], steps: Sequence[int], frames: int) -> list[Row] | None:
    """Rows that are stretches of the clip with several steps each: one after the other, at one rate."""
    order = sorted(range(len(rows)), key=lambda i: min(rows[i].frames))
    done, total = 0, sum(steps)
    for i in order:
        start, stop = done * frames / total, (done + steps[i]) * frames / total
        if abs(min(rows[i].frames) - start) > 1 or abs(max(rows[i].frames) + 1 - stop) > 1:
            return None
        done += steps[i]
    return [rows[i] for i in order]
