"""The measures of an explanation: the columns of the benchmark's tables."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.attribution.engine import Precision, computing_in, forward
from videxplain.benchmark.cases import Case
from videxplain.explanation.api import config_of
from videxplain.metrics import localisation
from videxplain.metrics.faithfulness import average_drop, deletion, increase, insertion
from videxplain.metrics.randomisation import layers_from_the_top, randomised, similarity
from videxplain.metrics.road import road
from videxplain.metrics.robustness import infidelity, sensitivity
from videxplain.models.outputs import probabilities
from videxplain.registry import Registry
from videxplain.untouched import untouched

Group: TypeAlias = Literal["faithfulness", "where", "when", "dependence", "cost"]
Explain: TypeAlias = Callable[[nn.Module, Tensor], Tensor]
"""A network and an input ``(1, 3, T, H, W)`` to a map ``(T, H, W)`` for the class of the case."""


@dataclass(frozen=True, eq=False)
class Subject:
    """One explanation of one clip, and what it takes to measure it.

    Attributes:
        case: The clip.
        module: The network.
        heat: ``(T, H, W)``, the map at the input's resolution; more is more evidence.
        explain: Makes such a map again, of another input or network; None for a map made without a network, and for a
            method that is too slow to be repeated.
        precision: ``"bf16"`` scores in bfloat16 where autocast does.
    """

    case: Case
    module: nn.Module
    heat: Tensor
    explain: Explain | None
    precision: Precision = "fp32"

    def score(self, versions: Tensor) -> Tensor:
        """The probability of the class for versions of the clip ``(B, 3, T, H, W)``, ``(B,)``."""
        versions = laid_out(versions, self.precision)
        with untouched(self.module), torch.no_grad(), computing_in(self.precision, versions.device):
            logits = forward(self.module, versions)
        return probabilities(logits, config_of(self.module))[:, self.case.target]

    @cached_property
    def values(self) -> NDArray[np.float32]:
        """The map, for what compares it with masks."""
        return self.heat.cpu().numpy()


def laid_out(versions: Tensor, precision: Precision) -> Tensor:
    """Clips in the order of memory in which bfloat16 is fast."""
    return versions.contiguous(memory_format=torch.channels_last_3d) if precision == "bf16" else versions


@dataclass(frozen=True)
class Measure:
    """A column.

    Attributes:
        name: Its key in files.
        title: Its head in tables.
        group: Which table it stands in.
        better: ``"higher"`` or ``"lower"``.
        summary: What it is, in a line.
        run: Computes it; None if it is not defined for this explanation.
        clips: The number of clips it is taken of, if it is too slow for all.
    """

    name: str
    title: str
    group: Group
    better: Literal["higher", "lower"]
    summary: str
    run: Callable[[Subject], float | None]
    clips: int | None = None


MEASURES: Registry[Measure] = Registry("measure")
FEW = 2
"""Measures that repeat the explanation many times are taken of so many clips."""


def measure(
    name: str, title: str, group: Group, better: Literal["higher", "lower"], summary: str, clips: int | None = None
) -> Callable[[Callable[[Subject], float | None]], Callable[[Subject], float | None]]:
    """Enter a function into the table of measures; see :class:`Measure`."""

    def add(run: Callable[[Subject], float | None]) -> Callable[[Subject], float | None]:
        MEASURES.add(name, Measure(name, title, group, better, summary, run, clips))
        return run

    return add


@measure(
    "deletion",
    "deletion",
    "faithfulness",
    "lower",
    "the probability while tubelets are hidden, the most important first",
)
def _deletion(subject: Subject) -> float:
    return deletion(subject.score, subject.case.x, subject.heat).area


@measure(
    "insertion",
    "insertion",
    "faithfulness",
    "higher",
    "the probability while blurred tubelets are shown, the most important first",
)
def _insertion(subject: Subject) -> float:
    return insertion(subject.score, subject.case.x, subject.heat, fill="blur").area


@measure(
    "deletion_frames",
    "deletion, frames",
    "faithfulness",
    "lower",
    "the probability while frames are frozen, the most important first",
)
def _deletion_frames(subject: Subject) -> float:
    return deletion(subject.score, subject.case.x, subject.heat, unit="frame", fill="freeze").area


@measure(
    "road",
    "ROAD",
    "faithfulness",
    "higher",
    "the probability without the least important voxels, minus that without the most important",
)
def _road(subject: Subject) -> float:
    least, most = (road(subject.score, subject.case.x, subject.heat, order=order) for order in ("least", "most"))
    return float((least.scores - most.scores).mean())


@measure(
    "average_drop",
    "average drop",
    "faithfulness",
    "lower",
    "the share of the probability that is lost when the clip is seen through the map",
)
def _average_drop(subject: Subject) -> float:
    return average_drop(subject.score, subject.case.x, subject.heat)


@measure(
    "increase",
    "increase",
    "faithfulness",
    "higher",
    "how often the probability rises when the clip is seen through the map",
)
def _increase(subject: Subject) -> float:
    return increase(subject.score, subject.case.x, subject.heat)


@measure("pointing", "pointing", "where", "higher", "whether the maximum lies in the evidence")
def _pointing(subject: Subject) -> float | None:
    mask = subject.case.limbs
    return None if mask is None else localisation.pointing(subject.values, mask)


@measure(
    "pointing_within",
    f"pointing, {localisation.TOLERANCE} px",
    "where",
    "higher",
    f"whether the maximum lies at most {localisation.TOLERANCE} pixels of the network's input from the evidence",
)
def _pointing_within(subject: Subject) -> float | None:
    mask = subject.case.limbs
    return None if mask is None else localisation.pointing_within(subject.values, mask)


@measure("energy", "energy", "where", "higher", "the share of the map that lies in the evidence")
def _energy(subject: Subject) -> float | None:
    mask = subject.case.limbs
    return None if mask is None else localisation.energy(subject.values, mask)


@measure("iou", "IoU", "where", "higher", "the overlap of the evidence with as many of the strongest voxels")
def _iou(subject: Subject) -> float | None:
    mask = subject.case.limbs
    return None if mask is None else localisation.iou(subject.values, mask)


@measure(
    "pointing_in_time", "pointing", "when", "higher", "whether the frame that holds most of the map lies in the action"
)
def _pointing_in_time(subject: Subject) -> float | None:
    active = _partly_active(subject)
    return None if active is None else localisation.pointing_in_time(subject.values, active)


@measure("energy_in_time", "energy", "when", "higher", "the share of the map that lies in frames of the action")
def _energy_in_time(subject: Subject) -> float | None:
    active = _partly_active(subject)
    return None if active is None else localisation.energy_in_time(subject.values, active)


@measure("iou_in_time", "IoU", "when", "higher", "the overlap of the action with as many of the strongest frames")
def _iou_in_time(subject: Subject) -> float | None:
    active = _partly_active(subject)
    return None if active is None else localisation.iou_in_time(subject.values, active)


@measure(
    "infidelity",
    "infidelity",
    "dependence",
    "lower",
    "the error of predicting from the map what noise does to the probability",
    FEW,
)
def _infidelity(subject: Subject) -> float:
    return infidelity(subject.score, subject.case.x, subject.heat)


@measure("sensitivity", "sensitivity", "dependence", "lower", "how much the map changes with a little noise", FEW)
def _sensitivity(subject: Subject) -> float | None:
    explain = subject.explain
    if explain is None:
        return None
    return sensitivity(lambda x: explain(subject.module, x), subject.case.x)


@measure(
    "head_randomised",
    "random head",
    "dependence",
    "lower",
    "rank correlation with the map of the network whose last layer is random",
    FEW,
)
def _head_randomised(subject: Subject) -> float | None:
    return _likeness(subject, "head")


@measure(
    "all_randomised",
    "random network",
    "dependence",
    "lower",
    "rank correlation with the map of the network whose layers are all random",
    FEW,
)
def _all_randomised(subject: Subject) -> float | None:
    return _likeness(subject, "all")


def _partly_active(subject: Subject) -> NDArray[np.bool_] | None:
    """The frames of the action; None if it goes on in all frames or in none."""
    active = subject.case.active
    return None if active is None or active.all() or not active.any() else active


def _likeness(subject: Subject, which: Literal["head", "all"]) -> float | None:
    """Rank correlation without regard to sign between the map and that of a network with random parameters."""
    explain, module = subject.explain, subject.module
    if explain is None:
        return None
    layers = layers_from_the_top(module)
    with randomised(module, layers[:1] if which == "head" else layers):
        return similarity(subject.heat, explain(module, subject.case.x)).absolute_spearman
