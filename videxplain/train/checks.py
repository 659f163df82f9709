"""Checks of a recipe, before any video is read or any file is written."""

import os
from collections.abc import Iterator
from typing import Any

import torch

from videxplain.errors import VidexplainError
from videxplain.models.architectures import ARCHITECTURES
from videxplain.models.config import ModelConfig
from videxplain.train.recipe import Recipe

SMALLEST_SIDE, LARGEST_SIDE, MOST_FRAMES = 8, 2048, 1024
MOST_VOXELS = 2**28
"""The most frames x height x width of one clip; a batch of larger clips fits into no memory."""
_LARGEST_NUMBER = 4096


def check_recipe(recipe: Recipe, config: ModelConfig) -> None:
    """Check that the network can be built and trained, and that the file of weights exists.

    Args:
        recipe: The recipe.
        config: What its network expects, from :func:`videxplain.train.start.network_config`.

    Raises:
        VidexplainError: Options of a wrong type or an absurd size, frames too small for the network, or no such file.
    """
    if recipe.init not in ("none", "imagenet") and not os.path.isfile(recipe.init):  # noqa: PTH113  # of a Path, a name that is too long would raise
        raise VidexplainError(f"init is none, imagenet or a file of weights; there is no file '{recipe.init[:200]}'")
    for name, value in recipe.options.items():
        for number in _numbers(value):
            if not abs(number) <= max(_LARGEST_NUMBER, LARGEST_SIDE):  # nor NaN
                raise VidexplainError(f"options: {name} is out of range: numbers up to {_LARGEST_NUMBER} make sense")
    height, width = config.size
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (height, width)):
        raise VidexplainError(
            f"options: size {height}x{width} cannot be trained; sides of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels can"
        )
    if config.num_frames > MOST_FRAMES or config.num_frames * height * width > MOST_VOXELS:
        raise VidexplainError(
            f"options: clips of {config.num_frames:,} frames of {height}x{width} are too large to be trained with"
        )
    _try_out(recipe, config)


def _try_out(recipe: Recipe, config: ModelConfig) -> None:
    """Build the network and run it on PyTorch's meta device, which computes shapes only."""
    try:
        with torch.device("meta"):
            network = ARCHITECTURES[recipe.model].network(config).eval()
            network(torch.empty(2, 3, config.num_frames, *config.size))
    except NotImplementedError:
        return  # the meta device lacks an operation, which says nothing about the recipe
    except Exception as error:  # wrong options may raise anything
        said = " ".join(str(error).split()) or type(error).__name__
        options = ", ".join(f"{name} {value}" for name, value in recipe.options.items())
        raise VidexplainError(f"{recipe.model} cannot be built with options {options}: {said[:200]}") from None


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, int | float):
        yield value
