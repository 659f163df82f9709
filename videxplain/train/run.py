"""A training run: from a recipe to a folder with weights, checkpoints and curves."""

import time
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from videxplain.claim import claimed
from videxplain.errors import VidexplainError
from videxplain.evaluation.familiarity import fit_familiarity
from videxplain.evaluation.runs import LOG, RECIPE, UNLEARNED_KEYS
from videxplain.files import file_stem, make_folder, output_folder
from videxplain.models.config import ModelConfig
from videxplain.models.stages import stage_names
from videxplain.models.weights.files import read_metadata
from videxplain.models.zoo import save_model
from videxplain.progress import Bars
from videxplain.train.checkpoints import WholeCheckpoints, epochs_done
from videxplain.train.checks import check_recipe
from videxplain.train.data import VideoData
from videxplain.train.logs import EpochTable, check_loggers, make_loggers
from videxplain.train.module import Classifier
from videxplain.train.recipe import Recipe
from videxplain.train.recipe_file import read_recipe
from videxplain.train.start import begin, network_config
from videxplain.train.two_heads import ManyHeads

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Trained:
    """The result of a run.

    Attributes:
        weights: The weights of the best epoch, a file for each dataset.
        accuracy: Top-1 accuracy on the validation videos in the best epoch; the mean over datasets.
        epoch: The best epoch, counted from 0.
        seconds: Seconds of this part of the run.
        notes: Where the first weights came from, and which layers began at random.
        skipped: Videos that were left out, and why.
    """

    weights: tuple[Path, ...]
    accuracy: float
    epoch: int
    seconds: float
    notes: tuple[str, ...]
    skipped: tuple[tuple[Path, str], ...]


def train(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    strict: bool = False,
    trainer_options: Mapping[str, Any] | None = None,
    bars: Bars | None = None,
    callbacks: tuple[L.Callback, ...] = (),
) -> Trained:
    """Train a network and write it to ``out``.

    ``out`` gets ``recipe.yaml``, ``checkpoints/best.ckpt`` and ``last.ckpt``, ``logs/metrics.csv``, and the weights of
    the epoch that was best on validation videos as ``<model>.safetensors``, or ``<model>-<dataset>.safetensors`` where
    there are two datasets.

    Args:
        recipe: The recipe.
        out: The folder of the run, made if it is missing.
        resume: Continue after the last finished epoch, exactly as if the run had not been stopped.
        strict: Raise at a missing or damaged video, instead of leaving it out.
        trainer_options: For Lightning's ``Trainer``: ``devices``, ``num_nodes``, ``strategy``, ``accelerator``.
        bars: Shows progress while videos are read.
        callbacks: More callbacks for Lightning.

    Raises:
        VidexplainError: The recipe, its data or the folder cannot be used, or training failed. Nothing is written
            before training begins.
    """
    config = network_config(recipe)
    check_recipe(recipe, config)
    check_loggers(recipe)
    # With several processes the first one holds the folder for all.
    alone = claimed(out) if getattr(rank_zero_only, "rank", 0) == 0 else nullcontext()
    with output_folder(out), alone:
        last = _check_folder(recipe, out, resume)
        return _train(recipe, config, out, last, strict, trainer_options or {}, bars, callbacks)


def _train(
    recipe: Recipe,
    config: ModelConfig,
    out: Path,
    last: Path | None,
    strict: bool,
    trainer_options: Mapping[str, Any],
    bars: Bars | None,
    callbacks: tuple[L.Callback, ...],
) -> Trained:
    began = time.monotonic()
    data = VideoData(recipe, config, strict=strict, bars=bars)
    heads, notes = _heads(recipe, data)
    loggers = make_loggers(recipe, out)  # the first that writes
    module = Classifier(
        heads,
        [part.name for part in data.parts],
        lr=recipe.lr,
        gamma=recipe.gamma,
        weight_decay=recipe.weight_decay,
        seed=recipe.seed,
        freeze_trunk=recipe.freeze_trunk,
        sparsity=recipe.sparsity,
    )
    module.train()  # networks of the zoo come in evaluation mode, and Lightning leaves them so
    keeping: dict[str, Any] = {"save_on_train_epoch_end": True, "enable_version_counter": False}
    best = Checkpoint(out / CHECKPOINTS, "best", monitor="val_acc", mode="max", **keeping)
    # A second callback, because save_last of the first would copy the best epoch, not the last one.
    newest = Checkpoint(out / CHECKPOINTS, "last", **keeping)
    table = [EpochTable(out / LOG)] if "csv" in recipe.logger else []
    with warnings.catch_warnings():
        _quiet()
        trainer = _trainer(recipe, loggers, [*table, *callbacks, best, newest], trainer_options)
        make_folder((out / LOG).parent)
        recipe.write(out / RECIPE)
        trainer.fit(module, datamodule=data, ckpt_path=last, weights_only=True if last else None)
    kept = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
    module.load_state_dict(kept["state_dict"])
    check_finite(kept["state_dict"])
    accuracy = float(best.best_model_score or 0)
    heads.to(trainer.strategy.root_device)
    weights, more = _export(recipe, out, heads, data, {"validation": accuracy, "epochs": recipe.epochs}, bars)
    return Trained(weights, accuracy, kept["epoch"], time.monotonic() - began, (*notes, *more), tuple(data.skipped))


