"""What a visitor can choose: networks whose weights are on this machine, and methods with their options."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from videxplain.attribution.registry import METHODS, Method, list_methods
from videxplain.errors import VidexplainError
from videxplain.models.architectures import ARCHITECTURES
from videxplain.models.config import ModelConfig
from videxplain.models.hubs.sources import SOURCES, source_of
from videxplain.models.own_models import PREFIX, is_own, own_model
from videxplain.models.provenance import provenance
from videxplain.models.weights.cache import cached
from videxplain.models.weights.checkpoints import CHECKPOINTS
from videxplain.models.weights.files import bundled_path, read_metadata, sha256_of
from videxplain.models.zoo import list_models, trained_words

FIRST = "i3d"
"""The network of a new page."""
DEFAULT_METHOD = "gradcam"
_TORCHVISION = "https://download.pytorch.org/models/"


@dataclass(frozen=True)
class Offer:
    """A network with its weights.

    Attributes:
        id: Its name in requests.
        model: Its name for :func:`videxplain.load_model`.
        weights: Its weights for :func:`videxplain.load_model`: a name, or a file.
        words: What it was trained on, in one line.
        file: The file of the weights.
        labels: Its classes; empty if they are known only after loading.
        crops: Whether its own view may be a part of each frame. If not, the view of a question does not matter.
        digest: What stands for the file and the state of a network that a file of Python makes; empty for others.
    """

    id: str
    model: str
    weights: str
    words: str
    file: Path
    labels: tuple[str, ...] = ()
    crops: bool = True
    digest: str = ""

    @property
    def sha256(self) -> str:
        """The SHA-256 of the weights' file; for a network that a file of Python makes, of its file and its state."""
        if self.digest:
            return self.digest
        facts = self.file.stat()
        return _sha256(self.file, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=64)
def _sha256(path: Path, changed: int, size: int) -> str:
    return sha256_of(path)


def offers(folder: Path | None, own: Sequence[Offer] = ()) -> dict[str, Offer]:
    """The networks by id: those that come with the package, those in the cache, those of a folder, and own ones.

    Args:
        folder: A folder of ``.safetensors`` files as ``videxplain train`` writes them, or None.
        own: What :func:`own_offers` has found when the studio was started.
    """
    found = [*own, *_bundled(), *_downloaded(), *(_of_folder(folder) if folder else ())]
    return {offer.id: offer for offer in sorted(found, key=lambda one: one.id != FIRST)}


def offer_of(id: str, folder: Path | None, own: Sequence[Offer] = ()) -> Offer:
    """The network with an id.

    Args:
        id: The id in a request.
        folder: As for :func:`offers`.
        own: As for :func:`offers`.

    Raises:
        VidexplainError: There is no such network here.
    """
    known = offers(folder, own)
    if id not in known:
        raise VidexplainError(f"no model '{id[:60]}' here; there are {', '.join(list(known)[:12])}")
    return known[id]


def own_offers(models: Sequence[str]) -> tuple[Offer, ...]:
    """Networks that files of Python make, for a studio that is started with them. The files are run.

    Requests can only choose among them by id, so no request names a file that is run.

    Args:
        models: ``python:FILE.py:NAME`` each, from the one who starts the studio.

    Raises:
        VidexplainError: Not such a name, a file that cannot be run, or two of one name.
    """
    found: dict[str, Offer] = {}
    for text in models:
        if not is_own(text):
            raise VidexplainError(
                f"serve --model takes python:FILE.py:NAME, not '{text}': networks with weights here are offered anyway"
            )
        config = own_model(text).config
        file = Path(text.removeprefix(PREFIX).rpartition(":")[0]).resolve()
        id = f"{PREFIX}{file.name}:{text.rpartition(':')[2]}"
        if id in found:
            raise VidexplainError(f"two models are called {id}: rename one of the files")
        words = provenance(config.weights, config.weights_file, config.weights_sha256, config.state_sha256)
        digest = own_digest(config, file)
        labels = config.outcome_labels
        found[id] = Offer(id, id, "auto", words.removeprefix("weights: "), file, labels, crops=False, digest=digest)
    return tuple(found.values())


def own_digest(config: ModelConfig, file: Path) -> str:
    """What changes when a file of Python, the weights that it reads, or the state of its network change."""
    digests = (sha256_of(file), config.weights_sha256, config.state_sha256)
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _bundled() -> Iterator[Offer]:
    for name in list_models():
        if path := bundled_path(name):
            config, metrics = read_metadata(path)
            if config is not None:
                words = trained_words(config.weights, metrics)
                labels, crops = config.outcome_labels, config.view is not None
                yield Offer(name, name, "bundled", words, path, labels, crops)


def _downloaded() -> Iterator[Offer]:
    for name, checkpoints in CHECKPOINTS.items():
        for weights, checkpoint in checkpoints.items():
            path = cached(checkpoint.url)
            if path.is_file():
                yield Offer(f"{name}@{weights}", name, weights, checkpoint.words, path)
    # torchvision knows the whole addresses, but takes seconds to import.
    for name in SOURCES["torchvision"].names:
        for path in sorted(cached(_TORCHVISION).glob(f"{name}-*.pth")):
            yield Offer(f"torchvision:{name}", f"torchvision:{name}", "auto", SOURCES["torchvision"].summary, path)


def _of_folder(folder: Path) -> Iterator[Offer]:
    for path in sorted(folder.glob("*.safetensors")):
        try:
            config, metrics = read_metadata(path)
        except VidexplainError:
            continue
        if config is not None and _can_be_built(config.architecture):
            words = trained_words(config.weights, metrics)
            labels, crops = config.outcome_labels, config.view is not None
            yield Offer(f"file:{path.stem}", config.architecture, str(path), words, path, labels, crops)


def _can_be_built(name: str) -> bool:
    """Whether the file alone is enough: not for ``hf:``, whose names may be folders or be downloaded."""
    elsewhere = source_of(name)
    return name in ARCHITECTURES or (elsewhere is not None and not elsewhere[0].open)


def left_out(folder: Path) -> list[str]:
    """A line for each file of weights in a folder that :func:`offers` does not offer."""
    offered = {offer.file for offer in _of_folder(folder)}
    kinds = (".safetensors", ".pt", ".pth", ".pyth", ".ckpt")
    return [
        f"{path.name} is not offered, because it does not say how its network is built: load it with vx.load_model, "
        "and save it with vx.save_model"
        for path in sorted(folder.iterdir())
        if path.suffix in kinds and path not in offered
    ]


def method_record(name: str) -> dict[str, Any]:
    """A method and its options, ready for JSON and for a form."""
    method = METHODS[name]
    return {
        "name": name,
        "family": method.family,
        "summary": method.summary,
        "paper": method.paper,
        "cost": method.cost,
        "caution": method.caution,
        "takes_layer": method.layer is not None,
        "takes_target": method.candidates > 0,
        "options": [_option_record(method, one.name) for one in method.options],
    }


def _option_record(method: Method, name: str) -> dict[str, Any]:
    option = method.option(name)
    default = option.default
    kind = "tuple" if option.is_tuple else getattr(option.type, "__name__", "str")
    return {
        "name": name,
        "type": kind,
        "default": ",".join(map(str, default)) if isinstance(default, tuple) else default,
        "help": option.help,
        "choices": list(option.choices),
        "minimum": option.minimum,
        "maximum": option.maximum,
        "placeholder": option.placeholder,
    }


def method_records() -> list[dict[str, Any]]:
    """All methods, family by family."""
    return [method_record(name) for name in list_methods()]
