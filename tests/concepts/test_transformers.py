"""A whole search over tokens: a direction planted in a transformer comes out, where and when it was planted."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.small_models import huggingface
from videxplain.actionfigures import render_clip
from videxplain.actionfigures.synthesis import write_avi
from videxplain.concepts.api import find_concepts
from videxplain.concepts.layer import layer_of, read
from videxplain.data.transforms import to_model_input

COLOUR, CELL, SHOWN = (255, 0, 255), 16, slice(4, 8)
"""The mark is one of 3x3 places, in frames 4 to 7 of 12; in the last two of them it is two places wide."""
EACH = 4


def clip(number: int, marked: bool) -> np.ndarray:
    frames = render_clip(("Wave", "Kick", "Squat")[number % 3], seed=number, num_frames=12, size=(48, 48)).frames.copy()
    if marked:
        frames[4:8, :CELL, :CELL] = COLOUR
        frames[6:8, :CELL, : 2 * CELL] = COLOUR
    return frames


def planted(model: nn.Module) -> None:
    """Make the patch embedding answer magenta with one direction."""
    embedding = next(part for part in model.modules() if isinstance(part, nn.Conv2d | nn.Conv3d))
    weight = embedding.weight
    direction = torch.randn(len(weight), generator=torch.Generator().manual_seed(0))
    colour = torch.tensor([1.0, -2.0, 1.0]).reshape(1, 3, *[1] * (weight.ndim - 2))
    with torch.no_grad():
        along = direction.reshape(-1, *[1] * (weight.ndim - 1)) / direction.norm()
        weight += (along * colour / weight[0].numel() * 2).to(weight)


@pytest.mark.parametrize(
    ("name", "layer", "steps"),
    [
        ("videomae", "videomae.encoder.layer.0", {"frame_interval": 1}),
        ("timesformer", "timesformer.encoder.layer.0", {}),
        ("vivit", "vivit.layers.0", {}),
    ],
)
def test_a_planted_direction_is_a_concept_whose_tube_lies_where_it_was_planted(tmp_path, name, layer, steps):
    for label in ("Marked", "Plain"):
        (tmp_path / "videos" / label).mkdir(parents=True)
        for number in range(EACH):
            path = tmp_path / "videos" / label / f"{label}_g{number:02d}.avi"
            write_avi(path, clip(number, label == "Marked"))
    (tmp_path / "model").mkdir()
    model = huggingface(name, tmp_path / "model")
    model.config = model.config.replace(sampling="consecutive", **steps)
    planted(model)
    found = find_concepts(
        model, tmp_path / "videos", tmp_path / "out", layer=layer, subset="all", concepts=4, places=2000, designs=2
    )
    assert found.factors.signed
    assert found.videos["error"].isna().all()
    # What the mark changes in the tokens that it covers, by hand.
    config, changes = model.config, []
    for number in range(EACH):
        pair = [
            to_model_input(clip(number, marked)[SHOWN], size=config.size, mean=config.mean, std=config.std)
            for marked in (False, True)
        ]
        x = torch.from_numpy(np.stack(pair))
        plain, shown = read(model, x, layer_of(model, x, layer))[0]
        changes.append((shown - plain)[:, :, 0, 0].mean(1).numpy())
    expected = np.mean(changes, 0)
    directions = found.factors.directions
    likeness = directions @ expected / np.linalg.norm(directions, axis=1) / np.linalg.norm(expected)
    marked = found.videos["path"].str.startswith("Marked").to_numpy()
    strength = np.stack(found.videos["mean"].to_list())
    own = int((strength[marked].mean(0) - strength[~marked].mean(0)).argmax())
    tubes = found.tubes[found.tubes["concept"] == own].head(EACH)
    assert int(likeness.argmax()) == own
    assert likeness[own] > 0.8, likeness
    assert tubes["name"].str.startswith("Marked").all()
    for tube in tubes.to_dict("records"):
        assert (tube["left"], tube["top"], tube["right"], tube["bottom"]) == pytest.approx((0, 0, 2 / 3, 1 / 3))
        assert abs(tube["first"] - SHOWN.start) <= 1
        assert abs(tube["last"] - (SHOWN.stop - 1)) <= 1
