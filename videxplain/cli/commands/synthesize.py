"""The command that renders the ActionFigures benchmark."""

import os
from pathlib import Path
from typing import Annotated

import typer

from videxplain.cli.output.console import print_files, say
from videxplain.cli.output.progress_lines import progress_lines
from videxplain.errors import VidexplainError

Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the videos.", show_default=False)]
Videos = Annotated[int, typer.Option(help="How many videos, over all 14 classes.")]
Seed = Annotated[int, typer.Option(min=0, help="Another seed gives other videos.")]
Size = Annotated[str, typer.Option(metavar="WxH", help="Width and height in pixels.")]
Length = Annotated[int, typer.Option("--frames", min=1, help="Frames of each video, at 25 a second.")]
Lead = Annotated[float, typer.Option(help="Largest share of a video before the action begins.")]
Camera = Annotated[float, typer.Option(help="Share of videos with a camera that pans, zooms or shakes.")]
Cuts = Annotated[float, typer.Option(help="Share of videos with a second scene without the action.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; by default as many as there are cores.")]


def synthesize(
    out: Out,
    videos: Videos = 2100,
    seed: Seed = 0,
    size: Size = "160x120",
    frames: Length = 48,
    lead: Lead = 0.15,
    camera: Camera = 0.33,
    cuts: Cuts = 0.0,
    workers: Workers = None,
) -> None:
    """Render ActionFigures: acting figures whose evidence is known. A run that was stopped continues."""
    from videxplain.actionfigures import Difficulty
    from videxplain.actionfigures import synthesize as render_all

    width, cross, height = size.partition("x")
    if not cross or not width.isdecimal() or not height.isdecimal():
        raise VidexplainError(f"--size is WxH in pixels, such as 160x120, not '{size}'")
    with progress_lines("rendering") as progress:
        made = render_all(
            out,
            videos=videos,
            seed=seed,
            num_frames=frames,
            size=(int(height), int(width)),
            difficulty=Difficulty(lead, camera, cuts),
            workers=workers or os.cpu_count() or 1,
            progress=progress,
        )
    say(f"ActionFigures: {videos:,} videos, {made:,} of them made now")
    print_files([out])
