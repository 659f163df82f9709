"""The score that is explained: a number for each sample, from a class, a contrast or a function of the logits."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from videxplain.errors import VidexplainError, unknown

Score: TypeAlias = Callable[[Tensor], Tensor]
"""Logits ``(N, K)`` to one number per sample, ``(N,)``."""


class Labelled(Protocol):
    """The part of a model's configuration that is read here."""

    @property
    def labels(self) -> tuple[str, ...]:
        """One name per class, or empty."""
        ...


@dataclass(frozen=True)
class Contrast:
    """Why one class and not another: the difference of two logits.

    Attributes:
        target: The class whose evidence counts for, index or label.
        against: The class whose evidence counts against.
    """

    target: int | str
    against: int | str


Target: TypeAlias = int | str | Contrast | Score
"""A class by index or label, a contrast, or a function of the logits."""

TEXT = "text:"
"""What a target begins with that is a text, for a network that compares videos with texts."""


def class_index(target: int | str, num_classes: int, labels: Sequence[str] = ()) -> int:
    """The index of a class given by index, by label (case and ``_`` or space do not matter), or by digits.

    Raises:
        VidexplainError: There is no such class, or several have this name.
    """
    if isinstance(target, str):
        named = _named(target, labels)
        if target.strip().casefold().startswith(TEXT) and not named:
            target = target.strip()[len(TEXT) :].strip()
            named = _named(target, labels)
            if not named:
                raise VidexplainError(f"the model compares videos with {len(labels)} texts, and '{target}' is none")
        if len(named) > 1:
            raise VidexplainError(
                f"'{target}' is the name of classes {' and '.join(map(str, named))}: give one of them by index"
            )
        if named:
            return named[0]
        if not re.fullmatch(r"-?[0-9]+", target):
            if not labels:
                raise VidexplainError(
                    f"the classes of this model have no names; give '{target}' as an index, 0 to {num_classes - 1}"
                )
            raise unknown("class", target, labels)
        target = int(target)
    try:
        index = operator.index(target)
    except TypeError:
        raise VidexplainError(f"a class is given by index or label, not by {type(target).__name__}") from None
    if not 0 <= index < num_classes:
        raise VidexplainError(f"class {index} does not exist; the model has classes 0 to {num_classes - 1}")
    return index


def score_function(target: Target, num_classes: int, labels: Sequence[str] = ()) -> Score:
    """The score that a target stands for: a logit before the softmax, or the difference of two."""
    if isinstance(target, Contrast):
        plus = class_index(target.target, num_classes, labels)
        minus = class_index(target.against, num_classes, labels)
        if plus == minus:
            raise VidexplainError(f"a contrast needs two classes, and both are class {plus}")
        return lambda logits: _of(logits, plus) - _of(logits, minus)
    if callable(target):
        return _checked(target)
    index = class_index(target, num_classes, labels)
    return lambda logits: _of(logits, index)


def per_sample_scores(
    target: Target | Sequence[Target] | None, logits: Tensor, labels: Sequence[str] = (), boundary: float = 0.0
) -> Score:
    """One score for a batch.

    Args:
        target: A target for all samples, a list with one per sample, or None for each sample's top class.
        logits: ``(N, K)``.
        labels: The names of the classes; two where K is 1, if the network's one output has a complement.
        boundary: The value of that one output at which both are equally probable.

    Raises:
        VidexplainError: There is no such class, or a function mixes the samples.
    """
    samples, num_classes = logits.shape
    if num_classes == 1 and len(labels) == 2:
        num_classes = 2
    if target is None and num_classes > logits.shape[1]:
        sign = (logits.detach()[:, 0] >= boundary).to(logits.dtype) * 2 - 1
        return lambda out: out[:, 0] * sign
    if target is None:
        top = logits.detach().argmax(dim=1)
        return lambda out: out.gather(1, top[:, None])[:, 0]
    if isinstance(target, Sequence) and not isinstance(target, str):
        if len(target) != samples:
            raise VidexplainError(f"{len(target)} targets for a batch of {samples}")
        scores = [score_function(one, num_classes, labels) for one in target]
        return lambda out: torch.cat([score(out[i : i + 1]) for i, score in enumerate(scores)])
    score = score_function(target, num_classes, labels)
    if callable(target) and samples > 1:
        _check_apart(score, logits.detach())
    return score


def for_samples(
    target: Target | Sequence[Target] | None, part: slice, samples: int
) -> Target | Sequence[Target] | None:
    """What some samples of a batch of ``samples`` are explained for.

    Raises:
        VidexplainError: A list that has not one target for each sample.
    """
    if isinstance(target, Sequence) and not isinstance(target, str):
        if len(target) != samples:
            raise VidexplainError(f"{len(target)} targets for a batch of {samples}")
        return target[part]
    return target


def score_versions(score: Score, logits: Tensor, sample: int, versions: Tensor) -> Tensor:
    """The score of one sample of a batch for other logits in its place.

    Args:
        score: A function of the whole batch's logits.
        logits: ``(N, K)``, those of the batch.
        sample: Which of the N.
        versions: ``(B, K)``, each of which takes the sample's place in turn.

    Returns:
        ``(B,)``.
    """
    before, after = logits[:sample], logits[sample + 1 :]
    return torch.stack([score(torch.cat([before, one[None], after]))[sample] for one in versions])


def describe(target: Target, num_classes: int, labels: Sequence[str] = ()) -> str:
    """The target in words, for a caption."""
    if isinstance(target, Contrast):
        first = describe(target.target, num_classes, labels)
        return f"{first} rather than {describe(target.against, num_classes, labels)}"
    if callable(target):
        return f"function {getattr(target, '__name__', type(target).__name__)}"
    index = class_index(target, num_classes, labels)
    return labels[index] if labels else f"class {index}"


def _of(logits: Tensor, index: int) -> Tensor:
    """The score of a class ``(N,)``. Where the network has one output, that of the second class is minus it."""
    return -logits[:, 0] if index == 1 and logits.shape[1] == 1 else logits[:, index]


def _check_apart(score: Score, logits: Tensor) -> None:
    """Refuse a function in which the score of one sample depends on the logits of another ``(N, K)``."""
    noise = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0)).to(logits)
    with torch.no_grad():
        before = score(logits)
        for n in range(len(logits)):
            others = torch.arange(len(logits), device=logits.device) != n
            after = score(torch.where(others[:, None], logits, noise))
            if not torch.allclose(before[others].float(), after[others].float(), rtol=1e-4, equal_nan=True):
                raise VidexplainError(
                    "the target function mixes the samples of the batch: the score of a sample may depend on its own "
                    "logits alone"
                )


def _named(target: str, labels: Sequence[str]) -> list[int]:
    """The classes of this name: those that are called exactly so, or else those that differ in case alone."""
    exactly = [i for i, label in enumerate(labels) if label == target]
    return exactly or [i for i, label in enumerate(labels) if _fold(label) == _fold(target)]


def _fold(label: str) -> str:
    return label.casefold().replace("_", " ").strip()


def _checked(function: Score) -> Score:
    def score(logits: Tensor) -> Tensor:
        value = function(logits.clone())  # it may work in place, and other targets get the same logits
        if not isinstance(value, Tensor) or value.shape != logits.shape[:1]:
            got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            shape = tuple(logits.shape)
            raise VidexplainError(f"a target function must turn logits {shape} into scores {shape[:1]}, not {got}")
        return value

    return score
