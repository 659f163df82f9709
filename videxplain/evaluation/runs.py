"""The folder of a run: where its files are, and what its recipe says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videxplain.errors import VidexplainError

RECIPE, LOG = "recipe.yaml", "logs/metrics.csv"
LOGS = (LOG, "metrics.csv")
"""The files with the curves of a run. Lightning's own logger writes the second."""
UNLEARNED_KEYS = ("workers", "cache", "logger", "describes", "store")
"""Keys of a recipe that do not change what is learned."""
METRICS = "metrics.json"
EVALUATIONS = f"evaluation/*/{METRICS}"


@dataclass(frozen=True)
class Division:
    """How validation videos are split off the training videos.

    Attributes:
        by: ``"group"`` or ``"random"``, see :func:`videxplain.data.datasets.validation.split_validation`.
        seed: Of the draw.
    """

    by: str = "group"
    seed: int = 0


def find_runs(folder: Path) -> list[Path]:
    """The runs in a folder, or one level deeper: subfolders with a ``recipe.yaml``.

    Raises:
        VidexplainError: There is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise VidexplainError(f"no such folder: {folder}")
    runs = sorted(path.parent for pattern in (f"*/{RECIPE}", f"*/*/{RECIPE}") for path in folder.glob(pattern))
    if not runs:
        raise VidexplainError(f"{folder} has no runs: subfolders with a {RECIPE} are needed, as training writes them")
    return runs


def read_plain_recipe(path: Path) -> dict[str, Any]:
    """The keys and values of a recipe, without checking them.

    Raises:
        VidexplainError: There is no such file, or it is not a recipe.
    """
    import yaml

    try:
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise VidexplainError(f"{path} is not YAML") from None
    if not isinstance(recipe, dict) or not {"model", "clips", "data"} <= recipe.keys():
        raise VidexplainError(f"{path} is no recipe: model, clips and data are needed")
    return recipe


def splits_of(recipe: Mapping[str, Any]) -> set[Any]:
    """The splits that a recipe trains on, one for each dataset."""
    data = recipe["data"] if isinstance(recipe["data"], list) else [recipe["data"]]
    return {entry.get("split", 1) if isinstance(entry, dict) else 1 for entry in data}


def run_of(weights: str | Path) -> Path | None:
    """The folder of the run that wrote a file of weights; None if the file is not in one."""
    path = Path(weights)
    return path.parent if path.is_file() and (path.parent / RECIPE).is_file() else None


def other_split_note(weights: str | Path, split: int, subset: str) -> str | None:
    """A caution for weights of a run on another split: its training videos may be test videos of this split.

    Args:
        weights: The file of weights, or a name of weights.
        split: The split that is evaluated.
        subset: The subset that is evaluated.

    Returns:
        One line, or None if there is nothing to say.
    """
    run = run_of(weights)
    if run is None or subset != "test":
        return None
    trained = splits_of(read_plain_recipe(run / RECIPE))
    if split in trained:
        return None
    return (
        f"trained on split {' and '.join(map(str, sorted(trained, key=str)))}: test videos of split {split} may be "
        "among the training videos"
    )


def division_of(weights: str | Path) -> Division:
    """How the run that wrote the weights split off its validation videos; the default if no run is known.

    Raises:
        VidexplainError: The recipe of the run is not valid.
    """
    run = run_of(weights)
    if run is None:
        return Division()
    recipe = read_plain_recipe(run / RECIPE)
    by, seed = recipe.get("validation", Division.by), recipe.get("seed", Division.seed)
    if not isinstance(by, str) or type(seed) is not int:
        raise VidexplainError(f"{run / RECIPE}: validation is group or random, and seed a whole number")
    return Division(by, seed)
