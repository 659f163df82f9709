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
from videxplain.attribution.engine import forward
from videxplain.attribution.registry import METHODS, magnitude
from videxplain.benchmark.cases import Case, Chosen, Scene, choose_cases
from videxplain.benchmark.costs import timed
from videxplain.benchmark.measures import MEASURES, Explain, Subject
from videxplain.benchmark.rows import BASELINE, Row, append, read, rows_path
from videxplain.errors import VidexplainError
from videxplain.files import file_stem, replacing
from videxplain.metrics.baselines import centre_map, motion_map, random_map
from videxplain.models.config import ModelConfig
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
    """

    name: str
    module: nn.Module
    config: ModelConfig


def run(
    entrant: Entrant,
    methods: Sequence[str],
    scenes: Iterator[Scene],
    videos: int,
    out: Path,
    progress: Progress | None = None,
) -> Chosen:
    """Measure all methods and baselines on clips of one network, and add the rows to its file.

    Rows that the file holds already are not measured again.

    Args:
        entrant: The network.
        methods: Names of methods.
        scenes: Videos to choose clips from.
        videos: How many clips.
        out: Folder of the results.
        progress: Told of explanations.

    Returns:
        The clips.
    """
    chosen = choose_cases(entrant.module, entrant.config, scenes, videos)
    path = rows_path(out, entrant.name)
    done = {(row.method, row.video): row for row in read(path) if row.weights == entrant.config.weights}
    names = [*BASELINES, *methods]
    for number, case in enumerate(chosen.cases):
        for place, name in enumerate(names):
            held = done.get((name, case.name))
            if held is None or not _complete(held, number):
                row, heat = _measured(entrant, name, case, number)
                if row is not None:
                    append(path, row)
                if heat is not None and number == 0:
                    _keep(heat, out / "maps" / f"{file_stem(entrant.name)}-{file_stem(name)}.npy")
            if progress:
                progress(number * len(names) + place + 1, len(chosen.cases) * len(names))
    return chosen


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
    common = (entrant.name, entrant.config.weights, name, family, case.name, case.label, case.probability)
    explain: Explain | None = None
    if name in BASELINES:
        drawn = BASELINES[name](case)
        if drawn is None:
            return None, None
        heat, seconds, memory = drawn.to(device), None, None
    else:

        def explain(network: nn.Module, x: Tensor) -> Tensor:
            return magnitude(attribute(network, x, method=name, target=case.target))[0]

        try:
            heat, seconds, memory = timed(lambda: explain(module, case.x), device)
        except VidexplainError as error:
            return Row(*common, values={}, refused=str(error)), None
    subject = Subject(case, module, heat, explain)
    passing = _forward_seconds(module, case.x)
    if seconds is not None and seconds > TOO_DEAR * passing:
        subject = dataclasses.replace(subject, explain=None)
    row = Row(
        *common,
        values={name: MEASURES[name].run(subject) for name in MEASURES if _wanted(name, number)},
        blank=not bool((heat > 0).any()),
        seconds=seconds,
        forward_seconds=None if seconds is None else passing,
        memory_mib=memory,
    )
    return row, heat


def _forward_seconds(module: nn.Module, x: Tensor) -> float:
    with untouched(module), torch.no_grad():
        begin = time.perf_counter()
        forward(module, x)
        if x.is_cuda:
            torch.cuda.synchronize(x.device)
        return time.perf_counter() - begin


def _keep(heat: Tensor, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, heat.cpu().numpy().astype(np.float16))
