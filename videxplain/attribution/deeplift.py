"""DeepLIFT, which is captum's; networks on which its rules would silently not hold are refused."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from videxplain.attribution.averaged import ScoreOfVideo, sample_by_sample
from videxplain.attribution.engine import Precision, forward, untouched
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.methods import Attribution, Choose, method
from videxplain.errors import VidexplainError

_ACTIVATIONS = (nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.MaxPool2d, nn.MaxPool3d)
"""Modules for which DeepLIFT has rules."""
_MISSED = 0.2
"""By such a share of the score's change its parts may miss it: behind some poolings they do by a few per cent."""
_FUNCTIONS = {F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}


@method(
    "deeplift",
    family="gradient",
    summary="what each pixel adds to the score against a grey clip, rectifiers taken as straight lines between the two",
    paper="Shrikumar et al., ICML 2017",
    cost="2 forward passes, and 1 forward and backward pass of two clips",
    candidates=1,
)
def deeplift(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
) -> Attribution:
    """DeepLIFT with the rescale rule (section 3.5.2), against zero, the mean colour.

    The rule is one of modules: a network that calls rectifiers as functions, or uses a module twice in a pass, is
    refused. The parts add up to the difference of the scores; where they miss it by more than a fifth, behind LSTM
    layers and some poolings, for which captum has no exact rule, the network is refused too.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        layer: Not looked at: the input is explained.
        precision: Only ``"fp32"``: differences of activations would drown in bfloat16.

    Returns:
        Signed contributions ``(M, N, C, T, H, W)``.
    """
    from captum.attr import DeepLift

    if precision != "fp32":
        raise VidexplainError("deeplift divides small differences of activations: fp32 alone is exact enough")
    _check_modules(module, x)

    def explain(score: ScoreOfVideo, sample: Tensor) -> Tensor:
        with _out_of_place(module):
            found: Tensor = DeepLift(_Scored(module, score)).attribute(sample, torch.zeros_like(sample))
        _check_sum(found, score, sample)
        return found.detach()

    return sample_by_sample(module, x, choose, precision, explain)


def _check_sum(found: Tensor, score: ScoreOfVideo, sample: Tensor) -> None:
    """Raise where the parts miss the difference of the scores by far: the rules do not hold in this network."""
    with torch.enable_grad():
        difference = float(score(sample) - score(torch.zeros_like(sample).requires_grad_()))
    total = float(found.double().sum())
    rounding = 1e-3 * float(found.double().abs().sum())
    if abs(total - difference) > max(_MISSED * abs(difference), rounding, 1e-6):
        raise VidexplainError(
            f"deeplift's parts add up to {total:.3g}, and the score changes by {difference:.3g}: its rules do not hold "
            "in this network; take integrated-gradients"
        )


class _Scored(nn.Module):
    """A network and a score as one module, whose inner modules captum can hook."""

    def __init__(self, module: nn.Module, score: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.module, self._score = module, score

    def forward(self, versions: Tensor) -> Tensor:
        return self._score(versions)


class _CountedFunctions(TorchFunctionMode):
    """Counts calls of rectifiers, those that modules make included."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.calls += func in _FUNCTIONS
        return func(*args, **(kwargs or {}))


def _check_modules(module: nn.Module, x: Tensor) -> None:
    uses: Counter[str] = Counter()
    of_modules = 0

    def watch(name: str) -> Any:
        def hook(layer: nn.Module, *_: Any) -> None:
            nonlocal of_modules
            uses[name] += 1
            of_modules += isinstance(layer, nn.ReLU)

        return hook

    with untouched(module), torch.no_grad(), ExitStack() as hooks:
        for name, layer in module.named_modules():
            if isinstance(layer, _ACTIVATIONS):
                hooks.callback(layer.register_forward_hook(watch(name)).remove)
        counted = hooks.enter_context(_CountedFunctions())
        forward(module, x[:1].clone())
    if counted.calls > of_modules:
        raise VidexplainError(
            f"deeplift needs rectifiers that are modules, and {counted.calls - of_modules} of the network's are "
            "function calls; take integrated-gradients"
        )
    if twice := [name for name, count in uses.items() if count > 1]:
        raise VidexplainError(
            f"deeplift needs modules that a pass uses once, and '{twice[0]}' is used {uses[twice[0]]} times; "
            "take integrated-gradients"
        )


@contextmanager
def _out_of_place(module: nn.Module) -> Iterator[None]:
    """While active, no activation writes into its input, which captum needs as it was."""
    changed = [m for m in module.modules() if isinstance(m, _ACTIVATIONS) and getattr(m, "inplace", False)]
    try:
        for m in changed:
            m.inplace = False
        yield
    finally:
        for m in changed:
            m.inplace = True
