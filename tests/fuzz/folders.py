"""Open thousands of damaged folders, each in a process that may crash or hang without harm to the others.

    python -m tests.fuzz.folders [--count 5000] [--seed 0] [--seconds 60] [--memory 8000]

The folders are checkpoints of Hugging Face (if transformers is installed), data sets as they are published, prepared or
listed, recipes, evaluations, and saved explanations. Text in them is mutated, as JSON where it is JSON: values of wrong
types, zero and absurd sizes, deep nesting. Now and then a file is missing, is a folder, or has damaged bytes. Right is
what the folder says, or one line (`VidexplainError`).
"""

import importlib.util
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.data.trees import hmdb51_tree, ucf101_tree, write_clip
from tests.fuzz.children import Child, count_outcomes, main, outcome_of
from tests.fuzz.mutations import mutate_bytes, mutate_value, mutated_json

_TEXT = (".txt", ".csv", ".yaml", ".json", ".tsv")
_LINES: tuple[str, ...] = (
    "",
    " ",
    "\0",
    "x" * 3000,
    "../../../etc/passwd 1",
    "Kick/../Kick/v.avi 1",
    "9" * 30,
    "1 ",
    "Kick/" + "a" * 300 + ".avi 1",
    "\ud8001",
    '"',
    "1 Kick",
    "a,b,c,d,e,f",
)


def read(folder: Path) -> str:
    """Use a folder for what its name says it is."""
    if not folder.is_dir() and importlib.util.find_spec("transformers"):
        importlib.import_module("transformers")  # before the first folder, whose time this is not
    return outcome_of(lambda: _USES[folder.name.partition("-")[0]](folder))


def _use_hf(folder: Path) -> None:
    import torch

    import videxplain as vx

    torch.set_num_threads(1)
    model = vx.load_model(f"hf:{folder}")
    config = model.config
    if config.num_frames * config.size[0] * config.size[1] <= 30_000:
        with torch.no_grad():
            assert model(torch.zeros(1, 3, config.num_frames, *config.size)).shape == (1, config.num_classes)


def _use_data(folder: Path) -> None:
    from videxplain.data.datasets.frames import frame_count, read_video_frames
    from videxplain.data.datasets.open import available_splits, open_dataset

    lists = [path for path in folder.iterdir() if path.stem == "list"]
    dataset = open_dataset(lists[0] if lists else folder, for_training=not lists)
    for split in available_splits(dataset):
        open_dataset(dataset.root, split=split, for_training=False)
    for video in (*dataset.train[:1], *dataset.test[:1]):
        assert len(read_video_frames(video.path, [frame_count(video.path) - 1])) == 1


def _use_recipe(folder: Path) -> None:
    from videxplain.train.checks import check_recipe
    from videxplain.train.recipe_file import read_recipe
    from videxplain.train.start import network_config

    recipe = read_recipe(folder / "recipe.yaml")
    check_recipe(recipe, network_config(recipe))


def _use_evaluation(folder: Path) -> None:
    from videxplain.evaluation.result import Evaluation

    json.dumps(Evaluation.load(folder).metrics())


def _use_explanation(folder: Path) -> None:
    from videxplain.explanation.result import Explanation

    for path in sorted(folder.iterdir()):
        found = Explanation.load(path)
        json.dumps(found.summary())


_USES: dict[str, Callable[[Path], None]] = {
    "hf": _use_hf,
    "data": _use_data,
    "recipe": _use_recipe,
    "evaluation": _use_evaluation,
    "explanation": _use_explanation,
}


def write_seeds(folder: Path) -> list[Path]:
    """A sound folder of each kind."""
    makers: dict[str, Callable[[Path], Any]] = {
        "data-ucf101": lambda path: ucf101_tree(path, groups=3, clips=1),
        "data-hmdb51": hmdb51_tree,
        "data-prepared": _prepared,
        "data-list": _listed,
        "recipe": _recipe,
        "evaluation": _evaluation,
        "explanation": _explanation,
    }
    if importlib.util.find_spec("transformers"):
        makers["hf"] = _checkpoint
    for name, make in makers.items():
        make(folder / name)
    return [folder / name for name in makers]


def _prepared(path: Path) -> None:
    from videxplain.data.datasets.open import open_dataset
    from videxplain.data.datasets.prepare import prepare

    source = ucf101_tree(path.with_name("source"), groups=3, clips=1)
    prepare(open_dataset(source), path, workers=1)
    shutil.rmtree(source)


