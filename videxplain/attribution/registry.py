"""What an explanation method is, and the table of all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Literal, ParamSpec, TypeAlias, get_args

from torch import Tensor

from videxplain.attribution.options import Option
from videxplain.attribution.passes import Pass
from videxplain.errors import VidexplainError, unknown
from videxplain.registry import Registry

Family: TypeAlias = Literal["cam", "gradient", "relevance", "perturbation", "attention", "activation"]
DefaultLayer: TypeAlias = Literal["last", "first", "input"]


@dataclass(frozen=True)
class Attribution:
    """What a method returns for one pass.

    Attributes:
        logits: ``(N, K)``, float32, detached.
        maps: ``(M, N, T, h, w)`` at the layer's resolution, or ``(M, N, C, T, H, W)`` for gradients with respect to
            the input. M is the number of scores, or 1 for a method that uses no score.
        half_widths: Of the shape of ``maps``: each value lies in the 95 % interval from the map's less this to the
            map's plus this. None for a method that does not know how exact its values are.
        conserved: ``(M, N, 2)`` for a method that divides the score among the pixels, or among the places of a layer:
            the sum of what they got, and what there was to divide. None for other methods, and at a layer that a part
            of the score goes past.
        notes: What a reader of these maps must know, a line each, such as that a rule was applied in part.
    """

    logits: Tensor
    maps: Tensor
    half_widths: Tensor | None = None
    conserved: Tensor | None = None
    notes: tuple[str, ...] = ()


Options = ParamSpec("Options")
Run: TypeAlias = Callable[Concatenate[Pass, ...], Attribution]
"""A method: ``run(p, **options)`` explains one :class:`Pass`."""


@dataclass(frozen=True)
class Method:
    """An entry of the table of methods.

    Attributes:
        name: The name on the command line and in Python.
        family: ``"cam"``, ``"gradient"``, ``"relevance"``, ``"perturbation"``, ``"attention"`` or ``"activation"``.
        summary: One line.
        paper: The source.
        cost: In forward passes, in words.
        run: The function.
        layer: The layer explained by default: the ``"last"`` with extent in space, the ``"first"`` convolution, or
            ``"input"`` for a method that explains the input, and a layer if one is named. None for a method that always
            explains the input.
        candidates: For how many leading classes to keep maps while the class of the whole video is still open;
            0 when the maps do not depend on a class.
        options: The keyword arguments of ``run``.
        signed: Whether negative values are part of the picture. Otherwise they mean absence of evidence.
        caution: One line that a reader of any of its pictures must know. Every explanation carries it as a note.
        gradients: Whether a method that hides parts of the clip takes gradients all the same.
    """

    name: str
    family: Family
    summary: str
    paper: str
    cost: str
    run: Run
    layer: DefaultLayer | None = None
    candidates: int = 0
    options: tuple[Option, ...] = ()
    signed: bool = False
    caution: str = ""
    gradients: bool = False

    @property
    def only_calls(self) -> bool:
        """Whether the method does nothing with a network but run it, so that it can explain a plain function."""
        return self.family == "perturbation" and self.layer is None and not self.gradients

    def option(self, name: str) -> Option:
        """The option called ``name``.

        Raises:
            VidexplainError: The method has no such option.
        """
        known = {option.name: option for option in self.options}
        if name in known:
            return known[name]
        if not known:
            raise VidexplainError(f"{self.name} takes no option '{name}'")
        raise unknown(f"option of {self.name}", name, known)

    def check_options(self, options: dict[str, Any]) -> None:
        """Raise ``VidexplainError`` for an option that the method does not have, or a value that it cannot use."""
        for name, value in options.items():
            option = self.option(name)
            try:
                option.check(value)
            except VidexplainError as error:
                raise VidexplainError(f"{self.name}: {error}") from None

    def parse_options(self, texts: dict[str, str]) -> dict[str, Any]:
        """Values of options that come as text, from a command line or a form.

        Raises:
            VidexplainError: An option that the method does not have, or a text that is no value of it.
        """
        values = {}
        for name, text in texts.items():
            option = self.option(name)
            try:
                values[name] = option.parse(text)
            except VidexplainError as error:
                raise VidexplainError(f"{self.name}: {error}") from None
        return values


METHODS: Registry[Method] = Registry("method", entries="videxplain.attribution.methods")


def list_methods() -> list[str]:
    """Names of all methods, family by family."""
    families = get_args(Family)
    return sorted(METHODS, key=lambda name: families.index(METHODS[name].family))


def register_method(
    name: str,
    *,
    family: Family,
    summary: str,
    paper: str = "",
    cost: str = "",
    layer: DefaultLayer | None = None,
    candidates: int = 1,
    options: tuple[Option, ...] = (),
    signed: bool = False,
    caution: str = "",
    gradients: bool = False,
) -> Callable[[Callable[Concatenate[Pass, Options], Attribution]], Callable[Concatenate[Pass, Options], Attribution]]:
    """Register your own method; :func:`videxplain.attribute` and :func:`videxplain.explain` then know its name.

    Use it as a decorator. The function takes a :class:`Pass` and its options as keyword arguments, and returns an
    :class:`Attribution`::

        @vx.register_method("my-saliency", family="gradient", summary="the size of the gradient")
        def my_saliency(p: vx.Pass) -> vx.Attribution: ...

    Args:
        name: A name that no method has.
        family: ``"cam"``, ``"gradient"``, ``"relevance"``, ``"perturbation"``, ``"attention"`` or ``"activation"``.
            Maps of the ``cam`` methods are never negative, and several layers can be fused.
        summary: One line.
        paper: The source.
        cost: In forward passes, in words.
        layer: The layer explained by default: the ``"last"`` with extent in space, the ``"first"`` convolution, or
            ``"input"`` for a method that explains the input, and a layer if one is named. None for a method that always
            explains the input.
        candidates: For how many leading classes of a long video to keep maps until its class is known; 0 when the
            maps depend on no class.
        options: The keyword arguments of the function.
        signed: Whether negative values are part of the picture.
        caution: One line that a reader of any of its pictures must know.
        gradients: Whether a method of the family ``"perturbation"`` takes gradients all the same.

    Raises:
        VidexplainError: The name is taken.
    """

    def add(
        run: Callable[Concatenate[Pass, Options], Attribution],
    ) -> Callable[Concatenate[Pass, Options], Attribution]:
        METHODS.fill()  # ours come first
        about = (name, family, summary, paper, cost, run, layer, candidates, options, signed, caution, gradients)
        METHODS.add(name, Method(*about))
        return run

    return add


def magnitude(values: Tensor) -> Tensor:
    """One number a pixel: the largest channel of a gradient, whatever its sign.

    ``values`` is what :func:`videxplain.attribute` returns for one target: maps ``(N, T, h, w)`` stay as they are,
    ``(N, C, T, H, W)`` becomes ``(N, T, H, W)``.
    """
    return values.abs().amax(dim=1) if values.ndim == 5 else values
