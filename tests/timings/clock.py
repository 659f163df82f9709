"""Time and memory of a call, on a CPU or a GPU."""

import gc
import time
from collections.abc import Callable

import torch
from torch import Tensor


def seconds(run: Callable[[], object], device: torch.device) -> float:
    """Seconds on the clock that a call takes; a GPU has then done all its work."""
    wait(device)
    begin = time.perf_counter()
    run()
    wait(device)
    return time.perf_counter() - begin


def wait(device: torch.device) -> None:
    """Wait for a GPU, which works on while Python goes ahead."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def peak_on_gpu(run: Callable[[], object], device: torch.device) -> int:
    """The most bytes of a GPU's memory that tensors hold during three calls, those of the network included."""
    wait(device)
    gc.collect()
    torch.cuda.reset_peak_memory_stats(device)
    for _ in range(3):
        run()
    wait(device)
    return torch.cuda.max_memory_allocated(device)


def card(device: torch.device) -> str:
    """The name of a GPU, or "CPU", and torch's version."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    return f"{name}, torch {torch.__version__}"


def failure(error: Exception) -> str:
    """What went wrong, in one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


def in_words(taken: float) -> str:
    """Seconds, or milliseconds below a tenth of a second."""
    return f"{taken:.2f} s" if taken >= 0.1 else f"{1000 * taken:.1f} ms"


def apart(a: Tensor, b: Tensor) -> float:
    """The largest difference between two maps, both scaled to [0, 1]."""
    return float((a / a.max() - b / b.max()).abs().max())
