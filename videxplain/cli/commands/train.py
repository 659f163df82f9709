"""The command that trains a network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videxplain.cli.arguments import data_options
from videxplain.cli.output.console import print_files, print_notes, progress_bar
from videxplain.cli.output.skipped import print_skipped_and_count

if TYPE_CHECKING:
    import lightning as L

_RUN, _MACHINE = "Run", "Machine"

RecipeFile = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="A YAML file; see examples/recipes.", show_default=False)
]
Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        help="The data set, instead of the recipe's; give it twice for two.",
        rich_help_panel=data_options.DATA_PANEL,
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.", rich_help_panel=_RUN)]
Epochs = Annotated[int | None, typer.Option(min=1, help="Epochs, instead of the recipe's.", rich_help_panel=_RUN)]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Continue after the last finished epoch, as if the run had not stopped.", rich_help_panel=_RUN
    ),
]
LoggerNames = Annotated[
    str | None, typer.Option("--logger", metavar="csv,tensorboard,wandb", help="Any of these.", rich_help_panel=_RUN)
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change any key of the recipe: lr=1e-3.", rich_help_panel=_RUN),
]
Accelerator = Annotated[str, typer.Option(help="As for Lightning's Trainer.", rich_help_panel=_MACHINE)]
Devices = Annotated[str, typer.Option(help="How many, or which: 2, or 0,1.", rich_help_panel=_MACHINE)]
Nodes = Annotated[int, typer.Option(min=1, help="How many machines.", rich_help_panel=_MACHINE)]
Strategy = Annotated[str, typer.Option(help="As for Lightning's Trainer: ddp, fsdp.", rich_help_panel=_MACHINE)]


def train(
    recipe: RecipeFile,
    out: Out,
    data: Data = None,
    strict: data_options.Strict = False,
    epochs: Epochs = None,
    resume: Resume = False,
    logger: LoggerNames = None,
    changes: Changes = None,
    accelerator: Accelerator = "auto",
    devices: Devices = "auto",
    num_nodes: Nodes = 1,
    strategy: Strategy = "auto",
) -> None:
    """Train a network as a recipe says.

    Writes the weights of the best epoch, checkpoints, recipe.yaml and logs/metrics.csv.
    """
    from videxplain.train.recipe_file import read_recipe

    asked = list(changes or [])
    asked += [f"epochs={epochs}"] if epochs is not None else []
    asked += [f"logger=[{logger}]"] if logger is not None else []
    chosen = read_recipe(recipe, asked, data or ())
    from videxplain.train.run import train as run

    with progress_bar(f"training {chosen.model}") as progress:
        trained = run(
            chosen,
            out,
            resume=resume,
            strict=strict,
            trainer_options={
                "accelerator": accelerator,
                "devices": _devices(devices),
                "num_nodes": num_nodes,
                "strategy": strategy,
            },
            bars=progress_bar,
            callbacks=(_reporter(progress),),
        )
    print_skipped_and_count(trained.skipped)
    print_notes(trained.notes)
    print(f"best epoch {trained.epoch + 1}: accuracy {trained.accuracy:.1%} in validation; {trained.seconds:.0f} s")
    print_files([*trained.weights, out / "logs"])


def _devices(text: str) -> int | str | list[int]:
    numbers = [part.strip() for part in text.split(",") if part.strip()]
    if "," in text and all(number.isdecimal() for number in numbers):
        return [int(number) for number in numbers]
    return int(text) if text.lstrip("-").isdecimal() else text


def _reporter(progress: Any) -> "L.Callback":
    """A line an epoch, and a bar over all steps."""
    import lightning as L

    class Reporter(L.Callback):
        def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
            progress(trainer.global_step, int(trainer.estimated_stepping_batches))

        def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            if trainer.is_global_zero:
                values = {name: float(value) for name, value in trainer.callback_metrics.items()}
                print(
                    f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}: "
                    f"loss {values['train_loss']:.3f}, accuracy {values['train_acc']:.1%}; "
                    f"validation loss {values['val_loss']:.3f}, accuracy {values['val_acc']:.1%}",
                    flush=True,
                )

    return Reporter()
