"""What a network remembers from pass to pass: buffers, and tensors that are plain attributes."""

from collections import deque
from collections.abc import Callable
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn

_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_DEPTH = 4
"""How deep containers in containers are looked into."""


class ModuleState:
    """The tensors of a network that are no parameters, as they were when this was made."""

    def __init__(self, module: nn.Module) -> None:
        """Remember the state of ``module`` and its submodules."""
        self._buffers = [_Buffers(m) for m in module.modules()]
        self._attributes = [_Attributes(m) for m in module.modules() if not isinstance(m, torch.jit.ScriptModule)]

    def restore(self) -> None:
        """Put all of it back; what has not changed is not written."""
        for buffers in self._buffers:
            buffers.restore()
        for attributes in self._attributes:
            attributes.restore()


class _Kept:
    """A tensor and its values."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self._values = tensor.detach().clone()
        self._version = _version(tensor)
        self._checked = False

    def restore(self) -> None:
        # The version tells nearly every change; .data goes past it, so after the first pass values are compared once.
        changed = self._version is None or _version(self.tensor) != self._version
        if not changed and not self._checked:
            self._checked = True
            changed = self.tensor.shape != self._values.shape or not torch.equal(self.tensor, self._values)
            if changed:
                self._version = None
        if changed:
            with torch.inference_mode(self.tensor.is_inference()), torch.no_grad():
                if self.tensor.shape != self._values.shape:
                    self.tensor.data = self._values.clone()
                else:
                    self.tensor.copy_(self._values)
            if self._version is not None:
                self._version = _version(self.tensor)


class _Buffers:
    """The buffers of one module."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._kept = {name: _Kept(buffer) for name, buffer in module.named_buffers(recurse=False)}
        self._names = None if isinstance(module, torch.jit.ScriptModule) else dict(module._buffers)

    def restore(self) -> None:
        for kept in self._kept.values():
            kept.restore()
        buffers = self._module._buffers
        if self._names is None or not (self._names or buffers):
            return
        for name in [name for name in buffers if name not in self._names]:
            del buffers[name]
        for name, buffer in self._names.items():
            if buffers.get(name) is not buffer:
                buffers[name] = buffer


class _Attributes:
    """The attributes of one module that are tensors or hold tensors.

    Numbers stay as a pass leaves them: they may count passes for whoever wrote the network.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._names, self._values = tuple(vars(module)), tuple(vars(module).values())
        self._before = {name: value for name, value in vars(module).items() if name not in _OF_EVERY_MODULE}
        self._kept = {name: _keep(value) for name, value in self._before.items() if _may_hold(value)}

    def restore(self) -> None:
        now = vars(self._module)
        # Nearly always every attribute is the same object still, and that is seen soonest.
        same = self._names == tuple(now) and all(map(is_, self._values, now.values()))
        for name, put_back in self._kept.items():
            put_back()
            if now.get(name) is not self._before[name]:
                now[name] = self._before[name]
        if same:
            return
        for name in [name for name in now if name not in self._kept and name not in _OF_EVERY_MODULE]:
            new = name not in self._before
            # Whether it is the same object is asked first: a search for tensors takes longer.
            if (not new and now[name] is self._before[name]) or not _holds_tensor(now[name]):
                continue
            if new:
                del now[name]
            else:
                now[name] = self._before[name]


def _kept_nothing() -> None:
    """Puts back nothing."""


def _keep(value: Any, depth: int = _DEPTH) -> Callable[[], None]:
    """What puts the content of a tensor or a container back as it is now."""
    if isinstance(value, Tensor):
        return _Kept(value).restore
    if depth and isinstance(value, list | deque | tuple):
        items = list(value)
        inner = [_keep(item, depth - 1) for item in items]

        def put_back_items() -> None:
            for put_back in inner:
                put_back()
            if not isinstance(value, tuple) and not _same(list(value), items):
                value.clear()
                value.extend(items)

        return put_back_items
    if depth and isinstance(value, dict):
        pairs = dict(value)
        of_values = [_keep(item, depth - 1) for item in pairs.values()]

        def put_back_pairs() -> None:
            for put_back in of_values:
                put_back()
            if list(value) != list(pairs) or not _same(list(value.values()), list(pairs.values())):
                value.clear()
                value.update(pairs)

        return put_back_pairs
    return _kept_nothing


def _same(now: list[Any], before: list[Any]) -> bool:
    return len(now) == len(before) and all(a is b for a, b in zip(now, before, strict=True))


def _may_hold(value: Any) -> bool:
    """Whether a value holds a tensor, or is a container that a pass may put one into."""
    return _holds_tensor(value) or (isinstance(value, list | deque | dict) and not value)


def _holds_tensor(value: Any, depth: int = _DEPTH) -> bool:
    if isinstance(value, Tensor):
        return True
    if not depth:
        return False
    if isinstance(value, dict):
        return any(_holds_tensor(item, depth - 1) for item in value.values())
    return isinstance(value, list | tuple | deque) and any(_holds_tensor(item, depth - 1) for item in value)


def _version(tensor: Tensor) -> int | None:
    """How often a tensor has been written in place; None where that is not counted."""
    return None if tensor.is_inference() else tensor._version
