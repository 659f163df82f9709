"""The identity of a network: its parts, their settings and code, and its weights, as values that can be compared.

Two identities that are equal mean that nobody has changed the network in between.
"""

import sys
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.weak import WeakIdKeyDictionary

from videxplain.module_state import OF_EVERY_MODULE, is_plain_object

Form: TypeAlias = dict[tuple[str, str], Any]
"""By module or class and name, what is there."""
Digest: TypeAlias = tuple[Any, ...]

_DEPTH = 6
"""How deep containers and objects in others are looked into."""
_LONGEST = 4096
"""Of longer containers the length is compared."""
_USUAL = {int, bool, str, type(None)}
_PLAIN = (int, str, bytes, complex, range, type, Enum, CodeType, torch.dtype, torch.device)
_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
_PACKAGES = ("builtins", "torch", "torchvision", "transformers", "pytorchvideo", "lightning", "pytorch_lightning")
"""Of classes of these only ``forward`` may be another one."""
_SMALL = 1 << 14
"""Tensors of more values are large."""
_PIECE = 1 << 20
_FEW = 256
_SEED = 3


@dataclass(frozen=True)
class Identity:
    """A network at one moment.

    Attributes:
        form: Its modules with their settings, and the shapes and types of tensors.
        values: A digest of the values of all tensors.
    """

    form: Form
    values: Digest


def identity_of(module: nn.Module) -> Identity:
    """What a network consists of now. Training flags and ``requires_grad`` do not count."""
    reader = _Reader()
    reader.of_module(module, "", 0)
    return Identity(reader.form, _digest(reader.tensors))


def form_of(module: nn.Module) -> Form:
    """The same without the values of tensors, which cost most."""
    reader = _Reader()
    reader.of_module(module, "", 0)
    return reader.form


def differing(one: Form, other: Form) -> set[tuple[str, str]]:
    """Where two forms differ."""
    missing = object()
    return {key for key in one.keys() | other.keys() if one.get(key, missing) != other.get(key, missing)}


class _Reader:
    """Goes through a network once."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.form: Form = {}
        self._seen: dict[int, int] = {}  # by identity, the number in the order of going through

    def of_module(self, module: nn.Module, path: str, depth: int) -> int:
        """Note a module, its submodules, its tensors, its settings and its code; the number of the module."""
        if (number := self._number_of(module)) is not None:
            return number
        own, form = vars(module), self.form
        form[path, "class"] = type(module)
        self._of_class(type(module))
        # A scripted module has its settings in code that nobody can change.
        if not isinstance(module, torch.jit.ScriptModule):
            for name, value in own.items():
                if name not in OF_EVERY_MODULE:
                    form[path, name] = self.of(value, depth)
            for name in _HOOKS:
                for number, hook in own.get(name, {}).items():
                    if not _is_ours(hook):
                        form[path, f"{name}.{number}"] = self.of(hook, depth + 1)
        for tensors in (module.named_parameters(recurse=False), module.named_buffers(recurse=False)):
            for name, tensor in tensors:
                form[path, name] = self._of_tensor(tensor)
        children = [(name, child) for name, child in module._modules.items() if child is not None]
        form[path, "parts"] = [(name, self.of_module(child, f"{path}.{name}", depth)) for name, child in children]
        return self._seen[id(module)]

    def of(self, value: Any, depth: int) -> Any:
        """A setting."""
        kind = type(value)
        if kind in _USUAL:  # nearly all, seen soonest
            return kind, value
        if kind is tuple and all(type(item) is int for item in value):
            return value
        if isinstance(value, _PLAIN):
            return kind, value
        if isinstance(value, float | slice):
            return kind, repr(value)  # NaN is not equal to itself, and a slice has no hash
        if isinstance(value, Tensor):
            return self._of_tensor(value)
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            return value.shape, value.dtype.str, zlib.crc32(value.tobytes())
        if depth < _DEPTH:
            if isinstance(value, nn.Module):
                return kind, self.of_module(value, f"({len(self._seen)})", depth + 1)
            if (parts := _parts_of(value)) is not None:
                return kind, *(self.of(part, depth + 1) for part in parts)
            if _has_readable_attributes(value):
                if (number := self._number_of(value)) is not None:  # such as a configuration that all modules share
                    return kind, number
                return kind, *(self.of(part, depth + 1) for part in vars(value).items())
        return kind, id(value)

    def _number_of(self, value: object) -> int | None:
        """The number of something that was met before; None where it is new."""
        number = self._seen.get(id(value))
        if number is None:
            self._seen[id(value)] = len(self._seen)
        return number

    def _of_class(self, kind: type) -> None:
        if self._number_of(kind) is not None:
            return
        path = f"class {kind.__module__}.{kind.__qualname__}"
        self.form[path, "forward"] = self.of(getattr(kind, "forward", None), 1)
        for base in kind.__mro__:
            if _package(base) not in _PACKAGES:
                for name, value in vars(base).items():
                    if not name.startswith("__"):
                        self.form.setdefault((path, name), self.of(value, _DEPTH - 2))

    def _of_tensor(self, tensor: Tensor) -> Digest:
        if is_lazy(tensor):
            return ("lazy",)
        self.tensors.append(tensor)
        return tensor.shape, tensor.dtype, tensor.device, tensor.layout


def _parts_of(value: Any) -> Sequence[Any] | None:
    """What a container or a function consists of; None for something else."""
    match value:
        case list() | tuple() | deque() | set() | frozenset():
            return [*value] if len(value) <= _LONGEST else [len(value)]
        case dict():
            return [*value.items()] if len(value) <= _LONGEST else [len(value)]
        case FunctionType():
            return (
                value.__code__,
                value.__defaults__,
                value.__kwdefaults__,
                *map(_content_of_cell, value.__closure__ or ()),
            )
        case MethodType():
            return value.__func__, value.__self__
        case partial():
            return value.func, value.args, value.keywords
        case staticmethod() | classmethod():
            return (value.__func__,)
        case property():
            return (value.fget,)
    return None


def _content_of_cell(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing is in it yet
        return None


def _has_readable_attributes(value: Any) -> bool:
    """Whether a value is an object of somebody's own class, or of one of ours such as a configuration."""
    return is_plain_object(value) or (
        hasattr(value, "__dict__")
        and not isinstance(value, type | ModuleType)
        and _package(type(value)) not in (*sys.stdlib_module_names, *_PACKAGES)
    )


