"""Composites: which rule is for which layer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from torch import nn

from videxplain.attribution.relevance.rules import AlphaBeta, Carried, Epsilon, Gamma, Rule, ZBox, flat, w_squared
from videxplain.errors import VidexplainError, unknown

Attention: TypeAlias = Literal["attn", "cp"]
Bounds: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
"""The lowest and the highest value of a pixel, by channel, as the network sees it."""


@dataclass(frozen=True)
class Composite:
    """Which rule is for which layer.

    Attributes:
        first: For convolutions and linear layers that see the pixels.
        convolution: For all other convolutions.
        linear: For all other linear layers.
        attention: ``"attn"`` divides relevance between the two factors of every product of computed values, and goes
            through the softmax (Achtibat et al., ICML 2024). ``"cp"`` takes the probabilities of attention as constants
            (Ali et al., ICML 2022).
    """

    first: Rule
    convolution: Rule
    linear: Rule
    attention: Attention = "attn"


@dataclass(frozen=True)
class Settings:
    """The numbers of the rules.

    Attributes:
        epsilon: Of the epsilon rule.
        gamma: Of the gamma rule for convolutions.
        bounds: Of the z-box rule; None where nobody has said what a pixel can be.
    """

    epsilon: float = 1e-6
    gamma: float = 0.25
    bounds: Bounds | None = None

    @property
    def box(self) -> ZBox:
        """The z-box rule.

        Raises:
            VidexplainError: Nobody has said what a pixel can be.
        """
        if self.bounds is None:
            raise VidexplainError(
                "the z-box rule needs the lowest and the highest value of a pixel, as the network sees it: give low= "
                "and high=, or a network with a configuration"
            )
        return ZBox(*self.bounds)


GAMMA_OF_LINEAR = 0.2
"""Achtibat et al. use a smaller gamma for linear layers than for the patch embedding: a fifth of it here."""


def _epsilon_plus_flat(s: Settings) -> Composite:
    return Composite(flat, AlphaBeta(1, 0), Epsilon(s.epsilon))


def _epsilon_plus(s: Settings) -> Composite:
    return Composite(Carried(AlphaBeta(1, 0)), AlphaBeta(1, 0), Epsilon(s.epsilon))


def _epsilon(s: Settings) -> Composite:
    return Composite(Carried(Epsilon(s.epsilon)), Epsilon(s.epsilon), Epsilon(s.epsilon))


def _epsilon_gamma_box(s: Settings) -> Composite:
    return Composite(s.box, Gamma(s.gamma), Epsilon(s.epsilon))


def _epsilon_alpha2_beta1_flat(s: Settings) -> Composite:
    return Composite(flat, AlphaBeta(2, 1), Epsilon(s.epsilon))


def _attn_lrp(s: Settings) -> Composite:
    return Composite(Carried(Gamma(s.gamma)), Gamma(s.gamma), Gamma(GAMMA_OF_LINEAR * s.gamma))


def _cp_lrp(s: Settings) -> Composite:
    return Composite(Carried(Epsilon(s.epsilon)), Epsilon(s.epsilon), Epsilon(s.epsilon), "cp")


COMPOSITES: dict[str, Callable[[Settings], Composite]] = {
    "epsilon-plus-flat": _epsilon_plus_flat,
    "epsilon-plus": _epsilon_plus,
    "epsilon": _epsilon,
    "epsilon-gamma-box": _epsilon_gamma_box,
    "epsilon-alpha2-beta1-flat": _epsilon_alpha2_beta1_flat,
    "attn-lrp": _attn_lrp,
    "cp-lrp": _cp_lrp,
}
FIRST: dict[str, Callable[[Settings], Rule]] = {
    "flat": lambda _: flat,
    "w-squared": lambda _: w_squared,
    "z-box": lambda s: s.box,
    "epsilon": lambda s: Carried(Epsilon(s.epsilon)),
    "z-plus": lambda _: Carried(AlphaBeta(1, 0)),
    "gamma": lambda s: Carried(Gamma(s.gamma)),
}
"""Rules for pixels that can take the place of the composite's."""


def composite_of(name: str, settings: Settings, first: str | None = None) -> Composite:
    """A composite by name.

    Args:
        name: A key of :data:`COMPOSITES`.
        settings: The numbers of its rules.
        first: A key of :data:`FIRST`; None for the composite's own rule for pixels.

    Raises:
        VidexplainError: An unknown name, or a box without bounds.
    """
    if name not in COMPOSITES:
        raise unknown("composite", name, COMPOSITES)
    if first is not None and first not in FIRST:
        raise unknown("rule for pixels", first, FIRST)
    if first is None:
        return COMPOSITES[name](settings)
    # The composite's own rule may need what the other one does not.
    rule = FIRST[first](settings)
    spared = replace(settings, bounds=settings.bounds or ((0.0,), (0.0,)))
    return replace(COMPOSITES[name](spared), first=rule)


def composite_for(
    module: nn.Module,
    composite: str = "epsilon-plus-flat",
    first: str | None = None,
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    low: float | None = None,
    high: float | None = None,
) -> Composite:
    """The rules that the options of the method ``lrp`` ask for.

    Args:
        module: The network. Its configuration says what a pixel can be.
        composite: A key of :data:`COMPOSITES`.
        first: A key of :data:`FIRST`; None for the composite's own rule for pixels.
        epsilon: Of the epsilon rule.
        gamma: Of the gamma rule.
        low: The lowest value of a pixel, as the network sees it; None for black, by the configuration.
        high: The highest; None for white.

    Raises:
        VidexplainError: An unknown name, one bound without the other, or a rule that needs bounds where nothing says
            them.
    """
    config = getattr(module, "config", None)
    bounds = None
    if (low is None) != (high is None) or (low is not None and high is not None and low >= high):
        raise VidexplainError("lrp: low and high are the two ends of what a pixel can be: give both, low below high")
    if low is not None and high is not None:
        bounds = ((low,), (high,))
    elif config is not None and getattr(config, "mean", None) and getattr(config, "std", None):
        channels = list(zip(config.mean, config.std, strict=True))
        bounds = (tuple(-mean / std for mean, std in channels), tuple((1 - mean) / std for mean, std in channels))
    return composite_of(composite, Settings(epsilon, gamma, bounds), first)
