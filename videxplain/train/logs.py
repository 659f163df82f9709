"""The logs of a run."""

import csv
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.loggers import Logger, TensorBoardLogger

from videxplain.errors import VidexplainError
from videxplain.files import replacing
from videxplain.train.recipe import Recipe


class EpochTable(L.Callback):
    """Writes ``metrics.csv`` with a row for each epoch; ``seconds`` are those of training and validation.

    Lightning's own logger begins a new file when a run is resumed. This one keeps its rows in the checkpoint.
    """

    def __init__(self, path: Path) -> None:
        """Write to ``path``."""
        self.path = path
        self.rows: list[dict[str, float]] = []
        self.lr = self.began = 0.0

    def state_dict(self) -> dict[str, Any]:
        """The rows, for the checkpoint."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the rows of a checkpoint."""
        self.rows = list(state_dict["rows"])

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note the time, and the learning rate, which changes before the epoch ends."""
        self.began = time.monotonic()
        self.lr = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add the row of the epoch, and write the file."""
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        seconds = round(time.monotonic() - self.began, 2)
        row = {"epoch": trainer.current_epoch, "step": trainer.global_step, "lr": self.lr, "seconds": seconds}
        self.rows.append(row | values)
        if trainer.is_global_zero:
            names = list(dict.fromkeys(name for row in self.rows for name in row))
            with replacing(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, names)
                writer.writeheader()
                writer.writerows(self.rows)


def check_loggers(recipe: Recipe) -> None:
    """Raise ``VidexplainError`` if a logger of the recipe is not installed."""
    if "wandb" in recipe.logger and find_spec("wandb") is None:
        raise VidexplainError("logger wandb needs Weights & Biases: pip install wandb")


def make_loggers(recipe: Recipe, out: Path) -> list[Logger]:
    """The loggers of Lightning that the recipe names. ``csv`` is not one of them; see :class:`EpochTable`."""
    loggers: list[Logger] = []
    if "tensorboard" in recipe.logger:
        loggers.append(TensorBoardLogger(out / "logs", name="", version="tensorboard"))
    if "wandb" in recipe.logger:
        from lightning.pytorch.loggers import WandbLogger

        loggers.append(WandbLogger(project="videxplain", name=out.name, save_dir=out / "logs", id=out.name))
    for logger in loggers:
        logger.log_hyperparams(recipe.as_dict())
    return loggers
