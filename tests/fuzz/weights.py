"""Load thousands of damaged or odd weights files, each in a process that may crash or hang without harm to the others.

    python -m tests.fuzz.weights [--count 5000] [--seed 0] [--seconds 60] [--memory 8000]

Small networks are stored as safetensors, with and without a header of ours, and as state dicts of PyTorch in the new
and the old format. The mutants have damaged bytes, headers with values of wrong types, and state dicts that hold other
things than they should. Right is: a network whose answer is finite, or one line (`VidexplainError`).
"""

import io
import json
import random
import struct
import sys
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from tests.fuzz.children import Child, count_outcomes, main, outcome_of
from tests.fuzz.mutations import DEEP, mutate_bytes, mutated_json

_IMAGES = {"depth": 18, "width": 2, "size": 32, "num_classes": 3}
_NETWORKS: dict[str, dict[str, Any]] = {
    "i3d": {"depth": 18, "width": 2, "size": 16, "num_frames": 8, "num_classes": 3},
    "late_fusion": _IMAGES,
    "lrcn": {**_IMAGES, "latent": 4, "hidden": 4},
    "c3d": {"width": 2, "size": 32, "num_classes": 3},
    "i3d_inception": {"width": 2, "size": 32, "num_frames": 16, "num_classes": 3},
    "non_local": {"depth": 50, "width": 2, "size": 16, "num_frames": 8, "num_classes": 3},
}
_KEY = "videxplain.config"


def read(path: Path) -> str:
    """Load the network that a file is said to hold, and ask it; its name says which it is and whether it says more."""
    import torch

    import videxplain as vx

    def use() -> None:
        torch.set_num_threads(1)
        name, _, kind = path.stem.partition("-")
        model = vx.load_model(name, path, **({} if kind in ("ours", "guess") else _NETWORKS[name]))
        config = model.config
        shape = (1, 3, config.num_frames, *config.size)
        if config.num_frames * config.size[0] * config.size[1] <= 30_000:
            with torch.no_grad():
                output = model(torch.zeros(shape))
            assert output.shape == (1, config.num_classes), output.shape
            assert torch.isfinite(output).all(), "the answer is not finite"

    return outcome_of(use)


@cache
def _network(name: str) -> Any:
    import videxplain as vx

    return vx.load_model(name, "none", **_NETWORKS[name])


def write_seeds(folder: Path) -> dict[str, bytes]:
    """Sound files by name, which says the network."""
    import torch
    from safetensors.torch import save

    import videxplain as vx

    files: dict[str, bytes] = {}
    for name in _NETWORKS:
        state = dict(_network(name).state_dict())
        path = folder / f"{name}-ours.safetensors"
        vx.save_model(_network(name), path)
        old, new = io.BytesIO(), io.BytesIO()
        torch.save(state, old, _use_new_zipfile_serialization=False)
        torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}, "epoch": 3}, new)
        files[path.name] = path.read_bytes()
        files[f"{name}-plain.safetensors"] = save(state)
        files[f"{name}-old.pth"], files[f"{name}-new.pt"] = old.getvalue(), new.getvalue()
    return files


def make(number: int, folder: Path, draw: random.Random, seeds: dict[str, bytes]) -> tuple[str, Path]:
    """Write a mutant."""
    name = list(seeds)[number % len(seeds)]
    kind = draw.choice(("bytes", "header", "config", "state", "state"))
    path = folder / name
    if kind == "state" or (kind != "bytes" and path.suffix != ".safetensors"):
        network, kind = name.partition("-")[0], draw.choice(("guess", "told"))
        path = folder / f"{network}-{kind}{draw.choice(('.pt', '.pth', '.ckpt', '.pyth', '.pickle'))}"
        return _write_state(path, network, draw), path
    data = seeds[name]
    if kind == "bytes":
        path.write_bytes(mutate_bytes(data, draw, headers=4096))
        return f"{name} bytes", path
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    if kind == "config" and "-ours" in name:
        config = json.loads(header["__metadata__"][_KEY])
        header["__metadata__"][_KEY] = mutated_json(config, draw).decode("utf-8", "replace")
        text = json.dumps(header).encode()
    else:
        text = mutated_json(header, draw)
    size = len(text) if draw.random() < 0.95 else draw.choice((0, 1, len(text) - 1, len(text) + 9, 2**40, 2**64 - 1))
    path.write_bytes(struct.pack("<Q", size) + text + data[8 + length :])
    return f"{name} {kind}", path


