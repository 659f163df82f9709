"""Weights files: read what is inside without trusting it, write them whole or not at all."""

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError, unknown
from videxplain.files import replacing
from videxplain.models.assumption import AssumptionWarning
from videxplain.models.config import ModelConfig
from videxplain.models.weights.config_json import CONFIG_KEY, Described, config_to_json, incomprehensible, read_config
from videxplain.models.weights.mistaken import what_it_is
from videxplain.models.weights.state_dicts import other_networks, weights_of
from videxplain.models.weights.unpickling import StandIn, load_plain

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from videxplain.models.familiarity import Familiarity

METRICS_KEY = "videxplain.metrics"
FAMILIARITY = "videxplain.familiarity"
"""Key of the header, and beginning of the names of tensors, that say what clips the network has learned from."""
PYTORCH, FOREIGN = (".pt", ".pth"), (".pyth", ".ckpt", ".pickle")
"""How names of files in PyTorch's own format end; the latter only at other projects and in runs of Lightning."""


@dataclass(frozen=True)
class Weights:
    """What a file holds.

    Attributes:
        state: Parameters and buffers by name, floating point ones in float32, on the CPU.
        config: What the file says about the network, or None where it says nothing.
        words: The file's name, and what another project says in words about how the network was built.
        familiarity: What clips the network has learned from, or None where the file does not say.
        shared_label: A label that the file gives to several classes; ``config`` then has no labels.
    """

    state: "dict[str, Tensor]"
    config: ModelConfig | None
    words: str = ""
    familiarity: "Familiarity | None" = None
    shared_label: str = ""


def bundled_path(architecture: str) -> Path | None:
    """The weights of an architecture that travel with the package, or None."""
    path = Path(str(files("videxplain.trained_models"))) / f"{architecture}.safetensors"
    return path if path.is_file() else None


def named_file(weights: str, model: str, names: Sequence[str]) -> Path | None:
    """The file that ``weights`` names, or None for ``"none"``, which means random weights.

    Args:
        weights: ``"none"`` or a path.
        model: The model, for messages.
        names: What else ``weights`` could have said.

    Raises:
        VidexplainError: There is no such file, and it looks like a name.
    """
    if weights == "none":
        return None
    path = Path(weights)
    if not path.suffix and not _exists(path):
        raise unknown(f"weights of {model}", weights, names)
    return path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # such as a name that is too long
        raise VidexplainError(f"no weights '{str(path)[:60]}...': {error.strerror or error}") from None


def read_metadata(path: Path) -> tuple[ModelConfig | None, dict[str, Any]]:
    """The configuration and the metrics in a safetensors file's header; the weights are not read.

    The configuration has no labels if the file gives one label to several classes.
    """
    metadata = _header(path)
    described = read_config(metadata[CONFIG_KEY], path) if CONFIG_KEY in metadata else None
    try:
        metrics = json.loads(metadata.get(METRICS_KEY, "{}"))
    except (ValueError, RecursionError) as error:
        raise incomprehensible(path, error) from None
    if not isinstance(metrics, dict):
        raise incomprehensible(path, ValueError("the metrics are no table"))
    return described.config if described else None, metrics


def _header(path: Path) -> dict[str, str]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as opened:
            return opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from None


def _familiarity_of(state: "dict[str, Tensor]", path: Path) -> "Familiarity | None":
    """Take what says what clips the network has learned from out of a state."""
    from videxplain.models.familiarity import Familiarity

    start = f"{FAMILIARITY}."
    tensors = {name.removeprefix(start): state.pop(name) for name in list(state) if name.startswith(start)}
    if not tensors:
        return None
    try:
        return Familiarity.of(tensors, json.loads(_header(path).get(FAMILIARITY, "{}")))
    except (ValueError, RecursionError) as error:
        raise incomprehensible(path, error) from None


def read_weights(path: Path) -> Weights:
    """Read a file of weights; of PyTorch's formats only tensors, never code."""
    import torch

    from videxplain.models.weights.finite import check_finite

    if not _exists(path):
        raise VidexplainError(f"no weights '{path}': say auto, bundled, none, or name a file")
    described: Described | None = None
    words = path.name
    content: Any
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        text = _header(path).get(CONFIG_KEY)
        described = None if text is None else read_config(text, path)
        try:
            content = load_file(path)
        except (SafetensorError, OSError, ValueError, RuntimeError) as error:
            raise _unreadable(path, error) from None
    elif path.suffix in (*PYTORCH, *FOREIGN):
        try:
            content = load_plain(path)
        except UnpicklingError:
            # PyTorch's own words say how to run the file nevertheless.
            raise _unreadable(path, ValueError("no tensors and plain values, or more than those")) from None
        # Damaged files raise whatever the unpickler and the archive reader happen to stumble over.
        except Exception as error:
            raise _unreadable(path, error) from None
        words += f" {_words_of(content)}"
        _say_what_was_chosen(content, path)
        described = _described_in(content, path)
        content = weights_of(content)
    else:
        raise VidexplainError(
            f"weights '{path}': but for checkpoints of others ({', '.join(FOREIGN)}) "
            "the name must end in .safetensors, .pt or .pth"
        )
    for value in content.values() if isinstance(content, Mapping) else [content]:
        if isinstance(value, StandIn):
            held = f"in the place of tensors it holds {type(value).__module__}.{type(value).__name__}"
            raise _unreadable(path, ValueError(held))
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise VidexplainError(f"weights '{path}' are no state dict: names with a tensor each are needed")
    if not content:
        raise VidexplainError(f"weights '{path}' are empty")
    try:
        state = {str(name): _dense(value) for name, value in content.items()}
    except (ValueError, RuntimeError) as error:  # also numbers that are packed in ways which this PyTorch cannot unpack
        raise _unreadable(path, error) from None
    check_finite(state, f"weights '{path}' cannot be used")
    config, shared_label = (described.config, described.shared_label) if described else (None, "")
    return Weights(state, config, words, _familiarity_of(state, path), shared_label)


