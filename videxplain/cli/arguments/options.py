"""The options that several commands share; each is described once."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from videxplain.cli.arguments.names import complete_method, complete_model

_INPUT, _WHAT, _HOW, _OUTPUT = "Input", "What is explained", "How", "Output"
_FIGURE = "Figure"

Model: TypeAlias = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="The network: a name from 'videxplain models', or torchvision:r3d_18, pytorchvideo:slow_r50, hf:NAME or "
        "hf:./folder; or python:FILE.py:NAME, a model that your file makes with vx.wrap or vx.wrap_function.",
        autocompletion=complete_model,
        rich_help_panel=_INPUT,
    ),
]
ClipPath: TypeAlias = Annotated[
    Path, typer.Option("--clip", "-c", help="A video file, or a folder of numbered images.", rich_help_panel=_INPUT)
]
Weights: TypeAlias = Annotated[
    str,
    typer.Option(
        help="auto (bundled, or the package's), bundled, none (random), a name that 'videxplain models NAME' lists, or "
        "a file.",
        rich_help_panel=_INPUT,
    ),
]
Labels: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|NAME",
        help="Names of the classes, if the weights have none: a file (lines, or JSON), Kinetics, UCF101 or HMDB51.",
        rich_help_panel=_INPUT,
    ),
]
View: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="model|whole|RESIZE:CROP",
        help="How frames are prepared: as the network's authors do, whole, or resized and cropped, such as 256:224 "
        "(shorter side, square) or 128x171:112 (height x width).",
        rich_help_panel=_INPUT,
    ),
]
Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="What the network expects, if its weights do not say it: num_frames, size, sampling, frame_interval, "
        "pad_frames, mean, std, or an option of its architecture. May be given several times.",
        rich_help_panel=_INPUT,
        show_default=False,
    ),
]
Frames: TypeAlias = Annotated[
    str,
    typer.Option(metavar="START:STOP", help="Only these frames; either side may be left out.", rich_help_panel=_INPUT),
]
Fps: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--fps",
        metavar="FRAMES",
        help="Frames per second of a folder of images, or of a file that does not say it.",
        rich_help_panel=_INPUT,
        show_default=False,
    ),
]
Method: TypeAlias = Annotated[
    str, typer.Option(help="See 'videxplain methods'.", autocompletion=complete_method, rich_help_panel=_WHAT)
]
Target: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|INDEX|text: WORDS",
        help="The class to explain; by default the predicted one. For a network that compares videos with texts, "
        "a text: 'text: a person falls'.",
        rich_help_panel=_WHAT,
    ),
]
Against: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME|INDEX", help="Explain why --target rather than this class.", rich_help_panel=_WHAT),
]
Layer: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[:USE]", help="The layer to explain; + joins several (cam methods).", rich_help_panel=_WHAT
    ),
]
PanelFrames: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--at",
        "--frame",
        metavar="FRAME,...|peaks",
        help="Which frames, by number from 0; peaks: up to four where Grad-CAM is strongest; by default the one that "
        "contributes most.",
        rich_help_panel=_WHAT,
    ),
]
Top: TypeAlias = Annotated[int, typer.Option(min=1, help="How many classes to print.", rich_help_panel=_OUTPUT)]
Device: TypeAlias = Annotated[
    str, typer.Option(metavar="auto|cpu|cuda[:N]|mps", help="Where to compute.", rich_help_panel=_HOW)
]
Precision: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="auto|fp32|bf16",
        help="bf16 is faster and less exact; auto uses it if the device has it.",
        rich_help_panel=_HOW,
    ),
]
Stride: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Frames from one window to the next; by default half a window.", rich_help_panel=_HOW),
]
Formats: TypeAlias = Annotated[
    str,
    typer.Option(
        "--format", help="Any of mp4, gif, png, pdf, svg, json, npz, tex, bib, html.", rich_help_panel=_OUTPUT
    ),
]
ComparisonFormats: TypeAlias = Annotated[
    str, typer.Option("--format", help="Any of mp4, gif, png, pdf, svg, json, npz, tex, bib.", rich_help_panel=_OUTPUT)
]
FigureFormats: TypeAlias = Annotated[
    str, typer.Option("--format", help="Any of png, pdf, svg, tex, bib.", rich_help_panel=_OUTPUT)
]
Out: TypeAlias = Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.", rich_help_panel=_OUTPUT)]
Colormap: TypeAlias = Annotated[str | None, typer.Option(help="Any matplotlib colour map.", rich_help_panel=_OUTPUT)]
Opacity: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Opacity of the strongest evidence, 0 to 1.", rich_help_panel=_OUTPUT),
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Everything as JSON, for other programs.", rich_help_panel=_OUTPUT)
]
Overwrite: TypeAlias = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace files that were made with other arguments.", rich_help_panel=_OUTPUT),
]
Timeline: TypeAlias = Annotated[
    bool, typer.Option("--timeline/--no-timeline", help="The strip below the video.", rich_help_panel=_OUTPUT)
]


_COMPARED = "What is compared (one of these)"
Models: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME[=WEIGHTS],...", help="Networks, each with its weights.", rich_help_panel=_COMPARED),
]
Methods: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME,...", help="Methods; see 'videxplain methods'.", rich_help_panel=_COMPARED)
]
Targets: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME|INDEX,...", help="Classes.", rich_help_panel=_COMPARED)
]
Layers: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME,...", help="Layers to look at.", rich_help_panel=_COMPARED)
]
OneModel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="The network, if networks are not compared; see 'videxplain models'.",
        autocompletion=complete_model,
        rich_help_panel=_INPUT,
    ),
]
OneMethod: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--method",
        help="The method, if methods are not compared; by default gradcam.",
        autocompletion=complete_method,
        rich_help_panel=_WHAT,
    ),
]
Scale: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="own|shared",
        help="Colour scale: one for each map, or one for all; by default shared for classes, and own otherwise.",
        rich_help_panel=_OUTPUT,
    ),
]
Width: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="column|page|LENGTH",
        help="Width of the figure: column (3.25 in), page (6.75 in), or a length such as 3.4in or 8.5cm.",
        rich_help_panel=_FIGURE,
    ),
]
Font: TypeAlias = Annotated[
    str | None, typer.Option(help="Installed font family, or serif, sans-serif, monospace.", rich_help_panel=_FIGURE)
]
FontSize: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="POINTS",
        help="Size of text; small print is 85 % of it. By default 8 with --width, and 10 without.",
        rich_help_panel=_FIGURE,
    ),
]
Dark: TypeAlias = Annotated[bool, typer.Option("--dark", help="A dark page.", rich_help_panel=_FIGURE)]
At: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FRAME,...|peaks",
        help="Which frames are shown, by number from 0; peaks: where the map is strongest in time; by default frames "
        "spread evenly.",
        rich_help_panel=_FIGURE,
    ),
]
Rows: TypeAlias = Annotated[int | None, typer.Option(help="Rows of frames.", rich_help_panel=_FIGURE)]
Columns: TypeAlias = Annotated[int | None, typer.Option(help="Frames in a row.", rich_help_panel=_FIGURE)]
Titles: TypeAlias = Annotated[
    bool, typer.Option("--titles/--no-titles", help="The headline, and the line below it.", rich_help_panel=_FIGURE)
]
Captions: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--captions/--no-captions",
        help="Numbers and times of frames, names of panels and of scales.",
        rich_help_panel=_FIGURE,
    ),
]
Charts: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--charts/--no-charts", help="The predictions and the curves below the frames.", rich_help_panel=_FIGURE
    ),
]
