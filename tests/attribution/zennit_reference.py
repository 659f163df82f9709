"""Relevance by zennit, which knows modules alone: networks are rewritten for it, batch normalisation merged.

zennit has no rule for products of two values, softmax and LSTM. There the equations stand in its place.
"""

import copy
from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
import zennit.composites
import zennit.rules
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights
from torchvision.models.video.resnet import BasicBlock as TorchvisionBlock
from zennit.attribution import Gradient
from zennit.core import Composite
from zennit.layer import Sum
from zennit.types import AvgPool

from tests.device import placed
from tests.oracles import relevance as literal
from videxplain.models.networks.blocks import BasicBlock, Bottleneck
from videxplain.models.networks.late_fusion import LateFusion
from videxplain.models.networks.lrcn import LRCN
from videxplain.models.networks.non_local import NonLocal

LOW, HIGH = -3.0, 3.0
EPSILON = 1e-6
"""zennit's and ours, where no other is given."""
SUMS = [(kind, zennit.rules.Norm(stabilizer=1e-15)) for kind in (Sum, AvgPool)]
"""Our sums and averages divide by nothing, so they need no stabiliser; zennit's is 1e-6 where no other is given."""
COMPOSITES: dict[str, Callable[[], Composite]] = {
    "epsilon-plus-flat": lambda: zennit.composites.EpsilonPlusFlat(layer_map=SUMS),
    "epsilon-plus": lambda: zennit.composites.EpsilonPlus(layer_map=SUMS),
    "epsilon": lambda: _composite(zennit.rules.Epsilon()),
    "epsilon-gamma-box": lambda: zennit.composites.EpsilonGammaBox(low=LOW, high=HIGH, layer_map=SUMS),
    "epsilon-alpha2-beta1-flat": lambda: zennit.composites.EpsilonAlpha2Beta1Flat(layer_map=SUMS),
}
"""Composites of the same names."""


class Plus(nn.Module):
    """A sum of two values, which zennit can put a rule on."""

    def __init__(self) -> None:
        super().__init__()
        self.sum = Sum()

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return self.sum(torch.stack([one, other], -1))


def with_statistics(network: nn.Module) -> nn.Module:
    """Batch statistics and biases that are not those of a new network, and double precision."""
    generator = torch.Generator().manual_seed(1)
    for m in network.cpu().modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.running_mean.normal_(0, 0.2, generator=generator)
            m.running_var.uniform_(0.5, 1.5, generator=generator)
            m.weight.data.uniform_(0.5, 1.5, generator=generator)
            m.weight.data[::3] *= -1  # merged, such a channel has its positive and negative weights swapped
            m.bias.data.normal_(0, 0.2, generator=generator)
    return placed(network.double())


def relevance(module: nn.Module, x: Tensor, target: int, composite: Composite) -> Tensor:
    """Relevance of the pixels for the logit of a class, of the shape of ``x``."""
    network = rewritten(module)
    with Gradient(model=network, composite=composite) as attributor:
        _, found = attributor(x.clone(), lambda out: out * torch.eye(out.shape[1]).to(out)[target])
    return found.detach()


def layer_relevance(module: nn.Module, x: Tensor, target: int, composite: Composite, layer: str) -> list[Tensor]:
    """Relevance of what each call of a layer puts out, in the order of the pass."""
    network, kept = rewritten(module), list[Tensor]()

    def keep(_: nn.Module, __: Any, output: Tensor) -> None:
        output.retain_grad()
        kept.append(output)

    with Gradient(model=network, composite=composite) as attributor:
        # Hooks run in their order, so this one sees what zennit's have made.
        hook = network.get_submodule(layer).register_forward_hook(keep)
        attributor(x.clone(), lambda out: out * torch.eye(out.shape[1]).to(out)[target])
        hook.remove()
    return [one.grad for one in kept if one.grad is not None]


