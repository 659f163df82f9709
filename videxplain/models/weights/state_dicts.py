"""State dicts as other programs wrap them: under a key of a checkpoint, and with prefixes before the names."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_KEYS = ("state_dict", "model_state", "model_state_dict", "model", "net", "network", "weights")
"""Under which keys programs put the weights in a checkpoint that has more than them."""
_DEEPEST = 4

_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")
"""What DataParallel, ``torch.compile``, Lightning modules and other wrappers put before the names."""
_BESIDE = re.compile(r"(criterion|loss\w*|\w*metrics?|\w*acc(uracy)?)\.")
"""Names that a training module has beside its network: the weights of a loss, the counts of a metric."""


def weights_of(content: Any) -> Any:
    """The weights in a checkpoint that has more than them; what is no checkpoint comes back as it is."""
    for _ in range(_DEEPEST):
        key = next(
            (key for key in _KEYS if isinstance(content, Mapping) and isinstance(content.get(key), Mapping)), None
        )
        if key is None:
            return content
        content = content[key]
    return content


def unwrapped(state: "Mapping[str, Tensor]") -> "list[dict[str, Tensor]]":
    """A state dict as it is, and then with one prefix after the other taken off its names.

    A prefix is one that all names have, but for those of losses and metrics, which are left out together with it.
    """
    found = [dict(state)]
    while (prefix := _prefix(found[-1])) is not None:
        found.append({name.removeprefix(prefix): value for name, value in found[-1].items() if name.startswith(prefix)})
    return found


def _prefix(state: "Mapping[str, Tensor]") -> str | None:
    names = [name for name in state if not _BESIDE.match(name)]
    return next((prefix for prefix in _PREFIXES if names and all(name.startswith(prefix) for name in names)), None)
