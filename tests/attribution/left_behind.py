"""What a call must not leave behind: the state of a network and of torch, and ways for a call to fail."""

from contextlib import nullcontext

import torch
from torch import nn

from tests.attribution.networks import Small3D, seeded

HOOKS = [
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks_always_called",
]


CONTEXTS = {
    "plain": nullcontext,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


class Trouble(nn.Module):
    """Uses random numbers, and raises when it is told to."""

    raises = False

    def forward(self, x):
        noise = torch.rand(3).mean()
        if self.raises:
            raise ZeroDivisionError("in the middle of a forward pass")
        return x + 0 * noise


class Fragile(Small3D):
    def __init__(self):
        super().__init__()
        self.trouble = Trouble()
        self.dropout = nn.Dropout(0.5)
        self.lstm = nn.LSTM(5, 5, batch_first=True)

    def forward(self, x):
        out = self.trouble(super().forward(x))
        return self.lstm(self.dropout(out)[:, None])[0][:, -1]


def in_use():
    """A network in the middle of training: mixed flags, some gradients, some parameters frozen, a hook of its own."""
    module = seeded(Fragile).train()
    module.bn1.eval()
    module.dropout.eval()
    module.conv1.weight.requires_grad_(False)
    module.conv2.weight.grad = torch.full_like(module.conv2.weight, 0.25)
    module.bn2.register_forward_hook(lambda *_: None)
    return module


def state(module):
    """Everything that a call could leave behind."""
    return {
        "hooks": [(name, hooks, list(getattr(m, hooks))) for name, m in module.named_modules() for hooks in HOOKS],
        "modules": [(name, type(m), m.__dict__.get("forward")) for name, m in module.named_modules()],
        "training": [m.training for m in module.modules()],
        "requires_grad": [p.requires_grad for p in module.parameters()],
        "gradients": [None if p.grad is None else (id(p.grad), p.grad.tolist()) for p in module.parameters()],
        "values": [(name, value.dtype, value.tolist()) for name, value in module.state_dict().items()],
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
        "cudnn": (torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "mkldnn": torch.backends.mkldnn.enabled,
        "random": torch.get_rng_state().tolist(),
        "function modes": torch._C._len_torch_function_stack(),
        "default dtype": torch.get_default_dtype(),
        "global hooks": len(nn.modules.module._global_forward_hooks),
    }


def failing_score(logits):
    raise ZeroDivisionError("in the score")


def failing_in_backward(logits):
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            return value.sum(1)

        @staticmethod
        def backward(ctx, gradient):
            raise ZeroDivisionError("in the backward pass")

    return Fails.apply(logits)