def rewritten(module: nn.Module) -> nn.Module:
    """A copy that calls nothing but modules, without batch normalisation."""
    network = copy.deepcopy(module)
    for part in list(network.modules()):
        _merge(part)
        if isinstance(part, Bottleneck | BasicBlock | TorchvisionBlock):
            part.plus = Plus()
            part.forward = MethodType(_torchvision_block if isinstance(part, TorchvisionBlock) else _block, part)
        if isinstance(part, LateFusion):
            part.mean = nn.AdaptiveAvgPool1d(1)
            part.forward = MethodType(_late_fusion, part)
        if isinstance(part, NonLocal):
            part.plus = Plus()
            part.forward = MethodType(_non_local, part)
        if isinstance(part, LRCN):
            part.mean = nn.AdaptiveAvgPool1d(1)
            part.forward = MethodType(_lrcn, part)
        if isinstance(part, nn.ReLU):
            part.inplace = False
    return network


def rule(name: str, **numbers: Any) -> Composite:
    """One rule for all layers with weights."""
    return _composite(getattr(zennit.rules, name)(**numbers))


def _composite(hook: Any) -> Composite:
    layers = [*SUMS, *zennit.composites.layer_map_base(), (nn.modules.conv._ConvNd, hook), (nn.Linear, hook)]
    return zennit.composites.LayerMapComposite(layers)


def _merge(part: nn.Module) -> None:
    """Batch normalisation goes into the layer before it; its small number under the root is in the weights then."""
    before = None
    for name, child in list(part.named_children()):
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            statistics = (child.running_mean, child.running_var, child.eps, child.weight, child.bias)
            if isinstance(before, nn.Linear):
                before.weight, before.bias = fuse_linear_bn_weights(before.weight, before.bias, *statistics)
            else:
                transposed = isinstance(before, nn.modules.conv._ConvTransposeNd)
                before.weight, before.bias = fuse_conv_bn_weights(before.weight, before.bias, *statistics, transposed)
            setattr(part, name, nn.Identity())
        before = child


def _block(self: Any, x: Tensor) -> Tensor:
    y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
    if isinstance(self, Bottleneck):
        y = self.bn3(self.conv3(self.relu2(y)))
    last = self.relu3 if isinstance(self, Bottleneck) else self.relu2
    return last(self.plus(x if self.downsample is None else self.downsample(x), y))


def _torchvision_block(self: Any, x: Tensor) -> Tensor:
    y = self.conv2(self.conv1(x))
    return self.relu(self.plus(x if self.downsample is None else self.downsample(x), y))


def _late_fusion(self: Any, x: Tensor) -> Tensor:
    features = self.latent(self.trunk.per_frame(x))
    return self.fc(self.dropout(self.mean(features.transpose(1, 2))[..., 0]))


def _non_local(self: Any, x: Tensor) -> Tensor:
    theta, phi, g = (one.flatten(2) for one in (self.theta(x), self.pool(self.phi(x)), self.pool(self.g(x))))
    pairs = _product(theta.transpose(1, 2), phi)
    weights = literal.by_equation(lambda one: one.softmax(-1), lambda one, r: (literal.softmax(one, r),), pairs)
    y = _product(weights, g.transpose(1, 2)).transpose(1, 2).unflatten(2, x.shape[2:])
    return self.plus(x, self.bn_z(self.w_z(y)))


def _product(left: Tensor, right: Tensor) -> Tensor:
    return literal.by_equation(torch.matmul, literal.product, left, right)


def _lrcn(self: Any, x: Tensor) -> Tensor:
    features = self.latent(self.trunk.per_frame(x))

    def equation(features: Tensor, relevance: Tensor) -> tuple[Tensor]:
        (weights,) = self.lstm.all_weights  # one layer, one direction
        clips = zip(features, relevance, strict=True)
        return (torch.stack([literal.lstm(frames, weights, of, EPSILON) for frames, of in clips]),)

    out = literal.by_equation(lambda one: self.lstm(one)[0], equation, features)
    read = out[:, -1] if self.readout == "last" else self.mean(out.transpose(1, 2))[..., 0]
    return self.fc(self.dropout(read))
