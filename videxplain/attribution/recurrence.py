"""Recurrent layers that can be traced back in evaluation mode."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import nn

from videxplain.exclusive import cudnn_off, mkldnn_off, of_this_thread


@contextmanager
def differentiable_recurrence(module: nn.Module, is_cuda: bool) -> Iterator[None]:
    """Run the RNNs alone without what stands in the way of their backward pass.

    cuDNN refuses it in evaluation mode. oneDNN's cannot be batched over scores and computes gradients of the weights
    besides: for all classes at once it costs more than the network's forward pass.
    """
    setting = cudnn_off if is_cuda else mkldnn_off
    with ExitStack() as off, ExitStack() as hooks:

        def switch_off(*_: object) -> None:
            off.enter_context(setting())

        def switch_back(*_: object) -> None:
            off.close()

        for recurrent in (m for m in module.modules() if isinstance(m, nn.RNNBase)):
            hooks.callback(recurrent.register_forward_pre_hook(of_this_thread(switch_off)).remove)
            hooks.callback(recurrent.register_forward_hook(of_this_thread(switch_back)).remove)
        yield
