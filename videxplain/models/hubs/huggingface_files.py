"""Reading what others have put into a checkpoint of Hugging Face: settings and weights, never code."""

import json
import logging
import pickle
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from videxplain.errors import VidexplainError
from videxplain.models.weights.files import sha256_of
from videxplain.models.weights.finite import check_finite

T = TypeVar("T")

_PROCESSORS = ("video_preprocessor_config.json", "preprocessor_config.json")
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_COUNTS = {
    **dict.fromkeys(("image_size", "crop_size", "patch_size", "tubelet_size", "num_channels"), 8192),
    **dict.fromkeys(("num_frames", "frames_per_clip", "num_attention_heads", "num_hidden_layers"), 1024),
    **dict.fromkeys(("mit_num_hidden_layers", "mit_num_attention_heads", "prompt_layers"), 1024),
    **dict.fromkeys(("hidden_size", "intermediate_size", "num_labels", "projection_dim"), 65_536),
    **dict.fromkeys(("mit_hidden_size", "mit_intermediate_size", "max_position_embeddings"), 65_536),
    "vocab_size": 10_000_000,
}
"""Settings that are counts, and what no network has more of: a slip or a jest would fill the memory."""
_PARTS = ("text_config", "vision_config")
"""Where a network of several parts keeps their settings."""


def check_place(name: str) -> None:
    """Raise for what can only be a folder, and is none."""
    path = Path(name)
    try:
        folder, file = path.is_dir(), path.is_file()
    except OSError as error:  # such as a name that is too long
        raise VidexplainError(f"hf:{name[:60]}... is no checkpoint: {error.strerror or error}") from None
    if file:
        raise VidexplainError(f"hf:{name} is a file: give the folder in which it lies")
    if not folder and (name.startswith((".", "/", "~")) or "\\" in name or name.count("/") > 1):
        raise VidexplainError(f"the folder '{name}' does not exist; hf: takes a folder, or owner/name of a checkpoint")
    if folder and (path / "adapter_config.json").is_file():
        raise VidexplainError(f"hf:{name} holds an adapter: merge it into its network, and save that")


def read_settings(name: str) -> Any:
    """The configuration, with sensible counts and without a request for code of others.

    Raises:
        VidexplainError: It cannot be had or read, or makes no sense.
    """
    import transformers

    settings = carefully(name, lambda: transformers.AutoConfig.from_pretrained(name, trust_remote_code=False))
    parts = [settings, *(part for key in _PARTS if (part := getattr(settings, key, None)) is not None)]
    for part, (key, most) in product(parts, _COUNTS.items()):
        value = getattr(part, key, None)
        values = value if isinstance(value, list | tuple) else [] if value is None else [value]
        if not all(type(one) is int and 1 <= one <= most for one in values):
            raise VidexplainError(f"hf:{name}: {key} is a number from 1 to {most}, not {str(value)[:40]!r}")
    if getattr(settings, "quantization_config", None):
        raise VidexplainError(f"hf:{name} is quantised, so it has no gradients: take the checkpoint it was made from")
    # Any other name would be looked up as a kernel to download and run.
    for part in parts:
        part._attn_implementation = None
    return settings


def read_network(network: Any, name: str, settings: Any) -> Any:
    """The network in float32 with its weights, none of which may be missing: transformers would make them up.

    Nor may the weights have more layers than the settings: the rest of the network would be left out.

    Raises:
        VidexplainError: They cannot be had or read, are missing, of another shape, too many, or not finite.
    """
    import torch

    module, report = carefully(
        name,
        lambda: network.from_pretrained(
            name,
            config=settings,
            dtype=torch.float32,
            output_loading_info=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # they are in the report
        ),
    )
    if others := sorted(report["mismatched_keys"]):
        key, held, wanted = others[0]
        raise VidexplainError(
            f"hf:{name}: {len(others)} weights have another shape than config.json says ({key} {tuple(held)} for "
            f"{tuple(wanted)})"
        )
    if missing := sorted(report["missing_keys"]):
        raise VidexplainError(
            f"hf:{name} lacks {len(missing)} weights ({', '.join(missing[:3])}): it is no trained classifier"
        )
    kinds = {_without_numbers(key) for key in module.state_dict()}
    if more := sorted(key for key in report["unexpected_keys"] if _without_numbers(key) in kinds):
        raise VidexplainError(
            f"hf:{name} has weights of more layers than config.json says ({', '.join(more[:3])}): the network would be "
            "cut short"
        )
    check_finite(module.state_dict(), f"the weights of hf:{name} cannot be used")
    return module.float().eval()


def _without_numbers(key: str) -> str:
    """The name of a weight without the numbers of layers in it."""
    return re.sub(r"(?<=\.)[0-9]+(?=\.)", "#", key)


def weights_file(name: str) -> tuple[str, str]:
    """The name and SHA-256 of the file of weights; empty where they are in several files."""
    for file in _WEIGHTS:
        if found := _cached(name, file):
            return file, sha256_of(found)
    return "", ""


def read_processor(name: str) -> dict[str, Any]:
    """The settings of the checkpoint's processor; empty where it has none."""
    for file in _PROCESSORS:
        if found := _cached(name, file):
            try:
                settings = json.loads(found.read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError) as error:
                raise VidexplainError(f"cannot read {found}: {' '.join(str(error).split())[:150]}") from None
            if not isinstance(settings, dict):
                raise VidexplainError(f"cannot read {found}: it is no table of settings")
            return settings
    return {}


def carefully(name: str, read: Callable[[], T]) -> T:
    """What ``read`` gives; where it stumbles over what others have written, one line says so.

    Raises:
        VidexplainError: Whatever went wrong; where the checkpoint is not here, it says what to fetch.
    """
    local = Path(name).is_dir()
    try:
        with _quiet(local):
            return read()
    except VidexplainError:
        raise
    except pickle.UnpicklingError:
        raise VidexplainError(
            f"cannot read hf:{name}: its weights hold more than numbers, and are not opened"
        ) from None
    # Settings of others lead to any error, deep inside of transformers.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if local or not isinstance(error, OSError):
            raise VidexplainError(f"cannot read hf:{name}: {reason[:200]}") from None
        raise VidexplainError(
            f"cannot get hf:{name}: fetch its config.json, preprocessor_config.json and model.safetensors on a machine "
            f"with a connection, and give the folder: hf:./folder ({reason[:120]})"
        ) from None


def _cached(name: str, file: str) -> Path | None:
    from transformers.utils import cached_file

    found = cached_file(
        name, file, _raise_exceptions_for_missing_entries=False, _raise_exceptions_for_connection_errors=False
    )
    return None if found is None else Path(found)


@contextmanager
def _quiet(local: bool) -> Iterator[None]:
    """Without the messages of transformers: of every retry without a connection, and of each file that it reads."""
    from transformers.utils import logging as talk

    hub = logging.getLogger("huggingface_hub")
    level, verbosity, bars = hub.level, talk.get_verbosity(), talk.is_progress_bar_enabled()
    try:
        hub.setLevel(logging.ERROR)
        talk.set_verbosity_error()
        if local:
            talk.disable_progress_bar()
        yield
    finally:
        hub.setLevel(level)
        talk.set_verbosity(verbosity)
        if bars:
            talk.enable_progress_bar()
