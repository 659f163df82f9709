"""Where a network runs, and in which precision."""

from typing import TYPE_CHECKING, Literal

from videxplain.errors import VidexplainError

if TYPE_CHECKING:
    import torch
    from torch import nn


def find_device(name: str = "auto") -> "torch.device":
    """The device called ``name``; ``"auto"`` is CUDA, Apple's GPU or the CPU, the first there is.

    Raises:
        VidexplainError: No such device on this machine.
    """
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count() if cuda else 0)), *(["mps"] if mps else [])]
    if name not in there and not (name == "cuda" and cuda):
        raise VidexplainError(f"no device '{name}' on this machine; there is {', '.join(there)}")
    return torch.device(name)


def device_of(module: "nn.Module") -> "torch.device":
    """Where a network's parameters are; the CPU for a network that has none."""
    import torch

    return next((p.device for p in module.parameters()), torch.device("cpu"))


def find_precision(name: str, device: "torch.device") -> Literal["fp32", "bf16"]:
    """``"fp32"`` or ``"bf16"``; ``"auto"`` is bfloat16 where the device computes in it natively.

    Raises:
        VidexplainError: Another name.
    """
    import torch

    if name == "fp32":
        return "fp32"
    if name == "bf16":
        return "bf16"
    if name != "auto":
        raise VidexplainError(f"precision is auto, fp32 or bf16, not '{name}'")
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        # Older releases cannot tell, and then get the exact answer.
        capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        native = device.type == "cpu" and any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))
    return "bf16" if native else "fp32"
