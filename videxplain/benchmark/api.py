"""The whole benchmark: networks, methods and clips to a folder of tables."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from videxplain.attribution.engine import Precision
from videxplain.benchmark.cases import Chosen, dataset_scenes, rendered_scenes
from videxplain.benchmark.judgement import Judgements, judge_all
from videxplain.benchmark.report import write
from videxplain.benchmark.rows import SETTINGS, claim, rows_of
from videxplain.benchmark.run import BASELINES, Entrant, run
from videxplain.benchmark.summary import Line, summarise
from videxplain.claim import claimed
from videxplain.data.datasets.types import VideoDataset
from videxplain.data.datasets.ucf101_24 import VideoBoxes
from videxplain.errors import VidexplainError
from videxplain.explanation.api import config_of
from videxplain.files import output_folder
from videxplain.models.own_models import load_named
from videxplain.progress import Bars

RENDERED = "ActionFigures, rendered clips of the groups that split 1 holds out"


@dataclass(frozen=True)
class BenchmarkResult:
    """What a benchmark measured.

    Attributes:
        lines: A line for each network and method; see :class:`videxplain.benchmark.summary.Line`.
        judged: What paired tests and ranks say; see :class:`videxplain.benchmark.judgement.Judgement`.
        files: What was written.
        untrained: Names of the networks whose weights are random.
    """

    lines: tuple[Line, ...]
    judged: Judgements
    files: tuple[Path, ...]
    untrained: tuple[str, ...]


def run_benchmark(
    networks: Mapping[str, str],
    methods: Sequence[str],
    out: Path,
    *,
    videos: int = 28,
    dataset: VideoDataset | None = None,
    boxes: Mapping[str, VideoBoxes] | None = None,
    device: torch.device | None = None,
    view: str = "model",
    options: Mapping[str, Any] | None = None,
    precision: Precision = "fp32",
    slow_videos: int | None = None,
    against: Path | None = None,
    progress: Bars | None = None,
) -> BenchmarkResult:
    """Explain clips with every method, and measure each explanation.

    What the folder holds already is not done again, so that a job that was stopped goes on.

    Args:
        networks: Model names to weights, as :func:`videxplain.load_model` takes them; or ``python:FILE.py:NAME`` to
            ``"auto"``. A network that is no file and no name is refused: a later run could not load it again.
        methods: Names of methods.
        out: The folder.
        videos: How many clips of each network.
        dataset: Its test videos are taken; None renders clips of ActionFigures.
        boxes: UCF101-24's boxes by video name, which are then the evidence.
        device: Where to compute.
        view: As for :func:`videxplain.load_model`.
        options: What :func:`videxplain.load_model` is given for each network besides, such as ``labels`` or
            ``frame_interval``.
        precision: ``"bf16"`` explains and scores in bfloat16 where autocast does. What is differentiated down to the
            input stays in float32.
        slow_videos: How many of the clips a method gets that takes more than 300 forward passes; None for all.
        against: The folder of another benchmark, with whose networks the order of methods is compared.
        progress: Shows the progress of each network.

    Raises:
        VidexplainError: The folder holds results on other videos or of another network of that name, a network
            classifies no clip rightly, or one has no name.
    """
    for name in networks:
        if not isinstance(name, str):
            raise VidexplainError(
                f"a benchmark takes networks by name, not {type(name).__name__}: write python:FILE.py:NAME for one of "
                "your own, so that a later run finds it again"
            )
    bars: Bars = progress or (lambda stage: nullcontext())
    settings: dict[str, Any] = {"data": RENDERED if dataset is None else _words(dataset, boxes is not None)}
    given = dict(options or {})
    held = {"view": view if view != "model" else "", "precision": precision if precision != "fp32" else "", **given}
    settings |= {name: value for name, value in _plain(held).items() if value}
    clips: dict[str, Chosen] = {}
    untrained = []
    with output_folder(out), claimed(out):
        if (out / SETTINGS).is_file():
            claim(out, settings)
        for name, weights in networks.items():
            with bars(f"weights of {name}") as bar:
                loaded = load_named(name, weights, progress=bar, view=view, **given)
            module = loaded.to(device or torch.device("cpu"))
            claim(out, settings)  # not before, so that a network that cannot be loaded leaves nothing behind
            entrant = Entrant(name, module, config_of(module), precision)
            if not entrant.config.trained:
                untrained.append(name)
            scenes = rendered_scenes() if dataset is None else dataset_scenes(dataset, boxes)
            with bars(f"explanations of {name}") as bar:
                clips[name] = run(entrant, methods, scenes, videos, out, bar, slow_videos=slow_videos)
        rows = [row for name, chosen in clips.items() for row in rows_of(out, name, chosen, [*BASELINES, *methods])]
        with bars("tests"):
            judged = judge_all(rows)
            files = write(out, rows, clips, settings, judged, against)
        return BenchmarkResult(tuple(summarise(rows)), judged, tuple(files), tuple(untrained))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives them back."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _words(dataset: VideoDataset, boxes: bool) -> str:
    words = f"{dataset.name}, test videos of split {dataset.split}"
    return f"{words}, the evidence being the boxes of UCF101-24" if boxes else words
