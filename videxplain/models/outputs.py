"""What the numbers mean that a network returns."""

from typing import TYPE_CHECKING

from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig

if TYPE_CHECKING:
    from torch import Tensor


def probabilities(output: "Tensor", config: ModelConfig) -> "Tensor":
    """What a network says of each outcome, from its raw output.

    Args:
        output: ``(N, K)``, as the network returns it.
        config: Says what the output is.

    Returns:
        ``(N, config.num_outcomes)``: probabilities, of several labels each by itself; of a regression the values as
        they are. A network with one output for one class has two outcomes, the class and its complement.

    Raises:
        VidexplainError: K is not what the configuration says.
    """
    import torch

    if output.shape[1] != config.num_classes:
        raise VidexplainError(f"the model returned {output.shape[1]} classes, and its config says {config.num_classes}")
    if config.output == "logits":
        return output.softmax(dim=1)
    if config.output == "log_probabilities":
        return output.exp()
    if config.output == "multilabel":
        return output.sigmoid()
    if config.output == "binary":
        return torch.cat([output, -output], dim=1).sigmoid()
    if config.output == "probabilities" and config.has_complement:
        return torch.cat([output, 1 - output], dim=1)
    return output