def _is_ours(hook: Callable[..., Any]) -> bool:
    """Whether a hook is one that we set for one call."""
    return (getattr(hook, "__module__", None) or "").partition(".")[0] == "videxplain"


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _digest(tensors: Sequence[Tensor]) -> Digest:
    """Of the values of tensors: of small ones bit by bit, of large ones by weighted sums.

    A sum is not taken again where torch has counted no change and a few values are as they were: it would take as long
    as a pass of a large network on a few frames.
    """
    small: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
    large: list[Tensor] = []
    found: list[Any] = []
    for tensor in tensors:
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
            found.append(id(tensor))
            continue
        values = tensor.detach()
        if tensor.numel() > _SMALL:
            large.append(tensor)
            values = values.as_strided(*_some(tensor))
        small.setdefault((tensor.dtype, tensor.device), []).append(values.resolve_conj().resolve_neg().reshape(-1))
    found += [zlib.crc32(torch.cat(group).view(torch.uint8).cpu().numpy().tobytes()) for group in small.values()]
    return (*found, *_sums(large))


def _some(tensor: Tensor) -> tuple[tuple[int], tuple[int], int]:
    """Size, stride and offset of a few values, spread over a tensor as it lies in memory."""
    extent = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    count = min(_FEW, extent)
    return (count,), (max(1, extent // count),), int(tensor.storage_offset())


def _sums(tensors: Sequence[Tensor]) -> list[bytes]:
    """For each tensor its values, weighted and summed piece by piece."""
    marks = [(tensor.data_ptr(), None if tensor.is_inference() else tensor._version) for tensor in tensors]
    new = [i for i, tensor in enumerate(tensors) if None in marks[i] or _SUMS.get(tensor, ((), b""))[0] != marks[i]]
    sums = [_sums_of_pieces(tensors[i]) for i in new]
    for i, of_tensor in zip(new, sums, strict=True):
        _SUMS[tensors[i]] = marks[i], of_tensor.cpu().numpy().tobytes()
    return [_SUMS[tensor][1] for tensor in tensors]


def _sums_of_pieces(tensor: Tensor) -> Tensor:
    values = tensor.detach().resolve_conj().resolve_neg()
    values = torch.view_as_real(values) if values.is_complex() else values
    weights = _weights(values.device)
    return torch.stack([torch.dot(piece.float(), weights[: len(piece)]) for piece in values.reshape(-1).split(_PIECE)])


@lru_cache(maxsize=4)
def _weights(device: torch.device) -> Tensor:
    return torch.randn(_PIECE, generator=torch.Generator().manual_seed(_SEED)).to(device)


_SUMS = WeakIdKeyDictionary()
"""By large tensor, where it lay, how often it had been written, and its sums."""
