"""How long an explanation takes, and how much memory."""

import ctypes
import gc
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

Result = TypeVar("Result")
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def timed(run: Callable[[], Result], device: torch.device) -> tuple[Result, float, float | None]:
    """Call ``run`` once.

    Returns:
        What it returned, seconds, and the peak of memory in MiB beyond what was held before: of the GPU where it runs
        on one, of the process on Linux, None elsewhere.
    """
    before = _held(device)
    begin = time.perf_counter()
    result = run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - begin
    peak = _peak(device)
    return result, seconds, None if before is None or peak is None else max(0.0, peak - before) / 2**20


def _held(device: torch.device) -> float | None:
    """Bytes in use now; from here on the peak is counted anew."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    if not _CLEAR.exists():
        return None
    gc.collect()
    if platform.libc_ver()[0] == "glibc":
        # What was freed and kept for later would hide what is taken now.
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    _CLEAR.write_text("5")
    return _field("VmRSS:")


def _peak(device: torch.device) -> float | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return _field("VmHWM:") if _CLEAR.exists() else None


def _field(key: str) -> float:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(key))
    return float(line.split()[1]) * 1024
