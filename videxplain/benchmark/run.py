"""Explain clips with every method and measure each explanation."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from videxplain.attribution.api import attribute
from videxplain.attribution.engine import Precision, computing_in, forward
from videxplain.attribution.registry import METHODS, magnitude
from videxplain.benchmark.agreement import small_map, small_map_path
from videxplain.benchmark.cases import Case, Chosen, Scene, choose_cases
from videxplain.benchmark.costs import timed
from videxplain.benchmark.measures import MEASURES, Explain, Subject, laid_out
from videxplain.benchmark.rows import BASELINE, Row, append, read, rows_path
from videxplain.errors import VidexplainError
from videxplain.files import file_stem, make_folder, replacing
from videxplain.metrics.baselines import blurred_motion_map, centre_map, motion_map, random_map
from videxplain.models.config import ModelConfig
from videxplain.models.own_models import is_own
from videxplain.models.provenance import provenance
from videxplain.progress import Progress
from videxplain.untouched import untouched

TOO_DEAR = 300
"""An explanation that takes more forward passes than this is not repeated for a measure."""


def _people(case: Case) -> Tensor | None:
    return None if case.people is None else torch.from_numpy(case.people.astype(np.float32))


def _limbs(case: Case) -> Tensor | None:
    return None if case.limbs is None else torch.from_numpy(case.limbs.astype(np.float32))


BASELINES: Mapping[str, Callable[[Case], Tensor | None]] = {
    "random": lambda case: torch.from_numpy(random_map(case.frames, case.name)),
    "centre": lambda case: torch.from_numpy(centre_map(case.frames)),
    "frame differences": lambda case: torch.from_numpy(motion_map(case.frames)),
    "blurred frame differences": lambda case: torch.from_numpy(blurred_motion_map(case.frames)),
    "any person": _people,
    "the evidence": _limbs,
}
"""Maps made without a network, ``(T, H, W)``; None for a clip without the masks that a map needs."""


@dataclass(frozen=True)
class Entrant:
    """A network that takes part.

    Attributes:
        name: As it was asked for.
        module: The network.
        config: What it expects.
        precision: ``"bf16"`` computes explanations and scores in bfloat16 where autocast does.
    """

    name: str
    module: nn.Module
    config: ModelConfig
    precision: Precision = "fp32"

    @property
    def weights(self) -> str:
        """The weights in words; for a network that a file of Python made, with the digests of the file and the state.

        Such networks all have the same words otherwise.
        """
        config = self.config
        if not config.state_sha256 and not is_own(self.name):
            return config.weights
        said = provenance(config.weights, config.weights_file, config.weights_sha256, config.state_sha256)
        return said.removeprefix("weights: ") or config.weights


def run(
    entrant: Entrant,
    methods: Sequence[str],
    scenes: Iterator[Scene],
    videos: int,
    out: Path,
    progress: Progress | None = None,
    *,
    slow_videos: int | None = None,
) -> Chosen:
    """Measure all methods and baselines on clips of one network, and add the rows to its file.

    All methods are measured on the first clip, then on the next, so that a job that is stopped has compared all of
    them on the clips that it has done. Rows that the file holds already are not measured again.

    Args:
        entrant: The network.
        methods: Names of methods.
        scenes: Videos to choose clips from.
        videos: How many clips.
        out: Folder of the results.
        progress: Told of explanations.
        slow_videos: On how many of the clips a method is measured that took more than ``TOO_DEAR`` forward passes on an
            earlier one; None for all.

    Returns:
        The clips.

    Raises:
        VidexplainError: Two clips would have one file name, the network classifies none rightly, or the folder holds
            rows of another network of this name.
    """
    chosen = choose_cases(entrant.module, entrant.config, scenes, videos)
    _check_names([case.name for case in chosen.cases])
    path = rows_path(out, entrant.name)
    rows = read(path)
    _refuse_another(entrant, rows, out)
    done = {(row.method, row.video): row for row in rows if row.weights == entrant.weights}
    slow = {row.method for row in done.values() if _too_dear(row)}
    names = [*BASELINES, *methods]
    for number, case in enumerate(chosen.cases):
        for place, name in enumerate(names):
            held = done.get((name, case.name))
            left_out = slow_videos is not None and number >= slow_videos and name in slow
            if not left_out and (held is None or not _complete(held, number)):
                row, heat = _measured(entrant, name, case, number)
                # The row comes last: a job that goes on takes an explanation that has a row for done.
                if heat is not None:
                    _keep(small_map(heat), small_map_path(out, entrant.name, name, case.name))
                if heat is not None and number == 0:
                    _keep(heat, out / "maps" / f"{file_stem(entrant.name)}-{file_stem(name)}.npy")
                if row is not None:
                    append(path, row)
                    slow |= {name} if _too_dear(row) else set()
            if progress:
                progress(number * len(names) + place + 1, len(chosen.cases) * len(names))
    return chosen


def _refuse_another(entrant: Entrant, rows: Sequence[Row], out: Path) -> None:
    """Raise where rows are of a network with the same name and other weights, which nothing else would tell apart."""
    for row in rows:
        other_file = row.sha256 and row.sha256 != entrant.config.weights_sha256 and row.weights == entrant.weights
        if other_file or (is_own(entrant.name) and row.weights != entrant.weights):
            raise VidexplainError(
                f"{out} holds results of another network called {entrant.name}, whose file or state was different "
                f"({row.weights}): choose another folder"
            )


def _check_names(videos: Sequence[str]) -> None:
    """Raise where maps of two videos would have one file name, so that one would take the place of the other."""
    stems: dict[str, str] = {}
    for name in videos:
        other = stems.setdefault(file_stem(name), name)
        if other != name:
            raise VidexplainError(f"videos '{other}' and '{name}' would have one file name: rename one of them")


def _too_dear(row: Row) -> bool:
    return bool(row.seconds and row.forward_seconds and row.seconds > TOO_DEAR * row.forward_seconds)


def _complete(row: Row, number: int) -> bool:
    """Whether a row has all that is measured now."""
    return bool(row.refused) or {name for name in MEASURES if _wanted(name, number)} <= set(row.values)


def _wanted(measure: str, number: int) -> bool:
    clips = MEASURES[measure].clips
    return clips is None or number < clips


def _measured(entrant: Entrant, name: str, case: Case, number: int) -> tuple[Row | None, Tensor | None]:
    """The row of one explanation, and its map."""
    module, device = entrant.module, case.x.device
    family = METHODS[name].family if name in METHODS else BASELINE
    common = (entrant.name, entrant.weights, name, family, case.name, case.label, case.probability)
    digest = entrant.config.weights_sha256
    explain: Explain | None = None
    if name in BASELINES:
        drawn = BASELINES[name](case)
        if drawn is None:
            return None, None
        heat, seconds, memory = drawn.to(device), None, None
    else:

        def explain(network: nn.Module, x: Tensor) -> Tensor:
            maps = attribute(network, x, method=name, target=case.target, precision=entrant.precision)
            return magnitude(maps)[0]

        try:
            heat, seconds, memory = timed(lambda: explain(module, case.x), device)
        except VidexplainError as error:
            return Row(*common, values={}, refused=str(error), sha256=digest), None
    subject = Subject(case, module, heat, explain, entrant.precision)
    passing = _forward_seconds(entrant, case.x)
    if seconds is not None and seconds > TOO_DEAR * passing:
        subject = dataclasses.replace(subject, explain=None)
    row = Row(
        *common,
        values={name: MEASURES[name].run(subject) for name in MEASURES if _wanted(name, number)},
        blank=not bool((heat > 0).any()),
        seconds=seconds,
        forward_seconds=None if seconds is None else passing,
        memory_mib=memory,
        sha256=digest,
    )
    return row, heat


def _forward_seconds(entrant: Entrant, x: Tensor) -> float:
    """One pass, of what the network sees as :class:`videxplain.benchmark.measures.Subject` scores it."""
    with untouched(entrant.module), torch.no_grad(), computing_in(entrant.precision, x.device):
        x = laid_out(x, entrant.precision)
        begin = time.perf_counter()
        forward(entrant.module, x)
        if x.is_cuda:
            torch.cuda.synchronize(x.device)
        return time.perf_counter() - begin


def _keep(heat: Tensor, path: Path) -> None:
    make_folder(path.parent)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, heat.cpu().numpy().astype(np.float16))
