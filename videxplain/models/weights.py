"""Weights files: read what is inside without trusting it, write them whole or not at all."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError
from videxplain.files import replacing
from videxplain.models.config import ModelConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor

CONFIG_KEY, METRICS_KEY = "videxplain.config", "videxplain.metrics"
_NAMES_SHOWN = 3


@dataclass(frozen=True)
class Weights:
    """What a file holds.

    Attributes:
        state: Parameters and buffers by name, floating point ones in float32, on the CPU.
        config: What the file says about the network, or None where it says nothing.
    """

    state: "dict[str, Tensor]"
    config: ModelConfig | None


def bundled_path(architecture: str) -> Path | None:
    """The weights of an architecture that travel with the package, or None."""
    path = Path(str(files("videxplain.trained_models"))) / f"{architecture}.safetensors"
    return path if path.is_file() else None


def read_metadata(path: Path) -> tuple[ModelConfig | None, dict[str, Any]]:
    """The configuration and the metrics in a safetensors file's header; the weights are not read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as opened:
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from None
    try:
        config = _config_from_json(metadata[CONFIG_KEY]) if CONFIG_KEY in metadata else None
        return config, json.loads(metadata.get(METRICS_KEY, "{}"))
    except (ValueError, TypeError, AttributeError) as error:
        raise VidexplainError(f"weights '{path}' describe a network that this version cannot read: {error}") from None


def read_weights(path: Path) -> Weights:
    """Read a ``.safetensors``, ``.pt`` or ``.pth`` file; of the latter two only tensors, never code."""
    import torch

    if not path.is_file():
        raise VidexplainError(f"no weights '{path}': say auto, bundled, none, or name a file")
    config: ModelConfig | None = None
    content: Any
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        config, _ = read_metadata(path)
        content = load_file(path)
    elif path.suffix in (".pt", ".pth"):
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        # Damaged files raise whatever the unpickler and the archive reader happen to stumble over.
        except Exception as error:
            raise _unreadable(path, error) from None
        if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
            content = content["state_dict"]
    else:
        raise VidexplainError(f"weights '{path}': the name must end in .safetensors, .pt or .pth")
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise VidexplainError(f"weights '{path}' are no state dict: names with a tensor each are needed")
    state = {str(name): value.float() if value.is_floating_point() else value for name, value in content.items()}
    return Weights(state, config)


def write_weights(
    state: "Mapping[str, Tensor]",
    config: ModelConfig,
    path: Path,
    metrics: Mapping[str, Any] | None = None,
    dtype: "torch.dtype | None" = None,
) -> None:
    """Write a ``.safetensors`` file with the configuration and the metrics in its header.

    ``dtype`` is what floating point numbers are stored as; None for what they are.
    """
    from safetensors.torch import save

    if path.suffix != ".safetensors":
        raise VidexplainError(f"cannot write weights as '{path.name}': the name must end in .safetensors")
    metadata = {
        "format": "pt",
        CONFIG_KEY: json.dumps(dataclasses.asdict(config)),
        METRICS_KEY: json.dumps(dict(metrics or {})),
    }
    tensors = {
        name: value.detach().to("cpu", dtype if value.is_floating_point() else None).contiguous()
        for name, value in state.items()
    }
    with replacing(path) as temporary:
        # save_file would make a file that nobody else may read.
        temporary.write_bytes(save(tensors, metadata))


def check_fit(state: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]", what: str) -> None:
    """Raise unless ``state`` has the names and shapes of ``wanted``, and say in one line what differs.

    Args:
        state: What a file holds.
        wanted: The state of the network to fill.
        what: The two in words: ``"weights 'a.pt' do not fit i3d"``.
    """
    shapes = [
        f"{name} {tuple(state[name].shape)} for {tuple(wanted[name].shape)}"
        for name in wanted
        if name in state and state[name].shape != wanted[name].shape
    ]
    differences = [
        (shapes, "of another shape"),
        ([name for name in wanted if name not in state], "missing"),
        ([name for name in state if name not in wanted], "unexpected"),
    ]
    if any(names for names, _ in differences):
        words = [f"{len(names)} {kind} ({_some(names)})" for names, kind in differences if names]
        raise VidexplainError(f"{what}: {'; '.join(words)}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")


def _unreadable(path: Path, error: Exception) -> VidexplainError:
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return VidexplainError(f"cannot read weights '{path}', the file is damaged or of another kind: {reason[:150]}")


def _config_from_json(text: str) -> ModelConfig:
    entries = {name: _tuples(value) for name, value in json.loads(text).items()}
    return ModelConfig(**entries)


def _tuples(value: Any) -> Any:
    """JSON has lists where the configuration has tuples."""
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    return {name: _tuples(entry) for name, entry in value.items()} if isinstance(value, dict) else value
