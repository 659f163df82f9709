"""What an explanation method is, and the table of all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from torch import Tensor

from videxplain.attribution.targets import Score
from videxplain.registry import Registry

Family: TypeAlias = Literal["cam", "gradient", "perturbation", "attention", "activation"]
Choose: TypeAlias = Callable[[Tensor], list[Score]]
"""Decides from the logits ``(N, K)`` which scores to explain, once the forward pass is over."""


@dataclass(frozen=True)
class Attribution:
    """What a method found in one pass.

    Attributes:
        logits: ``(N, K)``, float32, detached.
        maps: ``(M, N, T, h, w)`` at the layer's resolution, or ``(M, N, C, T, H, W)`` for gradients with respect to
            the input; M is the number of scores, or 1 for a method that looks at no score.
    """

    logits: Tensor
    maps: Tensor


def magnitude(found: Tensor) -> Tensor:
    """One number a pixel: the largest channel of a gradient, whatever its sign.

    ``found`` is what :func:`videxplain.attribute` returns for one target: maps ``(N, T, h, w)`` stay as they are, of
    ``(N, C, T, H, W)`` comes ``(N, T, H, W)``.
    """
    return found.abs().amax(dim=1) if found.ndim == 5 else found


Run: TypeAlias = Callable[..., Attribution]
"""A method at work, one pass over one batch: ``run(module, x, choose, layer, precision, **options)``."""


@dataclass(frozen=True)
class Method:
    """An entry of the table of methods.

    Attributes:
        name: What it is called on the command line and in Python.
        family: ``"cam"``, ``"gradient"``, ``"perturbation"``, ``"attention"`` or ``"activation"``.
        summary: One line.
        paper: Where it comes from.
        cost: In forward passes, in words.
        run: What does it.
        layer: The layer explained by default: the last with extent, the first convolution, or none (the input).
        candidates: For how many leading classes to keep maps while the class of the whole video is still open;
            0 when the maps do not depend on a class.
        options: Names of the keyword arguments that ``run`` takes beyond the common ones.
        signed: Whether negative values are part of the picture, not absence of evidence.
        caution: What a reader of any of its pictures must know, in a line; a note in every explanation.
    """

    name: str
    family: Family
    summary: str
    paper: str
    cost: str
    run: Run
    layer: Literal["last", "first"] | None
    candidates: int
    options: tuple[str, ...] = ()
    signed: bool = False
    caution: str = ""


METHODS: Registry[Method] = Registry("method")


def list_methods() -> list[str]:
    """Names of all methods, family by family."""
    families = get_args(Family)
    return sorted(METHODS, key=lambda name: families.index(METHODS[name].family))


def method(
    name: str,
    *,
    family: Family,
    summary: str,
    paper: str,
    cost: str,
    layer: Literal["last", "first"] | None = None,
    candidates: int = 0,
    options: tuple[str, ...] = (),
    signed: bool = False,
    caution: str = "",
) -> Callable[[Run], Run]:
    """Enter a function into the table of methods; see :class:`Method` for the arguments."""

    def add(run: Run) -> Run:
        METHODS.add(name, Method(name, family, summary, paper, cost, run, layer, candidates, options, signed, caution))
        return run

    return add