def _listed(path: Path) -> None:
    rows = ["path,label,split,group"]
    for number in range(4):
        write_clip(path / f"{number}.avi", [0, 100])
        rows.append(f"{number}.avi,{'ab'[number % 2]},{('train', 'test')[number // 2]},g{number}")
    (path / "list.csv").write_text("\n".join(rows) + "\n")


def _recipe(path: Path) -> None:
    from videxplain.train.recipe_file import recipe_from

    options = {"depth": 18, "width": 4, "size": [32, 32], "num_frames": 8, "dropout": 0.5}
    path.mkdir()
    content = recipe_from({"model": "i3d", "data": "nowhere", "options": options}).as_dict()
    (path / "recipe.yaml").write_text(json.dumps(content))  # JSON is YAML, and can be mutated as values


def _evaluation(path: Path) -> None:
    from videxplain.data.datasets.types import Video
    from videxplain.evaluation.result import Evaluation
    from videxplain.evaluation.setup import EvaluationSetup

    videos = tuple(Video(Path(f"{number}.avi"), number % 2, "g") for number in range(4))
    probabilities = np.full((4, 3), 1 / 3, np.float32)
    Evaluation(EvaluationSetup("i3d", "none", "a"), videos, tuple("abc"), probabilities).save(path)


def _explanation(path: Path) -> None:
    import videxplain as vx

    path.mkdir()
    model = vx.load_model("i3d", "none", depth=18, width=2, size=16, num_frames=8, num_classes=3)
    found = vx.explain(model, vx.Clip(np.zeros((8, 16, 16, 3), np.uint8)))
    found.save(path / "found.json")
    found.save(path / "found.npz")


def _checkpoint(path: Path) -> None:
    import transformers

    shape = {"patch_size": 8, "tubelet_size": 2, "num_frames": 4, "image_size": 32}
    small = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 32}
    config = transformers.VideoMAEConfig(**shape, **small, num_labels=3)
    transformers.VideoMAEForVideoClassification(config).save_pretrained(path)
    sides = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    transformers.VideoMAEImageProcessor(**sides).save_pretrained(path)


def make(number: int, folder: Path, draw: random.Random, seeds: list[Path]) -> tuple[str, Path]:
    """Copy a folder and damage a file or two of it."""
    seed = seeds[number % len(seeds)]
    mutant = folder / seed.name
    shutil.copytree(seed, mutant)
    # Videos have a script of their own, so what says something about them comes first.
    files = sorted(path for path in mutant.rglob("*") if path.is_file())
    texts = [path for path in files if path.suffix in _TEXT]
    told = []
    for _ in range(draw.choice((1, 1, 2))):
        path = draw.choice(texts if texts and draw.random() < 0.85 else files)
        if path.is_file():
            _damage(path, draw)
            told.append(str(path.relative_to(mutant)))
    return f"{seed.name}: {', '.join(told)}", mutant


def _damage(path: Path, draw: random.Random) -> None:
    data, chance = path.read_bytes(), draw.random()
    if chance < 0.03:
        path.unlink()
    elif chance < 0.05:
        path.unlink()
        path.mkdir()
    elif path.suffix in (".json", ".yaml") and chance < 0.9:
        path.write_bytes(mutated_json(json.loads(data) if _is_json(data) else {}, draw))
    elif path.suffix in _TEXT and chance < 0.8:
        lines = data.decode("utf-8", "replace").splitlines()
        at = draw.randrange(len(lines) + 1)
        odd = draw.choice((*_LINES, str(mutate_value(lines[: at + 1], draw))))
        lines[at : at + draw.randint(0, 1)] = [odd] * draw.choice((1, 1, 2))
        path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    else:
        path.write_bytes(mutate_bytes(data, draw))


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def run(count: int, seed: int, *, seconds: float = 60, memory: int = 8000, keep: Path | None = None) -> Counter[str]:
    """Open ``count`` mutants; how many were read, refused and wrong."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        seeds = write_seeds(Path(name))
        child = Child("tests.fuzz.folders", seconds, memory)
        return count_outcomes(lambda number, folder: make(number, folder, draw, seeds), count, child, keep)


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", read, run, seconds=60, memory=8000))
