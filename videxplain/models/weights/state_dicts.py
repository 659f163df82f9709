"""State dicts as other programs wrap them: under a key of a checkpoint, and with prefixes before the names."""

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_KEYS = ("state_dict", "model_state", "model_state_dict", "model", "net", "network", "weights")
"""Under which keys programs put the weights in a checkpoint that has more than them."""
_DEEPEST = 4

_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")
"""What DataParallel, ``torch.compile``, Lightning modules and other wrappers put before the names."""
_BESIDE = re.compile(r"(criterion|loss\w*|\w*metrics?|\w*acc(uracy)?)\.|n_averaged$")
"""Names that a training module has beside its network: the weights of a loss, the counts of a metric or of a mean."""
_BETWEEN = re.compile(r"(^|(?<=\.))(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""What PyTorch puts into names where a part of a network was compiled, sharded or checkpointed."""


def weights_of(content: Any) -> Any:
    """The weights in a checkpoint that has more than them; what is no checkpoint comes back as it is.

    Under another key than those of ``_KEYS`` they are found where they are the only ones.
    """
    for _ in range(_DEEPEST):
        key = _key_of_weights(content)
        if key is None:
            return content
        content = content[key]
    return content


def other_networks(content: Any) -> tuple[str, list[str]]:
    """The key whose weights :func:`weights_of` takes, and keys with other weights of the same network beside it.

    Such are a mean of the weights, or a teacher. The list is empty where there is nothing to choose.
    """
    for _ in range(_DEEPEST):
        key = _key_of_weights(content)
        if key is None:
            break
        taken = weights_of(content[key])
        beside = [str(one) for one in content if one != key and _is_another(weights_of(content[one]), taken)]
        if beside:
            return key, beside
        content = content[key]
    return "", []


def _key_of_weights(content: Any) -> str | None:
    """Under which key a checkpoint has its weights; None where it is a state dict, or where no key says it."""
    if not isinstance(content, Mapping) or _is_state_dict(content):
        return None
    known = next((key for key in _KEYS if isinstance(content.get(key), Mapping)), None)
    if known is not None:
        return known
    keys = [key for key, value in content.items() if _is_state_dict(value)]
    return keys[0] if len(keys) == 1 else None


def _is_another(content: Any, taken: Any) -> bool:
    """Whether these are weights of the network of ``taken``, and other numbers."""
    from torch import equal

    if not _is_state_dict(content) or not _is_state_dict(taken):
        return False
    ours, others = unwrapped(taken)[-1], unwrapped(content)[-1]
    shared = [name for name in ours if name in others and ours[name].shape == others[name].shape]
    return 2 * len(shared) > len(ours) and not all(equal(ours[name], others[name]) for name in shared)


def _is_state_dict(content: Any) -> bool:
    from torch import Tensor

    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items())
    )


def unwrapped(state: "Mapping[str, Tensor]") -> "list[dict[str, Tensor]]":
    """A state dict as it is, and then with one prefix after the other taken off its names.

    A prefix is one that all names have, but for those of losses and metrics, which are left out together with it.
    """
    found = [{_BETWEEN.sub("", name): value for name, value in state.items()}]
    while (prefix := _prefix(found[-1])) is not None:
        found.append({name.removeprefix(prefix): value for name, value in found[-1].items() if name.startswith(prefix)})
    return found


def best_fit(state: "Mapping[str, Tensor]", wanted: Collection[str]) -> "dict[str, Tensor]":
    """A state dict without whatever was put before all its names, if more of them are then ``wanted``."""
    found = unwrapped(state)
    while (prefix := _first_part(found[-1])) is not None:
        found.append({name.removeprefix(prefix): value for name, value in found[-1].items() if name.startswith(prefix)})
    return max(found, key=lambda one: len(one.keys() & set(wanted)))


def _first_part(state: "Mapping[str, Tensor]") -> str | None:
    """What stands before the first dot of all names, whatever it is, with the dot."""
    names = [name for name in state if not _BESIDE.match(name)]
    first = {name.partition(".")[0] for name in names}
    return f"{first.pop()}." if len(first) == 1 and all("." in name for name in names) else None


def _prefix(state: "Mapping[str, Tensor]") -> str | None:
    names = [name for name in state if not _BESIDE.match(name)]
    return next((prefix for prefix in _PREFIXES if names and all(name.startswith(prefix) for name in names)), None)
