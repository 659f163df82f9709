"""Image kernels to video kernels (Carreira and Zisserman, CVPR 2017, section 2.4.1)."""

from collections.abc import Mapping

from torch import Tensor, nn

from videxplain.errors import VidexplainError


def inflate_kernel(kernel: Tensor, length: int) -> Tensor:
    """``(O, I, h, w)`` to ``(O, I, length, h, w)``: repeated over time and divided by the length.

    On a video of one repeated frame the result answers as the image kernel does on the frame.
    """
    return kernel.unsqueeze(2).repeat(1, 1, length, 1, 1) / length


def inflate_state_dict(state2d: Mapping[str, Tensor], model3d: nn.Module) -> dict[str, Tensor]:
    """The weights of an image network for its inflated twin, matched by name.

    Args:
        state2d: State of the image network, e.g. of torchvision's ``resnet50``.
        model3d: The network to fill; it is not changed.

    Returns:
        What ``model3d.load_state_dict(..., strict=False)`` takes. A classifier (``fc``) for another number of classes
        is left out, as is what the image network lacks (non-local blocks). Anything else that does not fit raises.
    """
    inflated: dict[str, Tensor] = {}
    wanted = model3d.state_dict()
    for name, given in state2d.items():
        target = wanted.get(name)
        value = given.clone()
        if target is not None and given.ndim == 4 and target.ndim == 5:
            value = inflate_kernel(given, target.shape[2])
        if target is not None and value.shape == target.shape:
            inflated[name] = value
        elif not name.startswith("fc."):
            found = "has no such entry" if target is None else f"has {tuple(target.shape)}"
            raise VidexplainError(f"cannot inflate '{name}' {tuple(given.shape)}: the video network {found}")
    return inflated
