"""What a network remembers from pass to pass: buffers, and tensors and arrays that are plain attributes.

An attribute may also be an object of the network's own that holds some, such as a cache of keys and values.
"""

import sys
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from operator import is_
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_DEPTH = 4
"""How deep containers in containers are looked into."""
_OF_OTHERS = sys.stdlib_module_names | {"torch", "lightning", "pytorch_lightning", "videxplain"}
"""Packages whose objects are no memory of a network, such as a logger or a trainer."""
_TOGETHER = 1 << 24
"""Groups of more values than this are not copied to be compared."""


class ModuleState:
    """The tensors of a network that are no parameters, and its NumPy arrays, as they were when this was made."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        """Remember the state of ``modules``, a network and all its submodules."""
        self._buffers = [_Buffers(m) for m in modules]
        self._attributes = [_Attributes(m) for m in modules if not isinstance(m, torch.jit.ScriptModule)]
        self._unchecked = [kept for buffers in self._buffers for kept in buffers.kept.values()]

    def restore(self) -> None:
        """Put all of it back; what has not changed is not written."""
        if self._unchecked:
            _check_together(self._unchecked)
            self._unchecked = []
        for buffers in self._buffers:
            buffers.restore()
        for attributes in self._attributes:
            attributes.restore()


class _Kept:
    """A tensor and its values."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.values = tensor.detach().clone()
        self._version = _version(tensor)
        self.checked = False

    def seems_unchanged(self) -> bool:
        """Whether the version and the shape say that nothing has been written."""
        return self._version is not None and _version(self.tensor) == self._version and self._same_shape()

    def restore(self) -> None:
        # The version tells nearly every change; .data goes past it, so after the first pass values are compared once.
        changed = self._version is None or _version(self.tensor) != self._version
        if not changed and not self.checked:
            self.checked = True
            changed = not self._same_shape() or not torch.equal(self.tensor, self.values)
            if changed:
                self._version = None
        if changed:
            with torch.inference_mode(self.tensor.is_inference()), torch.no_grad():
                if not self._same_shape():
                    self.tensor.data = self.values.clone()
                else:
                    self.tensor.copy_(self.values)
            if self._version is not None:
                self._version = _version(self.tensor)

    def _same_shape(self) -> bool:
        return self.tensor.shape == self.values.shape


def _check_together(unchecked: Sequence[_Kept]) -> None:
    """Compare values of many small tensors at once: on a GPU each comparison by itself waits for all that runs there.

    Those of a group that differs somewhere are left to be compared one by one.
    """
    groups: dict[tuple[torch.device, torch.dtype], list[_Kept]] = {}
    for kept in unchecked:
        if kept.tensor.layout == torch.strided and not kept.tensor.is_quantized and kept.seems_unchanged():
            groups.setdefault((kept.tensor.device, kept.tensor.dtype), []).append(kept)
    for group in groups.values():
        if sum(kept.tensor.numel() for kept in group) > _TOGETHER:
            continue
        with torch.no_grad():
            now, before = (
                torch.cat([t.detach().flatten() for t in ts])
                for ts in zip(*((k.tensor, k.values) for k in group), strict=True)
            )
        if torch.equal(now, before):
            for kept in group:
                kept.checked = True


class _Buffers:
    """The buffers of one module."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.kept = {name: _Kept(buffer) for name, buffer in module.named_buffers(recurse=False)}
        self._names = None if isinstance(module, torch.jit.ScriptModule) else dict(module._buffers)

    def restore(self) -> None:
        for kept in self.kept.values():
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
    """The attributes of one module that are tensors or arrays, or hold some.

    Numbers stay as a pass leaves them: they may count passes for whoever wrote the network.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._names, self._values = tuple(vars(module)), tuple(vars(module).values())
        self._before = {name: value for name, value in vars(module).items() if name not in OF_EVERY_MODULE}
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
        for name in [name for name in now if name not in self._kept and name not in OF_EVERY_MODULE]:
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
    if isinstance(value, np.ndarray):
        return _kept_array(value)
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
    if depth and is_plain_object(value):
        return _kept_object(value, depth)
    return _kept_nothing


def _kept_object(value: Any, depth: int) -> Callable[[], None]:
    """What puts back the tensors and arrays that an object holds; its other attributes stay as a pass leaves them."""
    before = dict(vars(value))
    of_attributes = [_keep(item, depth - 1) for item in before.values() if _may_hold(item, depth - 1)]

    def put_back() -> None:
        for put_back_one in of_attributes:
            put_back_one()
        now = vars(value)
        for name in [name for name, item in now.items() if item is not before.get(name, now)]:
            if not (_holds_tensor(now[name], depth - 1) or _holds_tensor(before.get(name), depth - 1)):
                continue
            if name in before:
                now[name] = before[name]
            else:
                del now[name]

    return put_back


def _kept_array(array: NDArray[Any]) -> Callable[[], None]:
    """What puts the values of an array back; one that cannot be written has not changed."""
    values = array.copy()

    def put_back() -> None:
        # By bytes, because NaN is not equal to itself.
        if array.flags.writeable and (array.shape != values.shape or array.tobytes() != values.tobytes()):
            if array.shape != values.shape:
                array.resize(values.shape, refcheck=False)
            array[...] = values

    return put_back


def _same(now: list[Any], before: list[Any]) -> bool:
    return len(now) == len(before) and all(a is b for a, b in zip(now, before, strict=True))


def _may_hold(value: Any, depth: int = _DEPTH) -> bool:
    """Whether a value holds a tensor or an array, or is a container or an object that a pass may put one into."""
    if isinstance(value, list | deque | dict) and not value:
        return True
    return _holds_tensor(value, depth) or (depth > 0 and is_plain_object(value))


def is_plain_object(value: Any) -> bool:
    """Whether a value is an object of a class written in Python, and no module, whose attributes are kept by itself."""
    return isinstance(value, SimpleNamespace) or (
        hasattr(value, "__dict__")
        and not isinstance(value, nn.Module | Tensor | type | ModuleType | Enum)
        and not callable(value)
        and type(value).__module__.partition(".")[0] not in _OF_OTHERS
    )


def _holds_tensor(value: Any, depth: int = _DEPTH) -> bool:
    if isinstance(value, Tensor | np.ndarray):
        return True
    if not depth:
        return False
    if isinstance(value, dict):
        return any(_holds_tensor(item, depth - 1) for item in value.values())
    if is_plain_object(value):
        return any(_holds_tensor(item, depth - 1) for item in vars(value).values())
    return isinstance(value, list | tuple | deque) and any(_holds_tensor(item, depth - 1) for item in value)


def _version(tensor: Tensor) -> int | None:
    """How often a tensor has been written in place; None where that is not counted."""
    return None if tensor.is_inference() else tensor._version
