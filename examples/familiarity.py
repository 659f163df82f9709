"""Teach weights which clips they know, and measure how well they tell real video from such clips.

    videxplain synthesize --out data/known --videos 1400 --seed 1
    python examples/familiarity.py data/known trained_models/*.safetensors --fit
    python examples/familiarity.py data/known trained_models/*.safetensors --unlike REAL_VIDEOS \\
        --out trained_models/familiarity.json

The clips have to look as those that the network was trained on: ``videxplain synthesize`` of the same version makes
them. ``videxplain train`` fits at the end of a run; this script is for weights that were trained before it did.
Training videos of the data set give the means and the covariance, validation videos the limits, and test videos are
those that should not be flagged.

With the seed of the training data, the set needs its 250 groups too, so 3,500 videos or more. A smaller one has fewer
groups and holds out other ones, so that figures would be on both sides.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from videxplain.data.datasets.open import open_dataset
from videxplain.data.datasets.types import Video
from videxplain.data.suffixes import VIDEO_SUFFIXES
from videxplain.evaluation.api import choose_videos
from videxplain.evaluation.familiarity import fit_familiarity, video_features
from videxplain.files import write_json
from videxplain.models.familiarity import energies
from videxplain.models.video_model import VideoModel
from videxplain.models.weights.files import read_metadata
from videxplain.models.zoo import load_model, save_model


def fit(path: Path, data: Path, limit: int | None) -> None:
    """Write what the network knows into its weights file."""
    network = load_model(path.stem, path)
    training, validation = (some(choose_videos(open_dataset(data), part, network.config), limit) for part in PARTS)
    network.familiarity = fit_familiarity(network, training, validation)
    save_model(network, path, read_metadata(path)[1], dtype=torch.float16)


def measure(path: Path, data: Path, real: Sequence[Path], limit: int | None) -> dict[str, float]:
    """How well test videos of ``data`` are told from ``real`` ones."""
    network = load_model(path.stem, path)
    if network.familiarity is None:
        raise SystemExit(f"{path} does not say what it knows: run with --fit first")
    held_out = some(choose_videos(open_dataset(data), "test", network.config), limit)
    known, known_energy = scores(network, held_out)
    unlike, unlike_energy = scores(network, [Video(one, -1, "") for one in real])
    limit_of = network.familiarity.distance_limit
    return {
        "training_clips": network.familiarity.training_clips,
        "validation_clips": network.familiarity.validation_clips,
        "held_out_clips": len(known),
        "real_clips": len(unlike),
        "auroc": auroc(known, unlike),
        "auroc_energy": auroc(known_energy, unlike_energy),
        "held_out_flagged": float((known > limit_of).mean()),
        "real_flagged": float((unlike > limit_of).mean()),
    }


def scores(network: VideoModel, videos: Sequence[Video]) -> tuple[np.ndarray, np.ndarray]:
    """The distance and the energy of each video, as ``videxplain predict`` has them."""
    known, rows = network.familiarity, []
    assert known is not None
    for video in videos:
        features, logits = video_features(network, video, known.stages)
        rows.append((float(known.distances(features).mean()), float(energies(logits).mean())))
    distances, energy = np.array(rows).T
    return distances, energy


def auroc(low: np.ndarray, high: np.ndarray) -> float:
    """How often one of ``high`` is above one of ``low``; ties count as half."""
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, "left") + np.searchsorted(ordered, high, "right")
    return float(below.mean() / (2 * len(low)))


def some(videos: Sequence[Video], limit: int | None) -> Sequence[Video]:
    """At most ``limit`` videos, spread over all."""
    return videos if limit is None else videos[:: max(1, -(-len(videos) // limit))]


PARTS = ("train", "validation")


def main() -> None:
    """Read the arguments, fit or measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a data set like that of the training")
    parser.add_argument("weights", type=Path, nargs="+", help="files named after their networks: i3d.safetensors")
    parser.add_argument("--fit", action="store_true", help="write what the network knows into its file")
    parser.add_argument("--unlike", type=Path, nargs="*", default=[], help="folders with real videos, to measure with")
    parser.add_argument("--limit", type=int, help="at most so many videos of each part of the data set")
    parser.add_argument("--out", type=Path, help="write the measures to this JSON file")
    given = parser.parse_args()
    real = sorted(one for folder in given.unlike for one in folder.rglob("*") if one.suffix.lower() in VIDEO_SUFFIXES)
    found = {}
    for path in given.weights:
        if given.fit:
            fit(path, given.data, given.limit)
        if real:
            found[path.stem] = measure(path, given.data, real, given.limit)
            print(path.stem, json.dumps(found[path.stem]))
    if given.out:
        write_json(given.out, found)


if __name__ == "__main__":
    main()
