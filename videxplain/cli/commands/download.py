"""The command that fetches weights before they are needed."""

from typing import Annotated

import typer

from videxplain.cli.arguments import options
from videxplain.cli.arguments.names import complete_model
from videxplain.cli.output.console import print_files, progress_bar, say

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="Such as torchvision:r3d_18; see 'videxplain models'.",
        autocompletion=complete_model,
        show_default=False,
    ),
]


def download(model: Model, weights: options.Weights = "auto") -> None:
    """Download the weights of a model, for example to use it later without a connection.

    They go to the cache that all commands use: $VIDEXPLAIN_CACHE, or videxplain in the folder for caches.
    """
    from videxplain.models.download import download as fetch

    with progress_bar(f"weights of {model}") as progress:
        files = fetch(model, weights, progress=progress)
    say(f"{model} can now be used without a connection")
    print_files(files)