def _write_state(path: Path, network: str, draw: random.Random) -> str:
    """A state dict with something odd in one to three of its places."""
    import torch

    state: dict[Any, Any] = dict(_network(network).state_dict())
    for name in draw.sample(list(state), draw.randint(1, 3)):
        value = state[name]
        odd: dict[str, Any] = {
            "none": None,
            "text": "x",
            "number": 3,
            "list": [value],
            "table": {"a": value},
            "nan": torch.full_like(value.float(), float("nan")),
            "inf": torch.full_like(value.float(), float("-inf")),
            "huge": torch.full_like(value.double(), 1e300),
            "half": value.half(),
            "bfloat16": value.bfloat16(),
            "double": value.double(),
            "whole": value.long(),
            "truth": value > 0,
            "complex": value.to(torch.complex64),
            "sparse": value.float().to_sparse(),
            "empty": torch.empty(0),
            "scalar": torch.tensor(1.0),
            "flat": value.flatten(),
            "long": torch.cat([value.reshape(-1), value.reshape(-1)]),
            "parameter": torch.nn.Parameter(value.float()),
            "meta": torch.empty_like(value, device="meta"),
            "expanded": torch.zeros(1).expand(10**9),
            "strided": value.float().unsqueeze(-1).expand(*value.shape, 2)[..., 1],
        }
        kind = draw.choice((*odd, "missing", "renamed", "number as name", "other name", "more"))
        if kind in odd:
            state[name] = odd[kind]
        elif kind == "missing":
            state.pop(name, None)
        elif kind == "more":
            state[f"{name}.more"] = value
        elif kind == "renamed":
            state[draw.choice(("", "module.", "\x1b[2J", "a" * 3000)) + name] = state.pop(name, value)
        else:
            state[7 if kind == "number as name" else (1, 2)] = state.pop(name, value)
    content: Any = state
    wrap = draw.choice(
        ("plain", "plain", "plain", "state_dict", "model", "deep", "list", "mixed", "own", "config", "empty")
    )
    if wrap in ("state_dict", "model"):
        content = {wrap: {f"module.{key}" if isinstance(key, str) else key: value for key, value in state.items()}}
    elif wrap == "deep":
        for _ in range(draw.choice((3, 30, 900))):
            content = {"state_dict": content}
    elif wrap == "list":
        content = list(state.values())
    elif wrap == "mixed":
        content = {"model": state, "state_dict": 5, "net": None}
    elif wrap == "own":
        content = {"model": state}
        content["state_dict"] = content
    elif wrap == "config":
        text = draw.choice(("{}", "[]", "x", "[" * DEEP, json.dumps({"architecture": "i3d", "num_classes": 10**30})))
        content = {"state_dict": state, _KEY: [text]}
    elif wrap == "empty":
        content = {"state_dict": {}}
    try:
        torch.save(content, path, _use_new_zipfile_serialization=draw.random() < 0.6)
    except (RuntimeError, NotImplementedError, RecursionError, AttributeError, TypeError):
        torch.save(list(state), path)  # this kind of tensor cannot be stored so
        return f"state of names {path.name}"
    if draw.random() < 0.15:
        path.write_bytes(mutate_bytes(path.read_bytes(), draw, headers=4096))
    return f"state {wrap} {path.name}"


def run(count: int, seed: int, *, seconds: float = 60, memory: int = 8000, keep: Path | None = None) -> Counter[str]:
    """Load ``count`` mutants; how many were read, refused and wrong."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        seeds = write_seeds(Path(name))
        child = Child("tests.fuzz.weights", seconds, memory)
        return count_outcomes(lambda number, folder: make(number, folder, draw, seeds), count, child, keep)


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", read, run, seconds=60, memory=8000))