def _dense(value: "Tensor") -> "Tensor":
    """A tensor as networks here take it: plain, and floating point numbers in float32."""
    value = value.detach()
    if value.device.type == "meta":
        raise ValueError("it holds shapes without numbers")
    value = value.dequantize() if value.is_quantized else value
    value = value.to_dense() if value.is_sparse else value
    return value.float() if value.is_floating_point() else value


def write_weights(
    state: "Mapping[str, Tensor]",
    config: ModelConfig,
    path: Path,
    metrics: Mapping[str, Any] | None = None,
    dtype: "torch.dtype | None" = None,
    familiarity: "Familiarity | None" = None,
) -> None:
    """Write a ``.safetensors`` file with the configuration and the metrics in its header.

    ``dtype`` is what floating point numbers of ``state`` are stored as; None for what they are.
    """
    from safetensors.torch import save

    if path.suffix != ".safetensors":
        raise VidexplainError(f"cannot write weights as '{path.name}': the name must end in .safetensors")
    metadata = {
        "format": "pt",
        CONFIG_KEY: config_to_json(config),
        METRICS_KEY: json.dumps(dict(metrics or {})),
    }
    tensors = _apart(state, dtype)
    if familiarity is not None:
        metadata[FAMILIARITY] = json.dumps(familiarity.numbers())
        for name, value in familiarity.tensors().items():
            tensors[f"{FAMILIARITY}.{name}"] = value.float().contiguous()
    with replacing(path) as temporary:
        # save_file would make a file that nobody else may read.
        temporary.write_bytes(_in_order(save(tensors, metadata)))


def _apart(state: "Mapping[str, Tensor]", dtype: "torch.dtype | None") -> "dict[str, Tensor]":
    """Tensors that share no memory, as ``.safetensors`` needs them: layers may share weights.

    Raises:
        VidexplainError: The network keeps something else.
    """
    from torch import Tensor

    if others := [name for name, value in state.items() if not isinstance(value, Tensor)]:
        raise VidexplainError(f"weights are tensors, and the network keeps something else, '{others[0]}'")
    tensors: dict[str, Tensor] = {}
    kept: set[int] = set()
    for name, value in state.items():
        own = value.detach().to("cpu", dtype if value.is_floating_point() else None).contiguous()
        memory = own.untyped_storage().data_ptr()
        tensors[name] = own.clone() if memory in kept else own
        kept.add(memory)
    return tensors


def _in_order(data: bytes) -> bytes:
    """A safetensors file with its metadata sorted: in any order otherwise, and no two files would have one SHA-256."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[start:]


def _described_in(content: Any, path: Path) -> Described | None:
    """The configuration in a checkpoint of training, which has one for each dataset; None where there are several."""
    configs = content.get(CONFIG_KEY) if isinstance(content, Mapping) else None
    return read_config(configs[0], path) if isinstance(configs, list) and len(configs) == 1 else None


def _say_what_was_chosen(content: Any, path: Path) -> None:
    """Warn where a checkpoint holds several networks of the same names, such as a mean of the weights beside them."""
    taken, beside = other_networks(content)
    if beside:
        warnings.warn(
            f"weights '{path}' hold several networks: '{taken}' is taken, and not {' or '.join(map(repr, beside))}; "
            "for another, save that one alone",
            AssumptionWarning,
            stacklevel=4,
        )


def _words_of(content: Any) -> str:
    """The configuration as text that mmaction2 puts beside the weights."""
    meta = content.get("meta") if isinstance(content, Mapping) else None
    return str(meta.get("cfg", "")) if isinstance(meta, Mapping) else ""


def _unreadable(path: Path, error: Exception) -> VidexplainError:
    if found := what_it_is(path):
        return VidexplainError(f"cannot read weights '{path}': {found}")
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return VidexplainError(f"cannot read weights '{path}', the file is damaged or of another kind: {reason[:150]}")