class Checkpoint(ModelCheckpoint):
    """Knows the best epoch also if a run is resumed in another folder."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state of a checkpoint, with its paths in this folder; Lightning drops scores of other folders."""

        def here(path: str) -> str:
            return str(Path(self.dirpath or "", Path(path).name)) if path else ""

        paths = {name: here(state_dict[name]) for name in ("best_model_path", "kth_best_model_path")}
        scores = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | paths | {"best_k_models": scores, "dirpath": self.dirpath})


def check_finite(state: Mapping[str, torch.Tensor]) -> None:
    """Raise for weights that are NaN or infinite. The loss does not always show them."""
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise VidexplainError(f"training went wrong, {name} is not finite: try a smaller lr, or precision fp32")


def _trainer(recipe: Recipe, loggers: list[Any], callbacks: list[L.Callback], options: Mapping[str, Any]) -> L.Trainer:
    try:
        return L.Trainer(
            max_epochs=recipe.epochs,
            precision="bf16-mixed" if recipe.precision == "bf16" else "32-true",
            logger=loggers,
            callbacks=callbacks,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1_000_000,
            plugins=[WholeCheckpoints()],
            **options,
        )
    # Lightning raises these for an accelerator, a strategy or devices that do not exist.
    except (ValueError, TypeError, RuntimeError, MisconfigurationException) as error:
        asked = ", ".join(f"{name} {value}" for name, value in options.items())
        raise VidexplainError(f"cannot train with {asked}: {str(error).splitlines()[0]}") from None


def _check_folder(recipe: Recipe, out: Path, resume: bool) -> Path | None:
    """The checkpoint to continue from, or None for a new run.

    Raises:
        VidexplainError: A new run would lose an old one, there is nothing to resume, or the recipe has changed.
    """
    last = out / CHECKPOINTS / "last.ckpt"
    if not resume:
        if last.is_file():
            raise VidexplainError(f"{out} holds a run already: continue it with --resume, or choose another folder")
        return None
    for path in (last, last.with_name("best.ckpt")):
        if not path.is_file():
            raise VidexplainError(f"nothing to resume: {path} is not there")
    before = read_recipe(out / RECIPE).as_dict()
    now = recipe.as_dict()
    for name in now:
        if name not in ("epochs", *UNLEARNED_KEYS) and now[name] != before[name]:
            raise VidexplainError(f"cannot resume {out}: its {name} was {before[name]}, not {now[name]}")
    done = epochs_done(last)
    # A job can be killed after the last epoch, before the weights are written.
    written = [path for path in out.glob("*.safetensors") if not path.name.startswith(".")]  # no temporary files
    exported = sum(read_metadata(path)[1].get("epochs") == done for path in written)
    if done > recipe.epochs or (done == recipe.epochs and exported == len(recipe.data)):
        raise VidexplainError(f"{out} has run for {done} epochs already: for more, say --epochs")
    return last


def _heads(recipe: Recipe, data: VideoData) -> tuple[ManyHeads, tuple[str, ...]]:
    parts = data.parts
    start = begin(recipe, parts[0].dataset.labels)
    words = recipe.describes or f"trained on {' and '.join(part.name for part in parts)}"
    configs = [
        start.network.config.replace(num_classes=len(part.dataset.labels), labels=part.dataset.labels, weights=words)
        for part in parts
    ]
    return ManyHeads(start.network, configs, seed=recipe.seed), start.notes


def _export(
    recipe: Recipe, out: Path, heads: ManyHeads, data: VideoData, metrics: Mapping[str, Any], bars: Bars | None
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write the networks, each with its familiarity. Returns the files, and notes for the reader."""
    paths, notes = [], []
    for which, part in enumerate(data.parts):
        name = recipe.model if len(data.parts) == 1 else f"{recipe.model}-{file_stem(part.name)}"
        paths.append(out / f"{name}.safetensors")
        half = torch.float16 if recipe.store == "float16" else None
        network = heads.single(which)
        if not stage_names(network):
            notes.append(f"{recipe.model} has no stages, so its weights cannot say which clips it knows")
        else:
            with (bars or (lambda what: nullcontext()))(f"clips that {recipe.model} knows") as progress:
                videos = (part.training.videos, part.validation.videos)
                network.familiarity = fit_familiarity(network, *videos, progress=progress)
        save_model(network, paths[-1], metrics, dtype=half)
    return tuple(paths), tuple(notes)


def _quiet() -> None:
    """Hide Lightning's advice, which is for authors of training loops."""
    import logging

    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    advice = ("num_workers", "many workers", "log_every_n_steps", "in eval mode", "LeafSpec", "exists and is not empty")
    for words in advice:
        warnings.filterwarnings("ignore", f".*{words}.*")
