"""Files in PyTorch's own format, read without running what they name."""

from pathlib import Path
from typing import Any


class StandIn:
    """In the place of an object that is no tensor and no plain value; whatever it is given, it does nothing."""

    def __new__(cls, *_: Any) -> "StandIn":
        """Make one of whatever is given."""
        return super().__new__(cls)

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


def load_plain(path: Path) -> Any:
    """What a file in PyTorch's format holds; nothing that it names is imported or called.

    Checkpoints of other projects often hold statistics and settings of classes of their own beside the weights. Every
    class and function that PyTorch does not know to be harmless becomes one that does nothing.
    """
    import zipfile

    import torch
    from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                raise ValueError("it is a TorchScript archive: wrap(torch.jit.load(...)) takes the network in it")
    try:
        foreign = get_unsafe_globals_in_checkpoint(path)
    # Older files are no archives; PyTorch then refuses what it does not know.
    except (RuntimeError, ValueError):
        foreign = []
    places = [name.rpartition(".") for name in foreign]
    with safe_globals([type(name, (StandIn,), {"__module__": module}) for module, _, name in places]):
        return torch.load(path, map_location="cpu", weights_only=True)
