"""Several threads: a network is used by one of them at a time, and torch's global settings are left as they were.

A setting of the whole process is changed by the first thread that needs it and put back by the last that does.
"""

import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import nn

Hook = TypeVar("Hook", bound=Callable[..., Any])


class InUse:
    """Knows which thread uses which network."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._owners: dict[int, tuple[int, int]] = {}  # by part, the thread and how many times it holds it
        self._here = threading.local()

    @contextmanager
    def alone(self, module: nn.Module) -> Iterator[None]:
        """Wait until no other thread uses the network, a part of it, or one that it is a part of; then use it alone.

        A thread may enter again for a network that it holds.
        """
        # Going through a large network takes as long as a pass of it on a GPU, so it is done once for a network.
        held = self._held()
        if id(module) in held:
            yield
            return
        parts = [*map(id, module.modules()), *map(id, module.parameters())]
        me = threading.get_ident()
        with self._free:
            self._free.wait_for(lambda: all(self._owners.get(part, (me, 0))[0] == me for part in parts))
            for part in parts:
                self._owners[part] = (me, self._owners.get(part, (me, 0))[1] + 1)
        try:
            with ExitStack() as turn:
                held[id(module)] = turn
                yield
        finally:
            del held[id(module)]
            with self._free:
                for part in parts:
                    times = self._owners[part][1] - 1
                    if times:
                        self._owners[part] = (me, times)
                    else:
                        del self._owners[part]
                self._free.notify_all()

    def turn(self, module: nn.Module) -> ExitStack | None:
        """The time for which this thread holds a network, with what is called at its end; None where it does not."""
        return self._held().get(id(module))

    def _held(self) -> dict[int, ExitStack]:
        held: dict[int, ExitStack] = self._here.__dict__.setdefault("networks", {})
        return held


def of_this_thread(hook: Hook) -> Hook:
    """A hook that does nothing while another thread runs the network, as one does that calls it by itself.

    A backward pass computes segments of a checkpointed network anew in threads of torch, which do count.
    """
    me = threading.get_ident()

    @wraps(hook)
    def here(*given: Any) -> Any:
        return hook(*given) if threading.get_ident() == me or torch._C._current_graph_task_id() >= 0 else None

    return here  # type: ignore[return-value]


class Setting:
    """A setting of the whole process: changed while any thread needs it, put back by the last."""

    def __init__(self, change: Callable[[], Callable[[], None]]) -> None:
        """``change`` makes the change and returns what takes it back."""
        self._change = change
        self._lock = threading.Lock()
        self._users = 0
        self._take_back: Callable[[], None] | None = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Inside, the change is in force."""
        with self._lock:
            if self._users == 0:
                self._take_back = self._change()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0 and self._take_back is not None:
                    self._take_back()


def _switched_off(backend: Any) -> Callable[[], Callable[[], None]]:
    def change() -> Callable[[], None]:
        enabled = backend.enabled
        backend.enabled = False
        return lambda: setattr(backend, "enabled", enabled)

    return change


def _remembered() -> Callable[[], None]:
    """Nothing is changed; what a network changes meanwhile is taken back."""
    backends: list[Any] = [torch.backends.cudnn, torch.backends.mkldnn]
    enabled = [backend.enabled for backend in backends]
    state = torch.get_rng_state()
    of_devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []

    def take_back() -> None:
        torch.set_rng_state(state)
        if of_devices:
            torch.cuda.set_rng_state_all(of_devices)
        for backend, was in zip(backends, enabled, strict=True):
            if backend.enabled != was:
                backend.enabled = was

    return take_back


def _as_written() -> Callable[[], None]:
    """A compiled network runs as it was written: compiled code does not notice hooks that are set for one call."""
    if "torch._dynamo" not in sys.modules:  # nothing was compiled
        return lambda: None
    stance = torch.compiler.set_stance("force_eager")
    return lambda: stance.__exit__(None, None, None)


def _ignored_warnings() -> Callable[[], None]:
    caught = warnings.catch_warnings()
    caught.__enter__()
    # vmap announces operators that it runs one by one; that is slower, not wrong.
    warnings.filterwarnings("ignore", message="There is a performance drop")
    return lambda: caught.__exit__(None, None, None)


IN_USE = InUse()
alone = IN_USE.alone
cudnn_off = Setting(_switched_off(torch.backends.cudnn))
mkldnn_off = Setting(_switched_off(torch.backends.mkldnn))
settings_kept = Setting(_remembered)
"""The state of torch's random generators, and whether cuDNN and oneDNN are used."""
uncompiled = Setting(_as_written)
vmap_quiet = Setting(_ignored_warnings)

_DRAWING = threading.RLock()


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Draw from torch's global generators, which begin at ``seed`` and are then as they were; one thread at a time."""
    devices = [device.index or 0] if device.type == "cuda" else []
    with _DRAWING, torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield
