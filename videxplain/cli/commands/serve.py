"""The command that opens the studio."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from videxplain.cli.arguments import options
from videxplain.cli.output.console import problem, say
from videxplain.errors import VidexplainError

_WHO, _WHAT = "Who may use it", "What it offers"


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on. Any but this machine's own needs a token.", rich_help_panel=_WHO)
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0: a free one.", rich_help_panel=_WHO)] = 8765,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A public name of the studio, such as that of a proxy.", rich_help_panel=_WHO
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="VIDEXPLAIN_TOKEN", help="The token; by default a random one.", rich_help_panel=_WHO),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--data", help="Folder for clips and results; by default in the cache.", rich_help_panel=_WHAT),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="A folder of .safetensors files to choose from, as vx.save_model writes them.", rich_help_panel=_WHAT
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="python:FILE.py:NAME",
            help="A network that your file makes, to choose from; may be given several times. The file is run.",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None,
    audit: Annotated[
        Path | None, typer.Option(help="Show the report of this finished audit.", rich_help_panel=_WHAT)
    ] = None,
    device: options.Device = "auto",
    browse: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
) -> None:
    """Open a page in a browser: upload a clip, see what the network predicts, and where and when it saw it.

    The page needs no connection. Ctrl-C ends it.
    """
    try:
        from videxplain.studio.questions.catalogue import left_out
        from videxplain.studio.serving import run_studio
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("videxplain"):
            raise
        raise VidexplainError(f"the studio needs {error.name}: pip install 'videxplain[studio]'") from None

    def ready(address: str, secret: str) -> None:
        say(f"the studio is at {address}" + (f", token {secret}" if secret else ""))
        # In a container the output is a pipe, and the token would stay in its buffer until the studio ends.
        sys.stdout.flush()
        if browse:
            import webbrowser

            webbrowser.open(address)

    if weights is not None:
        if not weights.is_dir():
            raise VidexplainError(f"--weights is a folder of .safetensors files; there is no folder {weights}")
        for line in left_out(weights):
            problem("warning", line)
    run_studio(
        host,
        port,
        folder=folder,
        names=name or [],
        token=token or "",
        weights=weights,
        own=model or [],
        audit=audit,
        device=device,
        ready=ready,
        warn=lambda line: problem("warning", line),
    )
